"""Meta-training as a program: tasks in, checkpoints, meta-validation and the best model out.

A run is a function of its settings and the step counter alone: the tasks of a step follow from its number
(data/meta_tasks.py), and the dropout masks of a task from the number of the task (dropout.py). So a run that was
stopped or killed goes on from its last checkpoint and ends with the same weights, and several devices or machines,
which share the tasks of a step, compute what one computes with all of them.
"""
import collections
import dataclasses
import itertools
import os

import adaptation
import checkpoints
import heads
import meta_learner
import optimization
from cluster import Cluster, Watch
from compat import tf
from data import meta_tasks
from dropout import Dropout
from episode import Batch, Classifier
from errors import UserError
from meta_hooks import ProgressHook, SaveHook, StopHook, StopSignal
from meta_validation import Validator

FIELDS = Batch._fields + ("num_labels",)
CHECKPOINTS = "checkpoints"  # folder below the output directory
CHECKPOINTS_KEPT = 2
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
    replica_clipping: bool = False
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
    outer = optimization.OuterConfig(
        run.learning_rate, steps, warmup, run.fix_bert, adaptation.rate_bounds(config), run.replica_clipping
    )
    return Plan(bert_config, config, run, outer, source, validation)


ALONE = Cluster()


def meta_train(plan, output_dir, cluster=ALONE, cpu_devices=1, worker_timeout=300, hooks=()):
    """Meta-trains until the last step, or until a SIGTERM; resumes where an earlier run of the plan stopped.

    Args:
      plan: Plan.
      output_dir: existing folder; on a file system of all machines, where there are several.
      cluster: Cluster, the machines; the same as in the environment's TF_CONFIG.
      cpu_devices: logical CPU devices that stand in for GPUs where this machine has none.
      worker_timeout: seconds until a silent machine is given up.
      hooks: further tf.train.SessionRunHooks of the training.

    Returns:
      True when the last step was done, False when a signal asked to stop before.
    """
    strategy = _strategy(plan.run, cluster, cpu_devices)
    replicas = strategy.num_replicas_in_sync if strategy else 1
    if plan.run.num_gpus % replicas:
        raise UserError(
            "--num_gpus=%d, the devices of all machines, is no multiple of the %d that are there (CUDA_VISIBLE_DEVICES "
            "picks those of a machine)." % (plan.run.num_gpus, replicas)
        )
    session_config = _session_config(cpu_devices)
    folder = os.path.join(output_dir, CHECKPOINTS)
    steps, done = plan.outer.num_train_steps, _latest_step(folder)
    if cluster.is_chief:
        validator = Validator(
            _validation_estimator(plan, folder),
            (lambda: _validation_data(plan.validation, plan.run)) if plan.validation else None,
            plan.run.max_seq_length,
            output_dir,
        )
    with StopSignal() as stop, Watch(cluster, worker_timeout) as watch:

        def model_fn(features, mode):
            spec, requests = _training_spec(features, mode, plan, stop)
            chief_hooks = [
                SaveHook(folder, plan.run.save_checkpoints_steps, steps, validator.validate),
                ProgressHook(done, steps, plan.run.tasks_per_step),
            ] if cluster.is_chief else []
            return spec._replace(
                training_hooks=[StopHook(requests, steps, watch.stop)] + list(hooks), training_chief_hooks=chief_hooks
            )

        estimator = tf.estimator.Estimator(
            model_fn, folder, _run_config(plan.run.seed, session_config, train_distribute=strategy)
        )

        def input_fn(input_context=None):
            return _training_data(plan.source, plan.run, done, _shares(input_context, plan.run))

        try:
            if done < steps and cluster.size > 1:
                # The evaluation would be that of a process of its own; here the chief validates.
                tf.estimator.train_and_evaluate(
                    estimator, tf.estimator.TrainSpec(input_fn, steps), tf.estimator.EvalSpec(input_fn)
                )
            elif done < steps:
                estimator.train(input_fn, max_steps=steps)
        except tf.train.NanLossDuringTrainingError:
            raise UserError(
                "The meta-training loss became NaN or infinite: lower --learning_rate or --train_lr."
            ) from None
    done = _latest_step(folder)
    if done == steps and cluster.is_chief:
        validator.validate(steps)  # where the run was killed just before
    return done >= steps


