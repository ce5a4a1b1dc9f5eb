"""Output MLP, label MLP and label embeddings (Bansal et al. 2019, section 3.2)."""
import collections
import math

import modeling
from learner import adaptation, configs
from learner.adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE, PROJECTION
from runtime import kernels
from runtime.compat import tf

HEAD_INITIALIZER_STDDEV = 0.02
MANY_CLASSES = 1000  # of so many the differences of all rows and classes would fill the memory


def _mlp_shapes(kind, hidden, layers, last):
    """Shapes of an MLP; weights are [out, in], every layer but the last halves its input's width."""
    shapes = collections.OrderedDict()
    width = hidden
    for layer in range(layers):
        out = last if layer == layers - 1 else width // 2
        shapes["%s_weights_%d" % (kind, layer)] = [out, width]
        shapes["%s_bias_%d" % (kind, layer)] = [out]
        width = out
    return shapes


def label_embedding_size(config):
    """Numbers that describe one class: label_emb_size, and its bias where the label MLP makes one."""
    has_bias = not config.use_euclidean_norm and not config.prototypical_baseline
    return config.label_emb_size + int(has_bias)


def variable_shapes(hidden, num_layers, config):
    """Ordered dict of the heads' names and shapes for an encoder of `num_layers` layers of width `hidden`."""
    label_size, width = label_embedding_size(config), configs.feature_width(hidden, config)
    shapes = _mlp_shapes("output", width, config.output_layers, config.label_emb_size)
    if not config.prototypical_baseline:
        shapes.update(_mlp_shapes("label", width, config.output_layers, label_size))
    for layer in range(config.deep_set_layers):
        shapes["label_set_weights_%d" % layer] = [label_size, label_size]  # [in, out]
        shapes["label_set_bias_%d" % layer] = [label_size]
    if not config.use_pooled_output:
        shapes[LAYER_MIXTURE] = [num_layers]
        shapes[PROJECTION] = [hidden, hidden]
    return shapes


def create_variables(bert_config, config):
    """Makes the heads' variables; returns {name: variable}."""
    shapes = variable_shapes(bert_config.hidden_size, bert_config.num_hidden_layers, config)
    variables = collections.OrderedDict()
    for name, shape in shapes.items():
        if "_bias_" in name or name == LAYER_MIXTURE:
            initializer = tf.zeros_initializer()
        elif config.head_init == "identity":
            initializer = tf.initializers.identity()
        else:
            initializer = tf.truncated_normal_initializer(stddev=HEAD_INITIALIZER_STDDEV, seed=modeling.seed_of(name))
        variables[name] = tf.get_variable(name, shape, initializer=initializer)
    return variables


def features(weights, encoded, config, mixture, dropout=None):
    """The vector that both MLPs read.

    Args:
      weights: {name: tensor}.
      encoded: modeling.EncoderOutput.
      config: LearnerConfig or SoftmaxConfig.
      mixture: weights of the layers' [CLS] vectors, [layers] or [1, 1, layers], summing to 1 at the start; read with
        use_pooled_output=false only.
      dropout: dropout.Dropout or None.

    Returns:
      [batch, configs.feature_width]
    """
    if not config.use_pooled_output:
        classes = tf.stack([layer[:, 0] for layer in encoded.layers])  # [layers, batch, hidden]
        mixed = tf.reduce_sum(classes * tf.reshape(mixture, [-1, 1, 1]), axis=0)
        hidden = tf.tanh(tf.matmul(mixed, weights[PROJECTION]))
    elif config.feature_layers:
        hidden = _side_by_side(encoded, config)
    elif config.pooling == "cls":
        hidden = encoded.pooled
    else:
        hidden = _vector(encoded, len(encoded.layers), config)
    if config.feature_norm > 0.0:
        hidden = config.feature_norm * tf.math.l2_normalize(hidden, axis=-1)
    return dropout(hidden, 1.0 - config.keep_prob) if dropout else hidden


def _side_by_side(encoded, config):
    """Vectors of several layers, each of its own length: [batch, layers x hidden].

    Unlike the mixture of use_pooled_output=false (one vector, the sum of all layers' [CLS] with learned weights) every
    layer keeps its own features, and the output MLP learns what each is worth.
    """
    parts = configs.read_feature_layers(config.feature_layers)
    vectors = [
        math.sqrt(weight) * tf.math.l2_normalize(_vector(encoded, layer, config), axis=-1) for layer, weight in parts
    ]
    return tf.concat(vectors, axis=-1)


def _vector(encoded, layer, config):
    """What a layer, counted from 1, says about each row: [batch, hidden]."""
    states = encoded.layers[layer - 1]  # [batch, seq, hidden]
    if config.pooling == "cls":
        return states[:, 0]
    return modeling.masked_mean(states, encoded.mask if config.pooling == "mean" else encoded.last_text)


