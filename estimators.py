"""Fine-tuning and prediction as programs: graphs, sessions, checkpoints. What they compute is in finetuning.py."""
import collections
import dataclasses
import os
import time

import numpy as np

import checkpoints
import finetuning
import meta_learner
from compat import tf
from data import pipeline
from dropout import Dropout
from episode import Batch
from errors import UserError
from progress import Progress

CHECKPOINT = "model.ckpt"


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
    seed: int = 0


Finetuned = collections.namedtuple(
    "Finetuned",
    [
        "logits",  # of the evaluation rows in their order, [rows, num_labels]
        "steps",  # training steps run
        "train_seconds",
        "eval_seconds",
    ],
)


class TaskModel:
    """Variables of a fine-tuned model and the graph that scores rows with them."""

    def __init__(self, bert_config, config, num_labels):
        self.variables = meta_learner.create_variables(bert_config, config)
        self.label_embedding, self.step = finetuning.create_variables(config, num_labels)
        self._arguments = (self.variables, self.label_embedding, self.step, bert_config, config)
        self._in_order = config.reference_mode
        self._batch = Batch(
            *[tf.placeholder(tf.int32, [None, None]) for _ in range(3)], tf.placeholder(tf.int32, [None])
        )
        model = self.bind()
        features = model.row_features(self._batch)
        self._logits = model.classify(self.variables, features, self.label_embedding, self._batch.label_ids).logits
        self._sums = model.label_sums(self.variables, features, self._batch.label_ids)
        self._total = [tf.placeholder(tf.float32, part.shape) for part in self._sums]
        self._remade = self.label_embedding.assign(model.finish_label_embeddings(self.variables, *self._total))

    def bind(self, dropout=None):
        """The model's forward passes."""
        return finetuning.FewShotModel(*self._arguments, dropout=dropout)

    def saved_variables(self):
        """{name: variable} of what a saved model holds."""
        return dict(self.variables, **{v.op.name: v for v in (self.label_embedding, self.step)})

    def _batches(self, examples, batch_size):
        if self._in_order:
            return pipeline.batches_in_order(examples.size, batch_size)
        return pipeline.batches_by_length(examples.input_mask, batch_size)

    def _feed(self, examples, rows):
        return {placeholder: getattr(examples, name)[rows] for name, placeholder in self._batch._asdict().items()}

    def remake_label_embeddings(self, session, examples, batch_size):
        """Makes the label embeddings from all of `examples` with the current weights."""
        batches = self._batches(examples, batch_size)
        parts = [session.run(self._sums, self._feed(examples, rows)) for rows in batches]
        totals = [np.sum([part[i] for part in parts], axis=0) for i in range(2)]
        session.run(self._remade, dict(zip(self._total, totals)))

    def score(self, session, examples, batch_size, description):
        """Logits of all rows in their order, [rows, num_labels]."""
        logits = np.zeros([examples.size, self.label_embedding.shape[0]], np.float32)
        with Progress(examples.size, description, unit="row") as progress:
            for rows in self._batches(examples, batch_size):
                logits[rows] = session.run(self._logits, self._feed(examples, rows))
                progress.update(len(rows))
        return logits


class _FinishHook(tf.train.SessionRunHook):
    """Shows progress; after the last step, scores the evaluation rows in the training session and saves the model."""

    def __init__(self, model, step, total, train, evaluation, config, run, model_dir):
        self._model, self._step, self._config = model, step, config
        self._train, self._evaluation, self._run, self._model_dir = train, evaluation, run, model_dir
        self._progress = Progress(total, "fine-tuning")
        self._saver = tf.train.Saver(model.saved_variables(), max_to_keep=1)
        self.steps = 0
        self.logits = None
        self.eval_seconds = 0.0
        self.begun = None

    def after_create_session(self, session, coord):
        del session, coord
        self.begun = time.time()

    def before_run(self, run_context):
        del run_context
        return tf.train.SessionRunArgs({"loss": self._step.loss, "accuracy": self._step.accuracy})

    def after_run(self, run_context, run_values):
        del run_context
        self.steps += 1
        self._progress.update(1, **run_values.results)

    def end(self, session):
        self._progress.__exit__(None)
        self.train_seconds = time.time() - self.begun
        started = time.time()
        if not self._config.update_only_label_embedding:
            self._model.remake_label_embeddings(session, self._train, self._run.eval_batch_size)
        self.logits = self._model.score(session, self._evaluation, self._run.eval_batch_size, "evaluation")
        self.eval_seconds = time.time() - started
        self._saver.save(session, os.path.join(self._model_dir, CHECKPOINT), write_meta_graph=False)


