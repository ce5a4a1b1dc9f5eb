"""Files as decoded lines."""
import gzip
import io
import sys
import types

import pytest

from data import text_lines
from runtime.errors import UserError


def read(path):
    with text_lines.opened(str(path)) as stream:
        return list(text_lines.lines(stream))


@pytest.mark.parametrize("content, expected", [
    (b"", []),
    (b"a\nb", ["a\n", "b"]),
    (b"\xef\xbb\xbfa\r\n\nb\r\n", ["a\r\n", "\n", "b\r\n"]),
    (b"a\rb\n", ["a\rb\n"]),  # a part of the text
    (b"a\rb\r", ["a\n", "b\n"]),  # no LF at all
    ("\u2028\x85\n".encode("utf-8"), ["\u2028\x85\n"]),  # what Python's splitlines would take for ends
])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.GZ"])
def test_lines(content, expected, name, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(content) if text_lines.is_compressed(name) else content)
    assert read(tmp_path / name) == expected


@pytest.mark.parametrize("content, words", [
    (b"a\nb\xff\n", "line 2: byte 0xff is not UTF-8"), (b"a\n\xc3", "is not UTF-8|is cut short"),
])
def test_what_is_not_utf8_is_named_by_its_line(content, words, tmp_path):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read(tmp_path / "a.txt")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="none.txt"):
        read(tmp_path / "none.txt")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"abc" * 99)[:-12])
    with pytest.raises(UserError, match="a.gz: cannot be read"):
        read(tmp_path / "a.gz")


def test_what_standard_input_held_is_called_so(tmp_path):
    place = tmp_path / (text_lines.SPOOL + "x7")
    place.mkdir()
    (place / "stdin.csv.gz").write_bytes(b"text,label\n")
    assert text_lines.named(str(place / "stdin.csv")) == "standard input" == text_lines.named("-")
    assert text_lines.named("stdin.csv") == "stdin.csv"
    with pytest.raises(UserError, match="^standard input: is not compressed"):
        read(place / "stdin.csv.gz")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(b"\xef\xbb\xbfa\nb\n\xff\n")))
    with text_lines.opened("-") as stream:
        assert [next(stream), next(stream)] == ["a\n", "b\n"]
        with pytest.raises(UserError, match="standard input: line 3: byte 0xff is not UTF-8"):
            next(stream)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="standard input: is closed"):
        read("-")


def test_carriage_returns_inside_a_line_are_marked():
    found = list(text_lines.without_lone_returns(["a\rb\r\n", "c\r\n", "\r\r\n", "d\r"]))
    mark = text_lines.LONE_RETURN
    assert found == ["a" + mark + "b\r\n", "c\r\n", mark + "\r\n", "d" + mark]
