"""scripts/convert_text.py: the command, its mistakes, its help."""
import os
import subprocess
import sys

import pytest

from data import records
from runtime.paths import ROOT

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "very"]


@pytest.fixture
def vocab(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return str(path)


def run(*arguments):
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts", "convert_text.py")] + list(arguments),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def test_command(tmp_path, vocab):
    source, target = tmp_path / "in.tsv", tmp_path / "out.tf_record"
    source.write_text("text\tlabel\nGOOD film\tyes\nvery very bad film\tno\n")
    flags = ["--input=%s" % source, "--output=%s" % target, "--vocab_file=%s" % vocab, "--do_lower_case"]
    code, out, _ = run("--labels=yes,no", "--max_seq_length=5", *flags)
    assert code == 0
    assert out.splitlines()[1:] == ["labels: 0 = yes, 1 = no", "cut to 5 tokens: 1 of 2"]
    read = records.read_records(target, max_seq_length=5, vocab_size=len(WORDS))
    assert read.input_ids.tolist() == [[2, 5, 7, 3, 0], [2, 8, 8, 6, 3]] and read.label_ids.tolist() == [0, 1]


def test_capitals_that_the_vocabulary_lacks_are_noted(tmp_path, vocab):
    source = tmp_path / "in.tsv"
    source.write_text("text\tlabel\n" + "GOOD Film very\tyes\nBad film\tno\n" * 5)
    flags = ["--input=%s" % source, "--output=%s" % (tmp_path / "out.tf_record"), "--vocab_file=%s" % vocab]
    code, out, _ = run(*flags)
    (note,) = [line for line in out.splitlines() if line.startswith("note: ")]
    assert code == 0 and "60 % of the tokens are [UNK]" in note and "--do_lower_case" in note


def test_command_ends_with_one_line_and_code_2(tmp_path, vocab):
    target = tmp_path / "out.tf_record"
    code, out, err = run("--input=missing.csv", "--output=%s" % target, "--vocab_file=%s" % vocab)
    assert (code, out) == (2, "") and err == "error: missing.csv: no such file; check the path.\n"
    code, out, err = run("--input=missing.csv", "--output=%s" % target)
    assert (code, out) == (2, "") and err == "error: --vocab_file is missing; see --help.\n"
    assert not target.exists()


def test_command_help():
    code, out, err = run("--help")
    assert code in (0, 1)  # absl's choice
    assert all(word in out + err for word in ("--input", "--labels", "--task", "scripts/convert_text.py", "airline"))
