"""What happens between the steps of loop.py: stop, save, validate, show progress, write TensorBoard's scalars."""
import collections
import glob
import os
import shutil
import signal

import numpy as np

from runtime import checkpoints
from runtime.compat import tf
from runtime.progress import Progress
from training.scalars import Scalars

CHECKPOINT = "model.ckpt"
SUMMARY_STEPS = 50
STEPS_OF_A_MEAN = 50  # that the progress shows


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


class Hook:
    """What a loop calls between its steps; a context manager, left when the loop ends or fails."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def begin(self, session, step):
        """Before the first step of this process; `step` are done."""

    def after_step(self, session, step, found):
        """After a step, of which the numbers of plan.Step were found."""

    def end(self, session, step):
        """After the last step of this process, unless it failed."""


class SaveHook(Hook):
    """Saves at every multiple of `every` steps and at the end; validates what it saved at a multiple or the last step.

    Where a checkpoint is written does not depend on where a run was interrupted.

    Args:
      saver: tf.train.Saver.
      folder: of the checkpoints.
      every: steps between them.
      steps: the last step.
      validate: function of a step whose checkpoint is on disk; must know by itself what it has done already.
    """

    def __init__(self, saver, folder, every, steps, validate):
        self._saver, self._folder, self._every, self._steps = saver, folder, every, steps
        self._validate = validate
        self._saved = None

    def begin(self, session, step):
        for path in glob.glob(os.path.join(glob.escape(self._folder), CHECKPOINT + "*_temp*")):  # of a killed run
            shutil.rmtree(path, ignore_errors=True)
        if checkpoints.newest(self._folder) is None:
            self._save(session, step)
        elif self._is_due(step):  # the run may have been killed before this one was validated
            self._validate(step)
        self._saved = step

    def after_step(self, session, step, found):
        if step % self._every == 0 and step < self._steps:
            self._save(session, step)
            self._validate(step)

    def end(self, session, step):
        if step != self._saved:
            self._save(session, step)
            if self._is_due(step):
                self._validate(step)

    def _is_due(self, step):
        return step > 0 and (step % self._every == 0 or step == self._steps)

    def _save(self, session, step):
        try:
            checkpoints.save(self._saver, session, os.path.join(self._folder, CHECKPOINT), step)
        except (tf.errors.OpError, OSError, ValueError) as error:
            raise checkpoints.cannot_save("checkpoint of step %d" % step, self._folder, error) from None
        self._saved = step


class ProgressHook(Hook):
    """Progress in tasks of a run that is called `title`, with means over the last steps."""

    def __init__(self, title, done, steps, tasks_per_step):
        self._tasks = tasks_per_step
        self._progress = Progress(steps * tasks_per_step, title, unit="task", done=done * tasks_per_step)
        self._last = collections.deque(maxlen=STEPS_OF_A_MEAN)

    def __exit__(self, *error):
        self._progress.__exit__(*error)

    def after_step(self, session, step, found):
        self._last.append((found.loss, found.accuracy))
        loss, accuracy = np.mean(self._last, axis=0)
        self._progress.update(self._tasks, **{"loss": loss, "query accuracy": accuracy})


class SummaryHook(Hook):
    """TensorBoard's scalars of the first step and every SUMMARY_STEPS steps after it."""

    def __init__(self, folder):
        self._scalars = Scalars(folder)

    def __exit__(self, *error):
        self._scalars.__exit__(*error)

    def after_step(self, session, step, found):
        if (step - 1) % SUMMARY_STEPS == 0:
            self._scalars.write(step, dict(found.summaries, loss=found.loss))
