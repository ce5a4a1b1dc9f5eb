#!/usr/bin/env python3
"""Makes labelled sets of topics from Debian packages, to draw tasks from: OUTPUT_DIR/NAME.jsonl for three names.

  mkdir debs lists
  (cd debs && apt-get download wordnet-base fortunes)
  apt-get update -o Acquire::Languages=en -o Dir::State::lists=$PWD/lists
  for list in lists/*Translation-en*; do /usr/lib/apt/apt-helper cat-file "$list"; done > descriptions.txt
  for list in lists/*_Packages*; do /usr/lib/apt/apt-helper cat-file "$list"; done > packages.txt
  scripts/minilm_smlmt/make_topics.py --packages=debs --descriptions=descriptions.txt --index=packages.txt \\
      --output_dir=topics
  scripts/make_supervised.py --input=topics/wordnet.jsonl --classes=2,4,8 --output_dir=DIR --vocab_file=VOCAB

wordnet has definitions of nouns and verbs by the lexicographer's file that they stand in (animal, food, motion),
packages descriptions of software by the archive's section (games, mail, science), fortunes sayings by their file
(computers, law, love). At most --rows of a topic are taken, by a seed of 0. Needs dpkg-deb.
"""
import collections
import glob
import json
import os
import random
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import make_corpus  # beside this file

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.files import atomic_file

LEAST_ROWS = 60  # smaller topics are left out
# Names of WordNet's lexicographer files 3 to 43 (lexnames(5WN)); a verb's begin with "v".
LEXICOGRAPHER_FILES = (
    "Tops act animal artifact attribute body cognition communication event feeling food group location motive object "
    "person phenomenon plant possession process quantity relation shape state substance time vbody vchange vcognition "
    "vcommunication vcompetition vconsumption vcontact vcreation vemotion vmotion vperception vpossession vsocial "
    "vstative vweather"
).split()
FIRST_FILE = 3
LEAST_WORDS = 4  # shorter definitions are left out
# Sections that say in which language or for which desktop a package is written, not what it is for.
TECHNICAL = frozenset(
    "admin cli-mono debug devel doc gnome gnu-r gnustep golang haskell interpreters introspection java javascript kde "
    "libdevel libs lisp localization metapackages misc ocaml oldlibs perl php python ruby rust tasks utils xfce "
    "zope".split()
)
SUPPORTING = re.compile("transitional|dummy|documentation|development files|debug|common files|data files")
# Files of the package fortunes that have no topic of their own, or none that can be told from the others.
VARIED = frozenset(
    "ascii-art cookie debian fortunes goedel linuxcookie literature miscellaneous people perl pets platitudes riddles "
    "songs-poems startrek tao translate-me wisdom zippy".split()
)
_BLANKS = re.compile(r"\s+")
_ENTRY = re.compile(r"Package: (.*)\nDescription-md5: .*\nDescription-en: (.*)\n((?: .*\n?)*)")


def definitions(text):
    """Yields (topic, definition) of a WordNet data file (wndb(5WN)), without examples."""
    for line in text.splitlines():
        sense, bar, gloss = line.partition(" | ")
        if bar:
            definition = re.sub(r';? ".*', "", gloss.strip())
            if len(definition.split()) >= LEAST_WORDS:
                yield LEXICOGRAPHER_FILES[int(sense.split()[1]) - FIRST_FILE], definition


def descriptions(text, index):
    """Yields (section, first paragraph of the long description) of software; of packages that begin alike one.

    Args:
      text: Translation-en of a Debian archive.
      index: its Packages file.
    """
    sections = dict(re.findall(r"(?m)^Package: (.*)\n(?:.+\n)*?Section: (.*)$", index))
    seen = set()
    for entry in text.split("\n\n"):
        found = _ENTRY.match(entry)
        if not found:
            continue
        name, short, body = found.groups()
        paragraph = plain(body.split("\n .\n")[0])
        start = re.sub(r"\W", "", paragraph)[:60]
        section = sections.get(name)
        if section is None or section in TECHNICAL or SUPPORTING.search(short) or not start or start in seen:
            continue
        seen.add(start)
        yield section, paragraph if len(paragraph) > 40 else "%s. %s" % (short, paragraph)


def sayings(name, text):
    """Yields (file, saying without its author) of a file of the package fortunes."""
    for saying in make_corpus.fortunes(text):
        saying = plain(re.split(r"\n\s*-- ", saying)[0])
        if 20 < len(saying) < 500:
            yield name, saying


def plain(text):
    """Text on one line."""
    return _BLANKS.sub(" ", text).strip()


def sets(root, descriptions_file, index_file):
    """Yields (name, iterable of (topic, text)) of every set whose package is there."""
    wordnet = [os.path.join(root, "usr/share/wordnet", "data." + part) for part in ("noun", "verb")]
    yield "wordnet", (row for path in wordnet if os.path.exists(path) for row in definitions(make_corpus.read(path)))
    if descriptions_file:
        yield "packages", descriptions(make_corpus.read(descriptions_file), make_corpus.read(index_file))
    paths = sorted(glob.glob(os.path.join(root, "usr/share/games/fortunes/*")))
    named = [(os.path.basename(path), path) for path in paths]
    yield "fortunes", (
        row for name, path in named if "." not in name and name not in VARIED
        for row in sayings(name, make_corpus.read(path))
    )


def chosen(rows, most):
    """At most `most` different texts of each topic that has enough of them, shuffled: list of (topic, text)."""
    texts = collections.defaultdict(set)
    for topic, text in rows:
        texts[topic].add(text)
    draw = random.Random(0)
    found = [
        (topic, text)
        for topic in sorted(texts) if len(texts[topic]) >= LEAST_ROWS
        for text in draw.sample(sorted(texts[topic]), min(most, len(texts[topic])))
    ]
    draw.shuffle(found)
    return found


def run(options):
    """Writes the sets; prints what each has."""
    if bool(options.descriptions) != bool(options.index):
        raise UserError("--descriptions and --index belong together.")
    for flag in ("descriptions", "index"):
        path = getattr(options, flag)
        if path and not os.path.isfile(path):
            raise UserError("--%s: there is no file %s." % (flag, path))
    with tempfile.TemporaryDirectory() as root:
        make_corpus.unpack(options.packages, root)
        made = [(name, chosen(rows, options.rows)) for name, rows in sets(root, options.descriptions, options.index)]
    try:
        os.makedirs(options.output_dir, exist_ok=True)
        for name, rows in made:
            if rows:
                with atomic_file(os.path.join(options.output_dir, name + ".jsonl")) as file:
                    file.writelines(json.dumps({"text": text, "label": topic}) + "\n" for topic, text in rows)
    except OSError as error:
        raise UserError("--output_dir: cannot write to %s (%s)." % (options.output_dir, error.strerror)) from None
    for name, rows in made:
        print("%-10s %6d rows, %3d topics" % (name, len(rows), len({topic for topic, _ in rows})))


def main(arguments=None):
    parser = Parser(description=__doc__)
    parser.add_argument("--packages", required=True, help="folder of the .deb files")
    parser.add_argument("--descriptions", help="Translation-en file of a Debian archive, decompressed")
    parser.add_argument("--index", help="Packages file of the same archive, decompressed")
    parser.add_argument("--rows", type=int, default=150, help="of a topic, at most (default: %(default)s)")
    parser.add_argument("--output_dir", required=True, help="folder of the sets")
    return exit_code(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
