"""Files that appear whole or not at all."""

import json
import os

import pytest

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
    assert path.stat().st_mode & 0o777 == 0o644


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
