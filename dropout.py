"""Dropout whose masks follow from the seed, the step and the place in the graph.

So a resumed run draws the masks of an uninterrupted one, and both runtimes draw the same ones.
"""
from compat import tf

LOOP_SPAN = 4096  # more iterations than any inner loop has


class Dropout:
    """Draws a mask of its own at every call.

    Args:
      seed: Python integer.
      step: integer tensor; the masks change with it.
    """

    def __init__(self, seed, step):
        self._seed = seed
        self._step = tf.cast(step, tf.int64)
        self._calls = [0]

    def in_loop(self, index):
        """The same stream for the body of a loop: masks change with the loop's index too."""
        child = Dropout(self._seed, self._step * LOOP_SPAN + tf.cast(index, tf.int64) + 1)
        child._calls = self._calls
        return child

    def draw(self):
        """A fresh seed for a stateless random operation, int64 [2]."""
        self._calls[0] += 1
        return tf.stack([tf.constant(self._seed * 1000003 + self._calls[0], tf.int64), self._step])

    def __call__(self, x, probability):
        """Zeroes entries of x with the given probability and scales the others up."""
        if probability <= 0.0:
            return x
        kept = tf.random.stateless_uniform(tf.shape(x), self.draw()) >= probability
        return x * (tf.cast(kept, x.dtype) * (1.0 / (1.0 - probability)))
