"""Outer optimiser: AdamW without bias correction, schedule, clipping, exclusions (golden checklist, section 9)."""
import dataclasses

import numpy as np
import pytest

import optimization
from learner import adaptation, configs
from optimization import OuterConfig
from runtime.compat import tf

pytestmark = pytest.mark.usefixtures("graph")


def test_adam_solves_a_problem_of_three_variables():
    """The test of google-research/bert."""
    w = tf.get_variable("w", shape=[3], initializer=tf.constant_initializer([0.1, -0.2, -0.1]))
    target = tf.constant([0.4, 0.2, -0.5])
    loss = tf.reduce_mean(tf.square(target - w))
    (gradient,) = tf.gradients(loss, [w])
    step = tf.train.get_or_create_global_step()
    config = OuterConfig(learning_rate=0.2, num_train_steps=100)
    train_op = optimization.outer_step({"w": gradient}, {"w": w}, config, step).train_op
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(100):
            session.run(train_op)
        np.testing.assert_allclose(session.run(w), [0.4, 0.2, -0.5], rtol=1e-2, atol=1e-2)
        assert session.run(step) == 100


NAMES = {
    "bert/encoder/layer_0/output/dense/kernel": True,
    "output_weights_0": True,
    "layer_0/sgd0/learning_rate": True,
    "sgd0/output/layer0/learning_rate": True,
    "bert/encoder/layer_0/output/LayerNorm/gamma": False,
    "x/layer_norm/scale": False,
    "bert/pooler/dense/bias": False,
    "label_bias_0": False,
    "task_heads/political_bias/output_weights": True,  # of a task with such a name
    "task_heads/political_bias/output_bias": False,
}


def test_adam_by_hand():
    """m, v without bias correction; decay of 0.01 but for LayerNorm and bias; warm-up's first step moves nothing."""
    random = np.random.RandomState(0)
    initial = {name: random.standard_normal(4).astype(np.float32) for name in NAMES}
    variables = {n: tf.get_variable(n, initializer=tf.constant(v), use_resource=True) for n, v in initial.items()}
    feed = {name: tf.placeholder(tf.float32, [4]) for name in NAMES}
    step = tf.train.get_or_create_global_step()
    config = OuterConfig(learning_rate=0.1, num_train_steps=10, num_warmup_steps=2, replica_clipping=True)
    train_op = optimization.outer_step(feed, variables, config, step).train_op  # not clipped here
    slots = {v.op.name: v for v in tf.global_variables()}
    m, v = ({name: np.zeros(4) for name in NAMES} for _ in range(2))
    expected = dict(initial)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for rate in (0.0, 0.05, 0.08, 0.07):
            gradients = {name: random.standard_normal(4) for name in NAMES}
            session.run(train_op, {feed[name]: gradients[name] for name in NAMES})
            found = session.run(variables)
            for name, decayed in NAMES.items():
                m[name] = 0.9 * m[name] + 0.1 * gradients[name]
                v[name] = 0.999 * v[name] + 0.001 * gradients[name] ** 2
                update = m[name] / (np.sqrt(v[name]) + 1e-6) + 0.01 * decayed * expected[name]
                expected[name] = expected[name] - rate * update
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6, err_msg=name)
        for name in NAMES:
            np.testing.assert_allclose(session.run(slots[name + "/AdamWeightDecayOptimizer"]), m[name], rtol=1e-5)
            np.testing.assert_allclose(session.run(slots[name + "/AdamWeightDecayOptimizer_1"]), v[name], rtol=1e-5)


def test_variables_without_gradient_are_left_alone():
    variables = {name: tf.get_variable(name, initializer=tf.constant([2.0])) for name in ("a", "b")}
    step = tf.train.get_or_create_global_step()
    train_op = optimization.outer_step({"a": tf.zeros([1])}, variables, OuterConfig(0.5, 10), step).train_op
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        found = session.run(variables)
    assert found["b"] == 2.0
    np.testing.assert_allclose(found["a"], 2.0 - 0.5 * 0.01 * 2.0)  # weight decay alone


