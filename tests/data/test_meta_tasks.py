"""Which records a meta-training task takes."""
import collections
import json

import numpy as np
import pytest

from data import meta_tasks, records
from runtime.errors import UserError

SEQ, VOCAB = 4, 50


def write(path, size, num_labels=2, first=0):
    """Records whose second token is their number in the file, offset by `first`."""
    ids = np.zeros([size, SEQ], np.int32)
    ids[:, 1] = np.arange(size) + first
    ones, zeros = np.ones_like(ids), np.zeros_like(ids)
    records.write_records(path, records.Examples(ids, ones, zeros, np.arange(size, dtype=np.int32) % num_labels))
    return str(path)


def source(paths, rows=4, **options):
    return meta_tasks.TaskSource(paths, rows, SEQ, VOCAB, **options)


def numbers(task):
    return task.examples.input_ids[:, 1].tolist()


def first_tasks(found, count, start=0, every=1):
    """The tasks of `count` numbers from `start` on."""
    return [task for _, task in found.tasks(range(start, start + count * every, every))]


def test_no_file():
    with pytest.raises(UserError, match="--task_train_files"):
        source([])


def test_file_smaller_than_a_task(tmp_path):
    path = write(tmp_path / "meta_pretrain_2.tf_record", 3)
    with pytest.raises(UserError, match="3 records, but a task takes 4: use the --train_batch_size"):
        source([path])


@pytest.mark.parametrize("rows, mixed", [(6, False), (3, False), (4, True), (12, True)])
def test_tasks_of_another_size_than_the_manifest_says(tmp_path, rows, mixed):
    path = write(tmp_path / "meta_pretrain_2.tf_record", 12)
    other = write(tmp_path / "meta_pretrain_other_2.tf_record", 12)  # came from elsewhere
    entry = {"name": "meta_pretrain_2.tf_record", "words_name": "meta_pretrain_2.words.tsv"}
    content = {"format": 1, "parameters": {"records_per_task": 6}, "files": [entry]}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    source([other], rows=rows)
    if mixed:
        message = "meta_pretrain_2.tf_record: --train_batch_size=%d would mix .*: give --train_batch_size=6" % rows
        with pytest.raises(UserError, match=message):
            source([path], rows=rows)
    else:  # whole tasks, or parts of one
        assert first_tasks(source([path], rows=rows), 1)[0].examples.size == rows


@pytest.mark.parametrize("size", [1, 3, 7])
def test_supervised_file_smaller_than_a_task_is_repeated(tmp_path, monkeypatch, size):
    warnings = []
    monkeypatch.setattr(meta_tasks.logging, "warning", lambda text, *values: warnings.append(text % values))
    path = write(tmp_path / "rte.tf_record", size)
    found = source([path], rows=4, supervised_rows=8)
    assert len(warnings) == 1 and "%d records, but a task takes 8" % size in warnings[0]
    assert found.sizes == [size]
    tasks = first_tasks(found, 200)
    assert all(task.examples.size == 8 for task in tasks)
    counts = collections.Counter(number for task in tasks for number in numbers(task))
    assert set(counts) == set(range(size)) and max(counts.values()) - min(counts.values()) < 400 / size + 1
    assert [numbers(task) for task in first_tasks(source([path], rows=4, supervised_rows=8), 5, start=50)] == [
        numbers(task) for task in tasks[50:55]
    ]


def test_supervised_file_of_a_task_is_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr(meta_tasks.logging, "warning", pytest.fail)
    source([write(tmp_path / "rte.tf_record", 4)])


def test_label_beyond_the_number_of_classes(tmp_path):
    path = write(tmp_path / "meta_pretrain_2.tf_record", 8, num_labels=3)
    with pytest.raises(UserError, match="label"):
        first_tasks(source([path]), 2)


@pytest.mark.parametrize(
    "name, expected",
    [("meta_pretrain_3.tf_record", 3), ("meta_pretrain_wiki_12.tf_record", 12), ("mnli_train.tf_record", 3)]
    + [("SNLI.tf_record", 3), ("sst2_train.tf_record", 2), ("mrpc.tf_record", 2), ("WNLI.tf_record", 2)]
    + [("SST-2.tf_record", 2), ("MNLI-m_train.tf_record", 3), ("mnli_entailment_neutral_train.tf_record", 3)],
)
def test_number_of_classes_by_name(name, expected):
    assert meta_tasks.num_labels_of(name) == expected


@pytest.mark.parametrize("name", ["quarterly_train", "chocolate", "\u00fcrte", "meinsst", "stsb_train"])
def test_a_task_within_a_word_is_another_task(name):
    with pytest.raises(UserError, match="unknown number of classes"):
        meta_tasks.num_labels_of(name + ".tf_record")


def test_number_of_classes_by_side_file(tmp_path):
    path = write(tmp_path / "mine.tf_record", 4)
    with pytest.raises(UserError, match="mine.tf_record.json"):
        meta_tasks.num_labels_of(path)
    side = tmp_path / "mine.tf_record.json"
    side.write_text(json.dumps({"num_labels": 7, "labels": list("abcdefg"), "skipped": {}}))
    assert meta_tasks.num_labels_of(path) == 7
    for content in ("7", "{", "[]", "{}", '{"num_labels": "7"}') + tuple(
        json.dumps({"num_labels": number}) for number in (1, 0, -3, 2.0, 2.5, True, None, [2])
    ):
        side.write_text(content)
        with pytest.raises(UserError, match="mine.tf_record.json: expected .*num_labels"):
            meta_tasks.num_labels_of(path)
    side.write_bytes(b"\xff")
    with pytest.raises(UserError, match="num_labels"):
        meta_tasks.num_labels_of(path)


