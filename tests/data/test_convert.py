"""Text to records: refusals first, then ids, truncation, and the command line with the project's tokenizer."""

import json
import os

import numpy as np
import pytest

from data import convert, records, tasks
from runtime.errors import UserError
from tokenization import Tokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "very"]
TOKENIZER = Tokenizer({word: number for number, word in enumerate(WORDS)})


@pytest.mark.parametrize(
    "content, options, words",
    [
        ("text,label\na,x\n", dict(task="airlin"), ["Did you mean airline?"]),
        ("text,label\na,x\n", dict(task="airline", labels=["x"]), ["--task and --labels"]),
        ("text,label\na,x\n", dict(labels=["x", "x"]), ["--labels=x,x"]),
        ("text,label\na,x\n", dict(labels=["x", ""]), ["--labels=x,"]),
        ("text,label\na,x\n", dict(task="airline"), ["in.csv: line 2", "'x'", "negative, neutral, positive"]),
        ("text,label\na,neutral\n", dict(task="scitail"), ["in.csv: holds single texts", "scitail has pairs"]),
        ("text,text2,label\na,b,neutral\n", dict(task="airline"), ["holds pairs of texts", "airline has single texts"]),
        ("text,label\na,x\n", dict(max_seq_length=1), ["--max_seq_length=1"]),
        ("text,label\na,x\n", dict(target="in.csv"), ["same file"]),
    ],
)
def test_refusals_leave_no_output(tmp_path, content, options, words):
    source = tmp_path / "in.csv"
    source.write_text(content)
    options = dict(options)
    target = tmp_path / options.pop("target", "out.tf_record")
    with pytest.raises(UserError) as error:
        convert.convert(str(source), str(target), TOKENIZER, **options)
    assert all(word in str(error.value) for word in words), error.value
    assert os.listdir(str(tmp_path)) == ["in.csv"] and source.read_text() == content


def test_label_ids_follow_task_then_list_then_sorting(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.tf_record"
    source.write_text("text,label\na,positive\nb,negative\n")
    for options, ids in ((dict(task="sentiment_books"), [0, 1]), (dict(labels=["x", "positive", "negative"]), [1, 2])):
        convert.convert(str(source), str(target), TOKENIZER, **options)
        assert records.read_records(target).label_ids.tolist() == ids
    report = convert.convert(str(source), str(target), TOKENIZER)
    assert records.read_records(target).label_ids.tolist() == [1, 0]
    assert report.splitlines()[0].endswith("out.tf_record: 2 texts")
    assert report.splitlines()[1:] == ["labels: 0 = negative, 1 = positive", "cut to 128 tokens: 0 of 2"]
    report = convert.convert(str(source), str(target), TOKENIZER, labelled=False)
    assert "label_ids are 0" in report and records.read_records(target).label_ids.tolist() == [0, 0]


def test_short_evaluation_file_is_noted(tmp_path):
    source = tmp_path / "sentiment_electronics_eval.json"
    source.write_text(json.dumps([{"sentence1": "good", "label": "positive"}] * 3))
    report = convert.convert(str(source), str(tmp_path / "out"), TOKENIZER, task="sentiment_electronics")
    assert report.splitlines()[-1].startswith("note: ")
    assert "3 rows" in report and "published evaluation set has 1000" in report


@pytest.mark.parametrize("name", ["airline", "conll"])
def test_public_text_converts_to_the_labels_of_the_public_records(leopard_dir, tmp_path, name):
    tokenizer = Tokenizer({word: index for index, word in enumerate(WORDS)}, False)
    task = tasks.get_task(name)
    converted, published = tmp_path / "out.tf_record", task.record_file(leopard_dir, "train", 0, 8)
    convert.convert(task.json_file(leopard_dir, "train", 0, 8), converted, tokenizer, task=name)
    mine, theirs = records.read_records(converted), records.read_records(published)
    np.testing.assert_array_equal(mine.label_ids, theirs.label_ids)
    assert bool(mine.segment_ids.any()) == bool(theirs.segment_ids.any()) == task.pair
