"""scripts/benchmarks/gpu.py: the workloads and how their numbers are shown; nothing is measured."""
import types

import gpu
import numpy as np
import pytest

from command_line import program_flags, settings
from runtime.errors import UserError


def make_workloads(folder):
    return gpu.Workloads(str(folder), types.SimpleNamespace(cases="", rounds=2, steps=1))


@pytest.mark.parametrize("case", gpu.CASES, ids=str)
def test_a_case_becomes_a_command_of_the_main_programs_flags(case, tmp_path):
    command = make_workloads(tmp_path).command_of(case, ["--tf32"])
    flags = command[command.index("--") + 1 :]
    asked = program_flags.names_and_values(program_flags.parse(flags))
    assert settings.learner_settings(asked).tf32
    assert settings.bert_settings(asked).hidden_size == int(case.encoder.split("H")[1])
    is_tuning = isinstance(case, gpu.Tuning)
    assert ("finetune" if is_tuning else "meta") in command[:3]
    if is_tuning:
        (path,) = [word.partition("=")[2] for word in command if word.startswith("--texts=")]
        lengths = np.load(path)["train_input_mask"].sum(1)
        assert (lengths.min(), lengths.max(), len(lengths)) == (case.least, case.most, gpu.ROWS)


def test_sides_have_flags_of_the_main_program():
    for flags in gpu.SIDES.values():
        program_flags.parse(flags)


def test_times_are_shown_beside_the_first_sides():
    lines = gpu.shown("a case", {"GPU": [0.3, 0.1, 0.2], "CPU": [1.0, 1.0, 1.0]}).splitlines()
    assert lines[0] == "a case"
    assert "0.2000 s (0.1000-0.3000), 1.00 times GPU" in lines[1] and "5.00 times GPU" in lines[2]


def asked(sides, **options):
    return types.SimpleNamespace(**dict(dict(sides=sides, cases="", rounds=1, steps=1), **options))


def test_what_cannot_be_measured_is_named(monkeypatch):
    monkeypatch.setattr(gpu, "gpus", lambda: 0)
    with pytest.raises(UserError, match="--sides=TPU: choose from GPU"):
        gpu.run(asked("GPU,TPU"))
    with pytest.raises(UserError, match="sees no GPU here"):
        gpu.run(asked("GPU,CPU"))
    with pytest.raises(UserError, match="--cases=H769: there are L6 H384"):
        gpu.run(asked("CPU", cases="H769"))
    with pytest.raises(UserError, match="--steps=0: at least 1"):
        gpu.run(asked("CPU", steps=0))
