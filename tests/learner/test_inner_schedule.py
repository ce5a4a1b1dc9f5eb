"""Order of inner steps and query passes (golden checklist, sections 6, 8 and 11)."""

import pytest

from learner import configs, inner_schedule


def make(evaluation=False, **changes):
    values = dict(num_batches=4, meta_batchsz=8, rate_sets=1)
    values.update(changes)
    return inner_schedule.lay_out(configs.LearnerConfig(**values), evaluation)


def weights_of_queries(made):
    """{position: weight of the query pass after it}; position 0 is the batch that makes the label embeddings."""
    found = {at: p.query_weight for at, p in enumerate(made.positions) if p.query_weight is not None}
    assert list(found.values()) == [position.query_weight for position in inner_schedule.queries(made)]
    return found


# What the checklist calls averaging: average_query_loss or warp_layers; n = 4 mini-batches unless said.
TABLE = [
    # changes, batches of the positions after 0, {position: query weight}, divisor
    (dict(rate_sets=0), [], {0: 1.0}, 1.0),
    (dict(rate_sets=0, num_batches=0, average_query_loss=True), [], {0: 1.0}, 1.0),
    (dict(num_batches=0), [], {0: 1.0}, 1.0),
    (dict(num_batches=0, weight_query_loss=True), [], {0: 1.0}, 1.0),
    (dict(num_batches=1), [], {0: 1.0}, 1.0),
    (dict(num_batches=1, weight_query_loss=True, inner_epochs=3), [], {0: 1.0}, 1.0),
    (dict(num_batches=0, rate_sets=3), [0, 0], {2: 1.0}, 1.0),
    (dict(num_batches=0, rate_sets=3, weight_query_loss=True), [0, 0], {2: 1.0}, 1.0),
    (dict(num_batches=0, rate_sets=3, inner_epochs=2), [0, 0, 0, 0], {4: 1.0}, 1.0),
    (dict(num_batches=0, rate_sets=3, average_query_loss=True), [0, 0], {0: 1.0, 1: 1.0, 2: 1.0}, 3.0),
    (dict(num_batches=0, rate_sets=3, warp_layers=True, average_query_every=2), [0, 0], {0: 1.0, 2: 1.0}, 2.0),
    # n = 0: T = inner_epochs * (0 - 1) + 1 = 0
    (
        dict(num_batches=0, rate_sets=3, warp_layers=True, weight_query_loss=True),
        [0, 0],
        {0: 1.0, 1: 2.0, 2: 4.0},
        7.0,
    ),
    (dict(num_batches=0, rate_sets=2, prototypical_baseline=True), [0], {0: 1.0}, 1.0),
    (dict(), [1, 2, 3], {3: 1.0}, 1.0),
    (dict(weight_query_loss=True), [1, 2, 3], {3: 0.5}, 1.0),
    (dict(prototypical_baseline=True), [1, 2, 3], {0: 1.0, 3: 1.0}, 1.0),
    (dict(prototypical_baseline=True, num_batches=1), [], {0: 1.0}, 1.0),
    (dict(average_query_loss=True), [1, 2, 3], {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}, 4.0),
    (dict(average_query_loss=True, average_query_every=3), [1, 2, 3], {0: 1.0, 3: 1.0}, 2.0),
    # the last batch of the last epoch always has a query pass, also where 3 mod 2 != 0
    (dict(warp_layers=True, average_query_every=2), [1, 2, 3], {0: 1.0, 2: 1.0, 3: 1.0}, 3.0),
    # T = 1 * 3 + 1 = 4
    (
        dict(warp_layers=True, weight_query_loss=True),
        [1, 2, 3],
        {0: 0.0625, 1: 0.125, 2: 0.25, 3: 0.5},
        0.9375,
    ),
    # two epochs: (4 e + b) mod 3 = 0 for (0, 3) and (1, 2); T = 7, exponents T - 3 e - b
    (
        dict(average_query_loss=True, average_query_every=3, inner_epochs=2, weight_query_loss=True),
        [1, 2, 3, 1, 2, 3],
        {0: 2.0**-7, 3: 2.0**-4, 5: 0.25, 6: 0.5},
        2.0**-7 + 2.0**-4 + 0.75,
    ),
    (dict(inner_epochs=2), [1, 2, 3, 1, 2, 3], {6: 1.0}, 1.0),
]


@pytest.mark.parametrize("changes, batches, weights, divisor", TABLE)
@pytest.mark.parametrize("sgd_first_batch", [False, True])
def test_meta_training(changes, batches, weights, divisor, sgd_first_batch):
    made = make(sgd_first_batch=sgd_first_batch, **changes)
    first, *others = made.positions
    assert [position.batch for position in others] == batches
    assert weights_of_queries(made) == weights
    assert made.divisor == pytest.approx(divisor)
    assert first.batch == 0
    assert first.rate_set == (0 if sgd_first_batch and changes.get("rate_sets") != 0 else None)
    assert inner_schedule.steps(made) == (others if first.rate_set is None else list(made.positions))


