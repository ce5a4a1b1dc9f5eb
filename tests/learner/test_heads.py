"""MLPs, label embeddings, scores and losses."""

import numpy as np
import pytest
from sklearn import metrics

import modeling
from learner import configs, heads
from learner.adaptation import LABEL_EMBEDDINGS, PROJECTION
from runtime.compat import tf
from runtime.dropout import LEVELS, Dropout

pytestmark = pytest.mark.usefixtures("graph")


def evaluate(tensors):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors)


def make_config(**changes):
    return configs.LearnerConfig(**dict(dict(label_emb_size=3, keep_prob=1.0), **changes))


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(), {"output_weights_0": [3, 16], "output_bias_0": [3], "label_weights_0": [3, 16], "label_bias_0": [3]}),
        (
            dict(use_euclidean_norm=False),  # one more number a class: its bias
            {"output_weights_0": [3, 16], "output_bias_0": [3], "label_weights_0": [4, 16], "label_bias_0": [4]},
        ),
        (dict(prototypical_baseline=True), {"output_weights_0": [3, 16], "output_bias_0": [3]}),
        (
            dict(prototypical_baseline=True, use_euclidean_norm=False, use_pooled_output=False),
            {
                "output_weights_0": [3, 16],
                "output_bias_0": [3],
                "bert_layer_weights": [5],
                "cls_output_projection": [16, 16],
            },
        ),
        (
            dict(prototypical_baseline=True, output_layers=3),
            {
                "output_weights_0": [8, 16],
                "output_bias_0": [8],
                "output_weights_1": [4, 8],
                "output_bias_1": [4],
                "output_weights_2": [3, 4],
                "output_bias_2": [3],
            },
        ),
    ],
)
def test_names_and_shapes(changes, expected):
    assert dict(heads.variable_shapes(16, 5, make_config(**changes))) == expected


@pytest.mark.parametrize("euclidean, size", [(True, 3), (False, 4)])
def test_deep_set_shapes(euclidean, size):
    shapes = heads.variable_shapes(16, 5, make_config(deep_set_layers=2, use_euclidean_norm=euclidean))
    assert shapes["label_set_weights_1"] == [size, size] and shapes["label_set_bias_1"] == [size]
    assert "label_set_weights_2" not in shapes


@pytest.mark.parametrize("head_init", ["normal", "identity"])
def test_initial_values(head_init):
    bert_config = modeling.BertConfig(vocab_size=9, hidden_size=16, num_hidden_layers=5, num_attention_heads=2)
    config = make_config(head_init=head_init, label_emb_size=16, use_pooled_output=False, deep_set_layers=1)
    values = evaluate(dict(heads.create_variables(bert_config, config)))
    for name, value in values.items():
        if "_bias_" in name or name == "bert_layer_weights":
            assert np.all(value == 0.0), name
        elif head_init == "identity":
            np.testing.assert_array_equal(value, np.eye(16))
        else:
            assert 0.01 < np.std(value) < 0.02 and np.max(np.abs(value)) <= 0.04, name


@pytest.mark.parametrize(
    "activation, function",
    [
        ("tanh", np.tanh),
        ("relu", lambda x: np.maximum(x, 0.0)),
        ("linear", lambda x: x),
        ("gelu", lambda x: 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))),
    ],
)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_mlps_activate_between_layers_only(activation, function, layers):
    config = make_config(output_layers=layers, activation_fn=activation, use_euclidean_norm=False)
    random = np.random.RandomState(0)
    weights = {n: random.standard_normal(s) for n, s in heads.variable_shapes(8, 1, config).items()}
    x = random.standard_normal([5, 8])
    for kind, mlp, size in (("output", heads.output_mlp, 3), ("label", heads.label_mlp, 4)):
        expected = x
        for layer in range(layers):
            expected = function(expected) if layer else expected
            expected = expected @ weights["%s_weights_%d" % (kind, layer)].T + weights["%s_bias_%d" % (kind, layer)]
        found = evaluate(
            mlp({n: tf.constant(w, tf.float32) for n, w in weights.items()}, tf.constant(x, tf.float32), config)
        )
        assert found.shape == (5, size)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_label_mlp_of_prototypes_is_the_output_mlp():
    config = make_config(prototypical_baseline=True)
    weights = {"output_weights_0": tf.constant([[1.0, 2.0]] * 3), "output_bias_0": tf.constant([0.0, 1.0, 2.0])}
    found = evaluate([mlp(weights, tf.constant([[3.0, 4.0]]), config) for mlp in (heads.output_mlp, heads.label_mlp)])
    np.testing.assert_allclose(found, [[[11.0, 12.0, 13.0]]] * 2)


def label_embeddings(vectors, labels, num_labels, config, weights=None):
    sums, counts = heads.class_sums(tf.constant(vectors, tf.float32), tf.constant(labels, tf.int32), num_labels)
    return evaluate(heads.label_embeddings(weights or {}, sums, counts, config))


