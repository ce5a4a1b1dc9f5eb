"""Dropout whose masks follow from the seed, the step and the place in the graph.

So a resumed run draws the masks of an uninterrupted one, and all runtimes draw the same ones.
"""
from runtime.compat import tf

LEVELS = 2**16  # of the probability
PLACES = 4096  # more than there are passes in any inner loop


class Dropout:
    """Draws a mask of its own at every call.

    Args:
      seed: Python integer.
      step: integer tensor; the masks change with it.
      reference_mode: draw a number of 32 bits for every entry, as tf.nn.dropout does; other masks of the same kind.
    """

    def __init__(self, seed, step, reference_mode=False):
        self._seed = seed
        self._step = tf.cast(step, tf.int64)
        self._reference_mode = reference_mode
        self._calls = [0]

    def at(self, place):
        """A stream of its own for a place in the step, Python or tensor integer: the same at each call."""
        return Dropout(self._seed, self._step * PLACES + tf.cast(place, tf.int64) + 1, self._reference_mode)

    def draw(self):
        """A fresh seed for a stateless random operation, int64 [2]."""
        self._calls[0] += 1
        return tf.stack([tf.constant(self._seed * 1000003 + self._calls[0], tf.int64), self._step])

    def __call__(self, x, probability):
        """Zeroes entries of x with the given probability, to the next 1 / 65536, and scales the others up."""
        factor = self.factor(tf.shape(x), probability)
        return x if factor is None else x * tf.cast(factor, x.dtype)

    def factor(self, shape, probability):
        """What `__call__` multiplies by, float32 of a shape; None where the probability is 0.

        Each entry compares 16 random bits. Drawing them is what costs, so two entries share a byte: the high one of
        the first is the low one of the second, which ties them by a correlation below 0.002.
        """
        dropped = int(round(probability * LEVELS))
        if dropped <= 0:
            return None
        if self._reference_mode:
            return tf.floor(tf.random.stateless_uniform(shape, self.draw()) + (1.0 - probability)) / (1.0 - probability)
        size = tf.reduce_prod(shape)
        half = (size + 1) // 2
        low, high = tf.int32.min, tf.int32.max
        drawn = tf.random.stateless_uniform([half // 2 + 1], self.draw(), minval=low, maxval=high, dtype=tf.int32)
        random_bytes = tf.reshape(tf.bitcast(drawn, tf.uint8), [-1])
        halves = [random_bytes[start : start + 2 * half] for start in (0, 1)]
        levels = [tf.bitcast(tf.reshape(part, [-1, 2]), tf.int16) for part in halves]
        kept = tf.concat([part >= tf.constant(tf.int16.min + dropped, tf.int16) for part in levels], axis=0)[:size]
        return tf.cast(tf.reshape(kept, shape), tf.float32) * (LEVELS / float(LEVELS - dropped))
