"""Which weights adapt and with which rate: tables over names (golden checklist, section 5)."""

import math

import numpy as np
import pytest

from learner import adaptation, configs
from learner.adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE, PROJECTION
from runtime.compat import tf

LAYER_0, LAYER_11 = "bert/encoder/layer_0/", "bert/encoder/layer_11/"
ATTENTION = ["attention/self/query/kernel", "attention/output/dense/bias", "attention/output/LayerNorm/gamma"]
FEED_FORWARD = ["intermediate/dense/kernel", "output/dense/bias", "output/LayerNorm/beta"]
EMBEDDINGS = [
    "bert/embeddings/word_embeddings",
    "bert/embeddings/position_embeddings",
    "bert/embeddings/LayerNorm/gamma",
]
POOLER = "bert/pooler/dense/kernel"
pytestmark = pytest.mark.usefixtures("graph")


@pytest.mark.parametrize("name", [LAYER_0 + part for part in FEED_FORWARD] + [LAYER_11 + FEED_FORWARD[0]])
def test_feed_forward_is_warp(name):
    assert adaptation.is_warp(name)


@pytest.mark.parametrize(
    "name", [LAYER_0 + part for part in ATTENTION] + EMBEDDINGS + [POOLER, "output_weights_0", LABEL_EMBEDDINGS, ""]
)
def test_all_else_is_not_warp(name):
    assert not adaptation.is_warp(name)


WARP = dict(warp_layers=True)
NORM, MATRIX, WARPED_NORM = LAYER_0 + ATTENTION[2], LAYER_0 + ATTENTION[0], LAYER_0 + FEED_FORWARD[2]
ENCODER_TABLE = [
    # changes, names adapted, names not
    ({}, [MATRIX, NORM, WARPED_NORM, LAYER_0 + FEED_FORWARD[0], POOLER, EMBEDDINGS[2]], EMBEDDINGS[:2]),
    (dict(adapt_layer_norm=False), [MATRIX, NORM, WARPED_NORM, POOLER], EMBEDDINGS),
    (dict(train_word_embeddings=True), EMBEDDINGS + [MATRIX, POOLER], []),
    (dict(train_word_embeddings=True, adapt_layer_norm=False), EMBEDDINGS, []),
    # LayerNorms adapt below min_layer_with_grad too, unless adapt_layer_norm is off
    (
        dict(min_layer_with_grad=1),
        [NORM, WARPED_NORM, EMBEDDINGS[2], LAYER_11 + ATTENTION[0], POOLER],
        [MATRIX, LAYER_0 + FEED_FORWARD[0]],
    ),
    (
        dict(min_layer_with_grad=1, adapt_layer_norm=False),
        [LAYER_11 + ATTENTION[2], LAYER_11 + FEED_FORWARD[2], POOLER],
        [NORM, WARPED_NORM, MATRIX] + EMBEDDINGS,
    ),
    (dict(min_layer_with_grad=11, adapt_layer_norm=False), [LAYER_11 + ATTENTION[0]], ["bert/encoder/layer_10/x"]),
    (dict(min_layer_with_grad=12, adapt_layer_norm=False), [POOLER], [LAYER_11 + ATTENTION[0]]),
    # warp layers: adapt_layer_norm is ignored, min_layer_with_grad is not
    (WARP, [LAYER_0 + part for part in ATTENTION] + [POOLER], [LAYER_0 + part for part in FEED_FORWARD] + EMBEDDINGS),
    (dict(WARP, adapt_layer_norm=False), [LAYER_0 + part for part in ATTENTION], [WARPED_NORM]),
    (dict(WARP, train_word_embeddings=True), EMBEDDINGS, [WARPED_NORM]),
    (dict(WARP, min_layer_with_grad=1), [LAYER_11 + ATTENTION[2], POOLER], [NORM, MATRIX, LAYER_11 + FEED_FORWARD[2]]),
]


