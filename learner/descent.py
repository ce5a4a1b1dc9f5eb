"""What the inner step and the step of fine-tuning share: gradients by name, clipped together at norm 1."""
import collections

import optimization
from modeling import WORD_EMBEDDINGS
from runtime import precision
from runtime.compat import tf


def gradients(y, weights, names, config, grad_ys=None):
    """{name: gradient of y} by the weights of these names, without those that y does not depend on.

    Only the word table's gradient stays a list of rows, a tf.IndexedSlices, where it is one.

    Args:
      y: tensor.
      weights: {name: tensor or variable}.
      names: of the weights to differentiate by.
      config: LearnerConfig or SoftmaxConfig.
      grad_ys: gradient by y, or None for ones.
    """
    found = zip(names, precision.gradients(y, [weights[name] for name in names], config, grad_ys))
    return collections.OrderedDict((name, _merged(name, gradient)) for name, gradient in found if gradient is not None)


def dense(gradients):
    """{name: tensor} of {name: gradient}."""
    return collections.OrderedDict((name, tf.convert_to_tensor(gradient)) for name, gradient in gradients.items())


def half_squares(gradients):
    """{name: half the squared norm of the gradient}, as it enters the joint norm.

    The word table's enters row by gathered row, duplicates apart (checklist, section 7).
    """
    return collections.OrderedDict((name, tf.nn.l2_loss(values(gradient))) for name, gradient in gradients.items())


def clip(half_squares):
    """(joint norm, factor that clips to norm 1) from {name: half square}; a norm of 0 without any."""
    norm = tf.sqrt(2.0 * tf.add_n(list(half_squares.values()))) if half_squares else tf.constant(0.0)
    return norm, optimization.clip_scale(norm)


def _merged(name, gradient):
    return gradient if name == WORD_EMBEDDINGS else tf.convert_to_tensor(gradient)


def values(gradient):
    """The numbers of a tensor or tf.IndexedSlices, a tensor."""
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
