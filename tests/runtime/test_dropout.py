"""Masks are a function of seed, step, call and loop index."""
import numpy as np
import pytest

from runtime.compat import tf
from runtime.dropout import Dropout


def masks(seed, step, calls=1, probability=0.25, size=4000, reference_mode=False):
    """Values of `calls` draws over ones, [calls, size]."""
    with tf.Graph().as_default(), tf.Session() as session:
        drop = Dropout(seed, tf.constant(step), reference_mode)
        return session.run([drop(tf.ones([size]), probability) for _ in range(calls)])


def test_nothing_is_dropped_at_probability_zero():
    x = tf.ones([3])
    assert Dropout(0, tf.constant(0))(x, 0.0) is x


@pytest.mark.parametrize("reference_mode", [False, True])
def test_probability_is_of_dropping(reference_mode):
    (kept,) = masks(0, 0, reference_mode=reference_mode)
    assert np.mean(kept == 0.0) == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(kept[kept != 0.0], 1.0 / 0.75)


@pytest.mark.parametrize("shape", [[1], [3], [7], [2, 3, 5]])  # four entries share a random number
def test_odd_sizes(shape):
    with tf.Session() as session:
        found = session.run(Dropout(0, tf.constant(0))(tf.fill(shape, 4.0), 0.5))
    assert list(found.shape) == shape and set(found.flatten()) <= {0.0, 8.0}


def test_entries_are_independent():
    """Those that share a random byte, half a mask apart, too; the standard error of a correlation here is 0.003."""
    first, second = masks(5, 1, calls=2, probability=0.1, size=200000)
    low, high = np.split(first, 2)
    for one, other in ((low, high), (low[1:], high[:-1]), (first[:-1], first[1:]), (first, second)):
        assert abs(np.corrcoef(one == 0.0, other == 0.0)[0, 1]) < 0.015
    assert np.mean(first) == pytest.approx(1.0, abs=0.005)  # scaled so that the mean stays


def test_masks_follow_from_seed_step_and_call():
    first, second = masks(3, 7, calls=2)
    np.testing.assert_array_equal(first, masks(3, 7)[0])
    for other in (second, masks(4, 7)[0], masks(3, 8)[0]):
        assert np.any(first != other)


def test_a_place_has_its_masks():
    with tf.Graph().as_default(), tf.Session() as session:
        drop = Dropout(1, tf.constant(5))
        first, other = drop.at(2), drop.at(3)
        drawn = [first, first, other, drop.at(tf.constant(2)), drop]
        found = session.run([each(tf.ones([100]), 0.5) for each in drawn])
    np.testing.assert_array_equal(found[0], found[3])
    assert len({mask.tobytes() for mask in found}) == 4


def test_masks_change_with_the_place_in_a_loop():
    drop = Dropout(0, tf.constant(0))

    def body(index, array):
        return index + 1, array.write(index, drop.at(index)(tf.ones([100]), 0.5))

    _, array = tf.while_loop(lambda i, _: i < 3, body, (0, tf.TensorArray(tf.float32, 3)))
    with tf.Session() as session:
        rows = session.run(array.stack())
    assert len({row.tobytes() for row in rows}) == 3


def test_masks_are_the_same_on_both_runtimes():
    (kept,) = masks(1, 2)
    assert np.flatnonzero(kept == 0.0)[:8].tolist() == EXPECTED


EXPECTED = [2, 5, 6, 13, 14, 19, 21, 25]
