"""The encoder's mathematics, names and shapes."""

import json
import math

import numpy as np
import pytest
import tiny

import modeling
from runtime import kernels, packing
from runtime.compat import tf
from runtime.dropout import Dropout
from runtime.errors import UserError

TINY = tiny.sizes(
    num_hidden_layers=2, intermediate_size=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    max_position_embeddings=7,
)
pytestmark = pytest.mark.usefixtures("graph")


def evaluate(tensors):
    with tf.Session() as session:
        return session.run(tensors)


def random_weights(config, seed=0):
    random = np.random.RandomState(seed)
    return {n: np.float32(0.5 * random.standard_normal(s)) for n, s in modeling.variable_shapes(config).items()}


def encode(weights, config, ids, mask, segments, dropout=None, **options):
    arrays = [tf.constant(np.array(array), tf.int32) for array in (ids, mask, segments)]
    return modeling.encode({n: tf.constant(w) for n, w in weights.items()}, config, *arrays, dropout, **options)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(hidden_size=9), "hidden_size 9 is not a multiple of num_attention_heads 2"),
        (dict(hidden_act="swish"), "hidden_act 'swish'"),
        (dict(hidden_dropout_prob="0.1"), "hidden_dropout_prob is '0.1'; a number from 0 to below 1"),
        (dict(attention_probs_dropout_prob=1.0), "attention_probs_dropout_prob is 1.0"),
        (dict(hidden_dropout_prob=-0.1), "hidden_dropout_prob is -0.1"),
        (dict(hidden_dropout_prob=float("nan")), "hidden_dropout_prob is nan"),
        (dict(initializer_range=None), "initializer_range is None"),
    ],
)
def test_config_errors(changes, message):
    with pytest.raises(UserError, match=message):
        modeling.BertConfig(**dict(TINY, **changes))


def test_config_from_dict():
    config = modeling.BertConfig.from_dict({"vocab_size": 30, "architectures": ["BertModel"], "hidden_size": 24})
    assert (config.vocab_size, config.hidden_size, config.num_hidden_layers, config.type_vocab_size) == (30, 24, 12, 16)
    with pytest.raises(UserError, match="no vocab_size"):
        modeling.BertConfig.from_dict({"hidden_size": 24})


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "cannot read"),
        ("{not json", "is not JSON"),
        ("[1, 2]", "holds no JSON object"),
        ('{"hidden_size": 8}', "no vocab_size"),
        ('{"vocab_size": 8, "hidden_size": 10}', "num_attention_heads 12"),
        ('{"vocab_size": 8, "hidden_size": "wide"}', "config.json"),
    ],
)
def test_config_file_errors_name_the_file(tmp_path, text, message):
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        modeling.BertConfig.from_json_file(str(path))
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_config_file(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY))
    assert modeling.BertConfig.from_json_file(str(path)) == modeling.BertConfig(**TINY)


def test_names_and_shapes():
    shapes = modeling.variable_shapes(modeling.BertConfig(**TINY))
    assert len(shapes) == 5 + 2 * 16 + 2
    layer = "bert/encoder/layer_1/"
    for name, shape in {
        "bert/embeddings/word_embeddings": [20, 8],
        "bert/embeddings/position_embeddings": [7, 8],
        "bert/embeddings/token_type_embeddings": [2, 8],
        "bert/embeddings/LayerNorm/gamma": [8],
        layer + "attention/self/value/kernel": [8, 8],
        layer + "attention/output/dense/bias": [8],
        layer + "attention/output/LayerNorm/beta": [8],
        layer + "intermediate/dense/kernel": [8, 12],
        layer + "output/dense/kernel": [12, 8],
        layer + "output/LayerNorm/gamma": [8],
        "bert/pooler/dense/bias": [8],
    }.items():
        assert shapes[name] == shape


