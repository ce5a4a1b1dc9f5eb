"""The short form of attention for first tokens."""
import numpy as np
import pytest

import modeling
import packing
from attention import SelfAttention
from runtime import kernels
from runtime.compat import tf

CONFIG = modeling.BertConfig(vocab_size=20, hidden_size=8, num_attention_heads=2, num_hidden_layers=1)
NAME = "bert/encoder/layer_0/attention/self"
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])


class FixedDropout:
    """Dropout whose factors are given, [batch, heads, query, key]."""

    def __init__(self, factors):
        self._factors = tf.constant(factors, tf.float32)

    def factor(self, shape, probability):
        del shape, probability
        return self._factors

    def __call__(self, x, probability):
        del probability
        return x * self._factors[:, :, 0]


@pytest.mark.parametrize("drops", [False, True])
def test_first_tokens_equal_those_of_all(drops):
    """The factors of a row do not sum to its length, so that the bias of the values counts."""
    random = np.random.RandomState(0)
    factors = random.choice([0.0, 2.0], (3, 2, 5, 5))
    with tf.Graph().as_default(), tf.Session() as session:
        weights = {
            name: tf.constant(random.standard_normal(shape), tf.float32)
            for name, shape in modeling.variable_shapes(CONFIG).items()
            if name.startswith(NAME)
        }
        rows = tf.constant(random.standard_normal((3, 5, 8)) * MASK[:, :, None], tf.float32)
        tokens = packing.Packed(tf.constant(MASK, tf.int32), CONFIG.num_attention_heads)
        dropout = FixedDropout(factors) if drops else None
        attention = SelfAttention(weights, CONFIG, tokens, tf.constant(MASK, tf.float32), dropout, kernels.FIRST_ORDER)
        first = attention.first_tokens(NAME, rows)
        every = tokens.unpack(attention.all_tokens(NAME, tokens.pack(rows)))[:, 0]
        dy = tf.constant(random.standard_normal((3, 8)), tf.float32)
        sources = [rows] + list(weights.values())
        found = session.run([[y] + tf.gradients(y, sources, grad_ys=dy) for y in (first, every)])
    for name, short, whole in zip(["value", "rows"] + list(weights), *found):
        np.testing.assert_allclose(short, whole, rtol=1e-5, atol=1e-5, err_msg=name)
