"""A model's vocabulary is the one that it learned with."""
import json
import os

import onnx_folder
import pytest
import tiny

from runs import model_folder, onnx_prediction, vocabulary_file
from runtime.errors import UserError


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    tiny.write(tmp_path, ["up", "down"])
    return tmp_path


def change(path):
    """Swaps two tokens of the file of a vocabulary, so that it is as long as before."""
    words = path.read_text().split("\n")
    words[-2], words[-3] = words[-3], words[-2]
    path.chmod(0o644)
    path.write_text("\n".join(words))


def test_another_vocabulary_is_refused(folder):
    assert model_folder.load(str(folder)).vocab_file
    change(folder / "vocab.txt")
    with pytest.raises(UserError, match="^--model_dir: [^ ]*vocab.txt is not the vocabulary that the model"):
        model_folder.load(str(folder))


def test_models_of_earlier_versions_and_without_a_vocabulary_are_read(folder):
    content = json.loads((folder / "model.json").read_text())
    assert content.pop(vocabulary_file.KEY)
    (folder / "model.json").write_text(json.dumps(content))
    change(folder / "vocab.txt")
    assert model_folder.load(str(folder)).vocab_file
    os.unlink(str(folder / "vocab.txt"))
    assert model_folder.load(str(folder)).vocab_file is None and vocabulary_file.described(str(folder)) == {}


def test_exported_graphs_have_theirs(tmp_path):
    _, exported = onnx_folder.write(tmp_path)
    onnx_prediction.OnnxModel(exported)
    change(tmp_path.__class__(exported) / "vocab.txt")
    with pytest.raises(UserError, match="^--model: .*vocab.txt is not the vocabulary"):
        onnx_prediction.OnnxModel(exported, flag="--model: ")
