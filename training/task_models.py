"""A task's model as a graph that is fed rows: its variables, its scores and its training step, for both classifiers."""
import itertools

import numpy as np

import meta_learner
import modeling
from data import batching
from learner import configs, finetuning, heads, name_prior, softmax
from learner.classifier import Batch
from learner.configs import LearnerConfig, SoftmaxConfig
from runtime.checkpoints import is_encoder
from runtime.compat import tf
from runtime.dropout import Dropout
from runtime.progress import Progress

SCORED = 1 << 25  # numbers, 128 MiB, that scores of rows and classes are made of at a time


class RowModel:
    """What the models of both classifiers share: batches of rows in, `logits` [rows, num_labels] out."""

    trains_on_encoded = False  # whether rows are encoded once, before the first step
    encoder_is_fixed = False  # whether training leaves it as it is

    def __init__(self, config, tokens=None):
        self._config = config
        tokens = tokens or [tf.placeholder(tf.int32, [None, None]) for _ in range(3)]
        self.batch = Batch(*tokens, tf.placeholder(tf.int32, [None]))

    def _batches(self, examples, batch_size):
        if self._config.reference_mode:
            return batching.batches_in_order(examples.size, batch_size)
        return batching.batches_by_length(examples.input_mask, batch_size)

    def feed(self, examples, rows):
        """What the session is fed to run on these rows."""
        return {placeholder: getattr(examples, name)[rows] for name, placeholder in self.batch._asdict().items()}

    def feeder(self, session, train, batch_size, show=True):
        """Function from row numbers of `train` to what a training step on these rows is fed."""
        return lambda rows: self.feed(train, rows)

    def finish(self, session, examples, batch_size, names=None):
        """What is left to do with the training rows, and with the names of Finetuner.run, after the last step."""

    def score(self, session, examples, batch_size, description, show=True):
        """Logits of all rows in their order, [rows, num_labels]."""
        return self._in_batches(session, self.logits, examples, batch_size, description, show)

    def describe(self, session, examples, batch_size, description, show=True):
        """(logits, features by which rows can be compared) of all rows in their order; here both are the logits."""
        logits = self.score(session, examples, batch_size, description, show)
        return logits, logits

    def forget(self):
        """Drops what is kept of rows from one call to the next: the weights have changed."""

    def fixed_names(self):
        """Names of the encoder's weights where training changes none of those that are read; else none."""
        return [name for name in self.variables if is_encoder(name)] if self.encoder_is_fixed else []

    def _in_batches(self, session, tensor, examples, batch_size, description, show):
        """A tensor's values for all rows in their order, [rows, size]."""
        found = np.zeros([examples.size, tensor.shape[-1]], np.float32)
        with Progress(examples.size, description, unit="row", show=show) as progress:
            for rows in self._batches(examples, batch_size):
                found[rows] = session.run(tensor, self.feed(examples, rows))
                progress.update(len(rows))
        return found