def test_initial_values():
    config = modeling.BertConfig(**dict(TINY, vocab_size=500, initializer_range=0.1))
    variables = modeling.create_variables(config)
    assert [v.op.name for v in variables.values()] == list(modeling.variable_shapes(config))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = session.run(variables)
    for name, value in values.items():
        if name.endswith("gamma"):
            assert np.all(value == 1.0)
        elif name.endswith(("beta", "bias")):
            assert np.all(value == 0.0)
        else:
            assert np.any(value) and np.max(np.abs(value)) <= 0.2  # cut at two standard deviations
    assert np.std(values["bert/embeddings/word_embeddings"]) == pytest.approx(0.088, abs=0.004)  # 0.88 of 0.1


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def encode_in_numpy(weights, config, ids, mask, segments):
    def dense(name, x):
        return x @ weights[name + "/kernel"] + weights[name + "/bias"]

    def norm(name, x):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * weights[name + "/LayerNorm/gamma"] + weights[name + "/LayerNorm/beta"]

    def gelu(x):
        return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))

    prefix, size = "bert/embeddings/", config.hidden_size // config.num_attention_heads
    x = weights[prefix + "word_embeddings"][ids] + weights[prefix + "token_type_embeddings"][segments]
    x = norm("bert/embeddings", x + weights[prefix + "position_embeddings"][: ids.shape[1]])
    layers = []
    for layer in range(config.num_hidden_layers):
        name = "bert/encoder/layer_%d/" % layer
        query, key, value = [dense(name + "attention/self/" + part, x) for part in ("query", "key", "value")]
        context = []
        for head in range(config.num_attention_heads):
            own = slice(head * size, (head + 1) * size)
            scores = query[..., own] @ key[..., own].transpose(0, 2, 1) / math.sqrt(size)
            context.append(softmax(scores - 10000.0 * (1.0 - mask[:, None, :])) @ value[..., own])
        x = norm(name + "attention/output", x + dense(name + "attention/output/dense", np.concatenate(context, -1)))
        x = norm(name + "output", x + dense(name + "output/dense", gelu(dense(name + "intermediate/dense", x))))
        layers.append(x)
    mean = (x * mask[..., None]).sum(1) / np.maximum(mask.sum(1, keepdims=True), 1)
    return layers, np.tanh(dense("bert/pooler/dense", x[:, 0])), mean


IDS = np.array([[1, 2, 3, 4, 5], [6, 7, 8, 0, 0], [9, 0, 0, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
SEGMENTS = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])


@pytest.mark.parametrize("reference_mode", [False, True])
def test_encoder_against_numpy(reference_mode):
    config = modeling.BertConfig(**TINY)
    weights = random_weights(config)
    layers, pooled, mean = encode_in_numpy({n: np.float64(w) for n, w in weights.items()}, config, IDS, MASK, SEGMENTS)
    encoded = encode(weights, config, IDS, MASK, SEGMENTS, reference_mode=reference_mode)
    found, found_mean = evaluate([encoded, modeling.masked_mean(encoded.layers[-1], encoded.mask)])
    if not reference_mode:
        layers = [layer * MASK[:, :, None] for layer in layers]  # nothing is computed at padding
    for actual, expected in zip(found.layers + [found.pooled, found_mean], layers + [pooled, mean]):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=2e-5)


def test_only_first_tokens_of_the_last_layer():
    config = modeling.BertConfig(**TINY)
    weights = {name: tf.constant(weight) for name, weight in random_weights(config).items()}
    arrays = [tf.constant(array, tf.int32) for array in (IDS, MASK, SEGMENTS)]
    whole, first = [modeling.encode(weights, config, *arrays, only_first=only) for only in (False, True)]
    names = [name for name in weights if not name.startswith(modeling.WORD_EMBEDDINGS)]
    gradients = [tf.gradients(tf.reduce_sum(f.pooled ** 3), [weights[name] for name in names]) for f in (whole, first)]
    gradients = [[tf.convert_to_tensor(gradient) for gradient in part] for part in gradients]
    pooled, last, gradients = evaluate(
        [[f.pooled for f in (whole, first)], [f.layers[-1] for f in (whole, first)], gradients]
    )
    np.testing.assert_allclose(pooled[1], pooled[0], atol=1e-5)
    np.testing.assert_allclose(last[1], last[0][:, :1], atol=1e-5)
    for name, expected, actual in zip(names, *gradients):
        np.testing.assert_allclose(actual, expected, atol=1e-4, err_msg=name)


def mean(found):
    """Mean of the last layer over the tokens of each row, from an evaluated EncoderOutput."""
    return evaluate(modeling.masked_mean(tf.constant(found.layers[-1]), tf.constant(found.mask)))


def test_padding_changes_nothing():
    """Other words under the mask, and columns that are padding in every row."""
    config = modeling.BertConfig(**TINY)
    weights = random_weights(config)
    other = np.where(MASK == 1, IDS, 13)
    wider = [np.pad(array, [(0, 0), (0, 2)], "constant") for array in (IDS, MASK, SEGMENTS)]
    whole, replaced, padded, single = evaluate(
        [
            encode(weights, config, IDS, MASK, SEGMENTS),
            encode(weights, config, other, MASK, SEGMENTS),
            encode(weights, config, *wider),
            encode(weights, config, IDS[1:2, :3], MASK[1:2, :3], SEGMENTS[1:2, :3]),
        ]
    )
    for vector_of in (lambda found: found.pooled, lambda found: mean(found)):
        expected = vector_of(whole)
        np.testing.assert_allclose(vector_of(replaced), expected, atol=1e-5)
        np.testing.assert_allclose(vector_of(padded), expected, atol=1e-5)
        np.testing.assert_allclose(vector_of(single), expected[1:2], atol=1e-5)


