"""AdamW of the published BERT code, its learning rate, and one step of the outer loop (checklist, section 9).

The step is written for a replica of a `tf.distribute.Strategy`; without one it is the ordinary step of one device.
"""
import collections
import dataclasses
import itertools
import re

import numpy as np

from runtime.compat import tf

WEIGHT_DECAY = 0.01
# So `label_bias_0` is not decayed; learning rates are, and so are the weights of a task that is called political_bias.
NOT_DECAYED = re.compile("LayerNorm/|layer_norm/|bias[^/]*$")
CLIP_NORM = 1.0
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-6
SLOT = "AdamWeightDecayOptimizer"  # slots are called VARIABLE/SLOT (first moment) and VARIABLE/SLOT_1 (second)


@dataclasses.dataclass(frozen=True)
class OuterConfig:
    """Settings of the outer optimiser."""

    learning_rate: float = 5e-5
    num_train_steps: int = 1  # this and the next may be scalar tensors
    num_warmup_steps: int = 0
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


def learning_rate(config, step):
    """Linear warm-up from 0, then the linear decay to 0 that runs from step 0.

    Args:
      config: OuterConfig.
      step: integer tensor, counted from 0.

    Returns:
      float32 scalar, the rate of that step.
    """
    step = tf.cast(step, tf.float32)
    total, warmup = (tf.cast(steps, tf.float32) for steps in (config.num_train_steps, config.num_warmup_steps))
    rate = config.learning_rate * (1.0 - tf.minimum(step, total) / total)
    warming = config.learning_rate * step / tf.maximum(warmup, 1.0)
    return tf.where(step < warmup, warming, rate)


def clip_scale(norm):
    """The factor that clips gradients of this joint norm to norm 1."""
    return CLIP_NORM / tf.maximum(norm, CLIP_NORM)


def outer_step(gradients, variables, config, global_step, scalars=(), bounds=None):
    """One step of the outer loop: gradients over all replicas, clipping, AdamW, bounds of variables.

    Called once in every replica. N replicas do what one does with all their tasks: gradients are averaged, then
    clipped together. With `replica_clipping` they are summed as they are.

    Args:
      gradients: {name: dense gradient}, of this replica's tasks; only these variables are updated.
      variables: {name: variable}.
      config: OuterConfig.
      global_step: the step counter, advanced by one.
      scalars: tensors of this replica to average along; they are computed before anything is updated.
      bounds: {name: (low, high)}, intervals that each update keeps these variables in; or None.

    Returns:
      OuterStep.
    """
    names, scalars, bounds = list(gradients), list(scalars), bounds or {}
    targets = [variables[name] for name in names]
    slots = [(_slot(name, variables[name], ""), _slot(name, variables[name], "_1")) for name in names]
    values = list(gradients.values()) + scalars
    places = _places([target.shape.as_list() for target in targets] + [[]] * len(scalars))
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    if several:
        # One vector, so that a step is one collective operation: TensorFlow 1.15 aborts when it packs tiny tensors.
        values = [tf.concat([tf.reshape(value, [-1]) for value in values], axis=0)]

    def in_all_replicas(strategy, values, targets, slots, step):
        extended = strategy.extended
        local = values
        if several:
            vector = extended.reduce_to(tf.distribute.ReduceOp.MEAN, values[0], values[0])
            # All replicas hold the same now, so norm and reports are computed in one of them.
            local = [_first(strategy, vector)[place] for place in places]
            values = [vector] * len(local)
        count = strategy.num_replicas_in_sync if config.replica_clipping else 1
        norm = float(count) * tf.linalg.global_norm(local[: len(names)])
        scale = tf.constant(float(count)) if config.replica_clipping else clip_scale(norm)
        rate = learning_rate(config, _first(strategy, step))
        with tf.control_dependencies([scale] + local[len(names) :]):
            updates = [
                extended.update(
                    target, _adam_w(name, place if several else None, bounds.get(name)), (value, m, v, scale, rate)
                )
                for name, place, value, target, (m, v) in zip(names, places, values, targets, slots)
            ]
        with tf.control_dependencies(updates):
            train_op = extended.update(step, lambda variable: variable.assign_add(1).op, group=True)
        whole = [gradient * float(count) if count > 1 else gradient for gradient in local[: len(names)]]
        return train_op, whole + local[len(names) :], scale / float(count), norm

    train_op, reduced, scale, norm = tf.distribute.get_replica_context().merge_call(
        in_all_replicas, args=(values, targets, slots, global_step)
    )
    means = [tf.reshape(mean, []) for mean in reduced[len(names) :]]
    whole = dict(zip(names, reduced))
    if several:
        whole = {name: tf.reshape(value, variables[name].shape) for name, value in whole.items()}
    return OuterStep(train_op, whole, {name: gradient * scale for name, gradient in whole.items()}, norm, means)


def _places(shapes):
    """Where tensors of these shapes lie in the vector of all of them: a list of slices."""
    ends = list(itertools.accumulate(int(np.prod(shape)) for shape in shapes))
    return [slice(start, end) for start, end in zip([0] + ends, ends)]


def _first(strategy, value):
    return strategy.experimental_local_results(value)[0]


def _slot(name, variable, suffix):
    return tf.get_variable(
        "%s/%s%s" % (name, SLOT, suffix), variable.shape, initializer=tf.zeros_initializer(), trainable=False
    )


def _adam_w(name, place, bounds):
    """The update of one variable: Adam without bias correction and with decoupled weight decay.

    The gradient is given as it is, or lies at `place` in a vector. `bounds` may be None.
    """
    decay = 0.0 if NOT_DECAYED.search(name) else WEIGHT_DECAY

    def update(variable, gradient, m, v, scale, rate):
        if place is not None:
            gradient = tf.reshape(gradient[place], variable.shape)
        gradient = gradient * scale
        next_m = BETA_1 * m + (1.0 - BETA_1) * gradient
        next_v = BETA_2 * v + (1.0 - BETA_2) * tf.square(gradient)
        change = next_m / (tf.sqrt(next_v) + EPSILON)
        if decay:
            change += decay * variable
        updated = variable - rate * change
        updated = tf.clip_by_value(updated, *bounds) if bounds else updated
        # Nothing reads the variables again here, which would be operations for each of them.
        pairs = [(m, next_m), (v, next_v), (variable, updated)]
        return tf.group(*[each.assign(value, read_value=False) for each, value in pairs])

    return update
