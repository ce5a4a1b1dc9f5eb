"""Progress on long work, on the standard library alone: what progress.py is where tqdm and absl are not installed."""
import sys
import time

SECONDS_BETWEEN = 15.0  # of lines in a file
SECONDS_WATCHED = 0.5  # of looks at a terminal


class PlainProgress:
    """Says on standard error how far `total` units of work have come; use as a context manager.

    Args:
      total: amount of work; None when it is not known.
      description, unit: words for the work and for one unit of it.
      stream: None: standard error.
      clock: function that gives seconds.
    """

    def __init__(self, total, description, unit, stream=None, clock=time.monotonic):
        self._total, self._description, self._unit = total, description, unit
        self._stream, self._clock = stream or sys.stderr, clock
        self._watched = bool(self._stream and self._stream.isatty())
        self._pause = SECONDS_WATCHED if self._watched else SECONDS_BETWEEN
        self._begun = self._shown = clock()
        self._done, self._has_shown = 0, False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._has_shown and self._watched:
            self._stream.write("\n")

    def update(self, count):
        """Adds finished units."""
        self._done += count
        now = self._clock()
        if self._stream and self._done and now - self._shown >= self._pause:  # without any there is no rate
            self._shown, self._has_shown = now, True
            line = self._line(now - self._begun)
            self._stream.write("\r%s\x1b[K" % line if self._watched else line + "\n")
            self._stream.flush()

    def _line(self, seconds):
        rate = self._done / seconds
        line = "%s: %d" % (self._description, self._done)
        if self._total is None:
            return "%s %ss, %.0f/s" % (line, self._unit, rate)
        left = (self._total - self._done) / rate
        return "%s of %d %ss, %.0f/s, %d:%02d left" % (line, self._total, self._unit, rate, left // 60, left % 60)
