"""scripts/benchmarks/scale.py: the workloads and how their numbers are put together; nothing is measured."""
import os
import types

import numpy as np
import pytest
import scale

from command_line import program_flags, settings
from data import records
from runtime.errors import UserError


def make_bench(folder, **options):
    return scale.Bench(str(folder), types.SimpleNamespace(**dict(dict(cases="", rounds=2, steps=1), **options)))


@pytest.mark.parametrize("case", scale.TASK_CASES + scale.WORKER_CASES, ids=str)
def test_a_case_becomes_flags_and_records(case, tmp_path):
    asked = program_flags.names_and_values(program_flags.parse(make_bench(tmp_path).flags(case, processes=2)))
    run, config = settings.meta_training_settings(asked), settings.learner_settings(asked)
    assert (run.tasks_per_step, run.train_batch_size, config.num_batches) == (2 * case.tasks, case.rows, 8)
    assert config.meta_batchsz % config.num_batches == 0 < case.rows - config.meta_batchsz
    (path,) = run.task_train_files
    read = records.read_records(path, scale.COLUMNS, 3, scale.VOCABULARY)
    assert read.size == 10 * case.rows and (read.input_mask.sum(1) == case.tokens).all()


def test_the_numbers_of_a_gradient(monkeypatch, tmp_path):
    tiny = dict(num_hidden_layers=1, hidden_size=24, intermediate_size=30, vocab_size=50, max_position_embeddings=128)
    monkeypatch.setitem(scale.ENCODERS, "tiny", dict(scale.ENCODERS["L6 H384"], **tiny))
    encoder = 50 * 24 + 128 * 24 + 2 * 24 + 4 * (24 * 24 + 24) + 24 * 30 + 30 + 30 * 24 + 24 + 6 * 24 + 24 * 24 + 24
    found = scale.trained_numbers(make_bench(tmp_path).flags(scale.Case("tiny", rows=9)))
    heads = 2 * (24 * 12 + 12) + 12 * 256 + 256 + 12 * 257 + 257
    assert encoder + heads < found < encoder + heads + 50  # and the learned rates


def test_the_reader_leaves_all_cores_to_what_is_measured_next(monkeypatch, tmp_path):
    monkeypatch.setattr(scale, "READ_TASKS", 2)
    cores, seen = os.sched_getaffinity(0), []
    monkeypatch.setattr(scale.time, "perf_counter", lambda: seen.append(os.sched_getaffinity(0)) or float(len(seen)))
    assert [found["what"] for found in scale.reader(make_bench(tmp_path))] == ["reading a task", "opening, a record"]
    assert {len(each) for each in seen} == {1} and os.sched_getaffinity(0) == cores


class Side:
    """A side whose rounds take given seconds."""

    def __init__(self, log, name, *seconds):
        self._log, self._name, self._seconds = log, name, list(seconds)

    def wait_until_ready(self):
        self._log.append(self._name + " ready")

    def begin(self):
        self._log.append(self._name + " begins")

    def end(self):
        return {"seconds": self._seconds.pop(0), "units": 2, "peak_memory": 3 << 20}

    def close(self):
        self._log.append(self._name + " closed")


def test_sides_work_at_once_and_the_slowest_counts(tmp_path):
    log = []
    sides = [Side(log, "a", 1.0, 8.0), Side(log, "b", 3.0, 2.0)]
    assert make_bench(tmp_path).seconds(sides) == ([1.5, 4.0], 3.0)
    begins = ["a begins", "b begins"]
    assert log == ["a ready", "b ready"] + begins + begins + ["a closed", "b closed"]


def test_what_is_asked_for(tmp_path):
    cases = make_bench(tmp_path, cases="4 tasks").chosen(scale.TASK_CASES)
    assert [case.tasks for case in cases] == [4]
    with pytest.raises(UserError, match="--cases=7 tasks: there are L6 H384, 90 rows"):
        make_bench(tmp_path, cases="7 tasks").chosen(scale.TASK_CASES)
    with pytest.raises(UserError, match="--rounds=0: at least 1"):
        scale.run(types.SimpleNamespace(what="tasks", rounds=0, steps=1))
    with pytest.raises(UserError, match="--what=other: choose from tasks, workers, reader"):
        scale.run(types.SimpleNamespace(what="tasks,other", output=str(tmp_path / "out.json")))


def test_a_measurement_in_a_line():
    found = dict(scale.Case("L6 H384")._asdict(), what="step", seconds=[2.0, 1.0, 4.0], peak_mib=np.float64(10.4))
    assert scale.shown(found) == (
        "L6 H384, 90 rows of 32 tokens a task, 1 tasks a step; step: 2 s (1-4), peak_mib 10"
    )
