"""Fine-tuning and prediction as programs: graphs, sessions, checkpoints. What they compute is in finetuning.py."""
import collections
import dataclasses
import errno
import itertools
import os
import time

import numpy as np

import meta_learner
import modeling
from data import batching
from learner import finetuning, heads, softmax
from learner.classifier import Batch
from learner.configs import LearnerConfig
from learner.softmax import SoftmaxConfig
from runtime import checkpoints
from runtime.compat import tf
from runtime.dropout import Dropout
from runtime.errors import UserError, reason
from runtime.progress import Progress
from runtime.sessions import session_config, share_cores


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """How one k-shot task is trained; names are those of the flags."""

    train_batch_size: int = 32
    eval_batch_size: int = 8
    predict_batch_size: int = 8
    num_train_epochs: float = 3.0
    warmup_proportion: float = 0.1
    init_checkpoint: str = None
    warm_start_model_dir: str = None
    stratified: bool = False  # batches of pipeline.stratified_batches, not the published ones
    seed: int = 0


Finetuned = collections.namedtuple(
    "Finetuned",
    [
        "logits",  # of the evaluation rows in their order, [rows, num_labels]; None without rows
        "steps",  # training steps run
        "train_seconds",
        "eval_seconds",
    ],
)


class RowModel:
    """What the models of both classifiers share: batches of rows in, `logits` [rows, num_labels] out."""

    def __init__(self, config):
        self._config = config
        self.batch = Batch(
            *[tf.placeholder(tf.int32, [None, None]) for _ in range(3)], tf.placeholder(tf.int32, [None])
        )

    def _batches(self, examples, batch_size):
        if self._config.reference_mode:
            return batching.batches_in_order(examples.size, batch_size)
        return batching.batches_by_length(examples.input_mask, batch_size)

    def feed(self, examples, rows):
        """What the session is fed to run on these rows."""
        return {placeholder: getattr(examples, name)[rows] for name, placeholder in self.batch._asdict().items()}

    def finish(self, session, examples, batch_size):
        """What is left to do with the training rows after the last step."""

    def score(self, session, examples, batch_size, description, show=True):
        """Logits of all rows in their order, [rows, num_labels]."""
        return self._in_batches(session, self.logits, examples, batch_size, description, show)

    def forget(self):
        """Drops what is kept from one call of `score` to the next: the weights have changed."""

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

    def __init__(self, bert_config, config, num_labels):
        super().__init__(config)
        self.variables = meta_learner.create_variables(bert_config, config)
        self.label_embedding, self.step = finetuning.create_variables(config, num_labels)
        self._arguments = (self.variables, self.label_embedding, self.step, bert_config, config)
        model = self.bind()
        self._features = features = tf.identity(model.row_features(self.batch))
        self._encodes_once = heads.features_are_constant(self.variables, config)
        self._encoded = (None, None)  # Examples, their features
        self.logits = model.classify(self.variables, features, self.label_embedding, self.batch.label_ids).logits
        self._sums = model.label_sums(self.variables, features, self.batch.label_ids)
        self._total = [tf.placeholder(tf.float32, part.shape) for part in self._sums]
        self._remade = self.label_embedding.assign(model.finish_label_embeddings(self.variables, *self._total))

    def bind(self, dropout=None):
        """The model's forward passes."""
        return finetuning.FewShotModel(*self._arguments, dropout=dropout)

    def saved_variables(self):
        """{name: variable} of what a saved model holds."""
        return dict(self.variables, **{v.op.name: v for v in (self.label_embedding, self.step)})

    def training_step(self, seed, schedule):
        """finetuning.Step on the rows that `feed` names, with the dropout of a seed."""
        dropout = Dropout(seed, self.step, self._config.reference_mode)
        return finetuning.training_step(self.bind(dropout), self.batch, schedule)

    def schedule(self, size, run):
        """finetuning.FinetuneSchedule of a FinetuneConfig, for so many training rows."""
        return finetuning.make_schedule(size, run.eval_batch_size, run.num_train_epochs, run.warmup_proportion)

    def batches(self, train, run):
        """(number of steps, iterator over the row numbers of each) of a FinetuneConfig and the training rows."""
        epochs = run.num_train_epochs if finetuning.takes_gradient_steps(self._config) else 0
        steps = finetuning.steps_run(train.size, run.train_batch_size, epochs)
        return steps, _rows_of_steps(train, run, epochs)

    def finish(self, session, examples, batch_size):
        """What is left to do with the training rows after the last step."""
        if not self._config.update_only_label_embedding:
            self.remake_label_embeddings(session, examples, batch_size)

    def remake_label_embeddings(self, session, examples, batch_size):
        """Makes the label embeddings from all of `examples` with the current weights."""
        batches = self._batches(examples, batch_size)
        parts = [session.run(self._sums, self.feed(examples, rows)) for rows in batches]
        totals = [np.sum([part[i] for part in parts], axis=0) for i in range(2)]
        session.run(self._remade, dict(zip(self._total, totals)))

    def score(self, session, examples, batch_size, description, show=True):
        """Logits of all rows in their order, [rows, num_labels]; rows that were scored last are not encoded anew."""
        if not self._encodes_once:
            return super().score(session, examples, batch_size, description, show)
        if self._encoded[0] is not examples:
            self._encoded = examples, self.encode(session, examples, batch_size, description, show)
        return session.run(self.logits, {self._features: self._encoded[1]})

    def encode(self, session, examples, batch_size, description, show=True):
        """Features, which the heads read, of all rows in their order, [rows, hidden]."""
        return self._in_batches(session, self._features, examples, batch_size, description, show)

    def forget(self):
        """Drops what is kept of the rows that were scored last: the weights have changed."""
        self._encoded = (None, None)