def test_label_embeddings_are_class_means_and_zero_for_an_absent_class():
    vectors = [[1.0, 2.0], [3.0, 6.0], [5.0, 5.0]]
    found = label_embeddings(vectors, [3, 3, 0], tf.constant(4), make_config())
    np.testing.assert_allclose(found, [[5.0, 5.0], [0.0, 0.0], [0.0, 0.0], [2.0, 4.0]])


def test_label_embeddings_do_not_depend_on_the_order_of_rows():
    random = np.random.RandomState(0)
    vectors, labels = random.standard_normal([9, 4]), random.randint(0, 3, 9)
    order = random.permutation(9)
    once = label_embeddings(vectors, labels, 3, make_config())
    np.testing.assert_allclose(label_embeddings(vectors[order], labels[order], 3, make_config()), once, atol=1e-6)


def test_deep_set_layers_act_on_absent_classes_too():
    weights = {
        "label_set_weights_0": tf.constant([[0.0, 1.0], [2.0, 0.0]]),  # [in, out]
        "label_set_bias_0": tf.constant([-1.0, 1.0]),
        "label_set_weights_1": tf.constant([[1.0, 0.0], [0.0, 1.0]]),
        "label_set_bias_1": tf.constant([0.0, -9.0]),
    }
    one = label_embeddings([[3.0, 4.0]], [0], 2, make_config(deep_set_layers=1), weights)
    np.testing.assert_allclose(one, [[7.0, 4.0], [-1.0, 1.0]])
    two = label_embeddings([[3.0, 4.0]], [0], 2, make_config(deep_set_layers=2, activation_fn="relu"), weights)
    np.testing.assert_allclose(two, [[7.0, -5.0], [0.0, -8.0]])  # no activation after the last


def test_euclidean_logits():
    outputs, embeddings = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    found = evaluate(heads.logits(tf.constant(outputs), tf.constant(embeddings), make_config()))
    np.testing.assert_allclose(found, [[0.0, -14.0], [-5.0, -9.0]])


def test_euclidean_logits_of_many_classes_need_no_difference_of_each_pair():
    random = np.random.RandomState(0)
    outputs, embeddings = random.randn(4, 3).astype(np.float32), random.randn(heads.MANY_CLASSES, 3).astype(np.float32)
    config = make_config()
    assert heads.score_width(config, len(embeddings) - 1) == 3 and heads.score_width(config, len(embeddings)) == 1
    with tf.Graph().as_default() as graph, tf.Session() as session:
        found = session.run(heads.logits(tf.constant(outputs), tf.constant(embeddings), config))
        largest = max(np.prod(output.shape.as_list()) for op in graph.get_operations() for output in op.outputs)
    np.testing.assert_allclose(found, -((outputs[:, None] - embeddings) ** 2).sum(axis=-1), rtol=1e-4, atol=1e-5)
    assert largest == 4 * heads.MANY_CLASSES


def test_dot_product_logits_take_their_bias_from_the_last_column():
    outputs, embeddings = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0.0, 1.0, 0.5], [0.0, -1.0, 0.0, 10.0]])
    found = evaluate(heads.logits(tf.constant(outputs), tf.constant(embeddings), make_config(use_euclidean_norm=False)))
    np.testing.assert_allclose(found, [[4.5, 8.0]])


def test_cross_entropy_against_scikit_learn():
    random = np.random.RandomState(0)
    scores, labels = 3.0 * random.standard_normal([20, 5]), np.arange(20) % 5
    found = evaluate(heads.cross_entropy(tf.constant(scores, tf.float32), tf.constant(labels, tf.int32)))
    probabilities = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    assert found.shape == (20,)
    assert np.mean(found) == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-5)


def test_cross_entropy_of_huge_scores_is_finite_and_has_second_derivatives():
    scores = tf.constant([[1e4, -1e4, 0.0]])
    loss = heads.cross_entropy(scores, tf.constant([1]))
    mild = tf.constant([[0.0, 0.0]])
    (first,) = tf.gradients(heads.cross_entropy(mild, tf.constant([0])), mild)
    (second,) = tf.gradients(first[0, 0], mild)
    loss, first, second = evaluate([loss, first, second])
    np.testing.assert_allclose(loss, [2e4])
    np.testing.assert_allclose(first, [[-0.5, 0.5]])
    np.testing.assert_allclose(second, [[0.25, -0.25]])  # p (1 - p)


def test_accuracy_and_predictions():
    scores = tf.constant([[0.0, 1.0], [2.0, 1.0], [0.0, 5.0], [1.0, 1.0]])
    labels = tf.constant([1, 1, 1, 0])
    accuracy, predictions = evaluate([heads.accuracy(scores, labels), heads.predictions(scores)])
    assert accuracy == 0.75 and predictions.tolist() == [1, 0, 1, 0] and predictions.dtype == np.int32