@pytest.mark.parametrize(
    "steps, warmup, expected",
    [
        (1, 0, {0: 1.0, 1: 0.0, 2: 0.0}),
        (10, 0, {0: 1.0, 5: 0.5, 10: 0.0, 11: 0.0}),
        (10, 1, {0: 0.0, 1: 0.9}),
        (10, 4, {0: 0.0, 1: 0.25, 3: 0.75, 4: 0.6, 9: 0.1, 10: 0.0}),  # the decay counts from step 0
        (10, 10, {0: 0.0, 9: 0.9, 10: 0.0}),
    ],
)
def test_learning_rate(steps, warmup, expected):
    step = tf.placeholder(tf.int64, [])
    config = OuterConfig(learning_rate=2e-5, num_train_steps=steps, num_warmup_steps=warmup)
    rate = optimization.learning_rate(config, step)
    with tf.Session() as session:
        found = {at: session.run(rate, {step: at}) for at in expected}
    assert rate.dtype == tf.float32
    assert found == pytest.approx({at: 2e-5 * factor for at, factor in expected.items()}, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize(
    "gradients, norm, scale",
    [
        ({"a": [0.0, 0.0]}, 0.0, 1.0),
        ({"a": [0.6], "b": [[0.0, 0.8]]}, 1.0, 1.0),
        ({"a": [0.3, 0.4]}, 0.5, 1.0),
        ({"a": [3.0, 0.0], "b": [[4.0], [12.0]]}, 13.0, 1.0 / 13.0),
    ],
)
def test_clip(gradients, norm, scale):
    variables = {name: tf.get_variable(name, initializer=tf.zeros_like(g)) for name, g in gradients.items()}
    fed = {name: tf.constant(gradient) for name, gradient in gradients.items()}
    step = optimization.outer_step(fed, variables, OuterConfig(), tf.train.get_or_create_global_step())
    with tf.Session() as session:
        found, raw, found_norm = session.run([step.clipped, step.gradients, step.norm])
    assert found_norm == pytest.approx(norm)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(raw[name], gradient)
        np.testing.assert_allclose(found[name], np.array(gradient) * scale, rtol=1e-6)


def _replicas(gradients, losses, config):
    """(weights after a step, norm, mean loss) of two replicas on logical CPU devices, each with a gradient and loss."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with strategy.scope():
        step = tf.train.get_or_create_global_step()

        def in_replica():
            w = tf.get_variable("w", initializer=tf.constant([1.0, 1.0]))
            replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
            gradient, loss = tf.constant(gradients)[replica], tf.constant(losses)[replica]
            return optimization.outer_step({"w": gradient}, {"w": w}, config, step, [loss])

        outcome = strategy.extended.call_for_each_replica(in_replica)
    (variable,) = [v for v in tf.global_variables() if v.op.name == "w"]
    ops = strategy.experimental_local_results(outcome.train_op)
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as session:
        session.run(tf.global_variables_initializer())
        norm = session.run(strategy.experimental_local_results(outcome.norm)[0])
        mean = session.run(strategy.experimental_local_results(outcome.means[0])[0])
        session.run(ops)
        weights = session.run(strategy.experimental_local_results(variable))
        assert session.run(strategy.experimental_local_results(step)) == (1, 1)
    assert len(weights) == 2
    np.testing.assert_array_equal(weights[0], weights[1])
    return weights[0], norm, mean


@pytest.mark.parametrize(
    "replica_clipping, norm, direction", [(False, 5.0, [0.6, 0.8]), (True, 10.0, [6.0, 8.0])]
)
def test_replicas_average_or_sum(replica_clipping, norm, direction):
    config = OuterConfig(learning_rate=1.0, num_train_steps=10, replica_clipping=replica_clipping)
    found, found_norm, mean = _replicas([[6.0, 0.0], [0.0, 8.0]], [1.0, 4.0], config)
    assert found_norm == pytest.approx(norm) and mean == pytest.approx(2.5)
    gradient = np.array(direction)
    update = 0.1 * gradient / (np.sqrt(0.001) * gradient + 1e-6) + 0.01
    np.testing.assert_allclose(found, 1.0 - update, rtol=1e-5)


@pytest.mark.parametrize(
    "changes, low, high",  # what rates become that an update pushes far down and up
    [
        (dict(clip_lr=True), 1e-8, 1.0),
        (dict(clip_lr=False), -4.0, 6.0),
        (dict(clip_lr=True, use_exp_lr=True), np.log(1e-8), 0.0),  # the rate is clipped to 1e-8 .. 1, not its logarithm
        (dict(clip_lr=False, use_exp_lr=True), -29.0, 6.0),
    ],
)
def test_bounds_of_trained_rates(changes, low, high):
    config = configs.LearnerConfig(**changes)
    start = {"sgd0/pooler_lr": -24.0 if config.use_exp_lr else 1.0, "layer_0/sgd0/learning_rate": 1.0}
    start.update({"bert/pooler/dense/bias": 1.0, "sgd0/output/layer0/learning_rate": 7.0})
    variables = {name: tf.get_variable(name, initializer=tf.constant(value)) for name, value in start.items()}
    # The first update is 0.1 g / (sqrt(0.001) |g|), about 3.162 times the sign; the weight decay is small beside it.
    signs = {"sgd0/pooler_lr": 1.0, "layer_0/sgd0/learning_rate": -1.0, "bert/pooler/dense/bias": -1.0}
    outer = OuterConfig(learning_rate=5.0 / 3.1622777, num_train_steps=9)
    bounds = adaptation.rate_bounds(variables, config)
    gradients = {name: tf.constant(1000.0 * sign) for name, sign in signs.items()}
    outer = dataclasses.replace(outer, replica_clipping=True)  # so the gradients are taken as they are
    step = tf.train.get_or_create_global_step()
    train_op = optimization.outer_step(gradients, variables, outer, step, bounds=bounds).train_op
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        found = session.run(variables)
    rtol = 1e-6 if config.clip_lr else 0.02
    np.testing.assert_allclose(found["sgd0/pooler_lr"], low, rtol=rtol)
    np.testing.assert_allclose(found["layer_0/sgd0/learning_rate"], high, rtol=rtol)
    np.testing.assert_allclose(found["bert/pooler/dense/bias"], 6.0, rtol=1e-3)  # weights are not bounded
    assert found["sgd0/output/layer0/learning_rate"] == 7.0  # nor rates that are not trained
