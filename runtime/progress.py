"""Progress on long work: tqdm's bar with the time left where somebody watches, else a line in the log now and then."""
import io
import sys

from absl import logging
from tqdm import tqdm

SECONDS_BETWEEN_LINES = 15.0
LINE = "{desc}: {n_fmt} of {total_fmt}, {rate_fmt}, {remaining} left{postfix}"


class Progress(tqdm):
    """Shows how far `total` units of work have come, `done` of them earlier; use as a context manager.

    Args:
      total: amount of work; None when it is not known.
      description, unit: words for the work and for one unit of it; amounts of the unit "B" are shown as KiB, MiB, ...
      done: amount that an earlier run has done.
      show: False shows nothing.
      line: function that shows a line where nobody watches.
    """

    monitor_interval = 0  # no thread of tqdm's beside TensorFlow's: each update looks at the clock

    def __init__(self, total, description, unit="step", done=0, show=True, line=logging.info):
        self._line = line
        self._watched = bool(sys.stderr and sys.stderr.isatty())
        if self._watched:
            place = dict(file=sys.stderr, dynamic_ncols=True)
        else:  # the lines go to the log: see display
            place = dict(file=io.StringIO(), mininterval=SECONDS_BETWEEN_LINES, bar_format=LINE)
        if unit == "B":
            place.update(unit_scale=True, unit_divisor=1024)
        elif isinstance(total, float):
            place.update(unit_scale=True)  # else all digits are shown
        super().__init__(
            total=total, desc=description, unit=unit, initial=done, disable=not show, miniters=0, smoothing=0, **place
        )

    def display(self, msg=None, pos=None):
        """Called by tqdm when something is due to be shown."""
        if self._watched:
            super().display(msg, pos)
        elif self.n != self.initial:
            self._line(str(self))

    def __exit__(self, kind, *rest):
        if kind and not self._watched:
            self.disable = True  # work that failed has no closing line
        super().__exit__(kind, *rest)

    def update(self, count, **info):
        """Adds finished units; `info` (numbers by name) is shown beside the bar."""
        self.set_postfix_str(", ".join("%s %.4g" % item for item in sorted(info.items())), refresh=False)
        super().update(count)
