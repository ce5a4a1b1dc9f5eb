"""Models and files that the main program does not predict with."""
import json
import os
import shutil

import pytest
from few_shot_files import DATA, WORDS, bad_record_file, content, cut, predict, refused, rewrite
from main_program import run


def test_prediction_without_model(files, tmp_path):
    result = run("--do_predict", "--predict_file=%s" % (files / "eval.txt"), "--output_dir=%s" % (tmp_path / "out"))
    refused(result, "--model_dir", str(tmp_path / "out" / "model"), "model.json is missing")
    assert content(tmp_path) == {}


DAMAGES = {
    "model.json": (cut, ["model.json", "damaged"]),
    "model.ckpt.index": (None, ["--model_dir", "model.ckpt.index is missing"]),
    "model.ckpt" + DATA: (cut, ["--model_dir", "model.ckpt", "cannot be read"]),
    "vocab.txt": (lambda old: b"", ["vocab.txt", "is not the vocabulary that the model learned with"]),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_prediction_with_damaged_model(name, files, from_text, tmp_path):
    change, words = DAMAGES[name]
    shutil.copytree(str(from_text[0] / "model"), str(tmp_path / "model"))
    os.remove(str(tmp_path / "model" / name))
    if change:
        rewrite(from_text[0] / "model" / name, tmp_path / "model" / name, change)
    before = content(tmp_path)
    refused(predict(tmp_path / "model", files / "eval.txt", tmp_path / "out"), *words)
    assert content(tmp_path) == before


def test_prediction_with_vocabulary_of_another_model(files, from_text, tmp_path):
    shutil.copytree(str(from_text[0] / "model"), str(tmp_path / "model"))
    (tmp_path / "model" / "vocab.txt").write_text("\n".join(WORDS + ["more"]) + "\n")
    path = tmp_path / "model" / "model.json"
    settings = json.loads(path.read_text())
    del settings["vocab_sha256"]  # as in models of earlier versions
    path.write_text(json.dumps(settings))
    refused(predict(tmp_path / "model", files / "eval.txt", tmp_path / "out"), "17 tokens", "vocab_size 16")


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("none.txt", None, ["none.txt", "no such file"]),
        ("empty.txt", "", ["empty.txt", "is empty"]),
        ("bad.tf_record", "[]", ["bad.tf_record", "not a TFRecord file"]),
        ("bad.csv", "title\ngood\n", ["bad.csv", "no column", "text"]),
    ],
)
def test_prediction_of_bad_file(name, text, words, from_text, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    before = content(tmp_path)
    refused(predict(from_text[0] / "model", tmp_path / name, tmp_path / "out"), *words)
    assert content(tmp_path) == before


def test_prediction_of_longer_records(files, from_text, tmp_path):
    path = bad_record_file(files, tmp_path, "length")
    refused(predict(from_text[0] / "model", path, tmp_path / "out"), str(path), "record 0", "--max_seq_length=16")
    assert predict(from_text[0] / "model", path, tmp_path / "out", "--max_seq_length=16").code == 0
    refused(predict(from_text[0] / "model", path, tmp_path / "out", "--max_seq_length=25"), "25", "24 positions")
