"""Fine-tuning and prediction with graphs, sessions and checkpoints. What they compute is in task_models.py."""
import collections
import contextlib
import dataclasses
import errno
import os
import time

import numpy as np
from absl import logging

from learner import calibration, finetuning
from runtime import checkpoints, collector
from runtime.compat import tf
from runtime.errors import UserError, listed, reason
from runtime.parts_saver import PartsSaver
from runtime.progress import Progress
from runtime.sessions import session_config, set_up_process
from runtime.waiting import waiting
from training import cross_validation, task_models

CHECKED = 1024  # training rows that are scored where there is nothing to evaluate
LARGEST = 6 << 30  # bytes of a tensor
MANY_STEPS = 1000  # with the encoder; they win back what TensorFlow's graph optimiser takes (docs/PERFORMANCE.md)

Finetuned = collections.namedtuple(
    "Finetuned",
    [
        "logits",  # of the evaluation rows in their order, [rows, num_labels]; None without rows
        "steps",  # training steps run
        "train_seconds",
        "eval_seconds",
        "temperature",  # that logits are divided by for probabilities
        "held_out",  # logits of cross_validation.held_out that it follows from; None where it does not
    ],
)


@contextlib.contextmanager
def _closed_on_failure(session):
    """Closes a session, and so gives back its memory, where the block fails that sets it up."""
    try:
        yield
    except BaseException:
        session.close()
        raise


def start_of(settings):
    """What a graph of fine-tuning is made for, of a FinetuneConfig: the weights to start from and the seed."""
    return settings.init_checkpoint, settings.warm_start_model_dir, settings.seed


