"""What files are that hold no UTF-8 text, as data.text_lines tells it."""
import bz2
import gzip
import io
import os
import zipfile

import pytest

from data import foreign, text_lines
from runtime.errors import UserError

GOOD = "text,label\ngood film,up\nbad film,down\n"


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return buffer.getvalue()


KINDS = [
    ("a.csv", b"\xff\xfe" + GOOD.encode("utf-16-le"), "is UTF-16 text"),
    ("a.csv", b"\xfe\xff" + GOOD.encode("utf-16-be"), "is UTF-16 text"),
    ("a.csv", GOOD.encode("utf-32"), "is UTF-32 text"),
    ("a.csv", b"\x00\x00\xfe\xff" + GOOD.encode("utf-32-be"), "is UTF-32 text"),
    ("a.csv", GOOD.encode("utf-16-le"), "is UTF-16 text"),  # without a byte order mark
    ("a.txt", GOOD.encode("utf-16-be"), "is UTF-16 text"),
    ("a.csv", zipped(), "is a workbook (.xlsx, .ods)"),
    ("a.json", zipped(), "unpack the archive"),
    ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook (.xls)"),
    ("a.csv", b"PAR1\x15\x04\x15\x10", "is a Parquet table"),
    ("a.csv", b"ARROW1\x00\x00", "is an Arrow table"),
    ("a.csv", b"SQLite format 3\x00", "is a database"),
    ("a.csv", gzip.compress(GOOD.encode()), "let its name end with .gz"),
    ("a.csv.gz", gzip.compress(zipped()), "is a workbook"),
    ("a.csv.gz", gzip.compress(gzip.compress(GOOD.encode())), "is compressed by gzip"),
    ("a.csv.GZ", GOOD.encode(), "is not compressed"),
    ("a.tsv", b"BZh91AY&SYxx", "is compressed by bzip2"),
    ("a.csv", bz2.compress(GOOD.encode(), 1), "is compressed by bzip2"),
    ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    ("a.csv", b"\n<!DOCTYPE html>\n<html>", "is a web page"),
    ("a.csv", b"<HTML><body>", "is a web page"),
    ("a.csv", b"%PDF-1.7", "is a PDF document"),
]


@pytest.mark.parametrize("name, content, words", KINDS)
def test_files_of_another_kind_are_told(name, content, words, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        with text_lines.opened(str(tmp_path / name)) as stream:
            list(stream)
    told = str(error.value)
    assert words in told and told.startswith(str(tmp_path / name)) and "\n" not in told


@pytest.mark.parametrize("name, content", [
    ("a.csv", GOOD.encode()), ("a.csv", b"\xef\xbb\xbf" + GOOD.encode()), ("a.csv", b""), ("a.csv", b"a"),
    ("a.csv.gz", gzip.compress(GOOD.encode())), ("a.csv.gz", gzip.compress(b"")), ("a.csv.gz", b""),
    ("a.txt", b"<html> is a tag\n"), ("a.txt", b"PAR1 is a word\n"),
    ("a.csv", "\u4e2d\u6587,label\n".encode("utf-8")),
])
def test_text_is_read(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with text_lines.opened(str(tmp_path / name)) as stream:
        assert isinstance("".join(stream), str)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "a.csv"))
    with pytest.raises(UserError, match="a.csv: is a pipe or device: name a file, or - "):
        with text_lines.opened(str(tmp_path / "a.csv")):
            pass


def test_what_may_be_text():
    assert foreign.told(b"", True) == foreign.told(b"a,b", True) == ""
