"""The loop around training steps: devices, data, checkpoints, validation, the way back into a run that was stopped.

What is trained is a plan's affair: an object with

  title               what the run is called
  advice              what to change when the loss is not finite
  run                 settings of configs.MetaTrainConfig
  config              LearnerConfig or SoftmaxConfig
  steps               the last step
  source              data.meta_tasks.TaskSource
  validation          list of data.meta_tasks.MetaTask, maybe empty
  training_spec       function (features, mode, stop) -> (EstimatorSpec of a step in one replica, number of workers
                      asked to stop as a part of all replicas); features are those of `task_names`
  judging_spec        function (features, mode) -> EstimatorSpec of validation, and of the exported model

A run is a function of its settings and the step counter alone: the tasks of a step follow from its number
(data/meta_tasks.py), and the dropout masks of a task from the number of the task (dropout.py). So a run that was
stopped or killed goes on from its last checkpoint and ends with the same weights, and several devices or machines,
which share the tasks of a step, compute what one computes with all of them.
"""
import contextlib
import os

from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from runtime.sessions import gpus, session_config, share_cores
from training import task_feed
from training.cluster import Cluster, Watch
from training.hooks import ProgressHook, SaveHook, StopHook, StopSignal
from training.validation import Validator

CHECKPOINTS = "checkpoints"  # folder below the output directory
CHECKPOINTS_KEPT = 2
SUMMARY_STEPS = 50
ALONE = Cluster()


def train(plan, output_dir, cluster=ALONE, cpu_devices=1, worker_timeout=300, hooks=()):
    """Trains until the last step, or until a SIGTERM; resumes where an earlier run of the plan stopped.

    Args:
      plan: what to train, see above.
      output_dir: existing folder; on a file system of all machines, where there are several.
      cluster: Cluster, the machines; the same as in the environment's TF_CONFIG.
      cpu_devices: logical CPU devices that stand in for GPUs where this machine has none.
      worker_timeout: seconds until a silent machine is given up.
      hooks: further tf.train.SessionRunHooks of the training.

    Returns:
      True when the last step was done, False when a signal asked to stop before.
    """
    share_cores(plan.bert_config, plan.config)
    strategy = _strategy(plan.run, cluster, cpu_devices)
    replicas = strategy.num_replicas_in_sync if strategy else 1
    if plan.run.num_gpus % replicas:
        raise UserError(
            "--num_gpus=%d, the devices of all machines, is no multiple of the %d that are there (CUDA_VISIBLE_DEVICES "
            "picks those of a machine)." % (plan.run.num_gpus, replicas)
        )
    session = _session_config(plan, cpu_devices)
    folder = os.path.join(output_dir, CHECKPOINTS)
    steps, done = plan.steps, _latest_step(folder)
    if cluster.is_chief:
        validator = Validator(
            _validation_estimator(plan, folder),
            (lambda: task_feed.validation_data(plan.validation, plan.run)) if plan.validation else None,
            plan.run.max_seq_length,
            output_dir,
            done,
        )
    with StopSignal() as stop, Watch(cluster, worker_timeout) as watch:

        def model_fn(features, mode):
            spec, requests = plan.training_spec(features, mode, stop)
            chief_hooks = [
                SaveHook(folder, plan.run.save_checkpoints_steps, steps, validator.validate),
                ProgressHook(plan.title, done, steps, plan.run.tasks_per_step),
            ] if cluster.is_chief else []
            return spec._replace(
                training_hooks=[StopHook(requests, steps, watch.stop)] + list(hooks), training_chief_hooks=chief_hooks
            )

        estimator = tf.estimator.Estimator(
            model_fn, folder, _run_config(plan.run.seed, session, train_distribute=strategy)
        )

        faults = []  # UserErrors of the data, which TensorFlow turns into errors of its own

        def input_fn(input_context=None):
            shares = task_feed.shares_of(input_context, plan.run)
            return task_feed.training_data(plan.source, plan.run, done, shares, faults)

        with _as_user_errors(plan, folder, faults):
            if done < steps and cluster.size > 1:
                # The evaluation would be that of a process of its own; here the chief validates.
                tf.estimator.train_and_evaluate(
                    estimator, tf.estimator.TrainSpec(input_fn, steps), tf.estimator.EvalSpec(input_fn)
                )
            elif done < steps:
                estimator.train(input_fn, max_steps=steps)
    done = _latest_step(folder)
    if done == steps and cluster.is_chief:
        validator.validate(steps)  # where the run was killed just before
    return done >= steps


def _strategy(run, cluster, cpu_devices):
    """How the devices share a step: a tf.distribute.Strategy, None for one device."""
    if cluster.size > 1:
        return tf.distribute.experimental.MultiWorkerMirroredStrategy()
    kind, there = ("gpu", gpus()) if gpus() else ("cpu", cpu_devices)
    shared = [number for number in range(1, min(run.num_gpus, there) + 1) if run.num_gpus % number == 0]
    return tf.distribute.MirroredStrategy(["/%s:%d" % (kind, i) for i in range(shared[-1])]) if shared[-1] > 1 else None


def _session_config(plan, cpu_devices=1):
    # On a CPU TensorFlow's graph optimiser costs 8 to 13 s of the start and wins at most 6 % of a step
    # (docs/PERFORMANCE.md).
    return session_config(plan.bert_config, plan.config, cpu_devices, optimise=False)


def _run_config(seed, session, **more):
    return tf.estimator.RunConfig(
        tf_random_seed=seed,
        session_config=session,
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
            plan.judging_spec,
            folder,
            _run_config(plan.run.seed, _session_config(plan)),
        )
    finally:
        if saved is not None:
            os.environ["TF_CONFIG"] = saved


def _latest_step(folder):
    """Step of the newest checkpoint, 0 without one."""
    newest = tf.train.latest_checkpoint(folder)
    if not newest:
        return 0
    try:
        return int(tf.train.load_checkpoint(newest).get_tensor("global_step"))
    except checkpoints.UNREADABLE:
        raise checkpoints.damaged_own(newest) from None


@contextlib.contextmanager
def _as_user_errors(plan, folder, faults):
    """Raises what a user can mend as a UserError; `faults` are those of the data, which TensorFlow has wrapped."""
    try:
        yield
    except tf.train.NanLossDuringTrainingError:
        raise UserError(
            "The %s loss became NaN or infinite: %s, in another --output_dir." % (plan.title, plan.advice)
        ) from None
    except tf.errors.OpError as error:
        if faults:
            raise faults[0] from None
        if not checkpoints.is_of_reading(error):
            raise
        newest = tf.train.latest_checkpoint(folder)
        if newest:
            raise checkpoints.damaged_own(newest) from None
        raise checkpoints.damaged(plan.run.init_checkpoint, plan.run.warm_start_model_dir) from None
