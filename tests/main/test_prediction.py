"""Predictions of a fine-tuned model."""
import collections
import io
import os
import shutil
import sys

import numpy as np
import pytest
from few_shot_files import EVAL, LABELS, content, predict, read_predictions, refused
from main_program import run


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
