"""A small whole copy of one task of the public data, in its layout."""
import dataclasses
import json
import os

import pytest

from data import encoding, records, tasks, text
from tokenization import Tokenizer

LABELS = ("positive", "negative")
NAME = "sentiment_books"
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] good bad book one two three four five six".split()
TOKENIZER = Tokenizer({word: index for index, word in enumerate(WORDS)}, True)
EVAL = [("good book one", "positive"), ("bad book one", "negative"), ("bad book two", "negative")]
TRAIN = {0: [("good one", "positive"), ("bad one", "negative")], 1: [("good two", "positive"), ("bad two", "negative")]}


@pytest.fixture(name="task")
def fixture_task(monkeypatch):
    """A registry in which the task has 3 evaluation rows, 2 splits and k=1."""
    monkeypatch.setattr(tasks, "PUBLIC_SPLITS", (0, 1))
    monkeypatch.setattr(tasks, "PUBLIC_SHOTS", (1,))
    monkeypatch.setitem(tasks.TASKS, NAME, dataclasses.replace(tasks.TASKS[NAME], eval_size=3))
    return tasks.TASKS[NAME]


def put_text(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump([{"sentence1": sentence, "label": label} for sentence, label in rows], file)


def put_records(path, rows, labels=LABELS):
    examples = [text.TextExample(sentence, None, label) for sentence, label in rows]
    records.write_records(path, encoding.encode(examples, TOKENIZER, labels, 128))


def put(task, folder, rows, *part):
    put_text(task.json_file(folder, *part), rows)
    put_records(task.record_file(folder, *part), rows)


@pytest.fixture(name="folder")
def fixture_folder(task, tmp_path):
    """A whole copy of the task."""
    put(task, tmp_path, EVAL, "eval")
    for split, rows in TRAIN.items():
        put(task, tmp_path, rows, "train", split, 1)
    return tmp_path
