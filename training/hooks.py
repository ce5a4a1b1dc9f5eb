"""What happens between the steps of training_loop.py: stop, save, validate, show progress."""
import glob
import os
import shutil
import signal

from runtime import checkpoints
from runtime.compat import tf
from runtime.errors import UserError
from runtime.progress import Progress

CHECKPOINT = "model.ckpt"


class StopSignal:
    """Turns SIGTERM into a request that all workers see after the same step; a context manager."""

    requested = False

    def __enter__(self):
        self._before = signal.signal(signal.SIGTERM, self._request)
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGTERM, self._before)

    def _request(self, *_):
        self.requested = True

    def tensor(self):
        """1.0 where this process was asked to stop, else 0.0; computed anew at each step."""
        flag = tf.py_func(lambda: 1.0 if self.requested else 0.0, [], tf.double, stateful=True)
        return tf.cast(tf.ensure_shape(flag, []), tf.float32)


class StopHook(tf.train.SessionRunHook):
    """Ends the loop after the last step, or after the one in which some worker was asked to stop.

    Args:
      requests: scalar above 0 where a worker was asked to stop, the same in all workers.
      steps: the last step.
      ending: function to call before the loop ends.
    """

    def __init__(self, requests, steps, ending):
        self._requests, self._steps, self._ending = requests, steps, ending
        self._sessions = 0

    def begin(self):
        self._step = tf.train.get_global_step()

    def after_create_session(self, session, coord):
        del session, coord
        self._sessions += 1
        if self._sessions > 1:  # the data has moved on, so going on from the checkpoint here would skip tasks
            raise UserError("the connection between the workers was lost: run the same command again to go on.")

    def before_run(self, run_context):
        del run_context
        return tf.train.SessionRunArgs(self._requests)

    def after_run(self, run_context, run_values):
        if run_values.results > 0.0 or run_context.session.run(self._step) >= self._steps:
            self._ending()
            run_context.request_stop()


class SaveHook(tf.train.SessionRunHook):
    """Saves at every multiple of `every` steps and at the end; validates what it saved at a multiple or the last step.

    Where a checkpoint is written does not depend on where a run was interrupted.

    Args:
      folder: of the checkpoints.
      every: steps between them.
      steps: the last step.
      validate: function of a step whose checkpoint is on disk; must know by itself what it has done already.
    """

    def __init__(self, folder, every, steps, validate):
        self._folder, self._every, self._steps, self._validate = folder, every, steps, validate
        self._saved = None

    def begin(self):
        self._step = tf.train.get_global_step()
        self._saver = tf.get_collection(tf.GraphKeys.SAVERS)[0]  # the one that Estimator restores with
        for path in glob.glob(os.path.join(glob.escape(self._folder), CHECKPOINT + "*_temp*")):  # of a killed run
            shutil.rmtree(path, ignore_errors=True)

    def after_create_session(self, session, coord):
        del coord
        step = int(session.run(self._step))
        if tf.train.latest_checkpoint(self._folder) is None:
            self._save(session, step)
        elif self._is_due(step):  # the run may have been killed before this one was validated
            self._validate(step)
        self._saved = step

    def after_run(self, run_context, run_values):
        del run_values
        step = int(run_context.session.run(self._step))
        if step % self._every == 0 and step < self._steps:
            self._save(run_context.session, step)
            self._validate(step)

    def end(self, session):
        step = int(session.run(self._step))
        if step != self._saved:
            self._save(session, step)
            if self._is_due(step):
                self._validate(step)

    def _is_due(self, step):
        return step > 0 and (step % self._every == 0 or step == self._steps)

    def _save(self, session, step):
        try:
            self._saver.save(session, os.path.join(self._folder, CHECKPOINT), step, write_meta_graph=False)
        except (tf.errors.OpError, OSError, ValueError) as error:
            raise checkpoints.cannot_save("checkpoint of step %d" % step, self._folder, error) from None
        self._saved = step


class ProgressHook(tf.train.SessionRunHook):
    """Progress in tasks of a run that is called `title`."""

    def __init__(self, title, done, steps, tasks_per_step):
        self._tasks = tasks_per_step
        self._progress = Progress(steps * tasks_per_step, title, unit="task", done=done * tasks_per_step)

    def after_run(self, run_context, run_values):
        del run_context, run_values
        self._progress.update(self._tasks)

    def end(self, session):
        del session
        self._progress.__exit__(None)
