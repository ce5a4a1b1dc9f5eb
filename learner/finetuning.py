"""Fine-tuning on one k-shot task: plain SGD with the learned rates (checklist, section 10)."""
import collections
import math
from typing import NamedTuple

import modeling
from learner import adaptation, configs, descent, heads
from learner.adaptation import LABEL_EMBEDDINGS
from learner.classifier import Classifier
from runtime import precision
from runtime.compat import tf

LABEL_EMBEDDING_VARIABLE = "new_variable/label_embedding"
STEP_VARIABLE = "training_step"

FinetuneStep = collections.namedtuple(
    "FinetuneStep", ["train_op", "loss", "logits", "accuracy", "gradients", "clipped", "norm"]
)


class RateDecay(NamedTuple):
    """How the rates change over the steps, in numbers or tensors; total need not be whole, nor equal the steps run."""

    total: float  # examples / eval_batch_size * num_train_epochs
    warmup: int  # int(warmup_proportion * total)


def rate_decay(num_examples, eval_batch_size, num_train_epochs, warmup_proportion):
    """The published RateDecay, which counts by the evaluation batch size."""
    total = num_examples / eval_batch_size * num_train_epochs
    return RateDecay(total=total, warmup=int(warmup_proportion * total))


def steps_run(num_examples, train_batch_size, num_train_epochs):
    """Steps of fine-tuning: the first batch, then all epochs, batched across their borders."""
    return 1 + int(math.ceil(num_examples * int(num_train_epochs) / train_batch_size))


def expected_steps(num_examples, settings):
    """`steps_run` of a FinetuneConfig."""
    return steps_run(num_examples, settings.train_batch_size, settings.num_train_epochs)


def goes_uphill(num_examples, settings, config):
    """Whether every gradient step has a rate below 0, for the schedule ends before the first one (`rate_factor`).

    So it is where a batch has more rows than all epochs together. False for a SoftmaxConfig, which has other rates.

    Args:
      num_examples: rows.
      settings: FinetuneConfig.
      config: LearnerConfig or SoftmaxConfig.
    """
    if isinstance(config, configs.SoftmaxConfig) or not (config.decay_finetune_lr and takes_gradient_steps(config)):
        return False
    decay = rate_decay(
        num_examples, settings.eval_batch_size, settings.num_train_epochs, settings.warmup_proportion
    )
    return decay.total < 1.0 and expected_steps(num_examples, settings) > 1


def takes_gradient_steps(config):
    """Whether fine-tuning changes weights at all: not without learned rates, nor for prototypes that are remade."""
    return config.rate_sets > 0 and not (config.prototypical_baseline and not config.update_only_label_embedding)


def create_label_embedding(config, num_labels):
    """Makes the variable of the new label embeddings, [num_labels, label embedding size]."""
    shape = [num_labels, heads.label_embedding_size(config)]
    return tf.get_variable(LABEL_EMBEDDING_VARIABLE, shape, initializer=tf.zeros_initializer())


def create_step():
    """Makes the counter of fine-tuning steps."""
    return tf.get_variable(STEP_VARIABLE, [], tf.int64, initializer=tf.zeros_initializer(), trainable=False)


class FewShotModel(Classifier):
    """A task's model while it is fine-tuned and used: forward passes over the variables themselves.

    Args:
      variables: {name: variable} of meta_learner.create_variables.
      label_embedding: the variable of `create_label_embedding`.
      bert_config, config: BertConfig and LearnerConfig.
    """

    def __init__(self, variables, label_embedding, bert_config, config):
        super().__init__(bert_config, config, label_embedding.shape.as_list()[0])
        self.variables = variables
        self.label_embedding = label_embedding

    def row_features(self, batch, dropout=None):
        """[rows, hidden]; the softmax over the layer mixture is part of the model here (checklist, section 1)."""
        return self.features(self.variables, batch, heads.layer_mixture(self.variables), dropout)

    def batch_label_embeddings(self, batch, dropout=None, features=None):
        """Label embeddings of one batch, [num_labels, label embedding size]; its features are made unless given."""
        features = self.row_features(batch, dropout) if features is None else features
        return self.make_label_embeddings(self.variables, features, batch.label_ids)

    def predict(self, batch):
        """Pass with the stored label embeddings; the replay of the golden cases judges with it."""
        return self.classify(self.variables, self.row_features(batch), self.label_embedding, batch.label_ids)


def has_constant_features(bert_config, config):
    """Whether every step of fine-tuning reads the same features of a row, so that it need be encoded but once.

    The weights that they are made with stay as they are, and nothing is dropped out. In reference_mode rows are encoded
    at every step all the same, and for a SoftmaxConfig too.
    """
    if not isinstance(config, configs.LearnerConfig) or config.reference_mode:
        return False
    drops = (1.0 - config.keep_prob, bert_config.hidden_dropout_prob, bert_config.attention_probs_dropout_prob)
    return not any(drops) and heads.features_are_constant(modeling.variable_shapes(bert_config), config)


