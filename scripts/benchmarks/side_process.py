"""A side of a benchmark as the measuring program sees it: a process that is asked for rounds of work."""
import collections
import contextlib
import json
import os
import subprocess
import tempfile
import time

from runtime.errors import UserError
from runtime.paths import ROOT


class SideProcess:
    """A process that works in rounds (benchmark_side.Side is its other end).

    Args:
      command: list of words; it is run in the repository's root.
      environment: {name: value} in its environment beside this process's own.
      wait: False: do not wait until its warm-up is over, for it needs others to be started; `wait_until_ready` does.
    """

    def __init__(self, command, environment=(), wait=True):
        self._errors = tempfile.TemporaryFile("w+")
        self._begun = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            universal_newlines=True, env=dict(os.environ, **dict(environment)),
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self):
        """Waits until its warm-up is over."""
        self._answer()
        self.seconds_to_ready = time.perf_counter() - self._begun

    def round(self):
        """Does one round; returns the side's answer: seconds, units, peak_memory."""
        self.begin()
        return self.end()

    def begin(self):
        """Begins a round; `end` waits for it, and says so where the process has ended."""
        with contextlib.suppress(BrokenPipeError):
            print("go", file=self._process.stdin, flush=True)

    def end(self):
        """The answer of the round that was begun."""
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()  # it may give up its answers before it says why
            self._errors.seek(0)
            raise UserError("a side of the benchmark failed: %s" % self._errors.read()[-2000:])
        return json.loads(line)

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # it has ended, and not read all that it was asked
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def in_turns(sides, rounds):
    """{name: seconds a unit, [rounds]} of SideProcesses, {name: side}, that are ready; they take turns."""
    found = collections.OrderedDict((name, []) for name in sides)
    for _ in range(rounds):
        for name, side in sides.items():
            answer = side.round()
            found[name].append(answer["seconds"] / answer["units"])
    return found
