"""Settings of the learner: names, defaults and errors."""

import dataclasses

import pytest

from learner import configs
from learner.configs import LearnerConfig, from_flags
from runtime import kernels
from runtime.errors import UserError

# Defaults of the published flags.
DEFAULTS = dict(
    output_layers=1,
    label_emb_size=256,
    use_euclidean_norm=True,
    activation_fn="tanh",
    deep_set_layers=0,
    prototypical_baseline=False,
    use_pooled_output=True,
    pooling="cls",
    keep_prob=0.9,
    warp_layers=False,
    min_layer_with_grad=0,
    train_word_embeddings=False,
    adapt_layer_norm=True,
    update_only_label_embedding=False,
    train_lr=5e-5,
    SGD_K=2,
    is_meta_sgd=True,
    use_exp_lr=False,
    clip_lr=False,
    meta_batchsz=8,
    num_batches=0,
    inner_epochs=1,
    stop_grad=True,
    fix_bert=False,
    sgd_first_batch=False,
    randomize_inner_steps=False,
    min_inner_steps=3,
    average_query_loss=False,
    average_query_every=1,
    weight_query_loss=False,
    decay_finetune_lr=True,
)


@pytest.mark.parametrize("flag", sorted(DEFAULTS))
def test_default(flag):
    assert getattr(LearnerConfig(), "rate_sets" if flag == "SGD_K" else flag) == DEFAULTS[flag]


def test_from_flags_takes_every_field_by_its_flag():
    changed = {}
    for flag, value in DEFAULTS.items():
        if isinstance(value, bool):
            changed[flag] = not value
        elif isinstance(value, int):
            changed[flag] = value + 4
        elif isinstance(value, float):
            changed[flag] = value / 2.0
    changed.update(activation_fn="relu", pooling="cls", num_batches=12)
    config = from_flags(LearnerConfig, dict(changed, data_dir="elsewhere", learning_rate=1.0))
    assert config.rate_sets == 6
    assert {f: getattr(config, f) for f in changed if f != "SGD_K"} == {
        f: v for f, v in changed.items() if f != "SGD_K"
    }
    assert from_flags(LearnerConfig, {}) == LearnerConfig()
    assert from_flags(LearnerConfig, {"rate_sets": 9}) == LearnerConfig()  # the flag is called SGD_K


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LearnerConfig().train_lr = 1.0


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(pooling="max"), "--pooling=max: use one of cls, mean, last_text"),
        (dict(activation_fn="swish"), "--activation_fn=swish: use one of tanh, relu, gelu, linear"),
        (dict(activation_fn="gelu_erf"), "--activation_fn=gelu_erf"),
        (dict(head_init="zeros"), "--head_init=zeros"),
        (dict(output_layers=0), "--output_layers=0"),
        (dict(label_emb_size=0), "--label_emb_size=0"),
        (dict(keep_prob=0.0), "--keep_prob=0"),
        (dict(keep_prob=1.1), "--keep_prob=1.1"),
        (dict(feature_norm=-4.0), "--feature_norm=-4: at least 0"),  # nothing was scaled, and nobody was told
        (dict(feature_norm=float("nan")), "--feature_norm=nan"),
        (dict(rate_sets=-1), "--SGD_K=-1"),
        (dict(train_lr=0.0), "--train_lr=0"),
        (dict(average_query_every=0), "--average_query_every=0"),
        (dict(num_batches=-1), "--num_batches=-1"),
        (dict(meta_batchsz=0), "--meta_batchsz=0"),
        (dict(inner_epochs=0), "--inner_epochs=0"),
        (dict(num_batches=3, meta_batchsz=8), "--meta_batchsz=8 is not a multiple of --num_batches=3"),
        (dict(pooling="mean", use_pooled_output=False), "exclude each other"),
        # nothing to draw from: an error deep in the graph otherwise
        (dict(randomize_inner_steps=True, num_batches=4, min_inner_steps=4), "--min_inner_steps=4"),
    ],
)
def test_errors_name_the_flag(changes, message):
    with pytest.raises(UserError) as error:
        LearnerConfig(**changes).check_inner_loop()
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("changes", [dict(rate_sets=0), dict(keep_prob=1.0), dict(num_batches=8), dict(num_batches=1)])
def test_edges_that_are_allowed(changes):
    LearnerConfig(**changes).check_inner_loop()


def test_activations_exist():
    assert set(configs.ACTIVATION_NAMES) <= set(kernels.ACTIVATIONS)


@pytest.mark.parametrize(
    "spec, expected",
    [("", []), ("6", [(6, 1.0)]), ("4:0.7,6:0.6", [(4, 0.7), (6, 0.6)]), ("2,1:3", [(2, 1.0), (1, 3.0)])],
)
def test_layers_side_by_side(spec, expected):
    assert configs.read_feature_layers(spec) == expected
    for kind in (LearnerConfig, configs.SoftmaxConfig):
        assert configs.feature_width(8, kind(feature_layers=spec)) == 8 * max(1, len(expected))


@pytest.mark.parametrize("spec", ["a", "0", "-1", "4:", "4:x", "4:0", "4:-1", "4:nan", "4:inf", "4,", "4,4:2", "4:1:2"])
def test_layers_side_by_side_that_are_none(spec):
    for kind in (LearnerConfig, configs.SoftmaxConfig):
        with pytest.raises(UserError, match="--feature_layers=%s: different layers from 1" % spec):
            kind(feature_layers=spec)


def test_layers_side_by_side_and_the_mixture_exclude_each_other():
    with pytest.raises(UserError, match="--feature_layers=1 and --use_pooled_output=false exclude each other"):
        LearnerConfig(feature_layers="1", use_pooled_output=False)
