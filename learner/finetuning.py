"""Fine-tuning on one k-shot task: plain SGD with the learned rates (checklist, section 10)."""
import collections
import math
from typing import NamedTuple

from learner import adaptation, heads
from learner.adaptation import LABEL_EMBEDDINGS, LAYER_MIXTURE
from learner.classifier import Classifier
from learner.episode import clip_scale
from modeling import WORD_EMBEDDINGS
from runtime import precision
from runtime.compat import tf

LABEL_EMBEDDING_VARIABLE = "new_variable/label_embedding"
STEP_VARIABLE = "training_step"

Step = collections.namedtuple("Step", ["train_op", "loss", "logits", "accuracy", "gradients", "clipped", "norm"])


class FinetuneSchedule(NamedTuple):
    """How the rates change over the steps, in numbers or tensors; total need not be whole, nor equal the steps run."""

    total: float  # examples / eval_batch_size * num_train_epochs
    warmup: int  # int(warmup_proportion * total)


def make_schedule(num_examples, eval_batch_size, num_train_epochs, warmup_proportion):
    """The published schedule, which counts by the evaluation batch size."""
    total = num_examples / eval_batch_size * num_train_epochs
    return FinetuneSchedule(total=total, warmup=int(warmup_proportion * total))


def steps_run(num_examples, train_batch_size, num_train_epochs):
    """Steps of fine-tuning: the first batch, then all epochs, batched across their borders."""
    return 1 + int(math.ceil(num_examples * int(num_train_epochs) / train_batch_size))


def takes_gradient_steps(config):
    """Whether fine-tuning changes weights at all: not without learned rates, nor for prototypes that are remade."""
    return config.rate_sets > 0 and not (config.prototypical_baseline and not config.update_only_label_embedding)


def create_variables(config, num_labels):
    """Makes the new label embeddings and the step counter; returns (label_embedding, training_step)."""
    label_embedding = tf.get_variable(
        LABEL_EMBEDDING_VARIABLE,
        [num_labels, heads.label_embedding_size(config)],
        initializer=tf.zeros_initializer(),
    )
    step = tf.get_variable(STEP_VARIABLE, [], tf.int64, initializer=tf.zeros_initializer(), trainable=False)
    return label_embedding, step


class FewShotModel(Classifier):
    """A task's model while it is fine-tuned and used: forward passes over the variables themselves.

    Args:
      variables: {name: variable} of meta_learner.create_variables.
      label_embedding, step: variables of `create_variables`.
      bert_config, config: BertConfig and LearnerConfig.
      dropout: dropout.Dropout, or None for none.
    """

    def __init__(self, variables, label_embedding, step, bert_config, config, dropout=None):
        super().__init__(bert_config, config, label_embedding.shape.as_list()[0], dropout)
        self.variables = variables
        self.label_embedding = label_embedding
        self.step = step

    def row_features(self, batch):
        """[rows, hidden]; the softmax over the layer mixture is part of the model here (checklist, section 1)."""
        mixture = None
        if LAYER_MIXTURE in self.variables:
            mixture = tf.nn.softmax(self.variables[LAYER_MIXTURE])
        return self.features(self.variables, batch, mixture)

    def batch_label_embeddings(self, batch):
        """Label embeddings of one batch, [num_labels, label embedding size]."""
        return self.make_label_embeddings(self.variables, self.row_features(batch), batch.label_ids)

    def predict(self, batch):
        """Pass with the stored label embeddings."""
        return self.classify(self.variables, self.row_features(batch), self.label_embedding, batch.label_ids)