def training_step(model, step, batch, decay, dropout=None, features=None):
    """One step of fine-tuning.

    Step 0 makes the label embeddings from its batch; it is a gradient step only with sgd_first_batch. Where the label
    MLP is adapted (update_only_label_embedding off), the embeddings are remade from each batch and the gradient goes
    through them. Prototypes that are remade take no gradient step at all.

    Args:
      model: FewShotModel.
      step: the counter of `create_step`.
      batch: classifier.Batch.
      decay: RateDecay.
      dropout: dropout.Dropout, or None for none.
      features: what the heads read of the batch's rows, [rows, hidden], where they are constant
        (`has_constant_features`); None: the rows are encoded.

    Returns:
      FinetuneStep; its gradients are {name: gradient} before clipping.
    """
    config, is_first = model.config, tf.equal(step, 0)
    weights = collections.OrderedDict(model.variables)
    if config.update_only_label_embedding:
        weights[LABEL_EMBEDDINGS] = _with_first_embeddings(model, is_first, batch, dropout, features)
    if features is None:
        features = model.row_features(batch, dropout)
    label_embs = weights.get(LABEL_EMBEDDINGS)
    if label_embs is None:
        label_embs = model.make_label_embeddings(weights, features, batch.label_ids)
    result = model.classify(weights, features, label_embs, batch.label_ids)
    loss = result.loss * (1.0 if config.sgd_first_batch else 1.0 - tf.cast(is_first, tf.float32))
    names = [name for name in weights if not adaptation.is_rate(name) and adaptation.is_adapted(name, config)]
    gradients = descent.gradients(loss, weights, names if takes_gradient_steps(config) else [], config)
    norm, scale = descent.clip(descent.half_squares(gradients))
    read_before = [loss, result.accuracy, norm] + [descent.values(gradient) for gradient in gradients.values()]
    with tf.control_dependencies(read_before):
        updates = _updates(model, step, gradients, scale, decay)
    with tf.control_dependencies(updates or read_before):
        train_op = tf.group(step.assign_add(1), tf.train.get_or_create_global_step().assign_add(1))
    clipped = collections.OrderedDict((name, precision.scaled(g, scale)) for name, g in gradients.items())
    return FinetuneStep(train_op, loss, result.logits, result.accuracy, gradients, clipped, norm)


def _with_first_embeddings(model, is_first, batch, dropout, features):
    """The stored label embeddings; the first step adds those that its batch makes, to zeros."""
    if model.config.reference_mode:
        made = model.batch_label_embeddings(batch, dropout) * tf.cast(is_first, tf.float32)
    else:
        made = tf.cond(
            is_first,
            lambda: model.batch_label_embeddings(batch, dropout, features),
            lambda: tf.zeros(model.label_embedding.shape),
        )
    with tf.control_dependencies([model.label_embedding.assign_add(made)]):
        return model.label_embedding.read_value()


def _updates(model, step, gradients, scale, decay):
    """Operations of the SGD step with the learned rates.

    Rate and clipping go into one factor, so that a weight and its gradient are read once.
    """
    config, updates = model.config, []
    factor, rate_set = rate_factor(step, decay, config), rate_set_of_step(step, decay, config)
    for name, gradient in gradients.items():
        rates = adaptation.rate_stack(name, model.variables, config, range(config.rate_sets))
        rate = tf.gather(rates, rate_set) * factor
        variable = model.label_embedding if name == LABEL_EMBEDDINGS else model.variables[name]
        if config.reference_mode:  # clipping, rate and step one by one, of the whole word table too
            clipped = tf.convert_to_tensor(precision.scaled(gradient, scale))
            updates.append(variable.assign(variable - rate * clipped))
        else:
            optimizer = tf.train.GradientDescentOptimizer(rate * scale)
            updates.append(optimizer.apply_gradients([(gradient, variable)]))
    return updates


def rate_factor(step, decay, config):
    """Factor of all rates at a step: linear warm-up, then linear decay, which is not clamped at 0.

    The rates turn negative past `decay.total`, as published.
    """
    step = tf.cast(step, tf.float32)
    factor = tf.constant(1.0)
    if config.decay_finetune_lr:
        factor = 1.0 - step / tf.cast(decay.total, tf.float32)
    warmup = tf.cast(decay.warmup, tf.float32)
    return tf.where(step < warmup, step / tf.maximum(1.0, warmup), factor)


def rate_set_of_step(step, decay, config):
    """Index of the set of learned rates: the sets take turns until `decay.total`, the last one stays."""
    total = tf.maximum(1, tf.cast(decay.total, tf.int32))
    position = tf.cast(config.rate_sets * step, tf.float64) / tf.cast(total, tf.float64)
    return tf.minimum(tf.cast(tf.floor(position), tf.int32), max(config.rate_sets - 1, 0))
