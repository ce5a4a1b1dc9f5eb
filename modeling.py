"""BERT (Devlin et al. 2018) as pure functions over a dict of weights.

Weights are looked up by their checkpoint names (``bert/encoder/layer_0/attention/self/query/kernel``, ...), so that a
caller can pass variables or the fast weights of an inner loop. Nothing here creates hidden state but
`create_variables`.
"""
import collections
import dataclasses
import math
import zlib

from runtime import kernels, packing, schema
from runtime.compat import tf
from runtime.errors import UserError

WORD_EMBEDDINGS = "bert/embeddings/word_embeddings"
MASKED_SCORE = -10000.0  # added to the attention scores of padding


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """Sizes of a BERT encoder, with the names and defaults of ``bert_config.json``."""

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"  # gelu is the tanh form of the published code; gelu_erf what Hugging Face calls gelu
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 16
    initializer_range: float = 0.02

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is int and (not isinstance(value, int) or value < 1):
                raise UserError("BERT config: %s is %r; a whole number above 0 is needed." % (field.name, value))
            if field.type is float and not (isinstance(value, (int, float)) and 0.0 <= value < 1.0):
                raise UserError("BERT config: %s is %r; a number from 0 to below 1 is needed." % (field.name, value))
        if self.hidden_size % self.num_attention_heads:
            raise UserError(
                "BERT config: hidden_size %d is not a multiple of num_attention_heads %d."
                % (self.hidden_size, self.num_attention_heads)
            )
        if self.hidden_act not in kernels.ACTIVATIONS:
            raise UserError(
                "BERT config: hidden_act %r is none of %s." % (self.hidden_act, ", ".join(kernels.ACTIVATIONS))
            )

    @classmethod
    def from_dict(cls, values):
        """Picks the known keys of ``values``; others (such as those Hugging Face adds) are ignored."""
        if "vocab_size" not in values:
            raise UserError("BERT config: no vocab_size.")
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    @classmethod
    def from_json_file(cls, path):
        """Reads ``bert_config.json``; UserError names the file when it is missing or not such a file."""
        try:
            values = schema.load(path)
        except OSError as error:
            raise UserError("--bert_config_file: cannot read %s (%s)." % (path, error.strerror)) from None
        except schema.Malformed as error:
            raise UserError("--bert_config_file: %s is not JSON (%s)." % (path, error)) from None
        if not isinstance(values, dict):
            raise UserError("--bert_config_file: %s holds no JSON object." % path)
        try:
            config = cls.from_dict(values)
            ENCODER(values)
            return config
        except (UserError, TypeError, schema.Malformed) as error:
            raise UserError("%s: %s" % (path, error)) from None


# What bert_config.json may hold: far more than the largest encoder there is, and less than no machine can hold. Other
# programs write more into it.
ENCODER = schema.of_dataclass(
    BertConfig,
    {
        "vocab_size": schema.whole(1, 10**7), "hidden_size": schema.whole(1, 8192),
        "num_hidden_layers": schema.whole(1, 256), "num_attention_heads": schema.whole(1, 8192),
        "intermediate_size": schema.whole(1, 65536), "max_position_embeddings": schema.whole(1, 10**6),
        "type_vocab_size": schema.whole(1, 10**4),
    },
    more=True,
)

EncoderOutput = collections.namedtuple(
    "EncoderOutput",
    [
        "layers",  # output of every encoder layer, each [batch, seq, hidden]; of the last maybe [batch, 1, hidden]
        "pooled",  # tanh of a dense layer on the last layer's [CLS], [batch, hidden]
        "mask",  # 1 for tokens, float [batch, seq]
        "last_text",  # 1 for tokens of the row's last text, the second of a pair, which has seen the first, the same
    ],
)


