"""The line that says what is waited for: on a terminal, gone at the end, and nowhere else."""
import os
import pty

import pytest

from runtime.waiting import waiting


def test_a_terminal_shows_it_until_the_block_ends(monkeypatch):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with waiting("starting"):
            assert os.read(ours, 100) == b"starting ...\r"
        assert os.read(ours, 100) == b"\x1b[K"
        with pytest.raises(ValueError), waiting("starting"):
            raise ValueError
        assert os.read(ours, 100) == b"starting ...\r\x1b[K"
    os.close(ours)


def test_nobody_watches(capsys, monkeypatch):
    with waiting("starting"):
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr", None)
    with waiting("starting"):
        pass