@pytest.mark.parametrize("changes, adapted, kept", ENCODER_TABLE)
def test_adapted_encoder_weights(changes, adapted, kept):
    config = configs.LearnerConfig(**changes)
    assert [name for name in adapted if not adaptation.is_adapted(name, config)] == []
    assert [name for name in kept if adaptation.is_adapted(name, config)] == []


OUTPUT = ["output_weights_0", "output_bias_1", PROJECTION, LAYER_MIXTURE]
LABEL = ["label_weights_0", "label_bias_1", "label_set_weights_0", "label_set_bias_0"]


@pytest.mark.parametrize("warp_layers", [False, True])
def test_adapted_heads(warp_layers):
    for only, adapted, kept in [
        (True, OUTPUT + [LABEL_EMBEDDINGS], LABEL),
        (False, OUTPUT + LABEL, [LABEL_EMBEDDINGS]),
    ]:
        config = configs.LearnerConfig(update_only_label_embedding=only, warp_layers=warp_layers)
        assert all(adaptation.is_adapted(name, config) for name in adapted)
        assert not any(adaptation.is_adapted(name, config) for name in kept)


RATE_NAMES = [
    (MATRIX, "layer_0/sgd2/learning_rate"),
    (LAYER_11 + FEED_FORWARD[1], "layer_11/sgd2/learning_rate"),
    (NORM, "layer_0/sgd2/learning_rate"),
    (EMBEDDINGS[0], "sgd2/word_embedding_lr"),
    (EMBEDDINGS[2], "sgd2/word_embedding_lr"),
    (POOLER, "sgd2/pooler_lr"),
    ("output_weights_0", "sgd2/output/layer0/learning_rate"),
    ("output_bias_1", "sgd2/output/layer1/learning_rate"),
    ("label_weights_1", "sgd2/label/layer1/learning_rate"),
    ("label_bias_10", "sgd2/label/layer10/learning_rate"),
    ("label_set_weights_1", "sgd2/label/set/layer1/learning_rate"),
    ("label_set_bias_0", "sgd2/label/set/layer0/learning_rate"),
    (LABEL_EMBEDDINGS, "sgd2/label_embs/learning_rate"),
    (LAYER_MIXTURE, "sgd2/bert_layer_weights"),
    (PROJECTION, "sgd2/bert_proj_weight"),
]


@pytest.mark.parametrize("name, expected", RATE_NAMES)
def test_rate_name(name, expected):
    assert adaptation.rate_name(name, 2) == expected
    assert adaptation.is_rate(expected)
    assert not adaptation.is_rate(name)
    assert adaptation.has_rate(name) and not adaptation.has_rate(expected)


@pytest.mark.parametrize("name", ["global_step", "training_step", "new_variable/label_embedding", "x/sgd0/y", "sgd0"])
def test_is_no_rate(name):
    assert not adaptation.is_rate(name)


def test_heads_restart_and_the_rest_accumulates():
    assert all(adaptation.restarts(name) for name in OUTPUT + LABEL)
    assert not any(adaptation.restarts(name) for name in [MATRIX, NORM, POOLER, LABEL_EMBEDDINGS] + EMBEDDINGS)


TWO_RATES = ["layer_0/sgd0/learning_rate", "sgd1/pooler_lr"]


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(clip_lr=False), {}),
        (dict(clip_lr=False, use_exp_lr=True), {}),
        (dict(clip_lr=True), {rate: (1e-8, 1.0) for rate in TWO_RATES}),
        # the rate is clipped, not its logarithm
        (dict(clip_lr=True, use_exp_lr=True), {rate: (math.log(1e-8), 0.0) for rate in TWO_RATES}),
    ],
)
def test_rate_bounds(changes, expected):
    names = [MATRIX, LAYER_MIXTURE] + TWO_RATES
    assert adaptation.rate_bounds(names, configs.LearnerConfig(**changes)) == expected


def test_fix_bert_fixes_names_that_start_with_bert():
    names = [POOLER, LAYER_MIXTURE, "layer_0/sgd0/learning_rate", PROJECTION, "sgd0/bert_layer_weights"]
    names += ["output_weights_0", "task_heads/bert/output_weights"]
    for kind in (configs.LearnerConfig, configs.SoftmaxConfig):
        assert not any(adaptation.is_fixed(name, kind(fix_bert=False)) for name in names)
        assert [name for name in names if adaptation.is_fixed(name, kind(fix_bert=True))] == names[:2]


