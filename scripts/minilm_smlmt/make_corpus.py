#!/usr/bin/env python3
"""Makes a varied English corpus for SMLMT from Debian packages: one paragraph a line.

  mkdir debs lists
  (cd debs && apt-get download wordnet-base dict-gcide fortunes bible-kjv bible-kjv-text libreoffice-help-en-us)
  apt-get update -o Acquire::Languages=en -o Dir::State::lists=$PWD/lists
  for list in lists/*Translation-en*; do /usr/lib/apt/apt-helper cat-file "$list"; done > descriptions.txt
  scripts/minilm_smlmt/make_corpus.py --packages=debs --descriptions=descriptions.txt \\
      --output=corpus.txt --antonyms=antonyms.tsv

Definitions and examples of WordNet, articles of GCIDE, fortunes, Bible verses, paragraphs of the LibreOffice help, and
package descriptions. A paragraph that stands there twice is taken once. Beside the corpus, OUTPUT.json names the
packages with their checksums, and the paragraphs and characters of each source. --antonyms gets WordNet's antonyms as
clusters, for hard tasks (make_smlmt.py --task_difficulty=hard --word_clusters=antonyms.tsv). Needs dpkg-deb.
"""
import glob
import gzip
import html.parser
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from runtime.arguments import Parser
from runtime.errors import UserError, exit_code
from runtime.files import atomic_file, file_sha256, write_json

LEAST_WORDS = 5  # shorter paragraphs are headings and menus
VERSES = "gen1:1-rev22:21"
_BLANKS = re.compile(r"\s+")
_GCIDE_SOURCE = re.compile(r"\[(1913 Webster|WordNet|PJC|Webster|Century)[^\]]*\]")
_QUOTED = re.compile(r'"([^"]+)"')


def wordnet(text):
    """Yields the definition and the examples of every sense of a WordNet data file."""
    for line in text.splitlines():
        _, bar, gloss = line.partition(" | ")
        if bar:
            yield _QUOTED.sub("", gloss).strip(" ;")
            for example in _QUOTED.findall(gloss):
                yield example


def antonym_clusters(root):
    """{word: cluster}: words that WordNet links by antonymy, directly or through others, share a number."""
    senses, links = {}, []
    for part, letter in (("adj", "a"), ("adv", "r"), ("noun", "n"), ("verb", "v")):
        path = os.path.join(root, "usr/share/wordnet", "data." + part)
        if not os.path.exists(path):
            raise UserError("--antonyms needs the package wordnet-base in the folder of --packages.")
        with open(path, encoding="latin-1") as file:
            for line in file:
                if not line.startswith("  "):  # the licence does
                    _read_sense(line.partition(" | ")[0].split(), letter, senses, links)
    pairs = {tuple(sorted((senses[sense][word], senses[other][its]))) for sense, word, other, its in links}
    leader = {}

    def find(word):
        leader.setdefault(word, word)
        while leader[word] != word:
            word = leader[word]
        return word

    for one, other in sorted(pairs):
        if one != other and one.isalpha() and other.isalpha():
            one, other = find(one), find(other)
            leader[one] = other
    numbers = {}
    return {word: numbers.setdefault(find(word), len(numbers)) for word in sorted(leader)}


def _read_sense(fields, letter, senses, links):
    """Adds a line of a WordNet data file (wndb(5WN)): {(part of speech, offset): words}, and its antonymy links."""
    sense, count = (letter, fields[0]), int(fields[3], 16)
    senses[sense] = [fields[4 + 2 * i].split("(")[0].lower() for i in range(count)]
    pointers = fields[5 + 2 * count :]
    for i in range(int(fields[4 + 2 * count])):
        symbol, offset, part, words = pointers[4 * i : 4 * i + 4]
        word, other = int(words[:2], 16), int(words[2:], 16)  # counted from 1; 0 is the whole sense
        if symbol == "!" and word and other:
            links.append((sense, word - 1, (part.replace("s", "a"), offset), other - 1))


def gcide(text):
    """Yields the paragraphs of the dictionary without its marks."""
    for paragraph in re.split(r"\n\s*\n", text):
        yield _GCIDE_SOURCE.sub("", paragraph).replace("{", "").replace("}", "")


def fortunes(text):
    """Yields the fortunes of a file, which lines with a percent sign part."""
    for fortune in re.split(r"(?m)^%+$", text):
        yield fortune


def verses(text):
    """Yields verses without their places."""
    for line in text.splitlines():
        yield line.partition(" ")[2]


