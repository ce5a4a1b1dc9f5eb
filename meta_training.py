"""Meta-training as a program: tasks in, checkpoints, meta-validation and the best model out.

A run is a function of its settings and the step counter alone: the tasks of a step follow from its number
(data/meta_tasks.py) and so do the dropout masks (dropout.py). A run that was stopped or killed goes on from its last
checkpoint and ends with the same weights.
"""
import collections
import dataclasses
import functools
import json
import os
import shutil
import signal
import tempfile

import adaptation
import checkpoints
import heads
import meta_learner
import optimization
import results
from compat import tf
from data import meta_tasks
from dropout import Dropout
from episode import Batch, Classifier
from errors import UserError
from progress import Progress

FIELDS = Batch._fields + ("num_labels",)
CHECKPOINTS = "checkpoints"  # folders and files below the output directory
MODEL = "model"
BEST = "best.json"
SUMMARY_STEPS = 50


@dataclasses.dataclass(frozen=True)
class MetaTrainConfig:
    """How meta-training runs; names are those of the flags, lists in the place of comma-separated files."""

    task_train_files: tuple
    task_eval_files: tuple = ()
    train_batch_size: int = 32
    max_train_batch_size: int = -1
    tasks_per_gpu: int = 6
    num_gpus: int = 4
    num_train_epochs: float = 3.0
    warmup_proportion: float = 0.1
    learning_rate: float = 5e-5
    fix_bert: bool = False
    save_checkpoints_steps: int = 1000
    eval_examples_per_task: int = 2000
    data_sqrt_sampling: bool = False
    pretrain_task_weight: float = 1.0
    max_seq_length: int = 128
    init_checkpoint: str = None
    warm_start_model_dir: str = None
    seed: int = 0

    @property
    def tasks_per_step(self):
        """Tasks whose mean gradient makes one step, whatever devices share them."""
        return self.tasks_per_gpu * self.num_gpus


def number_of_steps(records, run):
    """(steps, warm-up steps) of a run over so many training records (spec, section 2)."""
    steps = int(records / (run.train_batch_size * run.num_gpus) * run.num_train_epochs)
    if steps < 1:
        raise UserError(
            "--task_train_files: %d records are too few for one step of --train_batch_size=%d records on --num_gpus=%d."
            % (records, run.train_batch_size, run.num_gpus)
        )
    return steps, int(steps * run.warmup_proportion)


Plan = collections.namedtuple("Plan", ["bert_config", "config", "run", "outer", "source", "validation"])


def make_plan(bert_config, config, run):
    """Opens and checks the data and lays out the run; UserError for whatever does not fit.

    Args:
      bert_config, config: BertConfig and LearnerConfig.
      run: MetaTrainConfig.
    """
    if run.train_batch_size <= config.meta_batchsz:
        raise UserError(
            "--train_batch_size=%d leaves no query rows beside the --meta_batchsz=%d support rows."
            % (run.train_batch_size, config.meta_batchsz)
        )
    source = meta_tasks.TaskSource(
        run.task_train_files,
        run.train_batch_size,
        run.max_seq_length,
        bert_config.vocab_size,
        run.max_train_batch_size,
        run.data_sqrt_sampling,
        run.pretrain_task_weight,
        run.seed,
    )
    validation = []
    for path in run.task_eval_files:
        validation += meta_tasks.validation_tasks(
            path, run.train_batch_size, run.eval_examples_per_task, run.max_seq_length, bert_config.vocab_size
        )
    steps, warmup = number_of_steps(sum(source.sizes), run)
    outer = optimization.OuterConfig(run.learning_rate, steps, warmup, run.fix_bert, adaptation.rate_bounds(config))
    return Plan(bert_config, config, run, outer, source, validation)