class SoftmaxTaskModel(RowModel):
    """Variables of a fine-tuned model with a softmax layer, and the graph that scores rows with them."""

    advice = "lower --learning_rate or check the weights it starts from"

    def __init__(self, bert_config, config, num_labels):
        super().__init__(config)
        self.variables = modeling.create_variables(bert_config)
        self._head = softmax.create_head(bert_config.hidden_size, num_labels)
        self.step = softmax.create_step()
        self._bert_config = bert_config
        self.logits = softmax.score(self.variables, self._head, self.batch, bert_config, config).logits

    def saved_variables(self):
        """{name: variable} of what a saved model holds."""
        return dict(self.variables, **{v.op.name: v for v in self._head + (self.step,)})

    def training_step(self, seed, schedule):
        """softmax_classifier.Step on the rows that `feed` names, with the dropout of a seed."""
        return softmax.training_step(
            self.variables, self._head, self.step, self.batch, self._bert_config, self._config, schedule, seed
        )

    def schedule(self, size, run):
        """finetuning.FinetuneSchedule of a FinetuneConfig, for so many training rows."""
        return softmax.make_schedule(
            size, run.train_batch_size, run.num_train_epochs, run.warmup_proportion
        )

    def batches(self, train, run):
        """As for the other classifier, without its first batch, which makes label embeddings."""
        batches = _rows_of_steps(train, run, run.num_train_epochs)
        return self.schedule(train.size, run).total, itertools.islice(batches, 1, None)


def _rows_of_steps(train, run, epochs):
    """Row numbers of every step, the batch that makes label embeddings first."""
    if run.stratified:
        return batching.stratified_batches(train.label_ids, run.train_batch_size, epochs, run.seed)
    return batching.finetune_batches(train.size, run.train_batch_size, epochs, run.seed)


def make_model(bert_config, config, num_labels):
    """The RowModel that a LearnerConfig or SoftmaxConfig describes."""
    kinds = {LearnerConfig: TaskModel, SoftmaxConfig: SoftmaxTaskModel}
    return kinds[type(config)](bert_config, config, num_labels)


def start_of(run):
    """What a graph of fine-tuning is made for, of a FinetuneConfig: the weights to start from and the seed."""
    return run.init_checkpoint, run.warm_start_model_dir, run.seed


