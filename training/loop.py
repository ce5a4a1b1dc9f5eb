"""The loop around training steps: devices, data, checkpoints, validation, the way back into a run that was stopped.

What is trained is a plan's affair (plan.py). A run is a function of its settings and the step counter alone: the tasks
of a step follow from its number (data/meta_tasks.py), and the dropout masks of a task from the number of the task
(runtime/dropout.py). So a run that was stopped or killed goes on from its last checkpoint and ends with the same
weights, and several devices or machines, which share the tasks of a step, compute what one computes with all of them.
"""
import collections
import contextlib
import functools
import os

import numpy as np

from runtime import checkpoints, collector
from runtime.compat import tf
from runtime.errors import UserError, cannot_write
from runtime.sessions import session_config, set_up_process
from runtime.waiting import waiting
from training import devices, task_feed, validation
from training.cluster import Cluster, Watch
from training.hooks import CHECKPOINT, ProgressHook, SaveHook, StopSignal, SummaryHook

CHECKPOINTS = "checkpoints"  # folder below the output directory
CHECKPOINTS_KEPT = 2
ALONE = Cluster()

Program = collections.namedtuple(
    "Program",
    [
        "graph",
        "data",  # operation that begins with the data of the first step
        "weights",  # operation that gives the variables their first values
        "step",  # plan.Step of all replicas, with the number of workers asked to stop as its only mean
        "saver",
    ],
)


def train(plan, output_dir, cluster=ALONE, cpu_devices=1, worker_timeout=300, before_step=None):
    """Trains until the last step, or until a SIGTERM; resumes where an earlier run of the plan stopped.

    Args:
      plan: plan.Plan, what to train.
      output_dir: existing folder; on a file system of all machines, where there are several.
      cluster: Cluster, the machines.
      cpu_devices: logical CPU devices that stand in for GPUs where this machine has none.
      worker_timeout: seconds until a silent machine is given up.
      before_step: function called before every step.

    Returns:
      True when the last step was done, False when a signal asked to stop before.
    """
    set_up_process(plan.bert_config, plan.config)
    strategy = devices.make_strategy(plan.run, cluster, cpu_devices)
    folder = _make_folder(output_dir)
    newest = checkpoints.newest(folder)
    done = _steps_of(newest)
    validator = _validator(plan, output_dir, done) if cluster.is_chief else None
    if done < plan.steps:
        config = session_config(plan.bert_config, plan.config, cpu_devices)
        config = strategy.update_config_proto(config)
        faults = []  # UserErrors of the data, which TensorFlow turns into errors of its own
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context
            enter(_as_user_errors(plan, newest, faults))
            stop, watch = enter(StopSignal()), enter(Watch(cluster, worker_timeout))
            target = enter(devices.reachable(cluster, config))  # before the graph is made: the others' watches call
            with collector.paused(), waiting("preparing the graph"):
                program = _make_program(plan, strategy, done, stop, faults)
            session = enter(contextlib.closing(tf.Session(target, program.graph, config)))
            hooks = _chief_hooks(plan, folder, program.saver, done, validator) if cluster.is_chief else []
            with waiting("preparing weights and data"):
                _start(session, program, folder, newest)
            for hook in hooks:
                enter(hook).begin(session, done)
            done = run_steps(session, program.step, plan, done, hooks, before_step)
            watch.stop()  # the others may leave
            for hook in hooks:
                hook.end(session, done)
    if done == plan.steps and cluster.is_chief:
        validator.validate(done)  # where the run was killed just before
    return done >= plan.steps


def _make_folder(output_dir):
    folder = os.path.join(output_dir, CHECKPOINTS)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise cannot_write(output_dir, error) from None
    return folder


def _steps_of(checkpoint):
    """Steps that a checkpoint has done; 0 without one."""
    if not checkpoint:
        return 0
    try:
        return int(checkpoints.open_reader(checkpoint).get_tensor("global_step"))
    except checkpoints.UNREADABLE as error:
        raise checkpoints.damaged_own(checkpoint, error) from None


def _validator(plan, output_dir, done):
    return validation.Validator(
        functools.partial(validation.judge, plan) if plan.validation else None,
        functools.partial(validation.export, plan),
        os.path.join(output_dir, CHECKPOINTS, CHECKPOINT),
        output_dir,
        done,
    )


def _make_program(plan, strategy, done, stop, faults):
    """Program of the steps after those that are done; faults of the data go to a list."""

    def data(context):
        shares = task_feed.shares_of(context, plan.run)
        with tf.device("/cpu:0"):
            return task_feed.training_data(plan.source, plan.run, done, shares, faults)

    def step(tasks):
        return plan.training_step(tasks, [stop.tensor()])

    with tf.Graph().as_default() as graph, strategy.scope():
        tf.set_random_seed(plan.run.seed)
        tf.train.get_or_create_global_step()
        tasks = strategy.make_input_fn_iterator(data)
        replicas = strategy.extended.call_for_each_replica(step, args=(tasks.get_next(),))
        program = Program(
            graph,
            tf.group(tasks.initialize()),
            tf.global_variables_initializer(),
            # Numbers are the same in all replicas.
            tf.nest.map_structure(lambda value: strategy.experimental_local_results(value)[0], replicas),
            tf.train.Saver(sharded=True, max_to_keep=CHECKPOINTS_KEPT, save_relative_paths=True),
        )
    graph.finalize()
    return program


def _chief_hooks(plan, folder, saver, done, validator):
    if done:
        print("%s goes on from step %d of %d" % (plan.title, done, plan.steps), flush=True)
    return [
        SummaryHook(folder),
        ProgressHook(plan.title, done, plan.steps, plan.run.tasks_per_step),
        SaveHook(saver, folder, plan.run.save_checkpoints_steps, plan.steps, validator.validate),
    ]


def _start(session, program, folder, newest):
    """Gives the variables their values, from the newest checkpoint where there is one, and begins with the data."""
    if newest:
        checkpoints.load(program.saver, session, newest)
        checkpoints.remember(program.saver, folder)
    else:
        session.run(program.weights)
    session.run(program.data)


def run_steps(session, step, plan, done, hooks, before_step):
    """Runs steps until the last one, or the one in which a worker was asked to stop; returns how many are done."""
    requests = 0.0
    while done < plan.steps and not requests:
        if before_step:
            before_step()
        found = session.run(step)
        done += 1
        if not np.isfinite(found.loss):
            raise UserError(
                "The %s loss became NaN or infinite: %s, in another --output_dir." % (plan.title, plan.advice)
            )
        for hook in hooks:
            hook.after_step(session, done, found)
        (requests,) = found.means
    return done


@contextlib.contextmanager
def _as_user_errors(plan, newest, faults):
    """Raises what a user can mend as a UserError.

    Args:
      plan: plan.Plan.
      newest: checkpoint that the run goes on from, or None.
      faults: UserErrors of the data, which TensorFlow has wrapped.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if faults:
            raise faults[0] from None
        if isinstance(error, (tf.errors.AbortedError, tf.errors.UnavailableError)):
            raise UserError(
                "the connection between the workers was lost: run the same command again to go on."
            ) from None
        if not checkpoints.is_of_reading(error):
            raise
        if newest:
            raise checkpoints.damaged_own(newest, error) from None
        raise checkpoints.damaged(plan.run.init_checkpoint, plan.run.warm_start_model_dir, error) from None
