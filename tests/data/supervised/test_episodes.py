"""Tasks of N classes drawn from a labelled set: which rows, in which order, and the files that they become."""
import collections
import json

import numpy as np
import pytest
from supervised_program import SEQ, VOCAB, WORDS, contents, error_of, rows_of, run, save, side_of

from data import meta_tasks, records
from data.supervised import episodes
from data.supervised.episodes import EpisodeSettings, draw
from runtime.errors import UserError

LABELS = ("ant", "bee", "cow", "elk", "fox")  # of 4, 8, 12, 16, 20 rows in `many`


def rows_with(*sizes):
    """Rows of classes of the given sizes, class after class."""
    ends = np.cumsum((0,) + sizes)
    return [np.arange(start, end) for start, end in zip(ends, ends[1:])]


def many(folder, pairs=False):
    """A file of five classes; each row's text tells its label and number: the words before and after "was"."""
    rows = [["text", "text_b", "label"] if pairs else ["text", "label"]]
    for index, label in enumerate(LABELS):
        for number in range(4 * (index + 1)):
            words = (WORDS[index], "was " + WORDS[number % len(WORDS)] + " no" * (number // len(WORDS)))
            rows.append(list(words) + [label] if pairs else [" ".join(words), label])
    return save(folder / "many.tsv", rows)


def drawn(folder, name="many_train_2.tf_record", rows=12):
    """The tasks of a file, each a list of (label id, texts...)."""
    found = rows_of(folder, name)
    return [found[start : start + rows] for start in range(0, len(found), rows)]


# --- settings ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(classes=()), "--classes=: different whole numbers of 2 or more"),
        (dict(classes=(1, 2)), "--classes=1,2:"),
        (dict(classes=(3, 3)), "--classes=3,3:"),
        (dict(tasks_per_class_count=0), "--tasks_per_class_count=0: at least 1"),
        (dict(first_batch=4), "--first_batch=4: at least 5"),  # a row of every class
        (dict(records_per_task=16), "--records_per_task=16: more than the --first_batch=16"),
        (dict(seed=-1), "--seed=-1: at least 0"),
        (dict(seed=2 ** 32), "--seed=4294967296: at most 4294967295"),
    ],
)
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(UserError) as error:
        EpisodeSettings(**dict(dict(classes=(2, 5)), **changes))
    assert message in str(error.value)


# --- what is drawn ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sizes", [(20, 20), (6, 30, 7), (45, 46, 50, 60, 70)])
@pytest.mark.parametrize("first_batch", [2, 5, 11])
def test_rows_of_a_task(sizes, first_batch):
    settings = EpisodeSettings((2,), records_per_task=12, first_batch=first_batch)
    rows_of_class = rows_with(*sizes)
    for number in range(50):
        task = draw(rows_of_class, settings, 2, number)
        assert len(set(task.rows)) == len(task.rows) == len(task.label_ids) == 12
        assert task.label_ids.dtype == np.int32 and set(task.label_ids) == {0, 1}
        first = collections.Counter(task.label_ids[:first_batch])
        assert max(first.values()) - min(first.values()) <= 1
        classes = [{np.searchsorted(np.cumsum(sizes), row, "right") for row in task.rows[task.label_ids == label]}
                   for label in (0, 1)]
        assert len(classes[0]) == len(classes[1]) == 1 and classes[0] != classes[1]