def test_published_hybrid_run():
    made = make(
        num_batches=8,
        meta_batchsz=80,
        warp_layers=True,
        update_only_label_embedding=True,
        average_query_every=3,
        weight_query_loss=True,
    )
    assert [position.batch for position in made.positions] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert weights_of_queries(made) == {0: 2.0**-8, 3: 2.0**-5, 6: 0.25, 7: 0.5}
    assert [position.rate_set for position in made.positions] == [None] + 7 * [0]


EVALUATION_TABLE = [
    # changes, number of steps, {step: query weight}, divisor
    (dict(num_batches=2), 5, {1: 1.0}, 1.0),
    (dict(num_batches=2, inner_epochs=5), 5, {5: 1.0}, 1.0),
    (dict(num_batches=2, inner_epochs=2), 5, {2: 1.0}, 1.0),
    # T = 1 * 1 + 1 = 2: later epochs weigh more than 1
    (
        dict(num_batches=2, warp_layers=True, weight_query_loss=True),
        5,
        {0: 0.25, 1: 0.5, 2: 1.0, 3: 2.0, 4: 4.0, 5: 8.0},
        15.75,
    ),
    # (2 e + 1) mod 3 = 0 for e = 1, 4; and the end of epoch inner_epochs - 1 = 0
    (dict(num_batches=2, average_query_loss=True, average_query_every=3), 5, {0: 1.0, 1: 1.0, 2: 1.0, 5: 1.0}, 4.0),
    (dict(num_batches=0, rate_sets=2), 5, {5: 1.0}, 1.0),
    (dict(num_batches=1), 0, {0: 1.0}, 1.0),
    (dict(num_batches=4, rate_sets=0), 0, {0: 1.0}, 1.0),
    (dict(num_batches=4), 15, {3: 1.0}, 1.0),
]


@pytest.mark.parametrize("changes, steps, weights, divisor", EVALUATION_TABLE)
def test_evaluation_runs_five_epochs(changes, steps, weights, divisor):
    made = make(evaluation=True, **changes)
    assert len(inner_schedule.steps(made)) == steps
    assert weights_of_queries(made) == weights
    assert made.divisor == pytest.approx(divisor)


@pytest.mark.parametrize(
    "changes, expected",
    [
        (dict(rate_sets=4), [1, 2, 3]),
        (dict(rate_sets=4, inner_epochs=2), [1, 2, 3, 1, 2, 3]),
        (dict(rate_sets=1), [0, 0, 0]),
        (dict(rate_sets=3), [0, 0, 0]),
        (dict(rate_sets=5), [0, 0, 0]),
        (dict(num_batches=0, rate_sets=4), [0, 0, 0]),
        (dict(num_batches=1, rate_sets=1), []),
        (dict(num_batches=2, rate_sets=2), [1]),
    ],
)
def test_rate_sets(changes, expected):
    made = make(**changes)
    assert [position.rate_set for position in made.positions] == [None] + expected
    assert inner_schedule.rate_sets_used(made) == sorted(set(expected))
    assert inner_schedule.rate_sets_used(make(sgd_first_batch=True, **changes)) == sorted(set(expected) | {0})


def test_no_rate_sets_used_without_adaptation():
    assert inner_schedule.rate_sets_used(make(rate_sets=0, sgd_first_batch=True)) == []


STEPS = dict(num_batches=4, rate_sets=4, sgd_first_batch=True)  # steps with sets 0, 1, 2, 3


@pytest.mark.parametrize(
    "changes, restarts, in_query, in_labels, expected",
    [
        # only the last query pass: an encoder weight adds up every step, a head keeps the last
        (STEPS, False, True, False, {0, 1, 2, 3}),
        (STEPS, True, True, False, {3}),
        # label MLP: the query after step 3 reads embeddings made just before it, after step 2
        (STEPS, True, False, True, {2}),
        (STEPS, True, True, True, {2, 3}),
        (STEPS, True, False, False, set()),
        # query passes after sets 0 and 3
        (dict(STEPS, average_query_loss=True, average_query_every=3), True, True, False, {0, 3}),
        (dict(STEPS, average_query_loss=True, average_query_every=3), True, False, True, {2}),
        (dict(STEPS, average_query_loss=True), True, False, True, {0, 1, 2}),
        # without a step on batch 0 its set is not used; every=9 leaves the query passes before and after all steps
        (dict(STEPS, sgd_first_batch=False), False, True, False, {1, 2, 3}),
        (dict(STEPS, sgd_first_batch=False, average_query_loss=True, average_query_every=9), True, True, False, {3}),
        (dict(STEPS, rate_sets=1), True, True, True, {0}),
        (dict(STEPS, rate_sets=0), False, True, True, set()),
    ],
)
def test_rate_sets_reaching_loss(changes, restarts, in_query, in_labels, expected):
    assert inner_schedule.rate_sets_reaching_loss(make(**changes), restarts, in_query, in_labels) == expected