def layer_mixture(weights):
    """The weights of the layers outside an inner loop, softmaxed, [layers]; None where {name: tensor} has none."""
    return tf.nn.softmax(weights[LAYER_MIXTURE]) if LAYER_MIXTURE in weights else None


def reads(name, config):
    """Whether the heads' features depend on an encoder weight; names of other weights are True."""
    pools = config.use_pooled_output and config.pooling == "cls" and not config.feature_layers
    return pools or not name.startswith("bert/pooler/")


def in_query_pass(name, config):
    """Whether a pass with given label embeddings reads a weight; the label embeddings are one of them."""
    return reads(name, config) and (not name.startswith("label_") or name == LABEL_EMBEDDINGS)


def in_label_embeddings(name, config):
    """Whether label embeddings are made from a weight."""
    return reads(name, config) and name != LABEL_EMBEDDINGS and (
        config.prototypical_baseline or not name.startswith("output_")
    )


def features_are_constant(names, config):
    """Whether the inner loop and fine-tuning leave all weights of these names that the features read as they are."""
    read = (name for name in names if name.startswith("bert/") and reads(name, config))
    return config.use_pooled_output and not any(adaptation.is_adapted(name, config) for name in read)


def _mlp(weights, kind, config, x):
    activation = kernels.ACTIVATIONS[config.activation_fn]
    for layer in range(config.output_layers):
        if layer > 0:
            x = activation(x)
        x = tf.matmul(x, weights["%s_weights_%d" % (kind, layer)], transpose_b=True)
        x += weights["%s_bias_%d" % (kind, layer)]
    return x


def output_mlp(weights, hidden, config):
    """[batch, hidden] -> [batch, label_emb_size]"""
    return _mlp(weights, "output", config, hidden)


def label_mlp(weights, hidden, config):
    """[batch, hidden] -> [batch, label embedding size]; the output MLP itself for prototypes."""
    return _mlp(weights, "output" if config.prototypical_baseline else "label", config, hidden)


def class_sums(vectors, labels, num_labels):
    """Sums and counts of vectors per class: [num_labels, size], [num_labels, 1]."""
    sums = tf.math.unsorted_segment_sum(vectors, labels, num_labels)
    counts = tf.math.unsorted_segment_sum(tf.ones_like(vectors[:, :1]), labels, num_labels)
    return sums, counts


def label_embeddings(weights, sums, counts, config):
    """Label embeddings from class sums: the mean per class, then the deep-set layers.

    A class without rows gets the zero vector before the deep-set layers (checklist, section 3).
    """
    means = sums / tf.maximum(counts, 1.0)
    activation = kernels.ACTIVATIONS[config.activation_fn]
    for layer in range(config.deep_set_layers):
        if layer > 0:
            means = activation(means)
        means = tf.matmul(means, weights["label_set_weights_%d" % layer]) + weights["label_set_bias_%d" % layer]
    return means  # [num_labels, label embedding size]


def logits(outputs, embeddings, config):
    """Scores of the classes (checklist, section 4).

    Args:
      outputs: output MLP's vectors, [batch, label_emb_size].
      embeddings: label embeddings, [num_labels, label embedding size].
      config: LearnerConfig.

    Returns:
      [batch, num_labels]
    """
    if config.use_euclidean_norm:
        if _is_by_products(config, embeddings.shape.as_list()[0] or 0):
            squares = [tf.reduce_sum(tf.square(vectors), axis=-1) for vectors in (outputs, embeddings)]
            return 2.0 * tf.matmul(outputs, embeddings, transpose_b=True) - squares[0][:, None] - squares[1][None]
        return -tf.reduce_sum(tf.math.squared_difference(outputs[:, None], embeddings[None]), axis=-1)
    return tf.matmul(outputs, embeddings[:, : config.label_emb_size], transpose_b=True) + embeddings[:, -1]


def score_width(config, num_labels):
    """Numbers that are held at a time for the score of a row and a class."""
    is_by_difference = config.use_euclidean_norm and not _is_by_products(config, num_labels)
    return config.label_emb_size if is_by_difference else 1


def _is_by_products(config, num_labels):
    """Whether squared distances are made of products of vectors, not of differences: 16-bit floats are too coarse."""
    return num_labels >= MANY_CLASSES and not config.amp


def cross_entropy(scores, labels):
    """Cross entropy of each row, [batch]; written with log-softmax, which has second derivatives on every runtime."""
    one_hot = tf.one_hot(labels, tf.shape(scores)[1])
    return -tf.reduce_sum(tf.nn.log_softmax(scores) * one_hot, axis=-1)


def accuracy(scores, labels):
    """Fraction of rows whose highest score is their label."""
    return tf.reduce_mean(tf.cast(tf.equal(predictions(scores), labels), tf.float32))


def predictions(scores):
    """Class of the highest score, int32 [batch]."""
    return tf.argmax(scores, axis=-1, output_type=tf.int32)
