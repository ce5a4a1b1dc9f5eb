"""Checks of the task data on a small copy of the public layout: whole, then with every fault."""
import dataclasses
import json
import os

import pytest
from leopard_copy import (  # noqa: F401
    EVAL,
    LABELS,
    NAME,
    TOKENIZER,
    TRAIN,
    WORDS,
    fixture_folder,
    fixture_task,
    put,
    put_records,
    put_text,
)

from data import check, tasks


def kinds(report):
    return [(finding.kind, finding.file) for finding in report.findings]


def test_a_whole_copy(task, folder):
    report = check.check_task(task, folder)
    assert report.usable and not report.findings and not report.unusable_parts
    assert (report.files, report.files_expected, report.source) == (6, 6, "text")
    assert report.eval_classes == {"negative": 1, "positive": 2}  # their right names
    assert report.majority_accuracy == pytest.approx(2 / 3)
    assert (report.eval_rows, report.train_texts, report.overlap, report.eval_repeated) == (3, 4, 0, 0)
    assert report.cut is None


def test_nothing_there(task, tmp_path):
    report = check.check_task(task, tmp_path)
    assert not report.usable and report.files == 0 and len(report.findings) == 6
    assert set(report.unusable_parts) == {"eval", "train_0_1", "train_1_1"} and report.eval_rows is None


@pytest.mark.parametrize("form, source", [("json_file", "records"), ("record_file", "text")])
def test_one_form_of_the_evaluation_set_is_enough(task, folder, form, source):
    os.remove(getattr(task, form)(folder, "eval"))
    report = check.check_task(task, folder)
    assert report.usable and report.source == source and report.eval_classes == {"negative": 1, "positive": 2}
    assert kinds(report) == [("missing", os.path.basename(getattr(task, form)(folder, "eval")))]


def test_a_training_split_without_any_form(task, folder):
    os.remove(task.json_file(folder, "train", 1, 1))
    os.remove(task.record_file(folder, "train", 1, 1))
    report = check.check_task(task, folder)
    assert report.usable and report.unusable_parts == ["train_1_1"] and report.train_texts == 2


def test_without_any_training_split(task, folder):
    for split in TRAIN:
        os.remove(task.json_file(folder, "train", split, 1))
        os.remove(task.record_file(folder, "train", split, 1))
    report = check.check_task(task, folder)
    assert not report.usable and report.eval_rows == 3


def test_sizes(task, folder):
    put(task, folder, EVAL[:2], "eval")
    put_text(task.json_file(folder, "train", 0, 1), TRAIN[0][:1])
    report = check.check_task(task, folder)
    assert kinds(report) == [
        ("wrong size", "sentiment_books_eval.json"), ("wrong size", "sentiment_books_eval.tf_record"),
        ("wrong size", "sentiment_books_train_0_1.json"),
    ]
    assert "has 2 rows; the published evaluation set has 3" in report.findings[0].message
    assert "negative 0" in report.findings[2].message
    assert not report.usable and report.unusable_parts == ["eval"]


def test_labels_that_the_task_does_not_have(task, folder):
    put_text(task.json_file(folder, "train", 0, 1), [("good", "positive"), ("bad", "terrible")])
    put_records(task.record_file(folder, "train", 1, 1), [("good", "positive"), ("bad", "x")], LABELS + ("x",))
    report = check.check_task(task, folder)
    assert kinds(report) == [
        ("unreadable", "sentiment_books_train_0_1.json"), ("unreadable", "sentiment_books_train_1_1.tf_record")
    ]
    assert "row 1 has the label 'terrible'" in report.findings[0].message


def test_label_ids_that_differ_from_the_text(task, folder):
    put_records(task.record_file(folder, "eval"), EVAL, LABELS[::-1])
    report = check.check_task(task, folder)
    assert kinds(report) == [("wrong labels", "sentiment_books_eval.tf_record")]
    assert "3 of 3 label ids differ from sentiment_books_eval.json, row 0 first" in report.findings[0].message


def test_pairs_where_the_task_has_single_texts(task, folder):
    path = task.json_file(folder, "train", 0, 1)
    with open(path, "w") as file:
        json.dump([{"sentence1": "a", "sentence2": "b", "label": label} for label in LABELS], file)
    assert "row 0 is a pair" in check.check_task(task, folder).findings[0].message


def test_known_defects_are_told_with_the_way_out(task, folder, monkeypatch):
    defect = tasks.Defect("sentiment_books_train_0_1.json", "is an empty list", "use another split")
    monkeypatch.setitem(tasks.TASKS, NAME, dataclasses.replace(task, defects=(defect,)))
    put_text(task.json_file(folder, "train", 0, 1), [])
    (finding,) = check.check_task(tasks.TASKS[NAME], folder).findings
    assert finding.known and "is an empty list; use another split" in finding.message
    os.remove(task.json_file(folder, "train", 0, 1))
    (finding,) = check.check_task(tasks.TASKS[NAME], folder).findings
    assert finding.kind == "missing" and "it is an empty list; use another split" in finding.message


@pytest.mark.parametrize("without_text", [False, True])
def test_overlap_and_repeated_texts(task, folder, without_text):
    put(task, folder, [("good book", "positive"), ("bad book", "negative"), ("bad book", "positive")], "eval")
    put(task, folder, [("Good  book", "negative"), ("one", "positive")], "train", 0, 1)
    put(task, folder, [("good book", "negative"), ("bad book", "positive")], "train", 1, 1)
    if without_text:
        os.remove(task.json_file(folder, "eval"))
    report = check.check_task(task, folder)
    assert (report.overlap, report.overlap_other_label, report.train_texts) == (2, 1, 3)
    assert report.overlap_parts == {"train_0_1": 1, "train_1_1": 2}
    assert (report.eval_repeated, report.eval_ambiguous) == (1, 1)


def test_texts_that_are_cut(task, folder):
    assert check.check_task(task, folder, TOKENIZER, 5).cut == (0, 0)
    assert check.check_task(task, folder, TOKENIZER, 4).cut == (0, 3)  # [CLS] bad book two [SEP] are 5 tokens
    assert check.check_task(task, folder, TOKENIZER, 3).cut == (4, 3)
    os.remove(task.json_file(folder, "eval"))
    assert check.check_task(task, folder, TOKENIZER, 4).cut is None  # records are cut already


def test_own_splits_are_checked_too(task, folder):
    path = task.json_file(folder, "train", 0, 1).replace("_0_1", "_7_2")
    put_text(path, TRAIN[0] + EVAL[:2])
    report = check.check_task(task, folder)
    assert report.usable and not report.findings and report.overlap_parts == {"train_7_2": 2}
    put_text(path, TRAIN[0])
    assert kinds(check.check_task(task, folder)) == [("wrong size", os.path.basename(path))]
