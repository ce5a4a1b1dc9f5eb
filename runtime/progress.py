"""Progress on long work: a bar with the time left where somebody watches (with tqdm), else a line now and then."""
import sys
import time

from absl import logging

SECONDS_BETWEEN_LINES = 15.0


class Progress:
    """Shows how far `total` units of work have come, `done` of them earlier; use as a context manager.

    With `show` off it shows nothing.
    """

    def __init__(self, total, description, unit="step", done=0, show=True):
        self._total, self._description, self._unit = total, description, unit
        self._done = self._earlier = done
        self._start = self._last_line = time.time()
        self._bar, self._show = None, show
        if show and sys.stderr.isatty():
            try:
                import tqdm

                self._bar = tqdm.tqdm(
                    total=total, desc=description, unit=unit, initial=done, file=sys.stderr, dynamic_ncols=True
                )
            except ImportError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._bar is not None:
            self._bar.close()
        elif kind is None and self._show:
            self._line("")

    def update(self, count, **info):
        """Adds finished units; `info` is shown beside the bar."""
        self._done += count
        note = ", ".join("%s %.4g" % item for item in sorted(info.items()))
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
        elif self._show and time.time() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._line(note)

    def _line(self, note):
        now = time.time()
        self._last_line = now
        rate = (self._done - self._earlier) / max(now - self._start, 1e-6)
        left = (self._total - self._done) / rate if rate else 0.0
        message = "%s: %d of %d, %.1f %ss a second" % (self._description, self._done, self._total, rate, self._unit)
        if self._done < self._total:
            message += ", about %d s left" % round(left)
        logging.info("%s%s", message, ", " + note if note else "")
