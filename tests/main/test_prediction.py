"""Predictions of a fine-tuned model."""
import collections
import io
import json
import os
import shutil
import socket
import sys

import numpy as np
import pytest
from few_shot_files import EVAL, LABELS, content, predict, read_predictions, refused
from main_program import run, run_program, start_program

from runs import prediction_lines


@pytest.mark.parametrize("name", ["eval.txt", "eval.csv", "eval.tf_record"])
def test_prediction_equals_evaluation(name, files, from_text, evaluated, tmp_path):
    result = predict(from_text[0] / "model", files / name, tmp_path / "out", "--predict_batch_size=3")
    assert result.code == 0 and result.err == ""
    assert "%d predictions: %s" % (len(EVAL), tmp_path / "out" / "predictions.tsv") in result.out
    header, rows, probabilities = read_predictions(tmp_path / "out" / "predictions.tsv")
    texts = [] if name.endswith("record") else ["text"]
    assert header == ["row"] + texts + ["prediction"] + ["p(%s)" % label for label in LABELS]
    np.testing.assert_allclose(probabilities, evaluated, atol=2e-6)
    assert [row["prediction"] for row in rows] == [LABELS[i] for i in np.argmax(evaluated, axis=1)]
    assert set(content(tmp_path / "out")) == {"./predictions.tsv"}