def test_side_file_goes_before_the_name(tmp_path):
    path = str(tmp_path / "mnli_entailment_neutral_train.tf_record")
    assert meta_tasks.num_labels_of(path) == 3
    (tmp_path / "mnli_entailment_neutral_train.tf_record.json").write_text('{"num_labels": 2}')
    assert meta_tasks.num_labels_of(path) == 2


@pytest.mark.parametrize(
    "sizes, pretrain, sqrt, weight, expected",
    [
        ([10, 90], [True, False], False, 1.0, [0.5, 0.5]),
        ([100, 900], [True, False], True, 1.0, [0.25, 0.75]),
        ([100, 900, 400], [True, False, False], True, 0.5, [0.5, 0.3, 0.2]),
        ([100, 900], [True, True], True, 0.5, [0.25, 0.75]),  # one group alone keeps all the weight
        ([1, 1, 1], [True, True, False], False, 0.2, [0.1, 0.1, 0.8]),
    ],
)
def test_sampling_weights(sizes, pretrain, sqrt, weight, expected):
    np.testing.assert_allclose(meta_tasks.sampling_weights(sizes, pretrain, sqrt, weight), expected)


def test_pretrain_tasks_are_consecutive_records_in_new_order(tmp_path):
    found = first_tasks(source([write(tmp_path / "meta_pretrain_2.tf_record", 10)]), 4)
    assert [sorted(numbers(task)) for task in found] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2  # a short rest is left out
    assert any(numbers(task) != sorted(numbers(task)) for task in found)
    assert all(task.num_labels == 2 for task in found)


def as_drawn(path, rows):
    """Writes the side file that says that a file holds tasks of so many records."""
    with open(path + meta_tasks.SIDE_FILE, "w") as file:
        json.dump({"num_labels": 2, "records_per_task": rows}, file)
    return path


def test_drawn_tasks_are_consecutive_records_in_their_order(tmp_path):
    path = as_drawn(write(tmp_path / "mine_train_2.tf_record", 10), 4)
    found = first_tasks(source([path]), 4)
    assert [numbers(task) for task in found] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2  # a short rest is left out
    assert meta_tasks.drawn_rows(path) == 4 and not meta_tasks.is_pretrain(path)


def test_drawn_tasks_share_the_weight_of_supervised_files(tmp_path):
    paths = [
        write(tmp_path / "meta_pretrain_2.tf_record", 8), write(tmp_path / "sst.tf_record", 8),
        as_drawn(write(tmp_path / "mine_train_2.tf_record", 9), 3),
    ]
    found = first_tasks(source(paths, supervised_rows=3, pretrain_task_weight=0.2), 2000)
    shares = np.bincount([task.file for task in found]) / 2000.0
    np.testing.assert_allclose(shares, [0.2, 0.4, 0.4], atol=0.05)
    assert {(task.file, task.examples.size) for task in found} == {(0, 4), (1, 3), (2, 3)}


@pytest.mark.parametrize("rows", [2, 3, 8])
def test_drawn_tasks_are_read_whole(tmp_path, rows):
    path = as_drawn(write(tmp_path / "mine_train_2.tf_record", 16), 4)
    message = "mine_train_2.tf_record: each task has 4 records, but one of %d is asked for: .*batch_size=4" % rows
    with pytest.raises(UserError, match=message):
        source([path], rows=rows)
    with pytest.raises(UserError, match=message):
        meta_tasks.validation_tasks(path, rows, 16, SEQ, VOCAB)


@pytest.mark.parametrize("rows", [1, "4", None, True, 2.0])
def test_records_of_a_drawn_task_are_a_whole_number(tmp_path, rows):
    path = as_drawn(write(tmp_path / "mine_train_2.tf_record", 4), rows)
    with pytest.raises(UserError, match='mine_train_2.tf_record.json: expected {"records_per_task": N} with a whole'):
        meta_tasks.drawn_rows(path)


def test_supervised_records_all_come_once_an_epoch(tmp_path):
    found = first_tasks(source([write(tmp_path / "sst.tf_record", 12)], supervised_rows=3), 8)
    counts = collections.Counter(number for task in found for number in numbers(task))
    assert sum(counts.values()) == 24 and set(counts) <= set(range(12))
    assert all(task.examples.size == 3 for task in found)


def test_tasks_start_anywhere_and_take_turns(tmp_path):
    paths = [write(tmp_path / "meta_pretrain_2.tf_record", 12), write(tmp_path / "sst.tf_record", 9, first=20)]
    whole = [numbers(task) for task in first_tasks(source(paths, seed=3), 12)]
    assert [numbers(task) for task in first_tasks(source(paths, seed=3), 7, start=5)] == whole[5:]
    assert [numbers(task) for task in first_tasks(source(paths, seed=3), 4, start=1, every=3)] == whole[1::3]
    assert [numbers(task) for task in first_tasks(source(paths, seed=4), 12)] != whole


def test_validation_tasks(tmp_path):
    path = write(tmp_path / "meta_pretrain_2.tf_record", 6)
    found = meta_tasks.validation_tasks(path, 4, 11, SEQ, VOCAB)
    assert [task.examples.size for task in found] == [4, 4]
    again = meta_tasks.validation_tasks(path, 4, 11, SEQ, VOCAB)
    assert [numbers(task) for task in found] == [numbers(task) for task in again]


def test_validation_tasks_of_drawn_ones_are_the_first_as_they_are(tmp_path):
    path = as_drawn(write(tmp_path / "mine_train_2.tf_record", 12), 4)
    for wanted, expected in ((3, 1), (9, 2), (100, 3)):
        found = meta_tasks.validation_tasks(path, 4, wanted, SEQ, VOCAB)
        assert [numbers(task) for task in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]][:expected]
