"""Exported folders: what is refused leaves nothing, and what appears is the model."""
import json
import os
import sys

import export_onnx as script
import numpy as np
import onnx
import pytest
import tiny

from data import encoding
from data.text import TextExample
from runs import onnx_export, onnx_graph, onnx_session
from runtime.errors import UserError
from tokenization import Tokenizer

LABELS = ("gut", "größer")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "model"
    folder.mkdir()
    return tiny.write(folder, LABELS)


def run(stored, target, *options):
    return script.main(["--model_dir=%s" % stored.folder, "--output_dir=%s" % target] + list(options))


def test_refusals_leave_nothing(stored, tmp_path, capsys):
    def refused(model_dir, output_dir, *options):
        assert script.main(["--model_dir=%s" % model_dir, "--output_dir=%s" % output_dir] + list(options)) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    assert "exists" in refused(stored.folder, tmp_path)
    assert "model.json is missing" in refused(tmp_path, tmp_path / "1")
    assert "no such file" in refused(stored.folder, tmp_path / "1", "--texts=%s" % (tmp_path / "none.txt"))
    (tmp_path / "empty.txt").write_text("\n\n")
    assert "is empty" in refused(stored.folder, tmp_path / "1", "--texts=%s" % (tmp_path / "empty.txt"))
    vocabulary = os.path.join(stored.folder, "vocab.txt")
    os.rename(vocabulary, vocabulary + ".away")
    try:
        assert "has no vocab.txt" in refused(stored.folder, tmp_path / "1")
    finally:
        os.rename(vocabulary + ".away", vocabulary)
    assert sorted(os.listdir(str(tmp_path))) == ["empty.txt"]


def test_without_the_packages(stored, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run(stored, tmp_path / "1") == 2
    assert "needs onnx and onnxruntime" in capsys.readouterr().err and os.listdir(str(tmp_path)) == []


def test_a_graph_that_is_wrong_does_not_appear(stored, tmp_path, monkeypatch):
    def wrong(weights, *others):
        return build(dict(weights, **{"output_bias_0": weights["output_bias_0"] + 0.01}), *others)

    build = onnx_graph.build
    monkeypatch.setattr(onnx_graph, "build", wrong)
    with pytest.raises(UserError, match="logits differ from TensorFlow's by up to 0.0"):
        with onnx_export.opened(stored.folder) as source:
            onnx_export.export(source, str(tmp_path / "1"))
    assert os.listdir(str(tmp_path)) == []


def test_the_folder(stored, tmp_path, capsys):
    texts = tmp_path / "texts.txt"
    texts.write_text("good film\n\nbad slow plot\n")
    target = tmp_path / "new" / "onnx"
    assert run(stored, target, "--texts=%s" % texts) == 0
    assert "on 2 texts" in capsys.readouterr().out
    names = sorted(name for name in os.listdir(str(target)) if not name.startswith("."))
    assert names == ["README.md", "model.json", "model.onnx", "vocab.txt"]
    onnx.checker.check_model(str(target / "model.onnx"), full_check=True)
    with open(os.path.join(stored.folder, "model.json")) as one, open(str(target / "model.json")) as other:
        assert json.load(one) == json.load(other)
    assert "größer" in (target / "README.md").read_text(encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(target / "vocab.txt"), True)
    examples = encoding.encode([TextExample("very slow film"), TextExample("fine")], tokenizer, (), 12)
    with onnx_export.opened(stored.folder) as source:
        expected = source.score(examples)
    found = onnx_session.OnnxSession(str(target / "model.onnx"), 2).score(examples)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_quantized(stored, tmp_path, capsys):
    assert run(stored, tmp_path / "onnx", "--quantize") == 0
    assert "8-bit weights change the label of" in capsys.readouterr().out
    names = [name for name in os.listdir(str(tmp_path / "onnx")) if not name.startswith(".")]
    assert len(names) == 4  # nothing of the tool's is left
    kinds = {node.op_type for node in onnx.load(str(tmp_path / "onnx" / "model.onnx")).graph.node}
    assert "MatMulInteger" in kinds


def test_results_are_those_of_the_same_run_alone(tmp_path):
    (tmp_path / "results.json").write_text('{"run_id": "a"}')
    assert onnx_export.results_beside(str(tmp_path / "model"), {"run_id": "a"}) == {"run_id": "a"}
    assert onnx_export.results_beside(str(tmp_path / "model"), {"run_id": "b"}) is None
    assert onnx_export.results_beside(str(tmp_path / "other" / "model"), {}) is None