def test_mean_of_the_last_text_is_that_of_the_second_where_there_is_one():
    config = modeling.BertConfig(**TINY)
    ids, mask, segments = [[1, 2, 3, 0], [4, 5, 0, 0]], [[1, 1, 1, 0], [1, 1, 0, 0]], [[0, 1, 1, 0], [0, 0, 0, 0]]
    encoded = encode(random_weights(config), config, ids, mask, segments)
    found, means = evaluate([encoded, modeling.masked_mean(encoded.layers[-1], encoded.last_text)])
    assert found.last_text.tolist() == [[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]]
    last = found.layers[-1]
    np.testing.assert_allclose(means, [last[0, 1:3].mean(axis=0), last[1, :2].mean(axis=0)], atol=1e-6)


def test_row_without_tokens_has_a_finite_mean():
    config = modeling.BertConfig(**TINY)
    found = evaluate(encode(random_weights(config), config, [[0, 0]], [[0, 0]], [[0, 0]]))
    np.testing.assert_array_equal(mean(found), np.zeros([1, 8]))
    assert np.all(np.isfinite(found.pooled))


def test_encode_reads_the_weights_it_is_given():
    """Fast weights: another tensor under one name, and a word table of some rows only."""
    config = modeling.BertConfig(**TINY)
    weights = random_weights(config)
    rows, local = np.unique(IDS, return_inverse=True)
    table = dict(weights, **{modeling.WORD_EMBEDDINGS: weights[modeling.WORD_EMBEDDINGS][rows]})
    moved = dict(weights, **{"bert/pooler/dense/bias": weights["bert/pooler/dense/bias"] + 1.0})
    usual, of_rows, of_moved = evaluate(
        [
            encode(weights, config, IDS, MASK, SEGMENTS).pooled,
            encode(table, config, local.reshape(IDS.shape), MASK, SEGMENTS).pooled,
            encode(moved, config, IDS, MASK, SEGMENTS).pooled,
        ]
    )
    np.testing.assert_allclose(of_rows, usual, atol=1e-6)
    np.testing.assert_allclose(
        np.arctanh(np.float64(of_moved[:, 0])), np.arctanh(np.float64(usual[:, 0])) + 1, atol=1e-2
    )
    assert tf.global_variables() == []


def test_dropout_only_in_training():
    config = modeling.BertConfig(**dict(TINY, hidden_dropout_prob=0.5))
    weights = random_weights(config)
    masks = Dropout(0, tf.constant(0))
    encoded = [encode(weights, config, IDS, MASK, SEGMENTS, drop) for drop in (None, masks, masks)]
    evaluated, trained, again = map(mean, evaluate(encoded))
    _, _, expected = encode_in_numpy(weights, config, IDS, MASK, SEGMENTS)
    np.testing.assert_allclose(evaluated, expected, atol=1e-4)
    assert np.any(trained != evaluated) and np.any(trained != again)  # every pass draws its own masks


ATTENTION_CONFIG = modeling.BertConfig(vocab_size=20, hidden_size=8, num_attention_heads=2, num_hidden_layers=1)
ATTENTION = "bert/encoder/layer_0/attention/self"
ATTENTION_MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])


class FixedDropout:
    """Dropout whose factors are given, [batch, heads, query, key]."""

    def __init__(self, factors):
        self._factors = tf.constant(factors, tf.float32)

    def masks(self, shape, probability):
        del shape, probability
        return lambda: self._factors

    def __call__(self, x, probability):
        del probability
        return x * self._factors[:, :, 0]


@pytest.mark.parametrize("drops", [False, True])
def test_first_tokens_equal_those_of_all(drops):
    """The factors of a row do not sum to its length, so that the bias of the values counts."""
    random = np.random.RandomState(0)
    factors = random.choice([0.0, 2.0], (3, 2, 5, 5))
    with tf.Session() as session:
        weights = {
            name: tf.constant(random.standard_normal(shape), tf.float32)
            for name, shape in modeling.variable_shapes(ATTENTION_CONFIG).items()
            if name.startswith(ATTENTION)
        }
        rows = tf.constant(random.standard_normal((3, 5, 8)) * ATTENTION_MASK[:, :, None], tf.float32)
        tokens = packing.Packed(tf.constant(ATTENTION_MASK, tf.int32), ATTENTION_CONFIG.num_attention_heads)
        dropout = FixedDropout(factors) if drops else None
        mask = tf.constant(ATTENTION_MASK, tf.float32)
        attention = modeling.SelfAttention(weights, ATTENTION_CONFIG, tokens, mask, dropout, kernels.FIRST_ORDER)
        first = attention.first_tokens(ATTENTION, rows)
        every = tokens.unpack(attention.all_tokens(ATTENTION, tokens.pack(rows)))[:, 0]
        dy = tf.constant(random.standard_normal((3, 8)), tf.float32)
        sources = [rows] + list(weights.values())
        found = session.run([[y] + tf.gradients(y, sources, grad_ys=dy) for y in (first, every)])
    for name, short, whole in zip(["value", "rows"] + list(weights), *found):
        np.testing.assert_allclose(short, whole, rtol=1e-5, atol=1e-5, err_msg=name)
