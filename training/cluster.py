"""The machines of a distributed run, as TF_CONFIG lists them, and a watch over them."""
import json
import os
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import Tuple

from runtime.errors import UserError

SECONDS_BETWEEN_CALLS = 2.0
SECONDS_FOR_AN_ANSWER = 2.0
EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'


@dataclass(frozen=True)
class Cluster:
    """The worker processes of a run and the place of this one among them."""

    workers: Tuple[str, ...] = ("",)  # addresses HOST:PORT, the chief's first
    index: int = 0  # of this process

    @property
    def size(self):
        """Number of worker processes."""
        return len(self.workers)

    @property
    def is_chief(self):
        """Whether this process writes checkpoints, validates and exports."""
        return self.index == 0

    @property
    def others(self):
        """Addresses of the other processes."""
        return [address for index, address in enumerate(self.workers) if index != self.index]


def parse(tf_config):
    """The Cluster that the text of TF_CONFIG describes; one process where it is empty or names no other.

    Raises UserError for what is not of the form of EXAMPLE; "chief" may stand beside "worker", other jobs may not.
    """

    def fault(what):
        return UserError("TF_CONFIG: %s; the form is %s." % (what, EXAMPLE))

    if not tf_config or not tf_config.strip():
        return Cluster()
    try:
        values = json.loads(tf_config)
    except (ValueError, RecursionError) as error:
        raise fault("no JSON (%s)" % error) from None
    jobs = values.get("cluster", {}) if isinstance(values, dict) else None
    if not isinstance(jobs, dict) or not all(isinstance(addresses, list) for addresses in jobs.values()):
        raise fault("no cluster of jobs with lists of addresses")
    if not jobs:
        return Cluster()
    unknown = sorted(set(jobs) - {"chief", "worker"})
    if unknown:
        raise fault("the job %r is not used here (the first worker validates)" % unknown[0])
    if len(jobs.get("chief", [])) > 1:
        raise fault("more than one chief")
    places = [(job, index) for job in ("chief", "worker") for index in range(len(jobs.get(job, [])))]
    workers = [jobs[job][index] for job, index in places]
    wrong = [address for address in workers if not _is_address(address)]
    if wrong:
        raise fault("%r is no address HOST:PORT" % (wrong[0],))
    if len(set(workers)) < len(workers):
        raise fault("an address stands there twice")
    task = values.get("task")
    place = (task.get("type"), task.get("index")) if isinstance(task, dict) else None
    if place not in places:
        raise fault("the task is none of the cluster's %d processes" % len(places))
    return Cluster(tuple(workers), places.index(place))


def _is_address(text):
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


class Watch:
    """Ends this process when another one of the cluster does not answer; a context manager.

    A step waits for all workers, without end when one is gone. So a thread calls the others' ports, and after
    `timeout` seconds of silence prints one line and exits with code 2. The checkpoints are on disk by then.
    """

    def __init__(self, cluster, timeout):
        self._others, self._timeout = cluster.others, timeout
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        if self._others:
            self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the watch; the others may leave from now on."""
        self._stopped.set()

    def _run(self):
        heard = dict.fromkeys(self._others, time.monotonic())
        while not self._stopped.wait(SECONDS_BETWEEN_CALLS):
            for address in self._others:
                if _answers(address):
                    heard[address] = time.monotonic()
                elif time.monotonic() - heard[address] > self._timeout and not self._stopped.is_set():
                    leave("worker %s does not answer (for %d s)" % (address, self._timeout))


def leave(reason):
    """Prints why the cluster fell apart and ends the process: threads that wait for a worker cannot be woken."""
    print(
        "error: %s: start the same command on every machine again, it goes on from the last checkpoint "
        "(--worker_timeout sets how long to wait)." % reason,
        file=sys.stderr,
        flush=True,
    )
    os._exit(2)


def _answers(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_FOR_AN_ANSWER).close()
        return True
    except OSError:
        return False