def variable_shapes(config):
    """Ordered dict of every encoder variable's name and shape. Dense kernels are [in, out]."""
    hidden, inner = config.hidden_size, config.intermediate_size
    shapes = collections.OrderedDict()

    def add_dense(name, inputs, outputs):
        shapes[name + "/kernel"] = [inputs, outputs]
        shapes[name + "/bias"] = [outputs]

    def add_layer_norm(name):
        shapes[name + "/LayerNorm/beta"] = [hidden]
        shapes[name + "/LayerNorm/gamma"] = [hidden]

    shapes[WORD_EMBEDDINGS] = [config.vocab_size, hidden]
    shapes["bert/embeddings/token_type_embeddings"] = [config.type_vocab_size, hidden]
    shapes["bert/embeddings/position_embeddings"] = [config.max_position_embeddings, hidden]
    add_layer_norm("bert/embeddings")
    for layer in range(config.num_hidden_layers):
        prefix = "bert/encoder/layer_%d" % layer
        for part in ("query", "key", "value"):
            add_dense("%s/attention/self/%s" % (prefix, part), hidden, hidden)
        add_dense(prefix + "/attention/output/dense", hidden, hidden)
        add_layer_norm(prefix + "/attention/output")
        add_dense(prefix + "/intermediate/dense", hidden, inner)
        add_dense(prefix + "/output/dense", inner, hidden)
        add_layer_norm(prefix + "/output")
    add_dense("bert/pooler/dense", hidden, hidden)
    return shapes


def seed_of(name):
    """Seed of a variable's initialiser: one graph seed gives one set of weights, whatever else is in the graph."""
    return zlib.crc32(name.encode("ascii")) & 0x7FFFFFFF


def create_variables(config):
    """Makes the encoder's variables with BERT's initialisers; returns {name: variable}."""
    variables = collections.OrderedDict()
    for name, shape in variable_shapes(config).items():
        if name.endswith("gamma"):
            initializer = tf.ones_initializer()
        elif name.endswith(("beta", "bias")):
            initializer = tf.zeros_initializer()
        else:
            initializer = tf.truncated_normal_initializer(stddev=config.initializer_range, seed=seed_of(name))
        variables[name] = tf.get_variable(name, shape, initializer=initializer)
    return variables


def encode(
    weights, config, input_ids, input_mask, segment_ids, dropout=None, only_first=False, reference_mode=False,
    form=kernels.PLAIN,
):
    """Runs the encoder (post-LayerNorm BERT).

    Args:
      weights: {name: tensor or variable} with the names of `variable_shapes`. The word table may be any [rows, hidden]
        as long as input_ids index its rows.
      config: BertConfig.
      input_ids, input_mask, segment_ids: int32 [batch, seq].
      dropout: dropout.Dropout, or None for none; every call draws its own masks.
      only_first: the last layer's output is wanted for the first token of each row alone.
      reference_mode: work as the published code does: on padding too, segments looked up by a matrix product.
      form: kernels.Forms; FIRST_ORDER where no second derivative is taken.

    Returns:
      EncoderOutput.
    """
    activation = form.activations[config.hidden_act]

    def dropping(x):
        """Function that drops entries of tensors of the shape of x."""
        masks = dropout.masks(tf.shape(x), config.hidden_dropout_prob) if dropout else None
        return lambda y: y * tf.cast(masks(), y.dtype) if masks else y

    def layer_norm(name, x):
        return form.layer_norm(x, weights[name + "/LayerNorm/beta"], weights[name + "/LayerNorm/gamma"])

    with tf.name_scope("encode"):
        mask = tf.cast(input_mask, tf.float32)
        tokens = (packing.Padded if reference_mode else packing.Packed)(input_mask, config.num_attention_heads)
        x = _embed(weights, tokens, input_ids, segment_ids, reference_mode)
        drop = dropping(x)
        x = drop(layer_norm("bert/embeddings", x))  # [tokens, hidden]
        attention = SelfAttention(weights, config, tokens, mask, dropout, form)
        layers, layout = [], tokens
        for layer in range(config.num_hidden_layers):
            name = "bert/encoder/layer_%d" % layer
            if only_first and layer == config.num_hidden_layers - 1:
                layout, rows = packing.First, tokens.unpack(x)
                attended, x = attention.first_tokens(name + "/attention/self", rows), layout.pack(rows)
                drop = dropping(x)
            else:
                attended = attention.all_tokens(name + "/attention/self", x)
            attended = drop(_dense(weights, name + "/attention/output/dense", attended))
            x = layer_norm(name + "/attention/output", tf.add_n([x, attended]))  # its gradient needs no shapes
            inner = activation(_dense(weights, name + "/intermediate/dense", x))
            x = layer_norm(name + "/output", tf.add_n([x, drop(_dense(weights, name + "/output/dense", inner))]))
            layers.append(layout.unpack(x))
        pooled = tf.tanh(_dense(weights, "bert/pooler/dense", layers[-1][:, 0]))
        return EncoderOutput(layers, pooled, mask, _last_text(mask, tf.cast(segment_ids, tf.float32)))


