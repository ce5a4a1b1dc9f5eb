"""AdamW of the published BERT code, its schedule, and one step of the outer loop (checklist, section 9).

The step is written for a replica of a `tf.distribute.Strategy`; without one it is the ordinary step of one device.
"""
import collections
import dataclasses
import re

from adaptation import is_rate
from compat import tf

WEIGHT_DECAY = 0.01
NOT_DECAYED = re.compile("LayerNorm|layer_norm|bias")  # so `label_bias_0` is not decayed, and learning rates are
CLIP_NORM = 1.0
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-6
SLOT = "AdamWeightDecayOptimizer"  # slots are called VARIABLE/SLOT (first moment) and VARIABLE/SLOT_1 (second)


@dataclasses.dataclass(frozen=True)
class OuterConfig:
    """Settings of the outer optimiser."""

    learning_rate: float = 5e-5
    num_train_steps: int = 1
    num_warmup_steps: int = 0
    fix_bert: bool = False
    rate_bounds: tuple = None  # interval of the learned rates' variables after each update (clip_lr)
    replica_clipping: bool = False  # gradients arrive clipped, and are summed over replicas (the published form)


OuterStep = collections.namedtuple(
    "OuterStep",
    [
        "train_op",  # updates the variables and advances the step counter
        "gradients",  # {name: gradient over all replicas, before clipping}
        "clipped",  # {name: gradient after clipping}
        "norm",  # joint norm of `gradients`
        "means",  # list: the means over all replicas of the scalars that were passed in
    ],
)


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
    return collections.OrderedDict(
        (name, g) for name, g in gradients.items() if not (config.fix_bert and name.startswith("bert"))
    )


def clip_scale(gradients):
    """Joint norm of a list of dense gradients, and the factor that clips it to norm 1."""
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients]))
    return norm, tf.minimum(CLIP_NORM / norm, 1.0)


def outer_step(gradients, variables, config, global_step, scalars=()):
    """One step of the outer loop: gradients over all replicas, clipping, AdamW, bounds of the learned rates.

    Called once in every replica. N replicas do what one does with all their tasks: gradients are averaged, then
    clipped together. With `replica_clipping` they are summed as they are.

    Args:
      gradients: {name: dense gradient}, of this replica's tasks; only these variables are updated.
      variables: {name: variable}.
      config: OuterConfig.
      global_step: the step counter, advanced by one.
      scalars: tensors of this replica to average along; they are computed before anything is updated.

    Returns:
      OuterStep.
    """
    names, scalars = list(gradients), list(scalars)
    targets = [variables[name] for name in names]
    slots = [(_slot(name, variables[name], ""), _slot(name, variables[name], "_1")) for name in names]
    mean, total = tf.distribute.ReduceOp.MEAN, tf.distribute.ReduceOp.SUM

    def in_all_replicas(strategy, parts, scalars, targets, slots, step):
        extended = strategy.extended
        rate = learning_rate_schedule(config, _first(strategy, step))
        means = extended.batch_reduce_to(mean, [(scalar, scalar) for scalar in scalars]) if scalars else []
        gradients = extended.batch_reduce_to(total if config.replica_clipping else mean, list(zip(parts, targets)))
        # All replicas hold the same gradients, so the norm is computed in one of them.
        first = [_first(strategy, gradient) for gradient in gradients]
        norm, scale = clip_scale(first)
        if config.replica_clipping:
            scale = tf.constant(1.0)
        with tf.control_dependencies([norm] + [_first(strategy, value) for value in means]):
            updates = [
                extended.update(target, _adam_w(name, config), (gradient, m, v, scale, rate), group=True)
                for name, target, gradient, (m, v) in zip(names, targets, gradients, slots)
            ]
        with tf.control_dependencies(updates):
            train_op = extended.update(step, lambda variable: variable.assign_add(1), group=True)
        clipped = [gradient * scale for gradient in first]
        return train_op, first, clipped, norm, means

    train_op, gradients, clipped, norm, means = tf.distribute.get_replica_context().merge_call(
        in_all_replicas, args=(list(gradients.values()), scalars, targets, slots, global_step)
    )
    return OuterStep(train_op, dict(zip(names, gradients)), dict(zip(names, clipped)), norm, means)


def _first(strategy, value):
    return strategy.experimental_local_results(value)[0]


def _slot(name, variable, suffix):
    return tf.get_variable(
        "%s/%s%s" % (name, SLOT, suffix), variable.shape, initializer=tf.zeros_initializer(), trainable=False
    )


def _adam_w(name, config):
    """The update of one variable: Adam without bias correction and with decoupled weight decay.

    Rates are kept in their bounds (clip_lr).
    """
    decay = 0.0 if NOT_DECAYED.search(name) else WEIGHT_DECAY
    bounds = config.rate_bounds if is_rate(name) else None

    def update(variable, gradient, m, v, scale, rate):
        gradient = gradient * scale
        next_m = m.assign(BETA_1 * m + (1.0 - BETA_1) * gradient)
        next_v = v.assign(BETA_2 * v + (1.0 - BETA_2) * tf.square(gradient))
        change = next_m / (tf.sqrt(next_v) + EPSILON)
        if decay:
            change += decay * variable
        updated = variable - rate * change
        return variable.assign(tf.clip_by_value(updated, *bounds) if bounds else updated)

    return update