class TaskModel(RowModel):
    """Variables of a fine-tuned model with label embeddings, and the graph that scores rows with them."""

    advice = "the learned rates are too large for this model; lower --train_lr or check --warm_start_model_dir"

    def __init__(self, bert_config, config, num_labels, tokens=None):
        super().__init__(config, tokens)
        self.variables = meta_learner.create_variables(bert_config, config)
        self.label_embedding = finetuning.create_label_embedding(config, num_labels)
        self.score_width = heads.score_width(config, num_labels)
        self.step = finetuning.create_step()
        self._model = model = finetuning.FewShotModel(self.variables, self.label_embedding, bert_config, config)
        self._features = features = tf.identity(model.row_features(self.batch))
        self.encoder_is_fixed = heads.features_are_constant(self.variables, config)
        self.trains_on_encoded = finetuning.has_constant_features(bert_config, config)
        self._encoded = {}  # {what rows are for: (Examples, their features)}
        self.logits = model.classify(self.variables, features, self.label_embedding, self.batch.label_ids).logits
        self._sums = model.label_sums(self.variables, features, self.batch.label_ids)
        self._total = [tf.placeholder(tf.float32, part.shape) for part in self._sums]
        self._made = model.finish_label_embeddings(self.variables, *self._total)
        self._remade = self.label_embedding.assign(self._made)
        with tf.name_scope("name_prior"):  # all other operations keep their names
            self._names = tf.placeholder(tf.float32, self.label_embedding.shape)
            self._rows_of_class = tf.placeholder(tf.float32, [num_labels, 1])
            leant = name_prior.lean(self.label_embedding, self._names, self._rows_of_class)
            self._leant = self.label_embedding.assign(leant)

    def saved_variables(self):
        """{name: variable} of what a saved model holds."""
        return dict(self.variables, **{v.op.name: v for v in (self.label_embedding, self.step)})

    def training_step(self, seed, decay):
        """finetuning.FinetuneStep on the rows that `feed` names, with the dropout of a seed."""
        dropout = Dropout(seed, self.step, self._config.reference_mode)
        features = self._features if self.trains_on_encoded else None
        return finetuning.training_step(self._model, self.step, self.batch, decay, dropout, features)

    def feeder(self, session, train, batch_size, show=True):
        """Function from row numbers of `train` to what a training step on these rows is fed."""
        if not self.trains_on_encoded:
            return super().feeder(session, train, batch_size, show)
        features = self._features_of("training", session, train, batch_size, "encoding", show)
        return lambda rows: {self._features: features[rows], self.batch.label_ids: train.label_ids[rows]}

    def rate_decay(self, size, settings):
        """finetuning.RateDecay of a FinetuneConfig, for so many training rows."""
        return finetuning.rate_decay(
            size, settings.eval_batch_size, settings.num_train_epochs, settings.warmup_proportion
        )

    def batches(self, train, settings):
        """(number of steps, iterator over the row numbers of each) of a FinetuneConfig and the training rows."""
        epochs = settings.num_train_epochs if finetuning.takes_gradient_steps(self._config) else 0
        steps = finetuning.steps_run(train.size, settings.train_batch_size, epochs)
        return steps, _rows_of_steps(train, settings, epochs)

    def finish(self, session, examples, batch_size, names=None):
        """What is left to do with the training rows, and with the names of Finetuner.run, after the last step."""
        if not self._config.update_only_label_embedding:
            self.remake_label_embeddings(session, examples, batch_size)
            if names is not None:
                self.lean_on_names(session, names, examples, batch_size)

    def remake_label_embeddings(self, session, examples, batch_size):
        """Makes the label embeddings from all of `examples` with the current weights."""
        session.run(self._remade, self._feed_totals(session, examples, batch_size))

    def lean_on_names(self, session, names, examples, batch_size):
        """Moves label embeddings that were made from `examples` along those of the names of Finetuner.run."""
        made = session.run(self._made, self._feed_totals(session, names, batch_size))
        counts = np.bincount(examples.label_ids, minlength=names.size)
        session.run(self._leant, {self._names: made, self._rows_of_class: counts[:, None]})

    def _feed_totals(self, session, examples, batch_size):
        """What is fed to make label embeddings from all of `examples`: sums and counts per class."""
        batches = self._batches(examples, batch_size)
        parts = [session.run(self._sums, self.feed(examples, rows)) for rows in batches]
        return dict(zip(self._total, [np.sum([part[i] for part in parts], axis=0) for i in range(2)]))

    def score(self, session, examples, batch_size, description, show=True):
        """Logits of all rows in their order, [rows, num_labels]; rows that are known already are not encoded anew."""
        if not self.encoder_is_fixed:
            return super().score(session, examples, batch_size, description, show)
        features = self._features_of("scoring", session, examples, batch_size, description, show)
        return self._logits_of(session, features)

    def describe(self, session, examples, batch_size, description, show=True):
        """(logits, what the heads read [rows, hidden]) of all rows in their order."""
        features = self.encode(session, examples, batch_size, description, show)
        return self._logits_of(session, features), features

    def score_trained(self, session, train, rows, batch_size):
        """Logits of those rows of `train` whose numbers are given; for a model that trains on encoded rows."""
        features = self._features_of("training", session, train, batch_size, "encoding", show=False)
        return self._logits_of(session, features[rows])

    def _logits_of(self, session, features):
        """Logits of rows whose features are known, [rows, num_labels]; so many at a time as SCORED allows."""
        most = max(1, SCORED // (self.label_embedding.shape.as_list()[0] * self.score_width))
        parts = [
            session.run(self.logits, {self._features: features[first : first + most]})
            for first in range(0, max(1, len(features)), most)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _features_of(self, purpose, session, examples, batch_size, description, show):
        """Features of rows in their order, kept until others are needed for the same purpose."""
        for known, features in self._encoded.values():
            if known is examples:
                return features
        self._encoded.pop(purpose, None)  # before the next are made
        features = self.encode(session, examples, batch_size, description, show)
        self._encoded[purpose] = examples, features
        return features

    def encode(self, session, examples, batch_size, description, show=True):
        """Features, which the heads read, of all rows in their order, [rows, hidden]."""
        return self._in_batches(session, self._features, examples, batch_size, description, show)

    def forget(self):
        """Drops what is kept of rows from one call to the next: the weights have changed."""
        self._encoded = {}


class SoftmaxTaskModel(RowModel):
    """Variables of a fine-tuned model with a softmax layer, and the graph that scores rows with them."""

    advice = "lower --learning_rate or check the weights it starts from"
    score_width = 1

    def __init__(self, bert_config, config, num_labels, tokens=None):
        super().__init__(config, tokens)
        self.variables = modeling.create_variables(bert_config)
        self.encoder_is_fixed = config.fix_bert
        self._head = softmax.create_head(configs.feature_width(bert_config.hidden_size, config), num_labels)
        self.step = finetuning.create_step()
        self._bert_config = bert_config
        self.logits = softmax.score(self.variables, self._head, self.batch, bert_config, config).logits

    def saved_variables(self):
        """{name: variable} of what a saved model holds."""
        return dict(self.variables, **{v.op.name: v for v in self._head + (self.step,)})

    def training_step(self, seed, decay):
        """softmax.SoftmaxStep on the rows that `feed` names, with the dropout of a seed."""
        return softmax.training_step(
            self.variables, self._head, self.step, self.batch, self._bert_config, self._config, decay, seed
        )

    def rate_decay(self, size, settings):
        """finetuning.RateDecay of a FinetuneConfig, for so many training rows."""
        return softmax.rate_decay(
            size, settings.train_batch_size, settings.num_train_epochs, settings.warmup_proportion
        )

    def batches(self, train, settings):
        """As for the other classifier, without its first batch, which makes label embeddings."""
        batches = _rows_of_steps(train, settings, settings.num_train_epochs)
        return self.rate_decay(train.size, settings).total, itertools.islice(batches, 1, None)


def _rows_of_steps(train, settings, epochs):
    """Row numbers of every step, the batch that makes label embeddings first."""
    if settings.stratified:
        return batching.stratified_batches(train.label_ids, settings.train_batch_size, epochs, settings.seed)
    return batching.finetune_batches(train.size, settings.train_batch_size, epochs, settings.seed)


def make_model(bert_config, config, num_labels, tokens=None):
    """The RowModel that a LearnerConfig or SoftmaxConfig describes.

    Args:
      bert_config, config, num_labels: of the model.
      tokens: input_ids, input_mask and segment_ids, int32 [rows, seq], in the place of placeholders.
    """
    kinds = {LearnerConfig: TaskModel, SoftmaxConfig: SoftmaxTaskModel}
    return kinds[type(config)](bert_config, config, num_labels, tokens)
