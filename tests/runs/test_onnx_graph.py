"""The ONNX graph against TensorFlow's logits, for every kind of classifier and feature."""
import numpy as np
import onnx
import pytest
import tiny

import modeling
from data.examples import Examples
from learner import configs, heads
from learner.finetuning import LABEL_EMBEDDING_VARIABLE
from runs import onnx_graph, onnx_session
from runtime import onnx_model
from runtime.compat import tf
from training import task_models

CLASSES = 3
ACTIVATIONS = ("gelu", "gelu_erf", "relu")  # of encoders
LEARNERS = {
    "prototypes of means": dict(pooling="mean", prototypical_baseline=True, feature_norm=2.0),
    "pooled output, products and biases": dict(use_euclidean_norm=False, output_layers=2, activation_fn="relu"),
    "all layers mixed": dict(use_pooled_output=False, output_layers=3, activation_fn="gelu"),
    "two layers of the last text": dict(pooling="last_text", feature_layers="1:0.7,3:0.6", feature_norm=2.94),
    "[CLS] of a middle layer": dict(feature_layers="2"),
}
SOFTMAX = {
    "softmax of the pooled output": dict(),
    "softmax of two layers' means": dict(pooling="mean", feature_layers="2,1:0.5"),
}
KINDS = dict(
    {name: configs.LearnerConfig(label_emb_size=8, **values) for name, values in LEARNERS.items()},
    **{name: configs.SoftmaxConfig(**values) for name, values in SOFTMAX.items()}
)


def rows(size=9, length=14, seed=0):
    """Examples of texts of many lengths, some of them pairs, one without any token of text."""
    random = np.random.RandomState(seed)
    lengths = np.concatenate([[2, length], random.randint(3, length, size - 2)])
    mask = (np.arange(length) < lengths[:, None]).astype(np.int32)
    second = (np.arange(length) >= lengths[:, None] // 2) & (random.rand(size, 1) < 0.5)
    ids = random.randint(0, tiny.TEXT_SIZES["vocab_size"], [size, length]).astype(np.int32)
    return Examples(ids * mask, mask, second.astype(np.int32) * mask, np.zeros(size, np.int32))


def trained(bert_config, config):
    """({name: array}, logits of `rows`) of a model with weights far from their start."""
    random = np.random.RandomState(1)
    with tf.Graph().as_default(), tf.Session() as session:
        model = task_models.make_model(bert_config, config, CLASSES)
        session.run(tf.global_variables_initializer())
        for variable in model.saved_variables().values():
            if variable.dtype.base_dtype == tf.float32:
                value = random.normal(scale=0.3, size=variable.shape.as_list())
                variable.load(value + ("gamma" in variable.op.name), session)
        return session.run(model.saved_variables()), model.score(session, rows(), 4, "", show=False)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_logits_are_tensorflows(kind, tmp_path):
    config, activation = KINDS[kind], ACTIVATIONS[sorted(KINDS).index(kind) % len(ACTIVATIONS)]
    bert_config = modeling.BertConfig(**dict(tiny.TEXT_SIZES, num_hidden_layers=3, hidden_act=activation))
    weights, expected = trained(bert_config, config)
    model = onnx_graph.build(weights, bert_config, config, CLASSES)
    onnx.checker.check_model(model, full_check=True)
    assert [each.version for each in model.opset_import] == [onnx_model.OPSET]
    path = str(tmp_path / "model.onnx")
    onnx.save(model, path)
    assert np.ptp(expected, axis=0).min() > 0.01  # rows differ
    found = onnx_session.OnnxSession(path, CLASSES).score(rows())
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-5)


def test_a_temperature_divides_the_logits(tmp_path):
    config = KINDS[sorted(KINDS)[0]]
    bert_config = modeling.BertConfig(**dict(tiny.TEXT_SIZES, num_hidden_layers=3))
    weights, expected = trained(bert_config, config)
    path = str(tmp_path / "model.onnx")
    onnx.save(onnx_graph.build(weights, bert_config, config, CLASSES, temperature=0.25), path)
    found = onnx_session.OnnxSession(path, CLASSES).score(rows())
    np.testing.assert_allclose(found, 4.0 * expected, atol=4e-4, rtol=1e-5)


def test_layers_that_nobody_reads_are_left_out():
    bert_config = modeling.BertConfig(**dict(tiny.TEXT_SIZES, num_hidden_layers=3))
    config = KINDS["[CLS] of a middle layer"]
    shapes = dict(modeling.variable_shapes(bert_config), **heads.variable_shapes(16, 3, config))
    weights = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    weights[LABEL_EMBEDDING_VARIABLE] = np.ones([CLASSES, 9], np.float32)
    model = onnx_graph.build(weights, bert_config, config, CLASSES)
    names = {each.name for each in model.graph.initializer}
    assert any("layer_1/" in name for name in names) and not any("layer_2/" in name for name in names)
    assert not any("pooler" in name for name in names)
