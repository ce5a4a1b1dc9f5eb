"""The rows of a benchmark at matched shots."""
import collections
import json
import os

import matched_sets
import pytest

from data import tasks, text
from runtime.errors import UserError


@pytest.fixture(name="store")
def fixture_store(tmp_path):
    return matched_sets.RowStore(str(tmp_path / "out"))


@pytest.fixture(name="mine")
def fixture_mine(tmp_path):
    """A SetSource of one file: 20 rows of a, 20 of b, 3 of rare, in turns."""
    labels = ["a", "b"] * 20 + ["rare"] * 3
    rows = [{"text": "text %d" % number, "label": label} for number, label in enumerate(labels)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return matched_sets.SetSource("mine", (str(tmp_path / "mine.jsonl"),))


def counts(path):
    return collections.Counter(example.label for example in text.read_text(path))


def contents(store, name):
    return {file: text.read_text(os.path.join(store.folder(name), file)) for file in os.listdir(store.folder(name))}


# --- sources ----------------------------------------------------------------------------------------------------------
def test_sets_are_tasks_or_files():
    assert matched_sets.sources(["airline,conll", "mine=a.csv,b.csv", "spam=spam.jsonl"]) == [
        ("airline", ()), ("conll", ()), ("mine", ("a.csv", "b.csv")), ("spam", ("spam.jsonl",)),
    ]


@pytest.mark.parametrize("values, words", [
    (["airlines"], "Unknown task 'airlines'"),
    (["mine="], "--sets=mine=: write NAME=FILE"),
    (["mine=a,b,c"], "--sets=mine=a,b,c: write NAME=FILE"),
    (["../x=a.csv"], "--sets=../x=a.csv: write"),
    (["conll", "conll=a.csv"], "--sets: two sets are called conll"),
])
def test_sets_that_make_no_sense(values, words):
    with pytest.raises(UserError) as error:
        matched_sets.sources(values)
    assert str(error.value).startswith(words)


# --- own files --------------------------------------------------------------------------------------------------------
def test_splits_hold_k_rows_of_each_label_and_none_that_is_judged(store, mine):
    matched_sets.store(mine, store, [2, 8], range(3), 15, "")
    judged = {example.text_a for example in text.read_text(store.eval_file("mine"))}
    assert len(judged) == 15
    seen = set()
    for run in store.runs(["mine"], [2, 8], range(3)):
        train = text.read_text(store.train_file(run))
        assert not judged & {example.text_a for example in train}
        found = counts(store.train_file(run))
        assert found["a"] == found["b"] == run.k and 1 <= found["rare"] <= min(run.k, 3)  # all that there are
        seen.add(tuple(example.text_a for example in train))
    assert len(seen) == 6


def test_the_same_rows_are_drawn_again_whatever_else_is(store, mine, tmp_path):
    matched_sets.store(mine, store, [2, 4], range(3), 15, "")
    again = matched_sets.RowStore(str(tmp_path / "again"))
    matched_sets.store(mine, again, [4], range(1), 15, "")
    matched_sets.store(mine, again, [2, 4], range(3), 15, "")
    assert contents(store, "mine") == contents(again, "mine")


def test_at_most_half_of_one_file_is_judged(store, mine):
    matched_sets.store(mine, store, [1], [0], 800, "")
    assert len(text.read_text(store.eval_file("mine"))) <= 21


def test_rows_whose_label_cannot_be_learned_are_not_judged(store, tmp_path):
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,label\none,a\ntwo,b\nthree,a\n")
    test.write_text("text,label\nfour,a\nfive,c\nTHREE,a\nsix,b\n")
    matched_sets.store(matched_sets.SetSource("two", (str(train), str(test))), store, [1], [0, 1], 800, "")
    assert counts(store.eval_file("two")) == {"a": 2, "b": 1}
    for split in (0, 1):  # "three" is judged
        found = text.read_text(store.train_file(matched_sets.StoredSplit("two", 1, split)))
        assert {example.text_a for example in found} == {"one", "two"}


def test_other_rows_are_refused(store, mine):
    matched_sets.store(mine, store, [2], [0], 15, "")
    before = contents(store, "mine")
    with pytest.raises(UserError, match="eval.json holds other rows: choose another --output_dir"):
        matched_sets.store(mine, store, [2], [0, 1], 14, "")
    assert contents(store, "mine") == before


def test_a_set_with_one_label_is_refused(store, tmp_path):
    (tmp_path / "one.csv").write_text("text,label\n" + "".join("t%d,a\n" % row for row in range(9)))
    with pytest.raises(UserError, match="one has too few rows"):
        matched_sets.store(matched_sets.SetSource("one", (str(tmp_path / "one.csv"),)), store, [1], [0], 4, "")


# --- LEOPARD ----------------------------------------------------------------------------------------------------------
def test_published_splits_are_taken_and_broken_ones_left_out(store, tmp_path):
    def rows(prefix, count):
        labels = tasks.get_task("disaster").labels
        return [{"sentence1": "%s %d" % (prefix, row), "label": labels[row % 2]} for row in range(count)]

    folder = tmp_path / "leopard" / "data" / "json" / "disaster"
    folder.mkdir(parents=True)
    (folder / "disaster_eval.json").write_text(json.dumps(rows("eval", 30)))
    (folder / "disaster_train_0_16.json").write_text("[]")  # as published
    (folder / "disaster_train_1_16.json").write_text(json.dumps(rows("train", 32)))
    source, = matched_sets.sources(["disaster"])
    matched_sets.store(source, store, [16], [0, 1], 8, str(tmp_path / "leopard"))
    assert store.runs(["disaster"], [16], [0, 1]) == [("disaster", 16, 1)]
    assert text.read_text(store.train_file(matched_sets.StoredSplit("disaster", 16, 1)))[5].text_a == "train 5"
    judged = [int(example.text_a.split()[1]) for example in text.read_text(store.eval_file("disaster"))]
    assert len(judged) == 8 and judged == sorted(judged)


def test_runs_go_split_by_split(store, mine):
    matched_sets.store(mine, store, [1, 2], [0, 1], 15, "")
    assert store.runs(["mine", "none"], [2, 1], [0, 1]) == [
        ("mine", 2, 0), ("mine", 1, 0), ("mine", 2, 1), ("mine", 1, 1),
    ]