def test_prediction_from_standard_input_beside_an_evaluation(files, from_text, evaluated, tmp_path, monkeypatch):
    output = tmp_path / "mine"
    shutil.copytree(str(from_text[0]), str(output))
    before = content(output)
    stdin = collections.namedtuple("Stdin", ["buffer"])(io.BytesIO((files / "eval.txt").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    result = run("--do_predict", "--predict_file=-", "--output_dir=%s" % output)  # the model is output_dir's own
    assert result.code == 0
    after = content(output)
    assert set(after) - set(before) == {"./predictions_stdin.tsv"}
    assert {name: after[name] for name in before} == before
    np.testing.assert_allclose(read_predictions(output / "predictions_stdin.tsv")[2], evaluated, atol=2e-6)


def test_prediction_of_pairs_with_a_model_of_single_texts(from_text, tmp_path):
    (tmp_path / "pairs.csv").write_text("text,text2\ngood film,very fast\n")
    refused(
        predict(from_text[0] / "model", tmp_path / "pairs.csv", tmp_path / "out"),
        "pairs.csv holds pairs of texts", "fine-tuned on single texts",
    )


def test_model_made_from_records_alone_takes_a_vocabulary(files, from_records, evaluated, tmp_path):
    shutil.copytree(str(from_records[0] / "model"), str(tmp_path / "model"))
    os.remove(str(tmp_path / "model" / "vocab.txt"))
    vocabulary = "--vocab_file=%s" % (files / "vocab.txt")
    assert predict(tmp_path / "model", files / "eval.txt", tmp_path / "out", vocabulary).code == 0
    np.testing.assert_allclose(read_predictions(tmp_path / "out" / "predictions.tsv")[2], evaluated, atol=2e-6)


def test_text_with_tabs_and_lines_stays_one_line(from_text, tmp_path):
    (tmp_path / "odd.csv").write_text('text\n"good\n\tfilm"\n"say ""bad"""\n')
    assert predict(from_text[0] / "model", tmp_path / "odd.csv", tmp_path / "out").code == 0
    _, rows, _ = read_predictions(tmp_path / "out" / "predictions.tsv")
    assert [row["text"] for row in rows] == ["good film", 'say "bad"']


def odd_rows(folder, count=2500):
    """A file of many rows, every seventh of them blank, and one of many words."""
    lines = ["" if row % 7 == 3 else EVAL[row % len(EVAL)][0] for row in range(count)]
    lines[-1] = "good " * 1200
    path = folder / "many.txt"
    path.write_text("\n".join(lines) + "\n")
    return path, lines


@pytest.mark.parametrize("mode", [[], ["--reference_mode"]])
def test_one_row_of_output_for_each_row_of_a_long_file(mode, from_text, evaluated, tmp_path):
    path, lines = odd_rows(tmp_path)
    result = predict(from_text[0] / "model", path, tmp_path / "out", *mode)
    blank = lines.count("")
    assert "%d of 2500 rows are blank" % blank in result.out
    assert "1 of %d texts were cut to 12 tokens" % (2500 - blank) in result.out
    assert "%d predictions: " % (2500 - blank) in result.out
    with open(str(tmp_path / "out" / "predictions.tsv")) as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    assert [int(row[0]) for row in rows] == list(range(2500))
    assert [row[1] for row in rows] == [line.strip() for line in lines]
    for row in (0, 1, 2, 1000, 2300):
        found = [float(cell) for cell in rows[row][3:]]
        np.testing.assert_allclose(found, evaluated[row % len(EVAL)], atol=2e-6)
    assert all(cells[2:] == [""] * 4 for cells, line in zip(rows, lines) if not line)


@pytest.mark.parametrize("name", ["mine.tsv", "mine.jsonl"])
def test_a_file_of_ones_own(name, files, from_text, evaluated, tmp_path):
    output = tmp_path / name
    for _ in range(2):  # the second time it is there
        result = predict(from_text[0] / "model", files / "eval.txt", tmp_path / "out", "--output=%s" % output)
        assert result.code == 0 and "%d predictions: %s" % (len(EVAL), output) in result.out
    assert set(content(tmp_path)) == {"./" + name}
    if name.endswith("tsv"):
        found = read_predictions(output)[2]
    else:
        rows = [json.loads(line) for line in output.read_text().splitlines()]
        assert [row["text"] for row in rows] == [text for text, _ in EVAL]
        found = [[row["probabilities"][label] for label in LABELS] for row in rows]
    np.testing.assert_allclose(found, evaluated, atol=2e-6)


def test_an_output_that_would_harm(files, from_text, tmp_path):
    model, texts = from_text[0] / "model", tmp_path / "texts.tsv"
    texts.write_text("text\ngood\n")
    (tmp_path / "folder.tsv").mkdir()
    before = content(tmp_path)
    for output, words in (
        (texts, ["same file"]), (tmp_path / "folder.tsv", ["holds no predictions"]), ("mine.txt", ["*.tsv", "*.jsonl"]),
        (tmp_path / "none" / "a.tsv", ["no folder"]), ("", ["--output="]),
    ):
        refused(predict(model, texts, tmp_path / "out", "--output=%s" % output), "--output", *words)
    other = predict(model, files / "eval.txt", tmp_path / "out", "--output=%s" % texts)
    refused(other, "--output", "texts.tsv is there", "holds no predictions")
    refused(run("--do_eval", "--output=a.tsv"), "--output needs --do_predict")
    assert content(tmp_path) == before


def test_a_fault_in_the_middle_leaves_nothing(from_text, tmp_path):
    path, lines = odd_rows(tmp_path)
    path.write_text("\n".join(lines + ["good\tbad", ""]))
    before = content(tmp_path)
    refused(predict(from_text[0] / "model", path, tmp_path / "out"), "many.txt", "line 2501", "pairs of texts")
    assert content(tmp_path) == before


def test_a_pipe_gets_every_row_and_nothing_else(from_text, tmp_path):
    path, lines = odd_rows(tmp_path, 700)
    flags = ["--do_predict", "--model_dir=%s" % (from_text[0] / "model"), "--output_dir=%s" % (tmp_path / "out")]
    with open(str(path)) as source:
        result = run_program("--predict_file=-", *flags, stdin=source)
    assert result.code == 0, result.err
    rows = [line.split("\t") for line in result.out.split("\n")]
    assert rows[0][:3] == ["row", "text", "prediction"] and rows.pop() == [""]
    assert [row[1] for row in rows[1:]] == [line.strip() for line in lines]
    assert "predictions: " in result.err
    assert (tmp_path / "out" / "predictions.tsv").read_text() == result.out


def test_when_standard_output_gets_every_row(tmp_path):
    read_end, write_end = os.pipe()
    ends = [socket.socketpair(), (os.fdopen(read_end, "rb"), os.fdopen(write_end, "w"))]
    with open(str(tmp_path / "file"), "w") as file, open(os.devnull, "w") as nowhere:
        streams = {file: True, ends[0][0].makefile("w"): True, ends[1][1]: True, nowhere: False, io.StringIO(): False}
        for stream, expected in streams.items():
            assert prediction_lines.prints_rows(None, stream) == expected
            assert prediction_lines.prints_rows("-", stream)
            assert not prediction_lines.prints_rows("a.tsv", stream)
        assert not prediction_lines.prints_rows(None, None)  # was closed
    for stream in [stream for pair in ends for stream in pair] + list(streams):
        stream.close()


def test_predictions_come_before_the_input_ends(from_text, tmp_path):
    flags = ["--do_predict", "--model_dir=%s" % (from_text[0] / "model"), "--predict_file=-", "--output=-"]
    flags.append("--output_dir=%s" % (tmp_path / "out"))
    process = start_program(flags)
    process.stdin.write("good\n" * 500)
    process.stdin.flush()
    assert process.stdout.readline().startswith("row\t")
    assert process.stdout.readline().startswith("0\tgood\t")
    process.stdin.write("bad\n")
    out, err = process.communicate()
    assert process.returncode == 0 and out.splitlines()[-1].startswith("500\tbad\t"), err
    assert not (tmp_path / "out").exists()
