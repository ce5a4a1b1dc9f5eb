"""Runs scripts/make_smlmt.py inside the tests, on a small text with a vocabulary of letters."""
import json
import os
import random
import subprocess
import sys

import make_smlmt
import numpy as np
import pytest
from absl import flags

from runtime.errors import UserError
from runtime.paths import ROOT
from tokenization import Tokenizer

SCRIPT = os.path.join(ROOT, "scripts", "make_smlmt.py")
SAMPLE = os.path.join(ROOT, "data", "sample", "corpus.txt")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ","] + list(LETTERS) + ["##" + letter for letter in LETTERS]
NOUNS = ("river", "castle", "engine", "doctor", "garden", "violin")



def tokenizer(lower=True):
    """Spells every word letter by letter, so that a mask of a whole word differs from that of its pieces."""
    return Tokenizer({token: index for index, token in enumerate(VOCAB)}, lower)


def readable(input_ids, mask):
    """Words of a row; the pieces of a word are joined."""
    tokens = [VOCAB[index] for index in np.asarray(input_ids)[np.asarray(mask) > 0]]
    assert tokens[0] == "[CLS]" and tokens[-1] == "[SEP]" and set(mask) <= {0, 1}
    found = []
    for token in tokens[1:-1]:  # the letters of a word are one token and its continuations
        if token.startswith("##"):
            found[-1] += token[2:]
        else:
            found.append(token)
    return found


def text_of(size=40, seed=0):
    """Sentences, a line each: every noun of NOUNS in `size` of them, some with two nouns, some with one noun twice."""
    choose = random.Random(seed)
    filler = "the old one was in by so to it he two new big red".split()  # too short to be masked
    lines = []
    for noun in NOUNS:
        for number in range(size):
            line = [choose.choice(filler) for _ in range(choose.randint(6, 12))]
            line.insert(choose.randint(0, len(line)), noun)
            if number % 5 == 0:
                line.insert(choose.randint(0, len(line)), choose.choice(NOUNS))
            if number % 7 == 0:
                line.append(noun)
            lines.append(" ".join(line).capitalize() + ".")
    choose.shuffle(lines)
    return "\n".join(lines) + "\n"


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A folder with vocab.txt and text.txt."""
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB) + "\n")
    (tmp_path / "text.txt").write_text(text_of())
    return tmp_path


def arguments(folder, **changes):
    given = dict(
        input=folder / "text.txt", output_dir=folder / "out", vocab_file=folder / "vocab.txt", do_lower_case=True,
        classes="2,3", tasks_per_class_count=6, records_per_task=10, seed=1,
    )
    given.update(changes)
    return ["--%s=%s" % item for item in given.items() if item[1] is not None]


def run(folder, **changes):
    """The program in this process; returns the manifest."""
    values = flags.FlagValues()
    make_smlmt.define_flags(values)
    values(["make_smlmt.py"] + arguments(folder, **changes))
    make_smlmt.run(values)
    with open(str(changes.get("output_dir", folder / "out") / "manifest.json")) as file:
        return json.load(file)


def start(*command, **options):
    """The program in a process of its own: (exit code, output, errors)."""
    done = subprocess.run(
        [sys.executable, SCRIPT] + list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def contents(path):
    """{name: bytes} of a folder."""
    return {name: (path / name).read_bytes() for name in sorted(os.listdir(str(path)))}


def error_of(folder, **changes):
    """The one line of the UserError that the program must end with, leaving nothing behind."""
    with pytest.raises(UserError) as error:
        run(folder, **changes)
    assert "\n" not in str(error.value)
    assert not (folder / "out").exists()
    return str(error.value)


def counts_of(*names):
    return {name: 10 + place for place, name in enumerate(names)}
