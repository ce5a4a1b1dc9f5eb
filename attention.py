"""BERT's self-attention (Vaswani et al. 2017, section 3.2) over rows of different lengths."""
import math

from runtime.compat import tf

MASKED_SCORE = -10000.0  # added to the attention scores of padding


class SelfAttention:
    """The attention of every layer to one batch of rows.

    Args:
      weights, config: as in `modeling.encode`.
      tokens: packing.Packed or Padded, the layout of the rows' tokens.
      mask: float [batch, seq], 1 for tokens.
      dropout: dropout.Dropout, or None for none.
      form: forms.Forms.
    """

    def __init__(self, weights, config, tokens, mask, dropout, form):
        self._weights = weights
        self._tokens = tokens
        self._heads = config.num_attention_heads
        self._size = config.hidden_size // self._heads
        self._hidden = config.hidden_size
        self._masked_scores = ((1.0 - mask) * MASKED_SCORE)[:, None, None, :]  # [batch, 1, 1, key]
        self._dropout = dropout
        self._probability = config.attention_probs_dropout_prob
        self._form = form

    def all_tokens(self, name, x):
        """What every token takes from all of its row: [tokens, hidden] -> the same."""
        query, key, value = [
            self._tokens.split(self._dense("%s/%s" % (name, part), x), self._form)
            for part in ("query", "key", "value")
        ]  # [batch, heads, seq, size]
        shape = tf.concat([tf.shape(query)[:3], tf.shape(key)[2:3]], axis=0)
        kept = self._dropout.factor(shape, self._probability) if self._dropout else None
        return self._tokens.join(self._form.attend(query, key, value, self._masked_scores, kept))

    def first_tokens(self, name, rows):
        """What the first token of each row takes from all of it: [batch, seq, hidden] -> [batch, hidden].

        Keys and values are not made: with q of one token a head, (x_t W_k + b_k) . q = x_t . (W_k q) + b_k . q, and
        sum_t p_t (x_t W_v + b_v) = (sum_t p_t x_t) W_v + b_v sum_t p_t.
        """
        heads, size, hidden = self._heads, self._size, self._hidden
        query = self._dense(name + "/query", rows[:, 0]) * (1.0 / math.sqrt(size))
        query = tf.transpose(tf.reshape(query, [-1, heads, size]), [1, 0, 2])  # [heads, batch, size]
        key_bias = tf.reshape(self._weights[name + "/key/bias"], [heads, size, 1])
        reader = tf.matmul(query, self._by_head(name + "/key"), transpose_b=True)  # [heads, batch, hidden]
        scores = tf.matmul(tf.transpose(reader, [1, 0, 2]), rows, transpose_b=True)  # [batch, heads, key]
        scores += tf.transpose(tf.matmul(query, key_bias), [1, 0, 2]) + self._masked_scores[:, 0]
        probabilities = tf.nn.softmax(scores)
        if self._dropout:
            probabilities = self._dropout(probabilities, self._probability)
        taken = tf.transpose(tf.matmul(probabilities, rows), [1, 0, 2])  # [heads, batch, hidden]
        context = tf.transpose(tf.matmul(taken, self._by_head(name + "/value")), [1, 0, 2])  # [batch, heads, size]
        value_bias = tf.reshape(self._weights[name + "/value/bias"], [heads, size])
        context += tf.reduce_sum(probabilities, axis=-1, keepdims=True) * value_bias
        return tf.reshape(context, [-1, hidden])

    def _dense(self, name, x):
        return tf.matmul(x, self._weights[name + "/kernel"]) + self._weights[name + "/bias"]

    def _by_head(self, name):
        """The kernel [hidden, hidden] of a projection as [heads, hidden, size]."""
        kernel = tf.reshape(self._weights[name + "/kernel"], [self._hidden, self._heads, self._size])
        return tf.transpose(kernel, [1, 0, 2])