class Finetuner:
    """Fine-tuning of few-shot tasks with one number of classes: the graph and its session, made once for many runs.

    Every run starts from the same weights, as in a session of its own; a use as a context manager closes the session.

    Args:
      bert_config, config: BertConfig, and LearnerConfig or SoftmaxConfig, which picks the classifier.
      start: FinetuneConfig; its checkpoint and seed, which the graph holds.
      num_labels: classes of the tasks.

    Raises:
      UserError: the checkpoint does not fit, or cannot be read.
    """

    def __init__(self, bert_config, config, start, num_labels):
        self._start = start_of(start)
        share_cores(bert_config, config)
        with tf.Graph().as_default():
            tf.set_random_seed(start.seed)
            self._model = make_model(bert_config, config, num_labels)
            checkpoints.initialize(self._model.variables, start.init_checkpoint, start.warm_start_model_dir)
            self._schedule = finetuning.FinetuneSchedule(
                tf.placeholder(tf.float64, [], "total"), tf.placeholder(tf.int32, [], "warmup")
            )
            self._step = self._model.training_step(start.seed, self._schedule)
            self._saver = tf.train.Saver(self._model.saved_variables(), max_to_keep=1)
            variables = list(self._model.saved_variables().values())
            others = [variable for variable in tf.global_variables() if not any(variable is each for each in variables)]
            # The weights to go back to: variables that share memory with the others where training changes nothing.
            initial = [tf.Variable(variable.read_value(), trainable=False, collections=[]) for variable in variables]
            restart = [variable.assign(value) for variable, value in zip(variables, initial)]
            self._reset = tf.group(tf.variables_initializer(others), *restart)  # the optimiser's start from zero
            saved = self._model.saved_variables()
            self._given = {name: tf.placeholder(variable.dtype, variable.shape) for name, variable in saved.items()}
            self._taken = tf.group(*[variable.assign(self._given[name]) for name, variable in saved.items()])
            self._session = tf.Session(config=session_config(bert_config, config))
            try:
                self._session.run(tf.global_variables_initializer())
                self._session.run(tf.variables_initializer(initial))
            except tf.errors.OpError as error:
                self._session.close()
                if checkpoints.is_of_reading(error):
                    raise checkpoints.damaged(start.init_checkpoint, start.warm_start_model_dir) from None
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gives back the memory of graph and weights."""
        self._session.close()

    def run(self, run, train, evaluation, model_dir=None, show=True, before_step=None):
        """Fine-tunes one task and scores its evaluation rows.

        Args:
          run: FinetuneConfig, with the checkpoint and the seed that the graph was made for.
          train, evaluation: data.records.Examples; the second may be None.
          model_dir: existing folder that the model's checkpoint is written to, or None.
          show: whether to show progress.
          before_step: function called before every step.

        Returns:
          Finetuned.

        Raises:
          UserError: the loss is no number.
          OSError: the checkpoint cannot be written.
        """
        if start_of(run) != self._start:
            raise ValueError("the graph was made for another checkpoint or seed: %s" % (self._start,))
        begun = time.time()
        self._session.run(self._reset)
        steps = self._train(run, train, show, before_step)
        trained = time.time()
        self._model.finish(self._session, train, run.eval_batch_size)
        if evaluation is not None:
            logits = self.score(evaluation, run.eval_batch_size, "evaluation", show)
        else:
            logits = self.score(train, run.eval_batch_size, "check", show=False)
        if not np.all(np.isfinite(logits)):  # the last step had a finite loss, and led nowhere
            raise self._diverged()
        scored = time.time()
        if model_dir:
            self.save(model_dir)
        return Finetuned(logits if evaluation is not None else None, steps, trained - begun, scored - trained)

    def score(self, examples, batch_size, description, show=True):
        """Logits of rows with the weights of the last run, or of `load`: [rows, num_labels] in the rows' order."""
        return self._model.score(self._session, examples, batch_size, description, show)

    def save(self, model_dir):
        """Writes the weights to a checkpoint in an existing folder; OSError where that fails."""
        try:
            self._saver.save(self._session, os.path.join(model_dir, checkpoints.CHECKPOINT), write_meta_graph=False)
        except (tf.errors.OpError, ValueError) as error:
            raise OSError(errno.EIO, reason(error)) from None

    def weights(self):
        """{name: array} of what a saved model holds, after a run."""
        return self._session.run(self._model.saved_variables())

    def load(self, weights):
        """Takes weights as `weights` returned them."""
        self._model.forget()
        self._session.run(self._taken, {placeholder: weights[name] for name, placeholder in self._given.items()})

    def _train(self, run, train, show, before_step):
        """All steps of a run; returns their number."""
        feed = dict(zip(self._schedule, self._model.schedule(train.size, run)))
        steps, batches = self._model.batches(train, run)
        fetches = {"loss": self._step.loss, "accuracy": self._step.accuracy}
        with Progress(steps, "fine-tuning", show=show) as progress:
            for rows in batches:
                if before_step:
                    before_step()
                feed.update(self._model.feed(train, rows))
                found, _ = self._session.run([fetches, self._step.train_op], feed)
                if not np.isfinite(found["loss"]):
                    raise self._diverged()
                progress.update(1, **found)
        return steps

    def _diverged(self):
        return UserError("The fine-tuning loss became NaN or infinite: %s." % self._model.advice)


def finetune(bert_config, config, run, train, evaluation, num_labels, model_dir, before_step=None):
    """Fine-tunes one task by itself; arguments and result as for Finetuner and its `run`."""
    with Finetuner(bert_config, config, run, num_labels) as finetuner:
        return finetuner.run(run, train, evaluation, model_dir, before_step=before_step)


def predict(bert_config, config, num_labels, checkpoint, examples, batch_size):
    """Scores rows with a fine-tuned model.

    Args:
      bert_config, config: BertConfig, and LearnerConfig or SoftmaxConfig, of the model.
      num_labels: its classes.
      checkpoint: its checkpoint's prefix.
      examples: data.records.Examples; labels are not looked at.
      batch_size: rows a batch.

    Returns:
      Logits in the rows' order, [rows, num_labels].
    """
    share_cores(bert_config, config)
    with tf.Graph().as_default():
        model = make_model(bert_config, config, num_labels)
        with tf.Session(config=session_config(bert_config, config)) as session:
            checkpoints.restore(session, checkpoint, model.saved_variables(), "--model_dir")
            return model.score(session, examples, batch_size, "prediction")