NAMES = [MATRIX, NORM, EMBEDDINGS[0], POOLER, "output_weights_0", "output_bias_0", "label_weights_0", LABEL_EMBEDDINGS]
GROUPS = ["layer_0/sgd%d/learning_rate", "sgd%d/word_embedding_lr", "sgd%d/pooler_lr"]
GROUPS += ["sgd%d/output/layer0/learning_rate", "sgd%d/label/layer0/learning_rate"]
LABEL_EMBEDDING_RATE = "sgd%d/label_embs/learning_rate"


@pytest.mark.parametrize("only_labels", [False, True])
@pytest.mark.parametrize("sets", [0, 1, 3])
def test_one_rate_a_group_and_set(sets, only_labels):
    config = configs.LearnerConfig(rate_sets=sets, update_only_label_embedding=only_labels)
    rates = adaptation.create_rates(NAMES, config)
    groups = GROUPS + [LABEL_EMBEDDING_RATE] * only_labels
    assert set(rates) == {group % number for group in groups for number in range(sets)}
    assert all(variable.op.name == name and variable.shape.as_list() == [] for name, variable in rates.items())


@pytest.mark.parametrize(
    "changes, rate, output_rate, trained, output_trained",
    [
        (dict(), 0.01, 0.01, True, True),
        (dict(is_meta_sgd=False), 0.01, 0.01, False, False),
        (dict(warp_layers=True), 0.01, 0.0, True, False),
        (dict(warp_layers=True, is_meta_sgd=False), 0.01, 0.0, False, False),
        (dict(use_exp_lr=True), math.log(0.01), math.log(0.01), True, True),
        (dict(use_exp_lr=True, warp_layers=True), math.log(0.01), 0.0, True, False),
    ],
)
def test_created_rates(changes, rate, output_rate, trained, output_trained):
    config = configs.LearnerConfig(train_lr=0.01, rate_sets=1, **changes)
    rates = adaptation.create_rates(NAMES, config)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        values = session.run(rates)
    for name, value in values.items():
        is_output = name == "sgd0/output/layer0/learning_rate"
        np.testing.assert_allclose(value, output_rate if is_output else rate, rtol=1e-6, err_msg=name)
        assert rates[name].trainable == (output_trained if is_output else trained), name
        assert (rates[name] in tf.trainable_variables()) == rates[name].trainable


def test_rate_stack_picks_sets_and_has_gradients():
    config = configs.LearnerConfig(rate_sets=3, use_exp_lr=True)
    rates = {adaptation.rate_name(MATRIX, k): tf.constant(math.log(0.1 * (k + 1))) for k in range(3)}
    stack = adaptation.rate_stack(MATRIX, rates, config, [0, 2])
    gradients = tf.gradients(stack[1], [rates[adaptation.rate_name(MATRIX, k)] for k in (0, 2)])
    with tf.Session() as session:
        stack, (other, own) = session.run([stack, gradients])
    np.testing.assert_allclose(stack, [0.1, 0.3], rtol=1e-6)
    assert other == 0.0 and own == pytest.approx(0.3)


@pytest.mark.parametrize("use_exp_lr", [False, True])
def test_rate_of_the_output_mlp_is_0_with_warp_layers(use_exp_lr):
    config = configs.LearnerConfig(rate_sets=2, warp_layers=True, use_exp_lr=use_exp_lr, train_lr=0.5)
    rates = adaptation.create_rates(NAMES, config)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for name, expected in [
            ("output_weights_0", 0.0),
            ("output_bias_0", 0.0),
            (MATRIX, 0.5),
            ("label_weights_0", 0.5),
        ]:
            stack = session.run(adaptation.rate_stack(name, rates, config, [0, 1]))
            np.testing.assert_allclose(stack, [expected] * 2, rtol=1e-6)
