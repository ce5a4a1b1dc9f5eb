"""GELU, LayerNorm, attention and taking of rows, each in two forms with the same values and first derivatives.

Those of `PLAIN` can be differentiated to any order, with the second derivatives of the published code. Those of
`FIRST_ORDER` have their derivative written out, with fewer passes over memory than automatic differentiation makes; its
own derivative is not that of the published code.
"""
import collections
import math

from runtime.compat import tf

LAYER_NORM_EPSILON = 1e-12
TANH_SCALE = math.sqrt(2.0 / math.pi)
TANH_CUBE = 0.044715


def gelu(x):
    """Gaussian error linear unit in the tanh form of the published BERT code (arXiv 1606.08415, section 2)."""
    return 0.5 * x * (1.0 + tf.tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x)))


def gelu_erf(x):
    """Gaussian error linear unit, exact form."""
    return 0.5 * x * (1.0 + tf.math.erf(x / math.sqrt(2.0)))


ACTIVATIONS = collections.OrderedDict(
    [("gelu", gelu), ("gelu_erf", gelu_erf), ("relu", tf.nn.relu), ("tanh", tf.tanh), ("linear", tf.identity)]
)


def layer_norm(x, beta, gamma):
    """LayerNorm over the last axis, written so that second derivatives equal those of the published code.

    The variance treats the mean as a constant (golden checklist, section 6): first derivatives are those of the usual
    form, since the mean's contribution vanishes; second ones are not.
    """
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, tf.stop_gradient(mean)), axis=-1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + LAYER_NORM_EPSILON) * gamma + beta


def attend(query, key, value, masked_scores, kept):
    """Softmax attention of each head.

    Args:
      query: [batch, heads, query, size].
      key, value: [batch, heads, key, size].
      masked_scores: [batch, 1, 1, key], what is added to the scores.
      kept: [batch, heads, query, key], what dropout multiplies the probabilities by; or None.

    Returns:
      [batch, heads, query, size]
    """
    scores = tf.matmul(query, key, transpose_b=True) * _score_scale(query) + masked_scores
    return tf.matmul(_dropped(tf.nn.softmax(scores), kept), value)


def take(rows, taken, returned):
    """Rows of [rows, size] at the numbers `taken` of any shape.

    Each row stands at one place in `returned` among those taken, and gradients of other copies of it must be zero.
    """
    del returned
    return tf.gather(rows, taken)


def _score_scale(query):
    return 1.0 / math.sqrt(query.shape.as_list()[-1])


def _dropped(probabilities, kept):
    return probabilities if kept is None else probabilities * kept


def _with_gradient(name, y, *inputs):
    """y, whose gradient is what the function registered as `name` makes of `inputs`.

    tf.custom_gradient does the same, but keeps every graph for good.
    """
    with tf.get_default_graph().gradient_override_map({"IdentityN": name}):
        return tf.identity_n([y] + list(inputs))[0]


def _gelu(x):
    square = tf.square(x)
    tanh = tf.tanh(x * (TANH_SCALE * TANH_CUBE * square + TANH_SCALE))
    share = 0.5 * tanh + 0.5
    return _with_gradient("WrittenGelu", x * share, x, square, tanh, share)


@tf.RegisterGradient("WrittenGelu")
def _gelu_gradient(op, dy, *_):
    _, x, square, tanh, share = op.inputs
    slope = (0.5 - 0.5 * tf.square(tanh)) * (3.0 * TANH_SCALE * TANH_CUBE * square + TANH_SCALE)
    return None, dy * (share + x * slope), None, None, None


def _gelu_erf(x):
    scaled = x * math.sqrt(0.5)
    share = 0.5 * tf.math.erf(scaled) + 0.5
    return _with_gradient("WrittenGeluErf", x * share, x, scaled, share)


@tf.RegisterGradient("WrittenGeluErf")
def _gelu_erf_gradient(op, dy, *_):
    _, _, scaled, share = op.inputs
    density = tf.exp(-0.5 * math.log(math.pi) - tf.square(scaled))  # of x, times sqrt(2)
    return None, dy * (share + scaled * density), None, None


def _layer_norm(x, beta, gamma):
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    centred = x - mean
    scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True) + LAYER_NORM_EPSILON)
    normal = centred * scale
    return _with_gradient("WrittenLayerNorm", normal * gamma + beta, x, beta, gamma, normal, scale)


@tf.RegisterGradient("WrittenLayerNorm")
def _layer_norm_gradient(op, dy, *_):
    gamma, normal, scale = op.inputs[3:]
    others = list(range(dy.shape.ndims - 1))
    inner = dy * gamma
    along = normal * tf.reduce_mean(inner * normal, axis=-1, keepdims=True)
    dx = scale * (inner - tf.reduce_mean(inner, axis=-1, keepdims=True) - along)
    return None, dx, tf.reduce_sum(dy, others), tf.reduce_sum(dy * normal, others), None, None


def _attend(query, key, value, masked_scores, kept):
    query *= _score_scale(query)  # the scores are more numbers than the queries
    probabilities = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) + masked_scores)
    dropped = _dropped(probabilities, kept)
    context = tf.matmul(dropped, value)
    return _with_gradient("WrittenAttention", context, query, key, value, probabilities, dropped, context)


@tf.RegisterGradient("WrittenAttention")
def _attention_gradient(op, dy, *_):
    """sum_t p_t dp_t, which softmax subtracts, is the product of a context and its gradient (arXiv 2205.14135, B.2)."""
    _, query, key, value, probabilities, dropped, context = op.inputs
    along = tf.reduce_sum(dy * context, axis=-1, keepdims=True)
    scores = dropped * tf.matmul(dy, value, transpose_b=True) - probabilities * along
    d_query, d_key = tf.matmul(scores, key), tf.matmul(scores, query, transpose_a=True)
    return None, d_query, d_key, tf.matmul(dropped, dy, transpose_a=True), None, None, None


def _take(rows, taken, returned):
    return _with_gradient("WrittenTake", tf.gather(rows, taken), rows, returned)


@tf.RegisterGradient("WrittenTake")
def _take_gradient(op, dy, *_):
    _, rows, returned = op.inputs
    size = rows.shape.as_list()[1]
    return None, tf.reshape(tf.gather(tf.reshape(dy, [-1, size]), returned), tf.shape(rows)), None


Forms = collections.namedtuple(
    "Forms",
    [
        "activations",  # {name: function}
        "layer_norm",  # function(x, beta, gamma)
        "attend",  # function(query, key, value, masked_scores, kept)
        "take",  # function(rows, taken, returned)
    ],
)

PLAIN = Forms(ACTIVATIONS, layer_norm, attend, take)
FIRST_ORDER = Forms(collections.OrderedDict(ACTIVATIONS, gelu=_gelu, gelu_erf=_gelu_erf), _layer_norm, _attend, _take)