def meta_train(plan, output_dir, hooks=()):
    """Meta-trains until the last step, or until a SIGTERM; resumes where an earlier run of the plan stopped.

    Args:
      plan: Plan.
      output_dir: existing folder.
      hooks: further tf.train.SessionRunHooks of the training.

    Returns:
      True when the last step was done, False when a signal asked to stop before.
    """
    run, steps = plan.run, plan.outer.num_train_steps
    estimator = tf.estimator.Estimator(
        lambda features, mode: _model_fn(features, mode, plan),
        model_dir=os.path.join(output_dir, CHECKPOINTS),
        config=tf.estimator.RunConfig(
            tf_random_seed=run.seed,
            save_checkpoints_steps=run.save_checkpoints_steps,
            keep_checkpoint_max=2,
            save_summary_steps=SUMMARY_STEPS,
            log_step_count_steps=None,
        ),
    )
    with _StopSignal() as stop:
        done = _latest_step(estimator)
        while done < steps and not stop.requested:
            until = min(steps, (done // run.save_checkpoints_steps + 1) * run.save_checkpoints_steps)
            watching = [_ProgressHook(done, steps, run.tasks_per_step), _StopHook(stop)] + list(hooks)
            try:
                estimator.train(functools.partial(_training_data, plan.source, run, done), watching, max_steps=until)
            except tf.train.NanLossDuringTrainingError:
                raise UserError(
                    "The meta-training loss became NaN or infinite: lower --learning_rate or --train_lr."
                ) from None
            done = _latest_step(estimator)
            if done == until:
                _validate(estimator, plan, output_dir, done)
    return done >= steps


def _latest_step(estimator):
    checkpoint = estimator.latest_checkpoint()
    return int(tf.train.load_checkpoint(checkpoint).get_tensor("global_step")) if checkpoint else 0


# Data.


def _as_arrays(task):
    arrays = {name: getattr(task.examples, name) for name in Batch._fields}
    arrays["num_labels"] = [task.num_labels] * task.examples.size
    return arrays


def _dataset(groups, run, size):
    """tf.data.Dataset of {"task_0": {name: [rows, seq] or [rows]}, ...} from groups of `size` MetaTasks."""
    shapes = {
        name: [None] if name in ("label_ids", "num_labels") else [None, run.max_seq_length] for name in FIELDS
    }
    types = {name: tf.int32 for name in FIELDS}
    names = _task_names(size)

    def elements():
        for group in groups():
            yield {name: _as_arrays(task) for name, task in zip(names, group)}

    structure = [{name: part for name in names} for part in (types, shapes)]
    return tf.data.Dataset.from_generator(elements, *structure).prefetch(2)


def _task_names(size):
    return ["task_%d" % index for index in range(size)]


def _training_data(source, run, start):
    """The tasks of step `start` and those after it."""

    def groups():
        tasks = source.tasks(start * run.tasks_per_step)
        while True:
            yield [next(tasks) for _ in range(run.tasks_per_step)]

    return _dataset(groups, run, run.tasks_per_step)


def _validation_data(validation, run):
    return _dataset(lambda: ([task] for task in validation), run, 1)


# The graph.


def _model_fn(features, mode, plan):
    bert_config, config, run, outer = plan.bert_config, plan.config, plan.run, plan.outer
    variables = meta_learner.create_variables(bert_config, config)
    # Estimator restores its own checkpoint over this where there is one.
    checkpoints.initialize(variables, run.init_checkpoint, run.warm_start_model_dir)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return _serving_spec(features, variables, bert_config, config)
    tasks = [meta_learner.make_task(features[name], config) for name in _task_names(len(features))]
    evaluation = mode == tf.estimator.ModeKeys.EVAL
    step = tf.train.get_or_create_global_step()
    dropout = None if evaluation else Dropout(run.seed, step)
    outcome = meta_learner.run_tasks(variables, tasks, bert_config, config, evaluation, dropout=dropout)
    loss, accuracy = meta_learner.mean_of_tasks(outcome)
    if evaluation:
        metrics = {"query_accuracy": tf.metrics.mean(accuracy), "query_loss": tf.metrics.mean(loss)}
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    gradients = meta_learner.outer_gradients(outcome, variables, config)
    clipped, norm = optimization.clip_gradients(optimization.trained_gradients(gradients, outer))
    with tf.control_dependencies([loss, accuracy, norm]):
        train_op = optimization.train_op(clipped, variables, outer, step)
    _add_summaries(outcome, loss, accuracy, norm, variables, config, optimization.learning_rate_schedule(outer, step))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def _add_summaries(outcome, loss, accuracy, norm, variables, config, rate):
    tf.summary.scalar("query_accuracy", accuracy)
    tf.summary.scalar("gradient_norm", norm)
    tf.summary.scalar("learning_rate", rate)
    first = outcome[0]
    for kind, losses in (("support", first.support_losses), ("query", first.query_losses)):
        tf.summary.scalar("first_%s_loss" % kind, losses[0])
        tf.summary.scalar("last_%s_loss" % kind, losses[-1])
    for name, variable in variables.items():
        if adaptation.is_rate(name) and variable.trainable:
            tf.summary.scalar("rates/" + name, tf.exp(variable) if config.use_exp_lr else variable)


def _serving_spec(features, variables, bert_config, config):
    """What an exported model serves: the feature vector of token ids, and the output MLP's."""
    classifier = Classifier(bert_config, config, 0)
    mixture = tf.nn.softmax(variables[adaptation.LAYER_MIXTURE]) if adaptation.LAYER_MIXTURE in variables else None
    batch = Batch(features["input_ids"], features["input_mask"], features["segment_ids"], None)
    hidden = classifier.features(variables, batch, mixture)
    outputs = {"features": hidden, "outputs": heads.output_mlp(variables, hidden, config)}
    return tf.estimator.EstimatorSpec(
        tf.estimator.ModeKeys.PREDICT,
        predictions=outputs,
        export_outputs={"serving_default": tf.estimator.export.PredictOutput(outputs)},
    )


# Validation and export.


def _validate(estimator, plan, output_dir, step):
    """Meta-validation; exports the model when it is the best so far, or when there is nothing to judge it by."""
    accuracy = loss = None
    if plan.validation:
        metrics = estimator.evaluate(lambda: _validation_data(plan.validation, plan.run))
        accuracy, loss = float(metrics["query_accuracy"]), float(metrics["query_loss"])
    path = os.path.join(output_dir, BEST)
    try:
        with open(path, encoding="utf-8") as file:
            best = json.load(file)
    except (OSError, ValueError):
        best = None
    is_best = best is None or accuracy is None or best["query_accuracy"] is None or accuracy > best["query_accuracy"]
    note = "" if accuracy is None else ": query accuracy %.4f, loss %.4f" % (accuracy, loss)
    print("step %d%s%s" % (step, note, ", the best so far" if is_best and accuracy is not None else ""))
    if not is_best:
        return
    work = tempfile.mkdtemp(prefix=".unfinished-", dir=output_dir)
    try:
        exported = estimator.export_saved_model(work, _serving_inputs(plan.run.max_seq_length))
        checkpoints.replace_directory(exported.decode(), os.path.join(output_dir, MODEL))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    results.write_json(path, {"step": step, "query_accuracy": accuracy, "query_loss": loss})


def _serving_inputs(max_seq_length):
    names = ("input_ids", "input_mask", "segment_ids")

    def receiver():
        inputs = {name: tf.placeholder(tf.int32, [None, max_seq_length], name=name) for name in names}
        return tf.estimator.export.ServingInputReceiver(inputs, inputs)

    return receiver


# Hooks.


class _StopSignal:
    """Turns SIGTERM into a request that the training loop sees between two steps."""

    requested = False

    def __enter__(self):
        self._before = signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGTERM, self._before)

    def _request(self, *_):
        self.requested = True


class _StopHook(tf.train.SessionRunHook):
    def __init__(self, stop):
        self._stop = stop

    def after_run(self, run_context, run_values):
        del run_values
        if self._stop.requested:
            run_context.request_stop()


class _ProgressHook(tf.train.SessionRunHook):
    """Progress in tasks."""

    def __init__(self, done, steps, tasks_per_step):
        self._tasks = tasks_per_step
        self._progress = Progress(steps * tasks_per_step, "meta-training", unit="task", done=done * tasks_per_step)

    def after_run(self, run_context, run_values):
        del run_context, run_values
        self._progress.update(self._tasks)

    def end(self, session):
        del session
        self._progress.__exit__(None)


