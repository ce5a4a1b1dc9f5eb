"""The inner loop as a loop of the graph: the same numbers and gradients as the one that is laid out pass by pass."""
import numpy as np
import pytest
from few_shot_task import Model, make_config, same

import meta_learner
from learner import adaptation, first_order
from runtime.compat import tf

pytestmark = pytest.mark.usefixtures("graph")

ONLY_LABELS = dict(update_only_label_embedding=True)
COMBINATIONS = {
    "published_defaults": dict(),
    "hybrid": dict(
        ONLY_LABELS,
        warp_layers=True,
        use_euclidean_norm=False,
        output_layers=2,
        average_query_every=2,
        weight_query_loss=True,
        clip_lr=True,
    ),
    "first_batch_steps_too": dict(ONLY_LABELS, sgd_first_batch=True, average_query_loss=True, use_euclidean_norm=False),
    "full_label_update_first_batch": dict(
        sgd_first_batch=True,
        output_layers=2,
        activation_fn="linear",
        deep_set_layers=2,
        num_batches=2,
        meta_batchsz=4,
        average_query_loss=True,
    ),
    "rates_by_mini_batch": dict(ONLY_LABELS, rate_sets=3, use_exp_lr=True, warp_layers=True),
    "rates_by_mini_batch_last_query": dict(rate_sets=2, num_batches=2, meta_batchsz=4, sgd_first_batch=True),
    "rates_by_mini_batch_two_epochs": dict(rate_sets=2, num_batches=2, meta_batchsz=4, inner_epochs=2),
    "whole_support": dict(ONLY_LABELS, num_batches=0, rate_sets=3, is_meta_sgd=False),
    "whole_support_averaged": dict(
        num_batches=0, rate_sets=2, sgd_first_batch=True, average_query_loss=True, weight_query_loss=True
    ),
    "one_mini_batch": dict(ONLY_LABELS, num_batches=1, sgd_first_batch=True),
    "no_adaptation": dict(rate_sets=0, sgd_first_batch=True),
    "random_steps": dict(ONLY_LABELS, randomize_inner_steps=True, min_inner_steps=1, average_query_loss=True),
    "random_steps_full_label_update": dict(randomize_inner_steps=True, min_inner_steps=1, sgd_first_batch=True),
    "all_layers_upper_layer_with_norms": dict(
        ONLY_LABELS,
        use_pooled_output=False,
        rate_sets=2,
        min_layer_with_grad=1,
        train_word_embeddings=False,
        layers=2,
    ),
    "two_layers_side_by_side": dict(ONLY_LABELS, pooling="last_text", feature_layers="1:0.5,2:2", layers=2),
    "mean_pooling_prototypes": dict(pooling="mean", prototypical_baseline=True, head_init="identity"),
    "prototypes_with_steps": dict(ONLY_LABELS, prototypical_baseline=True, deep_set_layers=1, activation_fn="relu"),
    "upper_layer_only": dict(min_layer_with_grad=1, adapt_layer_norm=False, train_word_embeddings=False, layers=2),
    "two_epochs": dict(
        ONLY_LABELS,
        num_batches=2,
        meta_batchsz=4,
        inner_epochs=2,
        average_query_loss=True,
        average_query_every=2,
        weight_query_loss=True,
    ),
}


@pytest.mark.parametrize("name", sorted(COMBINATIONS))
def test_looped_equals_unrolled(name):
    changes = dict(COMBINATIONS[name])
    model = Model(make_config(**{k: v for k, v in changes.items() if k != "layers"}), changes.get("layers", 1))
    fetches, results = {}, {}
    for kind, form in (("looped", first_order.run), ("unrolled", meta_learner.unrolled)):
        episode = meta_learner.make_episode(
            model.variables, model.task, model.bert_config, model.config, last_step=tf.constant(1)
        )
        results[kind] = result = form(episode, with_gradient=True, trace=False)
        fetches[kind] = {
            "gradients": model.outer_gradients(result),
            "numbers": {key: getattr(result, key) for key in ("loss", "support_losses", "query_losses", "inner_norms")},
            "exact": [result.accuracy, result.predictions],
        }
    plain = results["unrolled"].gradients
    assert set(results["looped"].gradients) == set(plain)  # the rules over names find what autodiff finds
    fetches["plain"] = {name: tf.convert_to_tensor(gradient) for name, gradient in plain.items()}
    found = model.run(fetches)
    looped, unrolled = found["looped"], found["unrolled"]
    for kind in ("numbers", "gradients"):
        assert set(looped[kind]) == set(unrolled[kind])
        for key in looped[kind]:
            same(looped[kind][key], unrolled[kind][key], key)
    np.testing.assert_array_equal(looped["exact"][0], unrolled["exact"][0])
    np.testing.assert_array_equal(looped["exact"][1], unrolled["exact"][1])
    check_names(model, found["plain"], unrolled["gradients"])


def check_names(model, plain, kept):
    """The names with an outer gradient are those that autodiff finds a path to, trained ones only.

    Autodiff sees the rates of a weight as one vector: of a set that no loss depends on it says exactly 0, not None.
    """
    trained = {name for name, variable in model.variables.items() if variable.trainable}
    weights = {name for name in trained if not adaptation.is_rate(name)}
    assert set(kept) & weights == set(plain) & weights
    assert not [name for name in trained & set(plain) - set(kept) if np.any(plain[name] != 0.0)]
    rates = {name for name in trained & set(plain) if adaptation.is_rate(name) and plain[name] != 0.0}
    if model.config.randomize_inner_steps:  # a masked step reaches the loss with a gradient of 0
        assert rates <= set(kept) - weights
    else:
        assert rates == set(kept) - weights
