"""Labelled rows to record files: what is known before any is written. Files: scripts/test_make_supervised.py."""
import pytest

from data import text
from data.supervised import conversion
from runtime.errors import UserError


class Rows:
    """A source of (label, text); None for a row that cannot be used."""

    def __init__(self, *rows, name="rows"):
        self.name = self.origin = name
        self._rows = rows

    def rows(self, reject):
        for number, row in enumerate(self._rows, start=1):
            where = "row %d" % number
            if row is None:
                reject(text.RowFault(self.name, where, "is empty", "an empty text"))
            else:
                yield where, text.TextExample(row[1], label=row[0])

    def sha256(self):
        return "0" * 64


def test_a_survey_counts_labels_and_why_rows_are_left_out():
    found = conversion.survey(Rows(("b", "x"), None, ("a", "y"), ("b", "z"), None))
    assert (found.labels, found.rejected) == ({"b": 2, "a": 1}, {"an empty text": 2})
    assert found.notes() == ["2 for an empty text (first: row 2)"]


@pytest.mark.parametrize("rows, known, message", [
    ([("c", "x")], ["a", "b"], "rows: row 1: unknown label 'c'; known: a, b"),
    ([], None, "rows: holds no row that can be used"),
    ([None], None, "holds no row that can be used \\("),
    ([(str(n), "x") for n in range(conversion.MOST_LABELS + 1)], None, "more than 1000 .* labels up to row 1001"),
])
def test_sources_that_are_of_no_use(rows, known, message):
    with pytest.raises(UserError, match=message):
        conversion.survey(Rows(*rows), known)


def data_set(name="x", labels=None, **parts):
    return conversion.DataSet(name, parts or {"train": Rows(("b", "x"), ("a", "y"), ("c", "z"))}, labels)


def test_files_of_a_data_set_and_its_pairs_of_classes():
    found = conversion.Conversion(data_set(), pairwise=True)
    names = ["x_train.tf_record", "x_a_b_train.tf_record", "x_a_c_train.tf_record", "x_b_c_train.tf_record"]
    assert [name for name in found.file_names() if name.endswith(".tf_record")] == names
    assert (found.rows, found.tasks) == (3, 0) and len(found.file_names()) == 2 * len(names)


def test_development_rows_have_no_labels_of_their_own():
    parts = {"train": Rows(("b", "x"), ("a", "y")), "dev": Rows(("c", "z"), name="dev.csv")}
    with pytest.raises(UserError, match="dev.csv: row 1: unknown label 'c'; known: a, b"):
        conversion.Conversion(data_set(**parts))


@pytest.mark.parametrize("name", ["", ".x", "a/b", "meta_pretrain_2"])
def test_names_that_would_make_other_files(name):
    with pytest.raises(UserError, match="--name=%s: give a file name" % name):
        conversion.Conversion(data_set(name))


def test_one_class_is_no_task():
    with pytest.raises(UserError, match="all rows have the label a; left out: 1 for an empty text"):
        conversion.Conversion(data_set(train=Rows(("a", "x"), None)))


def test_slugs():
    assert conversion._slugs(["Not Relevant", "a/b"]) == ["Not-Relevant", "a-b"]
    assert conversion._slugs(["+", "-", "0"]) == ["0", "1", "2"] and conversion._slugs(["a b", "a-b"]) == ["0", "1"]


def test_layout_of_prefers_exact_names():
    layout = conversion.layout_of("x", ["Label", "label", "Text", "text2"])
    assert layout == text.Layout(("Text",), ("text2",), ("label",), pair=True)
    assert conversion.layout_of("x", ["Label", "label", "text"], label_column="Label").label == ("Label",)
