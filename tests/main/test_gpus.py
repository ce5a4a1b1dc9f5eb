"""Meta-training says that it leaves GPUs unused, unless they were hidden from it."""
import types

import pytest

import run_classifier_multitask as program


@pytest.mark.parametrize("visible, err", [(None, "some GPUs\n"), ("-1", "")])
def test_unused_gpus_are_noted_unless_hidden(monkeypatch, capsys, visible, err):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(program, "unused_gpus", lambda: "some GPUs")
    ended = types.SimpleNamespace(is_complete=True, exported=None, title="meta-training")
    monkeypatch.setattr(program.meta_training, "run", lambda asked, machines: ended)
    program.run_training(None)
    assert capsys.readouterr().err == err
