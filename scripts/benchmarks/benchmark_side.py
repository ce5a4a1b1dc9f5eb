"""What every side of a benchmark speaks: it works when told to on standard input, and answers in lines of JSON."""
import json
import os
import sys
import time


class Side:
    """The process's end of the conversation. What the work itself prints goes to standard error."""

    def __enter__(self):
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        return self

    def __exit__(self, *_):
        self._answers.close()

    def ready(self):
        """Says that warm-up is over, and how much memory it took."""
        self.report()

    def wait(self):
        """Returns when the next round is asked for; ends the process when none will be."""
        if not sys.stdin.readline():
            os._exit(0)  # in the midst of a training loop, whose results nobody wants

    def report(self, **values):
        """Answers with numbers; the process's peak memory goes with them."""
        print(json.dumps(dict(values, peak_memory=peak_memory())), file=self._answers, flush=True)


class Rounds:
    """Cuts an endless loop of steps into a warm-up and rounds: the loop calls `before_step` before each."""

    def __init__(self, side, steps, warmup):
        self._side, self._steps, self._left = side, steps, warmup
        self._begun = None

    def before_step(self):
        """Ends a round that is full, and waits until the next is asked for."""
        if self._left == 0:
            if self._begun is None:
                self._side.ready()
            else:
                self._side.report(seconds=time.perf_counter() - self._begun, units=self._steps)
            self._side.wait()
            self._left, self._begun = self._steps, time.perf_counter()
        self._left -= 1


def peak_memory():
    """Largest resident size of this process so far, bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