def test_classes_their_order_and_the_rows_of_each_differ_from_task_to_task():
    settings = EpisodeSettings((3,), records_per_task=30, first_batch=6)
    tasks = [draw(rows_with(40, 40, 40, 40), settings, 3, number) for number in range(200)]
    orders = {tuple(task.rows[place] // 40 for place in range(3)) for task in tasks}
    assert len(orders) == 24  # all choices of three out of four, in every order
    assert len({tuple(np.bincount(task.label_ids)) for task in tasks}) > 20
    assert {row for task in tasks for row in task.rows} == set(range(160))
    totals = np.bincount(np.concatenate([task.label_ids for task in tasks]))
    np.testing.assert_allclose(totals, 2000, rtol=0.05)


def test_a_class_of_few_rows_gives_all_and_the_others_the_rest():
    settings = EpisodeSettings((2,), records_per_task=12, first_batch=2)
    task = draw(rows_with(6, 6), settings, 2, 0)  # just enough
    assert sorted(task.rows) == list(range(12))


def test_a_task_follows_from_seed_number_and_classes():
    def rows(seed=0, classes=2, number=0):
        settings = EpisodeSettings((2, 3), seed=seed, records_per_task=20)
        return draw(rows_with(30, 30, 30), settings, classes, number).rows.tolist()

    assert rows() == rows()
    assert len({tuple(each) for each in (rows(), rows(seed=1), rows(classes=3), rows(number=1))}) == 4


# --- files ------------------------------------------------------------------------------------------------------------
def make(folder, source=many, **changes):
    given = dict(classes="2,4", tasks_per_class_count=6, records_per_task=12, first_batch=4, seed=3)
    given.update(changes)
    run(folder, input=source(folder), **given)


def test_the_whole_set_stays_as_it_is_and_tasks_stand_beside_it(tmp_path, capsys):
    make(tmp_path / "drawn")
    report = capsys.readouterr().out
    run(tmp_path / "whole", input=many(tmp_path / "whole"))
    made, whole = contents(tmp_path / "drawn" / "out"), contents(tmp_path / "whole" / "out")
    assert {name: made[name] for name in whole} == whole
    assert set(made) - set(whole) == {
        "many_train_%d.tf_record%s" % (classes, ending) for classes in (2, 4) for ending in ("", ".json")
    }
    assert "many_train_2.tf_record: 6 tasks of 2 classes out of 4" in report  # 6 rows a class are needed
    assert "many_train_4.tf_record: 6 tasks of 4 classes out of 5" in report


def test_rows_keep_their_texts_and_get_the_labels_of_the_task(tmp_path):
    make(tmp_path)
    tasks = drawn(tmp_path)
    assert len(tasks) == 6
    for task in tasks:
        assert [label for label, _ in task[:4]] == [0, 1, 0, 1]
        words = [{text.split()[0] for label, text in task if label == each} for each in (0, 1)]
        assert len(words[0]) == len(words[1]) == 1 and words[0] != words[1]
        assert len({text for _, text in task}) == 12
    assert {text.split()[0] for task in tasks for _, text in task} <= set(WORDS[1:5])  # "ant" has too few rows
    assert {label for task in drawn(tmp_path, "many_train_4.tf_record") for label, _ in task} == {0, 1, 2, 3}


def test_side_files(tmp_path):
    make(tmp_path)
    whole, side = side_of(tmp_path, "many_train.tf_record"), side_of(tmp_path, "many_train_2.tf_record")
    assert side == {
        "num_labels": 2, "records_per_task": 12, "tasks": 6, "records": 72, "first_batch": 4, "seed": 3,
        "labels": ["bee", "cow", "elk", "fox"], "source": "many.tsv", "sha256": whole["sha256"],
    }
    assert side_of(tmp_path, "many_train_4.tf_record")["labels"] == list(LABELS)


def test_pairs_and_long_texts(tmp_path, capsys):
    make(tmp_path, lambda folder: many(folder, pairs=True), max_seq_length=6)
    assert "cut to 6 tokens" in capsys.readouterr().out
    read = records.read_records(str(tmp_path / "out" / "many_train_2.tf_record"), 6, 2, len(VOCAB))
    assert read.has_pairs and (read.input_mask.sum(axis=1) <= 6).all()


def test_any_number_of_workers_makes_the_same_files(tmp_path):
    for workers in (1, 3):
        make(tmp_path / str(workers), workers=workers)
    assert contents(tmp_path / "1" / "out") == contents(tmp_path / "3" / "out")


def test_another_seed_makes_other_tasks(tmp_path):
    for seed in (0, 1):
        make(tmp_path / str(seed), seed=seed)
    assert drawn(tmp_path / "0") != drawn(tmp_path / "1")


def test_numbers_of_classes_that_the_set_does_not_have(tmp_path, capsys):
    make(tmp_path, classes="2,5,6", records_per_task=15, first_batch=6)
    report = capsys.readouterr().out
    assert "no tasks of 6 classes (5 have the 3 rows that each needs)" in report
    assert sorted(name for name in contents(tmp_path / "out") if name.endswith("record")) == [
        "many_train.tf_record", "many_train_2.tf_record", "many_train_5.tf_record",
    ]


def test_one_command_draws_from_every_set_of_a_folder(tmp_path):
    glue_data = tmp_path / "glue"
    rows = [[word, "so", str(number % 2)] for number, word in enumerate(WORDS)]
    save(glue_data / "SST-2" / "train.tsv", [["sentence", "label"]] + [[text, label] for text, _, label in rows])
    save(glue_data / "WNLI" / "train.tsv", [["sentence1", "sentence2", "label"]] + rows)
    run(tmp_path, input=glue_data, tasks="sst2,wnli", classes="2", tasks_per_class_count=3, records_per_task=10,
        first_batch=4)
    for name in ("sst2", "wnli"):
        assert [len(task) for task in drawn(tmp_path, name + "_train_2.tf_record", 10)] == [10, 10, 10]


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(classes="two"), "--classes=two: whole numbers"),
        (dict(classes="6", first_batch=6), "many: no tasks can be drawn of 6 classes (5 have the 2 rows"),
        (dict(classes="2", records_per_task=80), "no tasks can be drawn of 2 classes (0 have the 40 rows"),
        (dict(classes="2", records_per_task=4), "--records_per_task=4: more than the --first_batch=4"),
        (dict(classes="2", workers=0), "--workers=0: at least 1"),
        (dict(seed=1), "--seed has no meaning without --classes"),
        (dict(workers=2), "--workers has no meaning without --classes"),
    ],
)
def test_mistakes_leave_nothing_behind(tmp_path, changes, message):
    given = dict(records_per_task=12, first_batch=4) if "classes" in changes else {}
    given.update(changes)
    assert message in error_of(tmp_path, input=many(tmp_path), **given)


# --- meta-training reads them -----------------------------------------------------------------------------------------
def test_meta_training_reads_the_tasks_as_they_were_drawn(tmp_path):
    make(tmp_path, classes="2,4")
    paths = [str(tmp_path / "out" / ("many_train_%d.tf_record" % classes)) for classes in (2, 4)]
    source = meta_tasks.TaskSource(paths, 12, SEQ, len(VOCAB))
    seen = collections.defaultdict(list)
    for _, task in source.tasks(range(16)):
        assert task.num_labels == (2, 4)[task.file]
        seen[task.file].append(task.examples.label_ids.tolist())
    for file, classes in enumerate((2, 4)):
        labels = [[row[0] for row in task] for task in drawn(tmp_path, "many_train_%d.tf_record" % classes)]
        assert seen[file] == (labels * 3)[: len(seen[file])] and len(seen[file]) > 3


def test_labels_of_a_task_maker_come_from_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(episodes, "ROWS_AT_ONCE", 7)  # of 60 rows
    make(tmp_path / "some")
    monkeypatch.undo()
    make(tmp_path / "all")
    assert contents(tmp_path / "some" / "out") == contents(tmp_path / "all" / "out")
    assert json.loads((tmp_path / "all" / "out" / "many_train_2.tf_record.json").read_text())["tasks"] == 6
