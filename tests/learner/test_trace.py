"""What the inner loop of a task leaves, in program order."""
import collections

import numpy as np
import pytest

from learner.classifier import Batch, Pass
from learner.episode import InnerStep
from learner.inner_schedule import Position
from learner.trace import Log
from runtime.compat import tf

pytestmark = pytest.mark.usefixtures("graph")

Rows = collections.namedtuple("Rows", ["query_rows", "word_ids"])  # what a Log reads of an Episode

def episode():
    return Rows(Batch(None, None, None, tf.constant([1, 0])), "words")


def make_pass(loss):
    """A pass whose logits say class 1 of both rows."""
    values = dict.fromkeys(Pass._fields)
    return Pass(**dict(values, loss=tf.constant(loss), logits=tf.constant([[0.0, 1.0], [0.0, 1.0]])))


def run(result):
    with tf.Session() as session:
        return session.run(result._replace(gradients=(), trace=()))


def test_passes_and_steps_one_by_one():
    log = Log()
    passes = [make_pass(loss) for loss in (1.0, 2.0, 3.0)]
    assert log.support(passes[0]) is passes[0]
    log.step(InnerStep({"w": 5.0}, tf.constant(0.5)))
    assert log.query(passes[1], {"w": 6.0}) is passes[1]
    log.support(passes[2])
    result = log.result(episode(), tf.constant(9.0), None, trace=True)
    assert list(result.trace.passes) == passes and result.trace.inner_gradients == [{"w": 5.0}]
    assert (result.trace.fast, result.trace.word_ids) == ({"w": 6.0}, "words")
    found = run(result)
    assert (found.loss, found.accuracy, found.predictions.tolist()) == (9.0, 0.5, [1, 1])
    assert (found.support_losses.tolist(), found.query_losses.tolist()) == ([1.0, 3.0], [2.0])
    assert found.inner_norms.tolist() == [0.5]


def test_without_steps_there_are_no_norms():
    log = Log()
    log.query(make_pass(2.0), {})
    result = log.result(episode(), tf.constant(2.0), {}, trace=False)
    assert result.trace is None and run(result).inner_norms.shape == (0,)


def test_what_a_loop_recorded_is_told_apart_by_its_positions():
    """Position 0 makes no step, 1 has no query pass; what the loop wrote there counts for nothing."""
    positions = [Position(0, None, 1.0), Position(1, 0, None), Position(2, 0, 1.0)]
    records = {key: np.array(values, np.float32) for key, values in (
        ("support_loss", [-1, 2, 3]), ("query_loss", [4, -1, 6]), ("norm", [-1, 8, 9]),
    )}
    log = Log()
    log.support(make_pass(1.0))
    log.loop(positions, make_pass(0.0).logits, {key: tf.constant(array) for key, array in records.items()}, None)
    found = run(log.result(episode(), tf.constant(0.0), None, trace=False))
    assert found.support_losses.tolist() == [1, 2, 3]
    assert (found.query_losses.tolist(), found.inner_norms.tolist()) == ([4, 6], [8, 9])