class _Paragraphs(html.parser.HTMLParser):
    """Collects the text of <p class="paragraph">."""

    def __init__(self):
        super().__init__()
        self.found, self._inside = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "p":
            self._inside = dict(attrs).get("class") == "paragraph"
            self.found += [""] * self._inside

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "p"

    def handle_data(self, data):
        if self._inside:
            self.found[-1] += data


def help_page(text):
    """Yields the paragraphs of a page of the LibreOffice help."""
    parser = _Paragraphs()
    parser.feed(text)
    yield from parser.found


def descriptions(text):
    """Yields the paragraphs of the long descriptions in a Translation-en file."""
    for body in re.findall(r"(?m)^Description-en: .*\n((?: .*\n)*)", text):
        yield from re.split(r"(?m)^ \.$", body)


def read(path):
    """Text of a file, which may be gzip-compressed (dictzip is)."""
    with open(path, "rb") as file:
        content = file.read()
    return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8", "replace")


def unpack(folder, target):
    """Unpacks the .deb files of a folder; returns {package file: SHA-256}."""
    packages = sorted(glob.glob(os.path.join(folder, "*.deb")))
    if not packages:
        raise UserError("--packages: the folder %s holds no .deb files; --help names them." % folder)
    for package in packages:
        try:
            subprocess.run(["dpkg-deb", "-x", package, target], check=True, stderr=subprocess.PIPE)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UserError("%s cannot be unpacked with dpkg-deb (%s)." % (package, error)) from None
    return {os.path.basename(package): file_sha256(package) for package in packages}


def bible(root):
    """All verses, read by the program of the package; its data file has a format of its own."""
    program = os.path.join(root, "usr/bin/bible")
    if not os.path.exists(program):
        return ""
    done = subprocess.run([program, "-l10000", "-p", os.path.join(root, "usr/lib") + "/", VERSES],
                          stdout=subprocess.PIPE, check=True)
    return done.stdout.decode("utf-8", "replace")


def sources(root, descriptions_file):
    """Yields (name, paragraphs) of every source that is there."""

    def each(reader, pattern):
        for path in sorted(glob.glob(os.path.join(root, pattern), recursive=True)):
            yield from reader(read(path))

    yield "wordnet", each(wordnet, "usr/share/wordnet/data.*")
    yield "gcide", each(gcide, "usr/share/dictd/gcide.dict.dz")
    yield "fortunes", each(fortunes, "usr/share/games/fortunes/*[!t]")  # not the indices, *.dat
    yield "bible", verses(bible(root))
    yield "libreoffice", each(help_page, "usr/share/libreoffice/help/en-US/text/**/*.html")
    if descriptions_file:
        yield "descriptions", descriptions(read(descriptions_file))


def run(options):
    """Writes the corpus and its manifest; prints what each source gave."""
    if options.descriptions and not os.path.isfile(options.descriptions):
        raise UserError("--descriptions: there is no file %s." % options.descriptions)
    for flag in ("output", "antonyms") if options.antonyms else ("output",):
        folder = os.path.dirname(getattr(options, flag)) or "."
        if not (os.path.isdir(folder) and os.access(folder, os.W_OK)):
            raise UserError("--%s: no file can be made in the folder %s." % (flag, folder))
    counts, seen = {}, set()
    with tempfile.TemporaryDirectory() as root, atomic_file(options.output) as output:
        packages = unpack(options.packages, root)
        if options.antonyms:
            with atomic_file(options.antonyms) as file:
                file.writelines("%s\t%d\n" % item for item in antonym_clusters(root).items())
        for name, paragraphs in sources(root, options.descriptions):
            taken = characters = 0
            for paragraph in paragraphs:
                line = _BLANKS.sub(" ", paragraph).strip()
                if line.count(" ") + 1 >= LEAST_WORDS and line not in seen:
                    seen.add(line)
                    output.write(line + "\n")
                    taken, characters = taken + 1, characters + len(line)
            counts[name] = {"paragraphs": taken, "characters": characters}
            print("%-14s %8d paragraphs %10d characters" % (name, taken, characters))
    manifest = {"packages": packages, "sources": counts, "sha256": file_sha256(options.output)}
    if options.descriptions:
        manifest["descriptions_sha256"] = file_sha256(options.descriptions)
    write_json(options.output + ".json", manifest)


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--packages", required=True, help="folder of the .deb files")
    parser.add_argument("--descriptions", help="Translation-en file of a Debian archive, decompressed")
    parser.add_argument("--output", required=True, help="the corpus, a text file")
    parser.add_argument("--antonyms", help="file for clusters of antonyms, word<TAB>cluster a line")
    return exit_code(lambda: run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