def _strategy(run, cluster, cpu_devices):
    """How the devices share a step: a tf.distribute.Strategy, None for one device."""
    if cluster.size > 1:
        return tf.distribute.experimental.MultiWorkerMirroredStrategy()
    gpus = _gpus()
    kind, there = ("gpu", gpus) if gpus else ("cpu", cpu_devices)
    shared = [number for number in range(1, min(run.num_gpus, there) + 1) if run.num_gpus % number == 0]
    return tf.distribute.MirroredStrategy(["/%s:%d" % (kind, i) for i in range(shared[-1])]) if shared[-1] > 1 else None


def _session_config(cpu_devices=1):
    config = tf.ConfigProto(allow_soft_placement=True, device_count={"CPU": cpu_devices})
    # On a CPU TensorFlow's graph optimiser costs 8 to 13 s of the start and wins at most 6 % of a step
    # (docs/PERFORMANCE.md).
    config.graph_options.rewrite_options.disable_meta_optimizer = not _gpus()
    return config


def _gpus():
    return len(tf.config.experimental.list_physical_devices("GPU"))


def _run_config(seed, session_config, **more):
    return tf.estimator.RunConfig(
        tf_random_seed=seed,
        session_config=session_config,
        save_checkpoints_steps=None,  # SaveHook does
        save_checkpoints_secs=None,
        keep_checkpoint_max=CHECKPOINTS_KEPT,
        save_summary_steps=SUMMARY_STEPS,
        log_step_count_steps=None,
        **more
    )


def _validation_estimator(plan, folder):
    """Estimator of this process alone, whatever TF_CONFIG says."""
    saved = os.environ.pop("TF_CONFIG", None)
    try:
        return tf.estimator.Estimator(
            lambda features, mode: _judging_spec(features, mode, plan),
            folder,
            _run_config(plan.run.seed, _session_config()),
        )
    finally:
        if saved is not None:
            os.environ["TF_CONFIG"] = saved


def _latest_step(folder):
    checkpoint = tf.train.latest_checkpoint(folder)
    return int(tf.train.load_checkpoint(checkpoint).get_tensor("global_step")) if checkpoint else 0


# Data.

Shares = collections.namedtuple("Shares", ["tasks", "replicas"])  # tasks a replica and step; this process's replicas


