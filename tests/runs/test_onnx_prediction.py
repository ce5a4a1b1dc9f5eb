"""Folders with a model.onnx: which are found, and what is said of others."""
import json
import os
import shutil

import onnx_folder
import pytest

from runs import onnx_prediction
from runtime.errors import UserError


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return onnx_folder.write(tmp_path_factory.mktemp("run"))[1]


def copied(exported, tmp_path):
    shutil.copytree(exported, str(tmp_path / "model"))
    return tmp_path / "model"


def test_the_folder_or_the_run_around_it(exported, tmp_path):
    folder = copied(exported, tmp_path)
    assert onnx_prediction.find(str(folder)) == str(folder) == onnx_prediction.find(str(tmp_path))
    (folder / "model.onnx").unlink()
    assert not onnx_prediction.is_in(str(folder))
    with pytest.raises(UserError, match="--model: no model in .*neither model.onnx nor model/model.onnx"):
        onnx_prediction.find(str(tmp_path), "--model: ")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda content: content.pop("labels"), "model.json is damaged .labels is missing"),
        (lambda content: content["text"].update(max_seq_length="12"), "text.max_seq_length is '12'"),
        (lambda content: content["labels"].append("more"), "no model of 4 classes"),
    ],
)
def test_settings_that_do_not_fit(exported, tmp_path, change, words):
    folder = copied(exported, tmp_path)
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    change(content)
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=words):
        onnx_prediction.OnnxModel(str(folder))


def test_missing_vocabulary(exported, tmp_path):
    folder = copied(exported, tmp_path)
    (folder / "vocab.txt").unlink()
    with pytest.raises(UserError, match="vocab.txt cannot be read"):
        onnx_prediction.OnnxModel(str(folder))


def test_whether_it_is_possible(monkeypatch):
    assert onnx_prediction.is_possible()
    monkeypatch.setattr(onnx_prediction.importlib.util, "find_spec", lambda name: None)
    assert not onnx_prediction.is_possible()


def test_nothing_is_left_in_the_folder(exported):
    before = sorted(os.listdir(exported))
    onnx_prediction.OnnxModel(exported)
    assert sorted(os.listdir(exported)) == before
