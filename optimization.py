"""AdamW of the published BERT code, its schedule, and one step of the outer loop (checklist, section 9)."""
import dataclasses
import re

from adaptation import is_rate
from compat import tf

WEIGHT_DECAY = 0.01
NOT_DECAYED = re.compile("LayerNorm|layer_norm|bias")  # so `label_bias_0` is not decayed, and learning rates are
CLIP_NORM = 1.0


@dataclasses.dataclass(frozen=True)
class OuterConfig:
    """Settings of the outer optimiser."""

    learning_rate: float = 5e-5
    num_train_steps: int = 1
    num_warmup_steps: int = 0
    fix_bert: bool = False
    rate_bounds: tuple = None  # interval of the learned rates' variables after each update (clip_lr)


class AdamWeightDecayOptimizer(tf.train.Optimizer):
    """Adam without bias correction and with decoupled weight decay, as in the published BERT code."""

    def __init__(self, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-6, name="AdamWeightDecayOptimizer"):
        super().__init__(use_locking=False, name=name)
        self._learning_rate = learning_rate
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _resource_apply_dense(self, grad, handle):
        m, v = self.get_slot(handle, "m"), self.get_slot(handle, "v")
        next_m = m.assign(self._beta_1 * m + (1.0 - self._beta_1) * grad)
        next_v = v.assign(self._beta_2 * v + (1.0 - self._beta_2) * tf.square(grad))
        update = next_m / (tf.sqrt(next_v) + self._epsilon)
        if not NOT_DECAYED.search(handle.op.name):
            update += WEIGHT_DECAY * handle
        return handle.assign_sub(self._learning_rate * update)


def learning_rate_schedule(config, step):
    """Linear warm-up from 0, then the linear decay to 0 that runs from step 0.

    Args:
      config: OuterConfig.
      step: integer tensor, counted from 0.

    Returns:
      float32 scalar, the rate of that step.
    """
    step = tf.cast(step, tf.float32)
    total = float(config.num_train_steps)
    rate = config.learning_rate * (1.0 - tf.minimum(step, total) / total)
    if config.num_warmup_steps:
        warming = config.learning_rate * step / float(config.num_warmup_steps)
        rate = tf.where(step < float(config.num_warmup_steps), warming, rate)
    return rate


def trained_gradients(gradients, config):
    """Drops what fix_bert fixes: every name that starts with `bert`, the layer mixture included."""
    return {name: g for name, g in gradients.items() if not (config.fix_bert and name.startswith("bert"))}


def clip_gradients(gradients):
    """Clips {name: dense gradient} to joint norm 1; returns the clipped gradients and the norm before."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients.values()]))
    scale = tf.minimum(CLIP_NORM / norm, 1.0)
    return {name: g * scale for name, g in gradients.items()}, norm


def train_op(clipped, variables, config, global_step):
    """One outer step: AdamW on the variables that have a gradient, then the bounds of the learned rates.

    Args:
      clipped: {name: dense gradient}.
      variables: {name: variable}.
      config: OuterConfig.
      global_step: the step counter, advanced by one.

    Returns:
      Operation.
    """
    optimizer = AdamWeightDecayOptimizer(learning_rate_schedule(config, global_step))
    update = optimizer.apply_gradients([(gradient, variables[name]) for name, gradient in clipped.items()])
    with tf.control_dependencies([update]):
        bounded = []
        if config.rate_bounds:
            low, high = config.rate_bounds
            rates = [variables[name] for name in clipped if is_rate(name)]
            bounded = [rate.assign(tf.clip_by_value(rate, low, high)) for rate in rates]
        with tf.control_dependencies(bounded):
            return global_step.assign_add(1).op
