"""Scores by onnxruntime: what cannot be read first, then rows of many lengths."""
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from data.examples import pad
from runs import onnx_session
from runtime import onnx_model
from runtime.errors import UserError


def write(path, opset=onnx_model.OPSET, inputs=onnx_model.INPUTS, classes=2):
    """A model whose logits are a row's number of tokens, and the number of tokens that the batch was padded to."""
    given = [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "seq"]) for name in inputs]
    logits = helper.make_tensor_value_info(onnx_model.LOGITS, TensorProto.FLOAT, ["batch", classes])
    nodes = [
        helper.make_node("Cast", [inputs[1]], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["mask"], ["tokens"], axes=[1]),
        helper.make_node("Sub", ["mask", "mask"], ["zero"]),
        helper.make_node("Exp", ["zero"], ["ones"]),
        helper.make_node("ReduceSum", ["ones"], ["length"], axes=[1]),
        helper.make_node("Concat", ["tokens", "length"][:classes], [onnx_model.LOGITS], axis=1),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "test", given, [logits]), opset_imports=[helper.make_opsetid("", opset)],
        ir_version=onnx_model.IR_VERSION,
    )
    onnx.save(model, str(path))
    return str(path)


def examples(*lengths):
    rows = [dict(input_ids=[1] * n, input_mask=[1] * n, segment_ids=[0] * n, label_ids=0) for n in lengths]
    return pad(rows, 40)


def refused(path, *words):
    with pytest.raises(UserError) as error:
        onnx_session.OnnxSession(str(path), 2)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_missing_file(tmp_path):
    refused(tmp_path / "model.onnx", "model.onnx is missing", "export_onnx.py")


def test_file_that_is_no_graph(tmp_path):
    (tmp_path / "model.onnx").write_text("weights")
    refused(tmp_path / "model.onnx", "model.onnx: onnxruntime", "cannot use it")


def test_graph_of_an_opset_that_is_not_known(tmp_path):
    refused(write(tmp_path / "model.onnx", opset=99), "cannot use it", "99")


def test_graph_of_another_model(tmp_path):
    refused(write(tmp_path / "a.onnx", classes=1), "no model of 2 classes")
    refused(write(tmp_path / "b.onnx", inputs=("a", "b", "c")), "no model of 2 classes")


def test_without_onnxruntime(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    refused(write(tmp_path / "model.onnx"), "needs onnxruntime", "--with=onnx")


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_keep_their_order_and_batches_are_as_long_as_their_rows(tmp_path, threads, monkeypatch):
    monkeypatch.setattr(onnx_session, "TOKENS", 40)
    lengths = [3, 30, 4, 40, 5, 3, 4, 38, 7] * 3
    found = onnx_session.OnnxSession(write(tmp_path / "model.onnx"), 2, threads).score(examples(*lengths))
    assert found[:, 0].tolist() == lengths
    assert np.all(found[:, 1] >= found[:, 0]) and found[0, 1] <= 7  # a short row is not padded to the longest


def test_an_error_in_a_thread_is_an_error(tmp_path):
    session = onnx_session.OnnxSession(write(tmp_path / "model.onnx"), 2)
    session._session = None
    with pytest.raises(AttributeError):
        session.score(examples(3, 4))


