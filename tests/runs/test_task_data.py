"""Rows of a task from text and records."""
import dataclasses
import json

import numpy as np
import pytest
import tiny

from command_line.settings import TextSettings
from data import records, unlabelled
from data.text import TextExample
from runs import task_data
from runtime.errors import UserError

ROWS = "text,label\ngood film,up\nbad plot,down\nfine,flat\n"


@pytest.fixture
def reader(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(tiny.WORDS) + "\n")
    return task_data.Reader(TextSettings(False, 8), str(tmp_path / "vocab.txt"), len(tiny.WORDS))


@pytest.fixture
def text_file(tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    return str(tmp_path / "rows.csv")


@pytest.fixture
def record_file(tmp_path, reader, text_file):
    path = str(tmp_path / "rows.tf_record")
    records.write_records(path, reader.labelled(text_file, ["up", "down", "flat"]).examples)
    return path


def test_text_names_its_labels_or_takes_those_given(reader, text_file):
    rows = reader.labelled(text_file)
    assert list(rows.labels) == ["down", "flat", "up"] and rows.examples.label_ids.tolist() == [2, 0, 1]
    assert rows.texts == [("good film", None), ("bad plot", None), ("fine", None)]
    rows = reader.labelled(text_file, ("up", "down", "flat", "none"))
    assert rows.labels == ("up", "down", "flat", "none") and rows.examples.label_ids.tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="'flat'"):
        reader.labelled(text_file, ("up", "down"))


@pytest.mark.parametrize(
    "name, labels, ids",
    [
        ("sentiment_books_eval.json", ("positive", "negative"), [0, 1]),  # as published
        ("sentiment_books_eval.json", ("negative", "positive"), [0, 1]),  # the right names, the same ids
        ("mine.json", ("negative", "positive"), [1, 0]),
    ],
)
def test_public_files_with_swapped_names(name, labels, ids, reader, tmp_path):
    rows = [{"sentence1": "bad", "label": "positive"}, {"sentence1": "good", "label": "negative"}]
    (tmp_path / name).write_text(json.dumps(rows))
    found = reader.labelled(str(tmp_path / name), labels)
    assert found.labels == labels and found.examples.label_ids.tolist() == ids


def test_records_have_numbers_for_labels(reader, record_file):
    rows = reader.labelled(record_file, None, 3)
    assert list(rows.labels) == ["0", "1", "2"] and rows.texts is None
    assert rows.examples.label_ids.tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="--test_num_labels"):  # two classes are the default
        reader.labelled(record_file)


@pytest.mark.parametrize("kind", ["text", "record"])
def test_a_wrong_number_of_labels(kind, reader, text_file, record_file):
    path = {"text": text_file, "record": record_file}[kind]
    with pytest.raises(UserError, match="--test_num_labels=4, but the task has 3 labels: up, down, flat"):
        reader.labelled(path, ("up", "down", "flat"), 4)


def ids(rows):
    return np.concatenate([block.examples.input_ids for block in rows.blocks(2)])


def test_rows_without_labels(reader, text_file, record_file):
    of_text, of_records = (reader.unlabelled(path) for path in (text_file, record_file))
    assert of_text.has_texts and not of_records.has_texts
    assert of_text.census() == of_records.census() == (3, False)
    np.testing.assert_array_equal(ids(of_text), ids(of_records))


def test_what_was_read_is_not_read_again(reader, text_file):
    known = {(text_file, True): [TextExample("good", None, "x"), TextExample("bad", None, "y")]}
    knowing = dataclasses.replace(reader, known=known)
    assert list(knowing.labelled(text_file).labels) == ["x", "y"]
    assert knowing.unlabelled(text_file).census().rows == 3  # that was not read before
    known[text_file, False] = unlabelled.Census(7, True)
    assert knowing.unlabelled(text_file).census() == (7, True)


def test_readers_are_equal_when_they_read_the_same_way(reader):
    assert reader == dataclasses.replace(reader)
    assert reader != dataclasses.replace(reader, text=TextSettings(True, 8))


def test_a_vocabulary_of_another_encoder(reader, text_file):
    with pytest.raises(UserError, match="--vocab_file: .* has 16 tokens, but the BERT config has vocab_size 14"):
        dataclasses.replace(reader, vocab_size=14).labelled(text_file)


@pytest.mark.parametrize("name", ["none.csv", "none.tf_record", "none.tfrecord"])
def test_files_that_are_not_there(name, reader, tmp_path):
    for read in (reader.labelled, lambda path: reader.unlabelled(path).census()):
        with pytest.raises(UserError, match="no such file"):
            read(str(tmp_path / name))
