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
        """What `__call__` multiplies by, float32 of a shape; None where the probability is 0."""
        masks = self.masks(shape, probability)
        return masks and masks()

    def masks(self, shape, probability):
        """Function whose every call gives what `factor` gives; None where the probability is 0."""
        dropped = int(round(probability * LEVELS))
        if dropped <= 0:
            return None
        if self._reference_mode:
            keep = 1.0 - probability
            return lambda: tf.floor(tf.random.stateless_uniform(shape, self.draw()) + keep) / keep
        return _Masks(shape, dropped, self.draw)


class _Masks:
    """Draws masks of one shape; what depends on the shape alone is made once, for graphs take long to make.

    Each entry compares 16 random bits. Drawing them is what costs, so two entries share a byte: the high one of the
    first is the low one of the second, which ties them by a correlation below 0.002.

    Args:
      shape: of the masks, a list or a tensor.
      dropped: how many of LEVELS levels are dropped.
      seeds: function that gives a seed of a stateless random operation at each call.
    """

    def __init__(self, shape, dropped, seeds):
        self._shape, self._seeds = tf.convert_to_tensor(shape, tf.int32), seeds
        size = tf.reduce_prod(self._shape)
        half = (size + 1) // 2
        self._size, self._bytes = tf.stack([size]), tf.stack([2 * half])
        self._numbers = tf.stack([half // 2 + 1])
        self._range = dict(minval=tf.constant(tf.int32.min), maxval=tf.constant(tf.int32.max))
        self._first, self._flat, self._pairs = tf.constant([0]), tf.constant([-1]), tf.constant([-1, 2])
        self._next, self._axis = tf.constant([1]), tf.constant(0)
        self._least = tf.constant(tf.int16.min + dropped, tf.int16)
        self._scale = tf.constant(LEVELS / float(LEVELS - dropped))

    def __call__(self):
        drawn = tf.random.stateless_uniform(self._numbers, self._seeds(), dtype=tf.int32, **self._range)
        # Of the types with one byte this is the one that GPUs can cut.
        random_bytes = tf.reshape(tf.bitcast(drawn, tf.int8), self._flat)
        halves = [tf.slice(random_bytes, start, self._bytes) for start in (self._first, self._next)]
        levels = [tf.bitcast(tf.reshape(part, self._pairs), tf.int16) for part in halves]
        kept = tf.concat([tf.greater_equal(part, self._least) for part in levels], axis=self._axis)
        kept = tf.reshape(tf.slice(kept, self._first, self._size), self._shape)
        return tf.cast(kept, tf.float32) * self._scale
