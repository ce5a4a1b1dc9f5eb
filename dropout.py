"""Dropout whose masks follow from the seed, the step and the place in the graph.

So a resumed run draws the masks of an uninterrupted one, and both runtimes draw the same ones.
"""
from compat import tf

LEVELS = 2**16  # of the probability
PLACES = 4096  # more than there are passes in any inner loop


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

    def at(self, place):
        """A stream of its own for a place in the step, Python or tensor integer: the same at each call."""
        return Dropout(self._seed, self._step * PLACES + tf.cast(place, tf.int64) + 1)

    def draw(self):
        """A fresh seed for a stateless random operation, int64 [2]."""
        self._calls[0] += 1
        return tf.stack([tf.constant(self._seed * 1000003 + self._calls[0], tf.int64), self._step])

    def __call__(self, x, probability):
        """Zeroes entries of x with the given probability, to the next 1 / 65536, and scales the others up.

        One random number of 32 bits decides on two entries: drawing them is what costs.
        """
        dropped = int(round(probability * LEVELS))
        if dropped <= 0:
            return x
        size = tf.size(x)
        low, high = tf.int32.min, tf.int32.max
        drawn = tf.random.stateless_uniform([(size + 1) // 2], self.draw(), minval=low, maxval=high, dtype=tf.int32)
        levels = tf.reshape(tf.bitcast(drawn, tf.int16), [-1])[:size]
        kept = tf.reshape(levels >= tf.constant(tf.int16.min + dropped, tf.int16), tf.shape(x))
        return x * (tf.cast(kept, x.dtype) * (LEVELS / float(LEVELS - dropped)))
