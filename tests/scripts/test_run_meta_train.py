"""scripts/run_meta_train.sh: which files of the two folders it trains on."""
import os
import shutil
import subprocess

import pytest

from runtime.paths import ROOT
from training import multitask_training

NAMES = (
    "meta_pretrain_2", "meta_pretrain_dev_3", "mnli_train", "mnli_dev_matched", "mnli_dev_mismatched", "x_dev",
    "x_dev_2", "x_train", "device_train", "web_dev_ops_train", "B_train",
)
SUPERVISED = ["B_train", "device_train", "mnli_train", "web_dev_ops_train", "x_train"]


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    """Runs a copy of the script whose main program prints its flags; returns (exit code, {flag: value}, errors)."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(os.path.join(ROOT, "scripts", "run_meta_train.sh"), str(tmp_path / "scripts"))
    stubs = {
        "scripts/setup_env.sh": "echo %s/python" % tmp_path,
        "python": "printf '%s\\n' \"$@\"",
        "ls": '[ "${LC_ALL:-}" = C ] && exec %s || exec %s -r' % ((shutil.which("ls"),) * 2),  # of another locale
    }
    for name, line in stubs.items():
        (tmp_path / name).write_text("#!/bin/sh\n%s\n" % line)
        (tmp_path / name).chmod(0o755)

    def run(preset, **folders):
        environment = dict({"PATH": "%s:%s" % (tmp_path, os.environ["PATH"]), "BERT_DIR": "bert"}, **folders)
        done = subprocess.run(
            ["bash", str(tmp_path / "scripts" / "run_meta_train.sh"), preset],
            env={name: str(value) for name, value in environment.items()}, cwd=str(tmp_path),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )
        flags = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        return done.returncode, flags, done.stderr

    return run


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """A folder of all kinds of files."""
    folder = tmp_path / "all"
    folder.mkdir()
    for name in NAMES:
        (folder / (name + ".tf_record")).write_text("")
        (folder / (name + ".tf_record.json")).write_text("")
    return folder


@pytest.mark.parametrize(
    "preset, folders, expected",
    [
        ("hybrid", ["DATA_DIR", "SUPERVISED_DATA_DIR"], ["meta_pretrain_2"] + SUPERVISED),
        ("smlmt", ["DATA_DIR"], ["meta_pretrain_2"]),
        ("leopard", ["SUPERVISED_DATA_DIR"], SUPERVISED),
    ],
)
def test_files_of_training_are_taken_once_and_where_they_are_looked_for(run, folder, preset, folders, expected):
    code, flags, _ = run(preset, **{name: folder for name in folders})
    assert code == 0
    assert flags["--task_train_files"] == ",".join(name + ".tf_record" for name in expected)
    for name in ("DATA_DIR", "SUPERVISED_DATA_DIR"):
        assert flags["--" + name.lower()] == (str(folder) if name in folders else "")


def test_files_of_one_task_are_training_or_development_rows(run, folder):
    """What is left out here is what multi-task training takes for the development rows of a task."""
    _, flags, _ = run("leopard", SUPERVISED_DATA_DIR=folder)
    left_out = [name for name in NAMES if not name.startswith("meta") and name not in SUPERVISED]
    assert flags["--task_train_files"].count(",") == len(SUPERVISED) - 1
    assert {multitask_training.task_name(name) for name in left_out} == {"mnli", "x"}
    assert [multitask_training.task_name(name) + "_train" for name in SUPERVISED] == SUPERVISED


def test_folders_without_files_to_train_on(run, folder, tmp_path):
    for preset, name in (("smlmt", "DATA_DIR"), ("leopard", "SUPERVISED_DATA_DIR")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "meta_pretrain_dev_3.tf_record").write_text("")
        code, _, errors = run(preset, **{name: tmp_path / name})
        assert code == 2
        assert errors == "error: %s: %s holds no record files to train on (--help tells which).\n" % (
            name, tmp_path / name)
    assert run("hybrid", DATA_DIR=folder)[0] == 2  # SUPERVISED_DATA_DIR is not set
