"""scripts/reproduce_tables.slurm: tasks of the array to parts of the runs."""
import os
import subprocess

import pytest

from runtime.paths import ROOT


@pytest.fixture(name="submit")
def fixture_submit(tmp_path):
    """Runs a task of an array in a folder whose python prints its flags; returns (exit code, output, errors)."""
    (tmp_path / "scripts").mkdir()
    stubs = {"scripts/setup_env.sh": "echo %s/python" % tmp_path, "python": "echo \"$@\""}
    for name, line in stubs.items():
        (tmp_path / name).write_text("#!/bin/sh\n%s\n" % line)
        (tmp_path / name).chmod(0o755)

    def submit(array, task):
        numbers = {"ID": task, "MIN": min(array), "MAX": max(array), "COUNT": len(array)}
        environment = {"SLURM_ARRAY_TASK_" + name: str(number) for name, number in numbers.items()}
        environment.update(PATH=os.environ["PATH"], SLURM_SUBMIT_DIR=str(tmp_path))
        done = subprocess.run(
            ["bash", os.path.join(ROOT, "scripts", "reproduce_tables.slurm"), "--models=hybrid"], env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )
        return done.returncode, done.stdout, done.stderr

    return submit


@pytest.mark.parametrize("first", [0, 5])
def test_a_range_is_shared(submit, first):
    array = range(first, first + 3)
    found = [submit(array, task) for task in array]
    assert found == [
        (0, "scripts/reproduce_tables.py --models=hybrid --shard_index=%d --num_shards=3\n" % part, "")
        for part in range(3)
    ]


def test_an_array_with_gaps_is_refused(submit):
    code, output, errors = submit([3, 7], 3)
    assert (code, output) == (2, "") and errors.startswith("error: --array has gaps") and errors.count("\n") == 1
