"""TensorBoard's scalars."""
import time

from runtime import checkpoints
from runtime.compat import tf


class Scalars:
    """Writes scalars to an event file in a folder, which it makes; a context manager.

    Raises UserError where that fails.
    """

    def __init__(self, folder):
        self._folder = folder
        # TensorFlow names files by the second, in which a short run may write two.
        self._writer = self._try(tf.summary.FileWriter, folder, filename_suffix=".%d" % time.time_ns())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._try(self._writer.close)

    def write(self, step, values):
        """Writes {tag: number} of a step."""
        scalars = [tf.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._try(self._writer.add_summary, tf.Summary(value=scalars), step)

    def _try(self, write, *arguments, **more):
        try:
            return write(*arguments, **more)
        except (tf.errors.OpError, OSError) as error:
            raise checkpoints.cannot_save("event file", self._folder, error) from None