def _shares(context, run):
    """Which tasks of a step this process reads, by the tf.distribute.InputContext; all of them without one."""
    if context is None:
        return Shares(run.tasks_per_step, range(1))
    here = context.num_replicas_in_sync // context.num_input_pipelines
    first = context.input_pipeline_id * here
    return Shares(run.tasks_per_step // context.num_replicas_in_sync, range(first, first + here))


def _as_arrays(number, task):
    arrays = {name: getattr(task.examples, name) for name in Batch._fields}
    arrays["num_labels"] = [task.num_labels] * task.examples.size
    arrays["number"] = number
    return arrays


def _dataset(groups, run, size):
    """tf.data.Dataset of {"task_0": {name: [rows, seq] or [rows]}, ...} from groups of `size` (number, MetaTask)."""
    shapes = {
        name: [None] if name in ("label_ids", "num_labels") else [None, run.max_seq_length] for name in FIELDS
    }
    shapes["number"] = []
    types = dict({name: tf.int32 for name in FIELDS}, number=tf.int64)
    names = _task_names(size)

    def elements():
        for group in groups():
            yield {name: _as_arrays(*numbered) for name, numbered in zip(names, group)}

    structure = [{name: part for name in names} for part in (types, shapes)]
    return tf.data.Dataset.from_generator(elements, *structure).prefetch(2)


def _task_names(size):
    return ["task_%d" % index for index in range(size)]


def _training_data(source, run, start, shares):
    """The tasks of step `start` and those after it, an element for each replica of this process in turn."""

    def groups():
        numbers = (
            step * run.tasks_per_step + replica * shares.tasks + index
            for step in itertools.count(start)
            for replica in shares.replicas
            for index in range(shares.tasks)
        )
        tasks = source.tasks(numbers)
        while True:
            yield list(itertools.islice(tasks, shares.tasks))

    return _dataset(groups, run, shares.tasks)


def _validation_data(validation, run):
    return _dataset(lambda: ([(number, task)] for number, task in enumerate(validation)), run, 1)


# The graph.


def _training_spec(features, mode, plan, stop):
    """(EstimatorSpec of a training step in one replica, number of workers asked to stop as a part of all replicas)."""
    bert_config, config, run, outer = plan.bert_config, plan.config, plan.run, plan.outer
    variables = meta_learner.create_variables(bert_config, config)
    # Estimator restores its own checkpoint over this where there is one.
    checkpoints.initialize(variables, run.init_checkpoint, run.warm_start_model_dir)
    step = tf.train.get_or_create_global_step()
    rows = [features[name] for name in _task_names(len(features))]
    outcome = meta_learner.run_tasks(
        variables,
        [meta_learner.make_task(task, config) for task in rows],
        bert_config,
        config,
        dropouts=[Dropout(run.seed, task["number"]) for task in rows],
    )
    loss, accuracy = meta_learner.mean_of_tasks(outcome)
    outer_step = optimization.outer_step(
        optimization.trained_gradients(_outer_gradients(outcome, variables, plan), outer),
        variables,
        outer,
        step,
        [loss, accuracy, stop.tensor()],
    )
    loss, accuracy, requests = outer_step.means
    tf.summary.scalar("query_accuracy", accuracy)
    tf.summary.scalar("gradient_norm", outer_step.norm)
    tf.summary.scalar("learning_rate", optimization.learning_rate_schedule(outer, step))
    _add_inner_summaries(outcome[0], variables, config)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=outer_step.train_op), requests


def _outer_gradients(outcome, variables, plan):
    """Gradient of this replica's tasks: their mean; with replica_clipping the sum over the published program's GPUs."""
    if not plan.run.replica_clipping:
        return meta_learner.outer_gradients(outcome, variables, plan.config)
    each = plan.run.tasks_per_gpu
    totals = collections.OrderedDict()
    for first in range(0, len(outcome), each):
        gradients = meta_learner.outer_gradients(outcome[first : first + each], variables, plan.config)
        gradients = optimization.trained_gradients(gradients, plan.outer)
        scale = optimization.clip_scale(tf.linalg.global_norm(list(gradients.values())))
        for name, gradient in gradients.items():
            totals[name] = totals[name] + gradient * scale if name in totals else gradient * scale
    return totals


def _judging_spec(features, mode, plan):
    """EstimatorSpec of meta-validation, and of the exported model."""
    bert_config, config = plan.bert_config, plan.config
    variables = meta_learner.create_variables(bert_config, config)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return _serving_spec(features, variables, bert_config, config)
    tasks = [meta_learner.make_task(features[name], config) for name in _task_names(len(features))]
    outcome = meta_learner.run_tasks(variables, tasks, bert_config, config, evaluation=True)
    loss, accuracy = meta_learner.mean_of_tasks(outcome)
    metrics = {"query_accuracy": tf.metrics.mean(accuracy), "query_loss": tf.metrics.mean(loss)}
    return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)


def _add_inner_summaries(task, variables, config):
    """TensorBoard's scalars of the inner loop of one task, and the learned rates."""
    kinds = (("support_loss", task.support_losses), ("query_loss", task.query_losses), ("norm", task.inner_norms))
    for kind, values in kinds:
        for index, value in enumerate(tf.unstack(values, num=values.shape.as_list()[0])):
            tf.summary.scalar("inner_%s/%d" % (kind, index), value)
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