def training_step(model, batch, schedule):
    """One step of fine-tuning.

    Step 0 makes the label embeddings from its batch; it is a gradient step only with sgd_first_batch. Where the label
    MLP is adapted (update_only_label_embedding off), the embeddings are remade from each batch and the gradient goes
    through them. Prototypes that are remade take no gradient step at all.

    Args:
      model: FewShotModel with dropout on.
      batch: episode.Batch.
      schedule: FinetuneSchedule.

    Returns:
      Step; its gradients are {name: gradient} before clipping.
    """
    config = model.config
    is_first = tf.equal(model.step, 0)
    counted = 1.0 if config.sgd_first_batch else 1.0 - tf.cast(is_first, tf.float32)
    if config.update_only_label_embedding:
        if config.reference_mode:
            made = model.batch_label_embeddings(batch) * tf.cast(is_first, tf.float32)
        else:
            made = tf.cond(
                is_first,
                lambda: model.batch_label_embeddings(batch),
                lambda: tf.zeros(model.label_embedding.shape),
            )
        with tf.control_dependencies([model.label_embedding.assign_add(made)]):
            label_embs = model.label_embedding.read_value()
        result = model.classify(model.variables, model.row_features(batch), label_embs, batch.label_ids)
        sources = collections.OrderedDict(model.variables)
        sources[LABEL_EMBEDDINGS] = label_embs
    else:
        features = model.row_features(batch)
        label_embs = model.make_label_embeddings(model.variables, features, batch.label_ids)
        result = model.classify(model.variables, features, label_embs, batch.label_ids)
        sources = model.variables
    loss = result.loss * counted
    names = [name for name in sources if not adaptation.is_rate(name) and adaptation.is_adapted(name, config)]
    if not takes_gradient_steps(config):
        names = []
    gradients = precision.gradients(loss, [sources[name] for name in names], config)
    gradients = collections.OrderedDict((n, _merged(n, g)) for n, g in zip(names, gradients) if g is not None)
    if gradients:
        norm, scale = clip_scale(gradients)
    else:
        norm, scale = tf.constant(0.0), tf.constant(1.0)
    clipped = collections.OrderedDict((name, precision.scaled(g, scale)) for name, g in gradients.items())
    read_before = [loss, result.accuracy, norm] + [_values(g) for g in gradients.values()]
    return Step(
        _update(model, gradients, scale, schedule, read_before),
        loss,
        result.logits,
        result.accuracy,
        gradients,
        clipped,
        norm,
    )


def _update(model, gradients, scale, schedule, read_before):
    """Applies the SGD step and advances the step counters, after everything in `read_before` is computed.

    Rate and clipping go into one factor, so that a weight and its gradient are read once.
    """
    config = model.config
    factor = rate_factor(model.step, schedule, config)
    rate_set = rate_set_of_step(model.step, schedule, config)
    rates = {
        name: tf.gather(adaptation.rate_stack(name, model.variables, config, range(config.rate_sets)), rate_set)
        for name in gradients
    }
    with tf.control_dependencies(read_before):
        updates = []
        for name, gradient in gradients.items():
            variable = model.label_embedding if name == LABEL_EMBEDDINGS else model.variables[name]
            if config.reference_mode:  # clipping, rate and step one by one, of the whole word table too
                clipped = precision.scaled(gradient, scale)
                updates.append(variable.assign(variable - rates[name] * factor * tf.convert_to_tensor(clipped)))
            else:
                optimizer = tf.train.GradientDescentOptimizer(rates[name] * factor * scale)
                updates.append(optimizer.apply_gradients([(gradient, variable)]))
    with tf.control_dependencies(updates or read_before):
        advance = [model.step.assign_add(1), tf.train.get_or_create_global_step().assign_add(1)]
    return tf.group(*advance)


def rate_factor(step, schedule, config):
    """Factor of all rates at a step: linear warm-up, then linear decay, which is not clamped at 0.

    The rates turn negative past `schedule.total`, as published.
    """
    step = tf.cast(step, tf.float32)
    factor = tf.constant(1.0)
    if config.decay_finetune_lr:
        factor = 1.0 - step / tf.cast(schedule.total, tf.float32)
    warmup = tf.cast(schedule.warmup, tf.float32)
    return tf.where(step < warmup, step / tf.maximum(1.0, warmup), factor)


def rate_set_of_step(step, schedule, config):
    """Index of the set of learned rates: the sets take turns over the schedule, the last one stays."""
    total = tf.maximum(1, tf.cast(schedule.total, tf.int32))
    position = tf.cast(config.rate_sets * step, tf.float64) / tf.cast(total, tf.float64)
    return tf.minimum(tf.cast(tf.floor(position), tf.int32), max(config.rate_sets - 1, 0))


def _values(gradient):
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _merged(name, gradient):
    """Only the word table's gradient stays a list of rows."""
    return gradient if name == WORD_EMBEDDINGS else tf.convert_to_tensor(gradient)
