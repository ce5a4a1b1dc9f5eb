"""Rows to predict: every row and line counts; nothing is held as a whole."""
import gzip
import io
import json
import os
import sys
import tracemalloc
import types

import pytest

from data import unlabelled
from data.text import TextExample
from runtime.errors import UserError

A, B = TextExample("a"), TextExample("b")
PAIR = TextExample("a", "b")


def read(path):
    return list(unlabelled.read(str(path)))


@pytest.mark.parametrize("name, content, rows", [
    ("a.txt", "a\n\nb\n", [A, None, B]),
    ("a.txt", "\n \n\t\na\r\n\r\nb", [None, None, None, A, None, B]),
    ("a.txt", "a\n\n\n", [A, None, None]),
    ("a.txt", "\ufeffa\tb\n\na\tb", [PAIR, None, PAIR]),
    ("a.csv", "text\na\n\nb\n", [A, None, B]),
    ("a.csv", 'text,label\na,\n"",x\n  ,\nb,y\n', [A, None, None, B]),
    ("a.csv", "\n\ntext,id\n,\n,1\na,2\n", [None, None, A]),
    ("a.csv", "text,text2\na,b\n,b\n,\n\na,b\n", [PAIR, None, None, None, PAIR]),
    ("a.tsv", "sentence1\tid\na\t1\n\t2\n\nb\t3\n", [A, None, None, B]),
    ("a.jsonl", '{"text": "a"}\n\n{"text": ""}\n{"text": null}\n{"text": "b"}\n', [A, None, None, None, B]),
    ("a.json", '[{"text": "a"}, {"text": " "}, {"text": "b"}]', [A, None, B]),
])
def test_every_row_counts(name, content, rows, tmp_path):
    (tmp_path / name).write_bytes(content.encode("utf-8"))
    assert read(tmp_path / name) == rows
    assert unlabelled.census(str(tmp_path / name)) == (len(rows), PAIR in rows)
    (tmp_path / (name + ".gz")).write_bytes(gzip.compress(content.encode("utf-8")))
    assert read(tmp_path / (name + ".gz")) == rows


@pytest.mark.parametrize("name, content, words", [
    ("a.txt", "", ["a.txt", "is empty"]),
    ("a.txt", "\n \n", ["is empty"]),
    ("a.csv", "text\n", ["holds no texts"]),
    ("a.csv", "text\n\n\n", ["holds no texts"]),
    ("a.jsonl", '{"text": ""}\n', ["holds no texts"]),
    ("a.txt", "a\n\na\tb\n", ["line 3", "pairs of texts", "before it single texts"]),
    ("a.csv", "text,text2\na,b\n,\na,\n", ["line 4", "single texts", "before it pairs of texts"]),
    ("a.csv", "text\na\nb,c\n", ["line 3", "2 fields"]),
    ("a.csv", "words\na\n", ["header", "no column"]),
    ("a.jsonl", '{"text": "a"}\n{"words": "a"}\n', ["line 2", "no column"]),
    ("a.jsonl", '{"text": "a"}\n{"text": 1}\n', ["line 2", "a string is needed"]),
    ("a.pdf", "a", ["unknown kind"]),
    ("a.txt", "a\nb\0c\n", ["line 2", "zero character"]),
    ("a.csv", "text\na\nb\0c\n", ["line 3", "zero character"]),
    ("a.jsonl", '{"text": "a"}\n{"text": "\\u0000"}\n', ["line 2", "zero character"]),
    ("a.csv", '"wo\nrds"\na\n', ["header", "no column", r"wo\nrds"]),
])
def test_errors_name_the_place(name, content, words, tmp_path):
    (tmp_path / name).write_text(content)
    for call in (read, lambda path: unlabelled.census(str(path))):
        with pytest.raises(UserError) as error:
            call(tmp_path / name)
        assert not [word for word in words if word not in str(error.value)], error.value


def type_in(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", None if content is None else types.SimpleNamespace(buffer=io.BytesIO(content)))


def test_standard_input_comes_line_by_line(monkeypatch):
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", buffering=0) as reader, os.fdopen(write_end, "wb", buffering=0) as writer:
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=reader))
        rows = unlabelled.read("-")
        writer.write(b"\xef\xbb\xbfa\n\n")
        assert [next(rows), next(rows)] == [A, None]  # while the writer still has more to say


@pytest.mark.parametrize("content, words", [
    (b"a\nb\xff\n", "standard input: line 2: byte 0xff is not UTF-8"),
    (b"", "standard input: is empty"),
    (b"a\nb\tc\n", "standard input: line 2"),
    (None, "standard input: is closed"),
])
def test_errors_of_standard_input(content, words, monkeypatch):
    type_in(monkeypatch, content)
    with pytest.raises(UserError, match=words):
        read("-")


@pytest.mark.parametrize("batch", [1, 3, 8, 1000, 5000])
def test_blocks_are_whole_batches(batch):
    found = list(unlabelled.blocks(range(12000), batch))
    assert sum(found, []) == list(range(12000))
    sizes = [len(block) for block in found]
    assert all(size % batch == 0 for size in sizes[:-1]) and sizes[0] <= unlabelled.FIRST_BLOCKS * batch
    assert max(sizes) <= max(unlabelled.BLOCK + batch, batch)
    assert list(unlabelled.blocks([], batch)) == []


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_memory_does_not_grow_with_the_file(name, tmp_path):
    def peak(lines):
        text = "what a day " * 20
        line = json.dumps({"text": text}) if name.endswith("jsonl") else text
        with open(str(tmp_path / name), "w") as file:
            file.write("text\n" * name.endswith("csv"))
            for _ in range(lines):
                file.write(line + "\n")
        tracemalloc.start()
        assert unlabelled.census(str(tmp_path / name)).rows == lines
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20000) < 2 * peak(500)  # 4 MB of text and 0.1 MB
