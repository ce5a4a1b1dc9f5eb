"""Which columns of a table are there, and which are used."""
import pytest

from data import columns
from runtime.errors import UserError

WANTED = (("text", "sentence"), ("label",))


def test_what_is_lacking_is_named_with_what_is_there():
    assert columns.lacking(["label", "sentence", "x"], WANTED) == ""
    assert columns.lacking(["label", "x"], WANTED) == "no column text or sentence; the columns are: label, x."
    assert columns.lacking([], [("label",)]) == "no column label; the columns are: none."


@pytest.mark.parametrize("names, expected", [
    (["text", "label"], ["text", "label"]),
    (["", "text", "label", "", ""], ["", "text", "label"]),  # blank ones at the end are none
    (["x", "text", "label", "x"], ["x", "text", "label", "x"]),  # of those that nobody reads
])
def test_headers(names, expected):
    assert columns.header("a.csv", names, WANTED, WANTED) == expected


@pytest.mark.parametrize("names, words", [
    (["text", "label", "text"], "a.csv: header: the column text occurs twice: text, label, text"),
    (["text"], "a.csv: header: no column label"),
    (["sep=;"], "The first line is for a spreadsheet"),
    (["text;label"], "They are separated by ';'"),
    (["text\tlabel"], r"They are separated by '\\t'"),
    (['text"|"label'], "separated by '|'"),
])
def test_headers_that_cannot_be_used(names, words):
    with pytest.raises(UserError) as error:
        columns.header("a.csv", names, WANTED, WANTED)
    assert words.replace("\\\\", "\\") in str(error.value)


def test_another_delimiter_is_named_only_where_it_helps():
    with pytest.raises(UserError) as error:
        columns.header("a.csv", ["text;x"], WANTED, WANTED)
    assert "separated" not in str(error.value)
