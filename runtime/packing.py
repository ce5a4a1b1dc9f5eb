"""Rows of different lengths as one list of tokens, so that padding takes part in nothing but the attention scores."""
from runtime.compat import tf


class Packed:
    """The tokens of padded rows, one after another; the first of every row is kept whatever its mask says.

    Args:
      input_mask: int32 [batch, seq], above 0 for tokens.
      heads: number of attention heads.
    """

    def __init__(self, input_mask, heads):
        self._shape, self._heads = shape(input_mask), heads
        first = tf.one_hot(0, self._shape[1], on_value=True, off_value=False)
        kept = tf.logical_or(input_mask > 0, first)
        self._places = tf.where(kept)  # int64 [tokens, (row, column)]
        # Where each head finds a place's token, [batch, heads, seq]; padding has the token before it, of the same row.
        tokens = tf.reshape(tf.cumsum(tf.reshape(tf.cast(kept, tf.int32), [-1])) - 1, self._shape)
        self._taken = tokens[:, None, :] * heads + tf.range(heads)[None, :, None]
        # Where among them each token of each head stands, [tokens, heads].
        row, column = tf.unstack(tf.cast(self._places, tf.int32), axis=1)
        self._returned = (row[:, None] * heads + tf.range(heads)) * self._shape[1] + column[:, None]

    def pack(self, x):
        """[batch, seq, ...] -> [tokens, ...]"""
        return tf.gather_nd(x, self._places)

    def unpack(self, x):
        """[tokens, size] -> [batch, seq, size], zero where padding is."""
        return tf.scatter_nd(tf.cast(self._places, tf.int32), x, self._shape + [x.shape.as_list()[-1]])

    def split(self, x, form):
        """[tokens, heads * size] -> [batch, heads, seq, size], with the token before it where padding is."""
        return form.take(tf.reshape(x, [-1, x.shape.as_list()[1] // self._heads]), self._taken, self._returned)

    def join(self, x):
        """[batch, heads, seq, size] -> [tokens, heads * size]"""
        heads, _, size = x.shape.as_list()[1:]
        parts = tf.gather_nd(tf.reshape(x, [-1, size]), self._returned[:, :, None])
        return tf.reshape(parts, [-1, heads * size])


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

    def __init__(self, input_mask, heads):
        self._shape, self._heads = shape(input_mask), heads

    def pack(self, x):
        """[batch, seq, ...] -> [batch * seq, ...]"""
        return tf.reshape(x, [-1] + x.shape.as_list()[2:])

    def unpack(self, x):
        """[batch * seq, size] -> [batch, seq, size]"""
        return tf.reshape(x, self._shape + [x.shape.as_list()[-1]])

    def split(self, x, form):
        """[batch * seq, heads * size] -> [batch, heads, seq, size]"""
        del form
        size = x.shape.as_list()[1] // self._heads
        return tf.transpose(tf.reshape(x, self._shape + [self._heads, size]), [0, 2, 1, 3])

    @staticmethod
    def join(x):
        """[batch, heads, seq, size] -> [batch * seq, heads * size]"""
        heads, _, size = x.shape.as_list()[1:]
        return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, heads * size])


def halves(input_mask):
    """Numbers of the longer and of the shorter rows, so that both have about as many tokens; one may be empty.

    Args:
      input_mask: int32 [batch, seq], above 0 for tokens.

    Returns:
      [int32 [some], int32 [others]]
    """
    lengths = tf.reduce_sum(tf.cast(input_mask > 0, tf.int32), axis=1)
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    lengths = tf.gather(lengths, order)
    middles = 2 * tf.cumsum(lengths) - lengths  # twice the number of tokens before the middle of each row
    longer = tf.reduce_sum(tf.cast(middles < tf.reduce_sum(lengths), tf.int32))
    return [order[:longer], order[longer:]]


def shape(x):
    """Sizes of a tensor, Python integers where they are known."""
    return [known or unknown for known, unknown in zip(x.shape.as_list(), tf.unstack(tf.shape(x)))]
