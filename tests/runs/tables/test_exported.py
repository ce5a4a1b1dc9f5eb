"""The learned rates that an exported model makes use of: those of weights that are adapted."""
import math

import pytest

from runs.tables import exported
from runtime.compat import tf
from runtime.errors import UserError

RATES = {
    "layer_0/sgd0/learning_rate": 0.1, "layer_1/sgd0/learning_rate": 0.2, "sgd0/word_embedding_lr": 0.3,
    "sgd0/output/layer0/learning_rate": 0.4, "sgd0/label/layer0/learning_rate": 0.5,
    "sgd0/label_embs/learning_rate": 0.6,
}
WEIGHTS = [
    "bert/encoder/layer_0/attention/self/query/kernel", "bert/encoder/layer_0/output/dense/kernel",
    "bert/encoder/layer_1/attention/self/query/kernel", "bert/encoder/layer_1/output/dense/kernel",
    "bert/embeddings/word_embeddings", "output_weights_0", "label_weights_0",
]


@pytest.fixture(name="model", scope="module")
def fixture_model(tmp_path_factory):
    """A folder with the variables of an exported model."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "variables").mkdir()
    values = dict(RATES, global_step=3, **{name: [1.0] for name in WEIGHTS})
    with tf.Graph().as_default(), tf.Session() as session:
        variables = [tf.get_variable(name, initializer=tf.constant(value)) for name, value in values.items()]
        session.run(tf.global_variables_initializer())
        tf.train.Saver(variables).save(session, str(folder / "variables" / "variables"), write_meta_graph=False)
    return str(folder)


@pytest.mark.parametrize("settings, used", [
    ({}, [0.1, 0.2, 0.4, 0.5, 0.6]),  # the word embeddings stay
    ({"train_word_embeddings": True, "min_layer_with_grad": 1}, [0.2, 0.3, 0.4, 0.5, 0.6]),
    ({"min_layer_with_grad": 2}, [0.4, 0.5, 0.6]),
    ({"warp_layers": True}, [0.1, 0.2, 0.5, 0.6]),  # attention is adapted, the output MLP is not
    ({"update_only_label_embedding": True}, [0.1, 0.2, 0.4, 0.6]),
    ({"a setting of another version": 1}, [0.1, 0.2, 0.4, 0.5, 0.6]),
])
def test_rates_of_adapted_weights(model, settings, used):
    found = exported.used_rates(model, dict({"adapt_layer_norm": False}, **settings))
    assert sorted(found.values()) == pytest.approx(used)
    assert all(found[name] == pytest.approx(RATES[name]) for name in found)


def test_logarithms(model):
    found = exported.used_rates(model, {"use_exp_lr": True, "adapt_layer_norm": False})
    assert found["layer_0/sgd0/learning_rate"] == pytest.approx(math.exp(0.1))


def test_mistakes(model, tmp_path):
    with pytest.raises(UserError, match="--warm_start_model_dir"):
        exported.used_rates(str(tmp_path), {})
    with pytest.raises(UserError):
        exported.used_rates(model, {"rate_sets": "two"})
