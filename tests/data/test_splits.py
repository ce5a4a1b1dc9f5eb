"""Drawing k-shot splits: what they hold, what they never hold, and their files."""
import collections
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import splits, text
from data.overlap import text_key
from data.text import TextExample
from runtime.errors import UserError

LABELS = ("yes", "no")


def examples_of(size=20, labels=LABELS):
    return [TextExample("text %d %s" % (number, label), None, label) for number in range(size) for label in labels]


POOL = splits.make_pool(examples_of(), (), LABELS)


def test_k_different_texts_of_each_label():
    drawn = splits.draw(POOL, split=0, k=7, seed=0)
    assert collections.Counter(example.label for example in drawn) == {"yes": 7, "no": 7}
    assert len({example.text_a for example in drawn}) == 14
    assert all(example.text_a.endswith(example.label) for example in drawn)


def test_a_seed_gives_the_same_splits_everywhere():
    drawn = splits.draw(POOL, split=3, k=2, seed=5)
    assert drawn == splits.draw(POOL, split=3, k=2, seed=5)
    assert [example.text_a for example in drawn] == ["text 0 no", "text 1 yes", "text 19 yes", "text 15 no"]


@pytest.mark.parametrize("other", [dict(split=1), dict(seed=1), dict(k=11)])
def test_split_seed_and_k_change_it(other):
    given_ = dict(split=0, k=10, seed=0)
    assert splits.draw(POOL, **given_) != splits.draw(POOL, **dict(given_, **other))[:20]


def test_labels_are_mixed():
    labels = [example.label for example in splits.draw(POOL, 0, 20, 0)]
    assert labels != sorted(labels) and labels != sorted(labels, reverse=True)


def test_too_few_texts():
    with pytest.raises(UserError, match="k=21, but fewer usable texts for: yes 20, no 20"):
        splits.draw(POOL, 0, 21, 0)


def test_what_no_split_holds():
    rows = [
        TextExample("held out", None, "yes"), TextExample("both", None, "yes"), TextExample("both", None, "no"),
        TextExample("Twice", None, "no"), TextExample("twice ", None, "no"), TextExample("once", None, "yes"),
    ]
    pool = splits.make_pool(rows, [TextExample("Held  out", None, "no")], LABELS)
    assert pool.by_label == {"yes": [rows[5]], "no": [rows[3]]}
    assert pool[1:] == (1, 2, 1)
    with pytest.raises(UserError, match="1 repeated, 2 with several labels, 1 of the evaluation file"):
        splits.draw(pool, 0, 2, 0)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1), st.lists(st.sampled_from("abcdefgh")))
def test_never_a_text_of_the_evaluation_file(train, held_out):
    evaluation = [TextExample(word, None, "no") for word in held_out]
    pool = splits.make_pool([TextExample(word, None, "yes") for word in train], evaluation, ("yes",))
    left = len(set(train) - set(held_out))
    assert len(pool.by_label["yes"]) == left
    assert not {text_key(row) for row in splits.draw(pool, 0, left, 0)} & {text_key(row) for row in evaluation}


@pytest.mark.parametrize("task, kind, name", [
    ("airline", "json", "airline_train_3_32.json"), ("conll", "json", "conll_c_train_3_32.json"),
    ("conll", "csv", "conll_train_3_32.csv"), ("mine", "csv", "mine_train_3_32.csv"),
])
def test_names_of_the_public_layout(task, kind, name):
    assert splits.file_name(task, 3, 32, kind) == name


TRICKY = ['"quoted"', "a,b", "é\u2028ü", "line\nbreak", "carriage\rreturn", " blanks ", "#1"]


@pytest.mark.parametrize("kind", splits.FORMATS)
@pytest.mark.parametrize("second", [None, 'b "'])
def test_files_read_as_they_were_drawn(tmp_path, kind, second):
    rows = [TextExample(piece, second, "yes") for piece in TRICKY]
    path = str(tmp_path / ("file." + kind))
    splits.write(path, rows, kind)
    assert text.read_text(path) == rows
    if kind == "json":
        with open(path) as file:
            assert sorted(json.load(file)[0]) == ["label", "sentence1"] + ["sentence2"] * (second is not None)


def test_files_of_other_splits_are_kept(tmp_path):
    folder = str(tmp_path / "new")
    paths = splits.make_splits("mine", POOL, 4, 2, 0, folder)
    before = [open(path).read() for path in paths]
    assert splits.make_splits("mine", POOL, 4, 2, 0, folder) == paths  # the same again
    with pytest.raises(UserError, match="mine_train_0_4.json exists"):
        splits.make_splits("mine", POOL, 4, 3, 1, folder)
    assert [open(path).read() for path in paths] == before and len(os.listdir(folder)) == 2
    splits.make_splits("mine", POOL, 4, 3, 1, folder, overwrite=True)
    assert [open(path).read() for path in paths] != before and len(os.listdir(folder)) == 3


def test_nothing_is_written_when_a_label_is_short(tmp_path):
    with pytest.raises(UserError):
        splits.make_splits("mine", POOL, 21, 2, 0, str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="/file cannot be written"):
        splits.make_splits("mine", POOL, 4, 1, 0, str(tmp_path / "file"))
