"""smlmt-predict: what cannot be read, then the same answers as the main program, and answers as lines come."""
import io
import json
import os
import subprocess
import sys

import numpy as np
import onnx_folder
import pytest

from command_line.settings import PredictionSettings
from runs import prediction
from runtime.paths import ROOT
from smlmt import predict


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return onnx_folder.write(tmp_path_factory.mktemp("run"))


@pytest.fixture(name="rows")
def fixture_rows(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text('text\ngood film\n \n"say ""bad"""\n=1+1\n' + "slow plot very " * 9 + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty"), (b"\n \n", "is empty"), (b"good\nf\xfcr\n", "line 2: byte 0xfc is not UTF-8"),
        (b"good\nbad\tfilm\n", "line 2: holds pairs of texts, but the rows before it single texts"),
    ],
)
def test_bad_texts_are_one_line(folders, tmp_path, capsys, content, words):
    (tmp_path / "new.txt").write_bytes(content)
    assert predict.main([folders[1], str(tmp_path / "new.txt"), "--output=%s" % (tmp_path / "out.tsv")]) == 2
    found = capsys.readouterr()
    assert found.out == "" and found.err.count("\n") == 1 and words in found.err, found.err
    assert sorted(os.listdir(str(tmp_path))) == ["new.txt"]


def test_bad_places_are_one_line(folders, rows, tmp_path, capsys):
    (tmp_path / "mine.tsv").write_text("mine")
    for arguments, words in (
        ([str(tmp_path), rows], "no model in"), ([folders[1], str(tmp_path / "none.txt")], "no such file"),
        ([folders[1], rows, "--output=%s" % (tmp_path / "mine.tsv")], "holds no predictions"),
        ([folders[1], rows, "--output=out.csv"], "*.tsv or *.jsonl"), ([folders[1], rows, "--output="], "--output="),
        ([folders[1], "a.tf_record"], "records need TensorFlow"),
        ([folders[1], rows, "--max_seq_length=99"], "3 to 24"), ([], "FOLDER"),
        ([folders[1], rows, "--max_seq_length=0"], "0 tokens: 3 to 24"),
        ([folders[1], rows, "--min_confidence=2"], "2: 0 to 1"), ([folders[1], rows, "--max=3", "--what"], "--what"),
    ):
        assert predict.main(arguments) == 2
        found = capsys.readouterr()
        assert found.out == "" and found.err.count("\n") == 1 and words in found.err, found.err
    assert (tmp_path / "mine.tsv").read_text() == "mine"


def test_answers_are_those_of_the_main_program(folders, rows, tmp_path, capsys):
    stream = io.StringIO()
    asked = PredictionSettings(
        model_dir=folders[0], predict_file=rows, output_dir="", batch_size=8, vocab_file=None, max_seq_length=None,
        output="-",
    )
    prediction.run(asked, None, stream)
    assert predict.main([folders[1], rows]) == 0
    found = capsys.readouterr()
    assert "1 of 5 rows are blank" in found.err and "1 of 4 texts were cut to 12 tokens" in found.err
    expected, found = [text.splitlines() for text in (stream.getvalue(), found.out)]
    assert len(found) == len(expected) == 6 and found[0] == expected[0] and found[2] == expected[2]
    for one, other in zip(found[1:], expected[1:]):
        one, other = one.split("\t"), other.split("\t")
        assert one[:3] == other[:3]
        np.testing.assert_allclose([float(p or 0) for p in one[3:]], [float(p or 0) for p in other[3:]], atol=1e-4)


def test_json_lines(folders, rows, tmp_path, capsys):
    assert predict.main([folders[1], rows, "--output=%s" % (tmp_path / "out.jsonl")]) == 0
    assert capsys.readouterr().out == ""
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in found][:3] == ["good film", "", 'say "bad"'] and found[1]["prediction"] is None
    assert set(found[0]["probabilities"]) == set(onnx_folder.LABELS)


def test_unsure_rows_stay_undecided(folders, rows, capsys):
    assert predict.main([folders[1], rows, "--min_confidence=1"]) == 0
    found = capsys.readouterr()
    assert [line.split("\t")[2] for line in found.out.splitlines()] == ["prediction", "(undecided)", ""] + [
        "(undecided)"
    ] * 3
    assert "4 of 4 rows are undecided (--min_confidence=1)" in found.err
    assert predict.main([folders[1], rows, "--min_confidence=1.5"]) == 2
    assert "argument --min_confidence: 1.5: 0 to 1" in capsys.readouterr().err


def test_unbuffered_lines_are_answered_as_they_come(folders, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "smlmt.predict", folders[1], "--unbuffered"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )
    process.stdin.write(b"good film\n")
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"row\t") and process.stdout.readline().startswith(b"0\tgood film\t")
    process.stdin.write(b"\nbad\n")
    out, _ = process.communicate()
    assert [line.split(b"\t")[1] for line in out.splitlines()] == [b"", b"bad"] and process.returncode == 0
