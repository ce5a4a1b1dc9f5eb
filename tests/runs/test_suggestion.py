"""A table of texts to label: what is left out, what a table looks like, and that filled-in labels are never lost."""
import csv
import os

import pytest
import tiny

from command_line.settings import SuggestionSettings
from data.text import TextExample, read_text
from runs import suggestion
from runtime.errors import UserError

TEXTS = ["good film", "", "bad film", "Good  Film", "fine", "slow plot", "red", "=green"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.write(folder, ["up", "down"])
    return str(folder)


@pytest.fixture(name="asked")
def fixture_asked(model, tmp_path):
    (tmp_path / "new.txt").write_text("\n".join(TEXTS) + "\n")
    return SuggestionSettings(model, str(tmp_path / "new.txt"), 3, str(tmp_path / "out"), 8, None, None)


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_table_to_fill_in(asked):
    found = suggestion.run(asked)
    assert found.path == os.path.join(asked.output_dir, "to_label_new.csv") and (found.chosen, found.rows) == (3, 6)
    header, *rows = table(found.path)
    assert header == ["text", "label"] and len(rows) == 3 and {row[1] for row in rows} == {""}
    every = table(suggestion.run(_with(asked, 50)).path)[1:]
    assert sorted(row[0] for row in every) == sorted(["good film", "bad film", "fine", "slow plot", "red", "'=green"])


def _with(asked, count):
    return SuggestionSettings(**dict(vars(asked), count=count))


def test_labelled_texts_are_not_suggested(asked):
    known = {("train.csv", True): [TextExample("GOOD film", None, "up"), TextExample("red", None, "down")]}
    found = suggestion.run(_with(asked, 50), known)
    assert found.chosen == 4 and not {"good film", "red"} & {row[0] for row in table(found.path)}
    known = {("train.csv", True): [TextExample(text, None, "up") for text in TEXTS]}
    with pytest.raises(UserError, match="every text of .*new.txt has a label already"):
        suggestion.run(asked, known)


@pytest.mark.parametrize("texts", [("=green", "- red", "'- fine", "\x07bell"), ("=green\t- red", "good\t@film")])
def test_texts_of_a_filled_in_table_are_not_suggested_again(texts, asked, tmp_path):
    (tmp_path / "new.txt").write_text("\n".join(texts + ("slow plot" + "\tred" * texts[0].count("\t"),)) + "\n")
    path = suggestion.run(_with(asked, 50)).path
    rows = [row[:-1] + ["up"] for row in table(path)[1:]]
    (tmp_path / "train.csv").write_text("\n".join(",".join(row) for row in [table(path)[0]] + rows[:-1]) + "\n")
    os.remove(path)
    assert suggestion.run(asked, {("train.csv", True): read_text(tmp_path / "train.csv")}).chosen == 1
    assert table(path)[1][:-1] == rows[-1][:-1]


def test_filled_in_labels_are_never_replaced(asked):
    path = suggestion.run(asked).path
    suggestion.run(asked)  # an empty table may be
    rows = table(path)
    rows[1][1] = "up"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    before = open(path).read()
    with pytest.raises(UserError, match="to_label_new.csv is there, with labels"):
        suggestion.run(asked)
    assert open(path).read() == before
    with open(path, "w") as file:
        file.write("something else\n")
    with pytest.raises(UserError, match="is there"):
        suggestion.check(asked)


def test_pairs_have_two_columns(asked, tmp_path):
    (tmp_path / "new.txt").write_text("good\tfilm\nbad\tplot\n")
    assert table(suggestion.run(asked).path)[0] == ["text", "text2", "label"]