class Finetuner:
    """Fine-tuning of few-shot tasks with one number of classes: the graph and its session, made once for many runs.

    Every run starts from the same weights, as in a session of its own; a use as a context manager closes the session.

    Args:
      bert_config, config: BertConfig, and LearnerConfig or SoftmaxConfig, which picks the classifier.
      settings: FinetuneConfig; the graph holds its checkpoint and seed.
      num_labels: classes of the tasks.
      steps: training steps that are expected of all runs together; many are worth TensorFlow's graph optimiser.

    Raises:
      UserError: the checkpoint does not fit, or cannot be read.
    """

    def __init__(self, bert_config, config, settings, num_labels, steps=0):
        self._start = start_of(settings)
        self.num_labels, self._heads = num_labels, bert_config.num_attention_heads
        self._is_loaded = False  # whether the weights are those of `load`
        self._is_fresh = True  # whether they are those that runs start from
        self._first = None  # {name: array}, those that runs start from, once there may be others
        set_up_process(bert_config, config)
        with tf.Graph().as_default(), collector.paused():
            tf.set_random_seed(settings.seed)
            self._make_graph(bert_config, config, settings)
            values = checkpoints.first_values(self._model.variables, *self._start[:2])
            optimise = config.reference_mode or steps >= MANY_STEPS and not self.encodes_once
            self._session = tf.Session(config=session_config(bert_config, config, optimise=optimise))
            with _closed_on_failure(self._session):
                self._session.run(tf.global_variables_initializer(), self._fed(values))

    def _make_graph(self, bert_config, config, settings):
        self._model = task_models.make_model(bert_config, config, self.num_labels)
        self._decay = finetuning.RateDecay(
            tf.placeholder(tf.float64, [], "total"), tf.placeholder(tf.int32, [], "warmup")
        )
        self._step = self._model.training_step(settings.seed, self._decay)
        self._saved = saved = self._model.saved_variables()  # {name: variable}
        fixed = self._model.fixed_names()
        self._trained = [name for name in saved if name not in fixed]
        parts = [{name: saved[name] for name in names} for names in (fixed, self._trained) if names]
        self._saver = PartsSaver(parts)
        self._take = {name: variable.initializer for name, variable in saved.items()}
        others = [each for each in tf.global_variables() if not any(each is one for one in saved.values())]
        self._begin_others = tf.variables_initializer(others)  # such as the optimiser's moments

    def _fed(self, values):
        """What the session is fed so that initialisers assign {name: array}, as tf.Variable.load does."""
        return {self._saved[name].initializer.inputs[1]: value for name, value in values.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gives back the memory of graph and weights."""
        self._session.close()

    def run(self, settings, train, evaluation, model_dir=None, show=True, before_step=None, names=None):
        """Fine-tunes one task and scores its evaluation rows.

        Args:
          settings: FinetuneConfig, with the checkpoint and the seed that the graph was made for.
          train, evaluation: data.records.Examples; the second may be None.
          model_dir: existing folder that the model's checkpoint is written to, or None.
          show: whether to show progress.
          before_step: function called before every step.
          names: data.records.Examples of a text for each class that tells its name, which the label embeddings lean
            on (learner/name_prior.py); None: they are made from the rows alone.

        Returns:
          Finetuned.

        Raises:
          UserError: the loss is no number, or a batch too large for any common memory.
          OSError: the checkpoint cannot be written.
        """
        if start_of(settings) != self._start:
            raise ValueError("the graph was made for another checkpoint or seed: %s" % (self._start,))
        self._check_batches(settings, train)
        begun = time.time()
        held_out, temperature = self._calibrated(settings, train, names) if settings.calibrate else (None, 1.0)
        self._restart()
        steps = self._train(settings, train, show, before_step, names)
        trained = time.time()
        self._model.finish(self._session, train, settings.eval_batch_size, names)
        rows, description = evaluation, "evaluation"
        if evaluation is None:  # some tell whether the last step led anywhere
            rows = train if train.size <= CHECKED else train.take(range(CHECKED))
            description = "check"
        logits = self.score(rows, settings.eval_batch_size, description, show and evaluation is not None)
        if not np.all(np.isfinite(logits)):  # the last step had a finite loss, and led nowhere
            raise self._diverged()
        scored = time.time()
        if model_dir:
            with waiting("saving the model") if show else contextlib.nullcontext():
                self.save(model_dir)
        found = None if evaluation is None else logits
        return Finetuned(found, steps, trained - begun, scored - trained, temperature, held_out)

    @property
    def encodes_once(self):
        """Whether training rows are encoded once, so that many runs on parts of them cost little."""
        return self._model.trains_on_encoded

    def held_out(self, settings, train, folds, names=None):
        """Logits of training rows by models that were trained on others of them; needs `encodes_once`.

        Each is trained in as many steps as all rows would be, with batches as much smaller as its rows are fewer.

        Args:
          settings, train, names: as for `run`.
          folds: list of (numbers of the rows to train on, of those to score), int arrays.

        Returns:
          List of float32 [scored rows, num_labels].
        """
        found = []
        for fitted, held in folds:
            self._restart()
            batch = max(1, settings.train_batch_size * len(fitted) // train.size)
            fewer = dataclasses.replace(settings, train_batch_size=batch, eval_batch_size=batch)
            self._train(fewer, train, False, None, names, fitted)
            found.append(self._model.score_trained(self._session, train, held, settings.eval_batch_size))
        return found

    def score(self, examples, batch_size, description, show=True):
        """Logits of rows with the weights of the last run, or of `load`: [rows, num_labels] in the rows' order."""
        return self._model.score(self._session, examples, batch_size, description, show)

    def describe(self, examples, batch_size, show=True):
        """(logits as of `score`, features by which rows can be compared, [rows, size])."""
        return self._model.describe(self._session, examples, batch_size, "reading", show)

    def save(self, model_dir):
        """Writes the weights to a checkpoint in an existing folder; OSError where that fails.

        An encoder that training leaves as it is is a part of its own, the first of two.
        """
        try:
            self._saver.save(self._session, os.path.join(model_dir, checkpoints.CHECKPOINT))
        except (tf.errors.OpError, ValueError) as error:
            raise OSError(errno.EIO, reason(error)) from None

    def weights(self):
        """{name: array} of what a saved model holds, after a run."""
        return self._session.run(self._saved)

    def load(self, weights):
        """Takes weights as `weights` returned them; UserError for those of another model."""
        misfits = [name for name, variable in self._saved.items()
                   if name not in weights or list(weights[name].shape) != variable.shape.as_list()]
        if misfits:
            raise UserError(
                "The weights do not fit the settings of their model (%s): copy its folder again, or train it anew."
                % listed(sorted(misfits), checkpoints.LISTED)
            )
        self._model.forget()
        self._leave_first()
        self._is_loaded = True
        self._session.run(self._take, self._fed({name: weights[name] for name in self._saved}))

    def _check_batches(self, settings, train):
        """UserError for a batch that no common machine has the memory for."""
        rows = max(settings.train_batch_size, self.num_labels if settings.stratified else 0)
        rows, length = min(rows, train.size), train.trimmed_length()
        size = 4 * rows * max(  # bytes of one layer's attention, or of the scores
            self._heads * length * length, self.num_labels * self._model.score_width)
        if size > LARGEST:
            raise UserError(
                "A batch of %d rows of %d tokens and %d classes needs a tensor of %.0f GB (%.0f at most)%s: lower "
                "--train_batch_size or --max_seq_length, or train on fewer classes."
                % (rows, length, self.num_labels, size / 1e9, LARGEST / 1e9,
                   "; the first has rows of all %d classes" % self.num_labels if settings.stratified else "")
            )

    def _calibrated(self, settings, train, names):
        """(logits of held-out training rows, the temperature that they ask for); (None, 1) where it would take long."""
        if not self.encodes_once:
            logging.info("--calibrate has no effect where the encoder is trained too, or anything is dropped out.")
            return None, 1.0
        logits = cross_validation.held_out(self, settings, train, names)
        labels = train.label_ids[cross_validation.usable(train.label_ids)][: len(logits)]
        return logits, calibration.temperature(logits, labels)

    def _restart(self):
        """Goes back to the weights that runs start from."""
        if not self._is_fresh:
            names = list(self._saved) if self._is_loaded else self._trained
            take = [self._take[name] for name in names]
            self._session.run([self._begin_others, take], self._fed({name: self._first[name] for name in names}))
        if self._is_loaded:  # rows that were scored since then were encoded with other weights than the run's
            self._model.forget()
            self._is_loaded = False
        self._is_fresh = True

    def _leave_first(self):
        """To be called before weights change: keeps those that runs start from, which share memory until they do."""
        if self._first is None:
            self._first = self._session.run(self._saved)
        self._is_fresh = False

    def _train(self, settings, train, show, before_step, names, only=None):
        """All steps of a run on training rows, or on those whose numbers are `only`; returns their number."""
        part = train if only is None else train.take(only)
        feed = dict(zip(self._decay, self._model.rate_decay(part.size, settings)))
        steps, batches = self._model.batches(part, settings)
        self._leave_first()
        feed_of = self._model.feeder(self._session, train, settings.eval_batch_size, show)
        fetches = {"loss": self._step.loss, "accuracy": self._step.accuracy}
        with Progress(steps, "fine-tuning", show=show) as progress:
            for number, rows in enumerate(batches):
                if before_step:
                    before_step()
                feed.update(feed_of(rows if only is None else only[rows]))
                found, _ = self._session.run([fetches, self._step.train_op], feed)
                if not np.isfinite(found["loss"]):
                    raise self._diverged()
                if number == 0 and names is not None:  # it has made the label embeddings
                    self._model.lean_on_names(self._session, names, part, settings.eval_batch_size)
                progress.update(1, **found)
        return steps

    def _diverged(self):
        return UserError("The fine-tuning loss became NaN or infinite: %s." % self._model.advice)


class Predictor:
    """Scores rows with a fine-tuned model, as often as is wanted; a use as a context manager closes the session.

    Args:
      bert_config, config: BertConfig, and LearnerConfig or SoftmaxConfig, of the model.
      num_labels: its classes.
      checkpoint: its checkpoint's prefix.

    Raises:
      UserError: the checkpoint does not fit, or cannot be read.
    """

    def __init__(self, bert_config, config, num_labels, checkpoint):
        set_up_process(bert_config, config)
        with tf.Graph().as_default(), collector.paused():
            self._model = task_models.make_model(bert_config, config, num_labels)
            self._session = tf.Session(config=session_config(bert_config, config, optimise=config.reference_mode))
            with _closed_on_failure(self._session):
                checkpoints.restore(self._session, checkpoint, self._model.saved_variables(), "--model_dir")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._session.close()

    def score(self, examples, batch_size):
        """Logits of data.records.Examples, whose labels are not looked at, in the rows' order: [rows, num_labels]."""
        return self._model.score(self._session, examples, batch_size, "prediction", show=False)

    def describe(self, examples, batch_size):
        """(logits as of `score`, features by which rows can be compared, [rows, size])."""
        return self._model.describe(self._session, examples, batch_size, "prediction", show=False)
