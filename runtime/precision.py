"""Gradients that survive mixed precision."""
from runtime.compat import tf

LOSS_SCALE = 1024.0  # a power of two, so that 32-bit numbers do not change


def gradients(loss, sources, config, grad_ys=None):
    """tf.gradients; with `config.amp` of the scaled loss, scaled back.

    Small gradients of activations would be zero as 16-bit floats (Micikevicius et al. 2018, section 3.2).

    Args:
      loss: tensor.
      sources: list of tensors.
      config: LearnerConfig or SoftmaxConfig.
      grad_ys: gradient by `loss`, or None for ones.

    Returns:
      List of tensors or tf.IndexedSlices, None where the loss does not depend on a source.
    """
    if not config.amp:
        return tf.gradients(loss, sources, grad_ys=grad_ys)
    start = LOSS_SCALE * (tf.ones_like(loss) if grad_ys is None else grad_ys)
    found = tf.gradients(loss, sources, grad_ys=start)
    return [None if gradient is None else scaled(gradient, 1.0 / LOSS_SCALE) for gradient in found]


def scaled(gradient, factor):
    """A tensor or tf.IndexedSlices times a factor."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * factor
