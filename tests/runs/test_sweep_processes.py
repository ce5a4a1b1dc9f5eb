"""Runs in one process or several: what comes back, whatever happens to one of them."""
import multiprocessing
import os

import pytest

from runs import sweep, sweep_keys, sweep_processes
from runtime.errors import UserError
from runtime.files import read_json

KEYS = [sweep_keys.Key("minilm", "airline", 4, split) for split in range(3)]


class Recorder:
    """In the place of a sweep.Runner: notes what it is asked for, and fails at split 1."""

    keep_predictions = False

    def __init__(self):
        self.seen = []

    def run(self, job):
        self.seen.append(job)
        return "no data" if job.key.split == 1 else None


class Deadly:
    """In the place of settings: ends the process that receives it."""

    def __reduce__(self):
        return os._exit, (3,)


@pytest.mark.parametrize("processes, count", [(1, 3), (4, 1), (1, 0)])
def test_one_process_is_this_one(processes, count):
    runner, jobs = Recorder(), [sweep.Job(key, "", None) for key in KEYS[:count]]
    found = list(sweep_processes.outcomes(jobs, runner, processes))
    assert found == [(job, "no data" if job.key.split == 1 else None) for job in jobs] and runner.seen == jobs


def test_several_processes_tell_of_every_run(tmp_path):
    """Settings that are none: each run fails by itself, and leaves its reason where its result would be."""
    jobs = [sweep.Job(key, str(tmp_path / str(key.split)), None) for key in KEYS]
    found = dict(sweep_processes.outcomes(jobs, sweep.Runner(), 2))
    assert set(found) == set(jobs)
    for job, reason in found.items():
        assert "AttributeError" in reason
        assert read_json(os.path.join(job.folder, "results.json"))["error"] == reason


def test_a_system_that_shares_out_no_cores(monkeypatch):
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(sweep_processes.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sweep_processes.parents, "end_with", lambda parent: None)
    monkeypatch.setattr(sweep_processes, "_runner", None)
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    sweep_processes._start(multiprocessing.get_context("spawn").Value("i", 0), 2, os.getpid(), True)
    assert sweep_processes._runner.keep_predictions


def test_a_process_that_dies_is_one_line(tmp_path):
    jobs = [sweep.Job(key, str(tmp_path / "x"), Deadly()) for key in KEYS]
    with pytest.raises(UserError, match="a process of --jobs=2 died.*the runs that were made are kept"):
        list(sweep_processes.outcomes(jobs, sweep.Runner(), 2))
