"""Files that appear whole or not at all."""

import json
import os

import pytest
from other_process import run

from runtime import files


def test_failure_leaves_nothing_behind(tmp_path):
    path = tmp_path / "results.json"
    with pytest.raises(RuntimeError):
        with files.atomic_file(str(path)) as file:
            file.write("half")
            raise RuntimeError
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_keeps_the_old_file(tmp_path, error):
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(error):
        with files.atomic_file(str(path)) as file:
            file.write("half")
            file.flush()
            raise error
    assert path.read_text() == "old" and os.listdir(str(tmp_path)) == ["results.json"]


def test_values_that_are_no_json_keep_the_old_file(tmp_path):
    path = tmp_path / "results.json"
    files.write_json(str(path), {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(str(path), {"a": 2, "b": object()})
    assert json.loads(path.read_text()) == {"a": 1} and os.listdir(str(tmp_path)) == ["results.json"]


def test_file_appears_only_when_finished(tmp_path):
    path = tmp_path / "file"
    with files.atomic_file(str(path)) as file:
        file.write("é")
        assert not path.exists()
    assert path.read_bytes() == "é".encode("utf-8")


def test_path_without_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_json("plain.json", {"b": 1, "a": [2]})
    assert (tmp_path / "plain.json").read_text() == '{\n "a": [\n  2\n ],\n "b": 1\n}\n'


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OSError):
        files.write_json(str(tmp_path / "none" / "file.json"), {})


def test_bytes_and_line_ends_are_kept(tmp_path):
    with files.atomic_file(str(tmp_path / "bytes"), "wb") as file:
        file.write(b"\x00\r\n")
    with files.atomic_file(str(tmp_path / "text"), newline="") as file:
        file.write("a\r\n")
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n" and (tmp_path / "text").read_bytes() == b"a\r\n"


@pytest.mark.parametrize("umask", [0o077, 0o002, 0o022])
def test_umask_is_honoured(tmp_path, umask):
    before = os.umask(umask)
    try:
        files.write_json(str(tmp_path / "file.json"), {})
    finally:
        os.umask(before)
    assert (tmp_path / "file.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_link_is_kept_and_its_file_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_text("old")
    (tmp_path / "link").symlink_to("disk/file")
    with files.atomic_file(str(tmp_path / "link")) as file:
        file.write("new")
    assert os.readlink(str(tmp_path / "link")) == "disk/file" and (tmp_path / "disk" / "file").read_text() == "new"
    assert os.listdir(str(tmp_path / "disk")) == ["file"]


def test_devices_are_written_to_as_they_are(tmp_path):
    with pytest.raises(OSError, match="No space left"):
        files.write_json("/dev/full", {})
    files.write_json("/dev/null", {})
    assert not os.path.isfile("/dev/null") and not os.path.isfile("/dev/full")


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path):
    code = (
        "from runtime import files; import os\n"
        "with files.atomic_file(sys.argv[1]) as file:\n"
        "    file.write('half'); file.flush(); os._exit(9)\n"
    )
    assert run(code, tmp_path / "file")[0] == 9 and len(os.listdir(str(tmp_path))) == 1
    files.write_json(str(tmp_path / "other"), {})
    assert os.listdir(str(tmp_path)) == ["other"]


@pytest.mark.parametrize("content", [None, b"", b"[1", b"\xff", b"[" * 100000])
def test_what_is_no_json_is_read_as_none(tmp_path, content):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    assert files.read_json(str(tmp_path / "file")) is None


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    assert files.read_json(str(tmp_path / "pipe")) is None
