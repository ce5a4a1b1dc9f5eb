"""Files of versions that made no list of them: recognised by what is in them, and only then."""
import json

import pytest

from runs import earlier, prediction_files

MODEL = {"bert_config": {"vocab_size": 9}, "learner": {}, "labels": ["a", "b"], "text": {"max_seq_length": 9}}
HEADER = "row\ttext\tlabel\tprediction\tp(a)\tp(b)\n"


def put_model(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(content))
    more = ("checkpoint", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "vocab.txt")
    for name in more + ("notes", "model.ckpt"):
        (folder / name).write_text("")


@pytest.mark.parametrize("content, is_ours", [
    (MODEL, True), (dict(MODEL, labels=[]), False), (dict(MODEL, text=None), False), ([MODEL], False),
    ({"class_name": "Sequential"}, False), (dict(MODEL, learner=None), False), (dict(MODEL, labels=[1]), False),
])
def test_models(tmp_path, content, is_ours):
    put_model(tmp_path / "model", content)
    expected = ["checkpoint", "model.ckpt.data-00000-of-00001", "model.ckpt.index", "model.json", "vocab.txt"]
    assert sorted(earlier.model(str(tmp_path / "model"))) == (expected if is_ours else [])
    assert sorted(earlier.run(str(tmp_path))) == (["model/" + name for name in expected] if is_ours else [])


@pytest.mark.parametrize("content, is_ours", [
    ({"run_id": "a", "metrics": {}}, True), ({"error": "e", "task": "t", "k": 4, "split": 0}, True),
    ({}, False), ([], False),
    ({"accuracy": 0.5}, False), ({"error": "e"}, False),
])
def test_results(tmp_path, content, is_ours):
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert earlier.run(str(tmp_path)) == ["results.json"] * is_ours


@pytest.mark.parametrize("line, is_ours", [
    (HEADER, True), ("row\tprediction\tp(a)\n", True), ("row\ttext\tprediction\tp(a b)\tp()", True),
    ("id\tprediction\n", False), ("", False), ("row\tprediction\n", False), ("row,prediction,p(a)\n", False),
])
def test_predictions(tmp_path, line, is_ours):
    (tmp_path / "predictions.tsv").write_text(line)
    assert earlier.run(str(tmp_path)) == ["predictions.tsv"] * is_ours


def test_nothing_there(tmp_path):
    assert earlier.run(str(tmp_path)) == [] == earlier.model(str(tmp_path / "none"))
    (tmp_path / "predictions.tsv").write_bytes(b"\xff\xfe")
    assert not prediction_files.are_in(str(tmp_path / "predictions.tsv"))


def test_settings_of_training_that_moved():
    then = {"meta_training": {"seed": 1, "fix_bert": True}, "learner": {"pooling": "cls"}}
    now = {"meta_training": {"seed": 1}, "learner": {"pooling": "cls", "fix_bert": True}}
    assert earlier.training_settings(then) == now and earlier.training_settings(now) == now
    both = {"meta_training": {"fix_bert": True}, "softmax": {"fix_bert": False}}  # does not fit together
    assert earlier.training_settings(both) == both
    assert "fix_bert" in then["meta_training"]  # what was read stays as it is