ENCODED = modeling.EncoderOutput(
    [np.float32([[[1.0, 0.0], [3.0, 4.0], [9.0, 9.0]]]), np.float32([[[0.0, 1.0], [8.0, 6.0], [9.0, 9.0]]])],
    np.float32([[0.1, 0.2]]),
    np.float32([[1.0, 1.0, 0.0]]),
    np.float32([[0.0, 1.0, 0.0]]),
)


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(), [[0.1, 0.2]]),
        (dict(pooling="mean"), [[4.0, 3.5]]),
        (dict(pooling="last_text"), [[8.0, 6.0]]),
        (dict(pooling="mean", feature_norm=2.0), np.array([[4.0, 3.5]]) * 2.0 / np.sqrt(28.25)),
        (dict(pooling="last_text", feature_layers="1:0.25,2"), [[0.3, 0.4, 0.8, 0.6]]),  # each of its own length
        (dict(pooling="last_text", feature_layers="2:9,1:16"), [[2.4, 1.8, 2.4, 3.2]]),
        (dict(pooling="last_text", feature_layers="2:9,1:16", feature_norm=10.0), [[4.8, 3.6, 4.8, 6.4]]),
        (dict(pooling="cls", feature_layers="1,2:4"), [[1.0, 0.0, 0.0, 2.0]]),  # [CLS] of each, not the pooled output
        (dict(use_pooled_output=False), np.tanh([[0.75, 0.5]])),  # [0.75, 0.25] by [[1, 0], [0, 2]]
    ],
)
@pytest.mark.parametrize("shape", [[2], [1, 1, 2]])
def test_features(changes, expected, shape):
    encoded = modeling.EncoderOutput([tf.constant(layer) for layer in ENCODED.layers], *map(tf.constant, ENCODED[1:]))
    mixture = tf.reshape(tf.constant([0.75, 0.25]), shape)
    weights = {"cls_output_projection": tf.constant([[1.0, 0.0], [0.0, 2.0]])}
    found = evaluate(heads.features(weights, encoded, make_config(**changes), mixture))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_features_are_dropped_in_training_only():
    encoded = modeling.EncoderOutput([], tf.ones([1, 500]), tf.ones([1, 1]), tf.ones([1, 1]))
    config = make_config(keep_prob=0.8)
    masks = Dropout(0, tf.constant(0))
    trained, evaluated = evaluate([heads.features({}, encoded, config, None, drop) for drop in (masks, None)])
    np.testing.assert_array_equal(evaluated, np.ones([1, 500]))
    assert np.mean(trained == 0.0) == pytest.approx(0.2, abs=0.1)
    np.testing.assert_allclose(trained[trained != 0.0], 1.25, rtol=1.0 / LEVELS)  # the probability has 16 bits


ENCODER_NAMES = [
    "bert/embeddings/LayerNorm/gamma",
    "bert/encoder/layer_0/output/dense/kernel",
    "bert/pooler/dense/bias",
]


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(pooling="mean", min_layer_with_grad=1, adapt_layer_norm=False), True),
        (dict(pooling="cls", min_layer_with_grad=1, adapt_layer_norm=False), False),  # the pooler is adapted
        (dict(pooling="mean", min_layer_with_grad=1), False),  # LayerNorm is
        (dict(pooling="mean", adapt_layer_norm=False), False),  # the layer is
        (dict(use_pooled_output=False, min_layer_with_grad=1, adapt_layer_norm=False), False),  # the mixture is
    ],
)
def test_features_are_constant_where_nothing_below_them_is_adapted(changes, expected):
    assert heads.features_are_constant(ENCODER_NAMES + ["output_weights_0"], make_config(**changes)) == expected


NAMES_READ = ENCODER_NAMES + ["output_weights_0", "label_bias_0", "label_set_weights_0", LABEL_EMBEDDINGS, PROJECTION]


@pytest.mark.parametrize(
    "changes, in_query, in_labels",  # which of NAMES_READ
    [
        (dict(), "0123 6", "012 45"),
        (dict(pooling="mean"), "01 3 6", "01  45"),  # nobody reads the pooler
        (dict(feature_layers="1"), "01 3 6", "01  45"),  # nor here
        (dict(prototypical_baseline=True), "0123 6", "012345"),  # the label MLP is the output MLP
        (dict(use_pooled_output=False), "01 3 67", "01  45 7"),
    ],
)
def test_what_passes_read(changes, in_query, in_labels):
    config = make_config(**changes)
    names = NAMES_READ if not config.use_pooled_output else NAMES_READ[:-1]
    for rule, places in ((heads.in_query_pass, in_query), (heads.in_label_embeddings, in_labels)):
        assert [name for name in names if rule(name, config)] == [NAMES_READ[int(p)] for p in places.replace(" ", "")]