def _dense(weights, name, x):
    """[rows, in] -> [rows, out]"""
    return tf.nn.bias_add(tf.matmul(x, weights[name + "/kernel"]), weights[name + "/bias"])


def _embed(weights, tokens, input_ids, segment_ids, reference_mode):
    """Sums of the embeddings of words, segments and positions, [tokens, hidden]."""
    batch, seq = packing.shape(input_ids)
    columns = tokens.pack(tf.tile(tf.range(seq)[None], [batch, 1]))
    segments = weights["bert/embeddings/token_type_embeddings"]
    return (
        tf.gather(weights[WORD_EMBEDDINGS], tokens.pack(input_ids))
        + (_one_hot_lookup if reference_mode else tf.gather)(segments, tokens.pack(segment_ids))
        + tf.gather(weights["bert/embeddings/position_embeddings"], columns)
    )


class SelfAttention:
    """BERT's self-attention (Vaswani et al. 2017, section 3.2), of every layer to one batch of rows.

    Args:
      weights, config: as in `encode`.
      tokens: packing.Packed or Padded, the layout of the rows' tokens.
      mask: float [batch, seq], 1 for tokens.
      dropout: dropout.Dropout, or None for none.
      form: kernels.Forms.
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
        batch, seq = packing.shape(mask)
        shape = [batch, self._heads, seq, seq]
        self._masks = dropout.masks(shape, self._probability) if dropout else None
        self._form = form

    def all_tokens(self, name, x):
        """What every token takes from all of its row: [tokens, hidden] -> the same."""
        query, key, value = [
            self._tokens.split(_dense(self._weights, "%s/%s" % (name, part), x), self._form)
            for part in ("query", "key", "value")
        ]  # [batch, heads, seq, size]
        kept = self._masks() if self._masks else None
        return self._tokens.join(self._form.attend(query, key, value, self._masked_scores, kept))

    def first_tokens(self, name, rows):
        """What the first token of each row takes from all of it: [batch, seq, hidden] -> [batch, hidden].

        Keys and values are not made: with q of one token a head, (x_t W_k + b_k) . q = x_t . (W_k q) + b_k . q, and
        sum_t p_t (x_t W_v + b_v) = (sum_t p_t x_t) W_v + b_v sum_t p_t.
        """
        heads, size, hidden = self._heads, self._size, self._hidden
        query = _dense(self._weights, name + "/query", rows[:, 0]) * (1.0 / math.sqrt(size))
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

    def _by_head(self, name):
        """The kernel [hidden, hidden] of a projection as [heads, hidden, size]."""
        kernel = tf.reshape(self._weights[name + "/kernel"], [self._hidden, self._heads, self._size])
        return tf.transpose(kernel, [1, 0, 2])


def without_gradient(encoded):
    """An EncoderOutput through which no gradient goes."""
    layers = [tf.stop_gradient(layer) for layer in encoded.layers]
    return encoded._replace(layers=layers, pooled=tf.stop_gradient(encoded.pooled))


def masked_mean(x, mask):
    """Means of [batch, seq, hidden] over the positions where mask [batch, seq] is 1: [batch, hidden]."""
    with tf.name_scope("encode"):  # TensorFlow's optimiser orders by names: others give other last digits
        total = tf.reduce_sum(x * mask[:, :, None], axis=1)
        return total / tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)


def _last_text(mask, segments):
    """1 where a row's last text is, [batch, seq]: its second text, or all of it where there is one text."""
    second = mask * segments
    is_pair = tf.reduce_max(second, axis=1, keepdims=True)
    return second + mask * (1.0 - is_pair)


def _one_hot_lookup(table, ids):
    """Rows of [rows, size] at ids [tokens], as a matrix product: [tokens, size]."""
    return tf.matmul(tf.one_hot(ids, table.shape.as_list()[0]), table)