def finetune(bert_config, config, run, train, evaluation, num_labels, model_dir, hooks=()):
    """Fine-tunes one task and scores its evaluation rows.

    Args:
      bert_config, config: BertConfig and LearnerConfig.
      run: FinetuneConfig.
      train, evaluation: data.records.Examples.
      num_labels: classes of the task.
      model_dir: existing folder that the model's checkpoint is written to.
      hooks: further tf.train.SessionRunHooks of the training.

    Returns:
      Finetuned.
    """
    schedule = finetuning.make_schedule(
        train.size, run.eval_batch_size, run.num_train_epochs, run.warmup_proportion
    )
    epochs = run.num_train_epochs if finetuning.takes_gradient_steps(config) else 0
    steps = finetuning.steps_run(train.size, run.train_batch_size, epochs)
    finish = []

    def model_fn(features, mode):
        del mode
        model = TaskModel(bert_config, config, num_labels)
        checkpoints.initialize(model.variables, run.init_checkpoint, run.warm_start_model_dir)
        step = finetuning.training_step(model.bind(Dropout(run.seed, model.step)), Batch(**features), schedule)
        finish.append(_FinishHook(model, step, steps, train, evaluation, config, run, model_dir))
        return tf.estimator.EstimatorSpec(
            tf.estimator.ModeKeys.TRAIN, loss=step.loss, train_op=step.train_op, training_hooks=finish
        )

    estimator = tf.estimator.Estimator(
        model_fn,
        model_dir=model_dir,
        config=tf.estimator.RunConfig(
            tf_random_seed=run.seed,
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=None,
            log_step_count_steps=None,
        ),
    )
    try:
        estimator.train(lambda: _dataset(train, run, epochs), list(hooks))
    except tf.train.NanLossDuringTrainingError:
        raise UserError(
            "The fine-tuning loss became NaN or infinite: the learned rates are too large for this model; lower "
            "--train_lr or check --warm_start_model_dir."
        ) from None
    hook = finish[0]
    return Finetuned(hook.logits, hook.steps, hook.train_seconds, hook.eval_seconds)


def _dataset(train, run, epochs):
    """tf.data.Dataset of dicts with the fields of Batch, one per step."""

    def rows():
        for batch in pipeline.finetune_batches(train.size, run.train_batch_size, epochs, run.seed):
            examples = train.take(batch)
            yield {name: getattr(examples, name) for name in Batch._fields}

    types = {name: tf.int32 for name in Batch._fields}
    shapes = {name: [None] if name == "label_ids" else [None, train.max_seq_length] for name in Batch._fields}
    return tf.data.Dataset.from_generator(rows, types, shapes).prefetch(2)


def predict(bert_config, config, num_labels, checkpoint, examples, batch_size):
    """Scores rows with a fine-tuned model.

    Args:
      bert_config, config: BertConfig and LearnerConfig of the model.
      num_labels: its classes.
      checkpoint: its checkpoint's prefix.
      examples: data.records.Examples; labels are not looked at.
      batch_size: rows a batch.

    Returns:
      Logits in the rows' order, [rows, num_labels].
    """
    with tf.Graph().as_default():
        model = TaskModel(bert_config, config, num_labels)
        with tf.Session() as session:
            checkpoints.restore(session, checkpoint, model.saved_variables(), "--model_dir")
            return model.score(session, examples, batch_size, "prediction")
