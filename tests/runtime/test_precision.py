"""Gradients with and without mixed precision."""
import numpy as np
import pytest

from learner.configs import LearnerConfig
from runtime import precision
from runtime.compat import tf


@pytest.mark.parametrize("given", [False, True])
def test_scaled_gradients_equal_the_plain_ones(given):
    with tf.Graph().as_default(), tf.Session() as session:
        table = tf.constant(np.random.RandomState(0).standard_normal([5, 3]), tf.float32)
        other = tf.constant(2.0)
        y = tf.square(tf.gather(table, [1, 3, 1])) * 3.0
        grad_ys = tf.fill([3, 3], 0.25) if given else None
        plain = precision.gradients(y, [table, other], LearnerConfig(), grad_ys)
        scaled = precision.gradients(y, [table, other], LearnerConfig(amp=True), grad_ys)
        assert plain[1] is None and scaled[1] is None
        assert isinstance(plain[0], tf.IndexedSlices) and isinstance(scaled[0], tf.IndexedSlices)
        found = session.run([tf.convert_to_tensor(plain[0]), tf.convert_to_tensor(scaled[0])])
    np.testing.assert_array_equal(*found)  # a power of two


def test_small_gradients_survive_half_floats():
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant([3.0])
        y = tf.cast(tf.cast(x, tf.float16), tf.float32) * 2e-8  # below the smallest half float

        def gradient(amp):
            return precision.gradients(y, [x], LearnerConfig(amp=amp))[0]

        lost, kept = session.run([gradient(False), gradient(True)])
    assert lost == 0.0
    np.testing.assert_allclose(kept, [2e-8], rtol=2e-2)
