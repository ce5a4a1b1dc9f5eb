"""One program at a time in a folder."""
import fcntl
import subprocess
import sys
import threading

import pytest

from runtime.errors import UserError
from runtime.locks import alone_in
from runtime.paths import ROOT


def test_others_wait_and_say_so(tmp_path, capsys):
    events = []

    def other():
        with alone_in(str(tmp_path / "made")):
            events.append("other")

    with alone_in(str(tmp_path / "made")):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and "waiting" in capsys.readouterr().err
        events.append("first")
    thread.join()
    assert events == ["first", "other"] and list((tmp_path / "made").iterdir()) == []


def test_a_lock_ends_with_its_program(tmp_path):
    program = "import os, sys; from runtime.locks import alone_in\nwith alone_in(sys.argv[1]): os._exit(3)"
    assert subprocess.call([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) == 3
    with alone_in(str(tmp_path)):
        pass


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError("not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone_in(str(tmp_path)), alone_in(str(tmp_path)):
        pass


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match="choose another folder"), alone_in(str(tmp_path / place)):
            pass
