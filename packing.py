"""Rows of different lengths as one list of tokens, so that padding takes part in nothing but the attention scores."""
from compat import tf


class Packed:
    """The tokens of padded rows, one after another; the first of every row is kept whatever its mask says.

    Args:
      input_mask: int32 [batch, seq], above 0 for tokens.
    """

    def __init__(self, input_mask):
        self._shape = shape(input_mask)
        first = tf.one_hot(0, self._shape[1], on_value=True, off_value=False)
        self._places = tf.where(tf.logical_or(input_mask > 0, first))  # int64 [tokens, (row, column)]

    def pack(self, x):
        """[batch, seq, ...] -> [tokens, ...]"""
        return tf.gather_nd(x, self._places)

    def unpack(self, x):
        """[tokens, size] -> [batch, seq, size], zero where padding is."""
        return tf.scatter_nd(tf.cast(self._places, tf.int32), x, self._shape + [x.shape.as_list()[-1]])


class First:
    """The first token of each row alone."""

    @staticmethod
    def pack(x):
        """[batch, seq, ...] -> [batch, ...]"""
        return x[:, 0]

    @staticmethod
    def unpack(x):
        """[batch, size] -> [batch, 1, size]"""
        return x[:, None]


class Padded:
    """The same for rows with their padding, which counts as tokens."""

    def __init__(self, input_mask):
        self._shape = shape(input_mask)

    def pack(self, x):
        """[batch, seq, ...] -> [batch * seq, ...]"""
        return tf.reshape(x, [-1] + x.shape.as_list()[2:])

    def unpack(self, x):
        """[batch * seq, size] -> [batch, seq, size]"""
        return tf.reshape(x, self._shape + [x.shape.as_list()[-1]])


def shape(x):
    """Sizes of a tensor, Python integers where they are known."""
    return [known or unknown for known, unknown in zip(x.shape.as_list(), tf.unstack(tf.shape(x)))]
