"""What users hand to FewShotClassifier: each mistake is a ValueError that names row or parameter."""
import collections
import decimal
import fractions
import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest

from data import encoding
from smlmt import inputs
from tokenization import Tokenizer

NAN = float("nan")


def refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "y, words",
    [
        (["pos", "pos", NAN, "neg"], r"row 2 has no label \(nan\)"),
        (["pos", None, "neg"], r"row 1 has no label \(None\)"),
        (pandas.Series(["pos", pandas.NA]), r"row 1 has no label"),
        (pandas.Series(["pos", None], dtype="string"), r"row 1 has no label"),
        (pandas.Series([1, None], dtype="Int64"), r"row 1 has no label"),
        (pandas.Series([1, None, 2]), "row 1 has no label"),
        (pandas.Series(["pos", None]).astype("category"), r"row 1 has no label"),
        (pandas.to_datetime(pandas.Series(["2020-01-01", None])), "row . "),
        (pandas.to_datetime(pandas.Series(["2020-01-01"])), "row 0 is .*2020"),
        ([pandas.NaT, "a"], r"row 0 has no label \(NaT\)"),
        (np.array([NAN, 1.0]), r"row 0 has no label"),
        (np.array(["a", np.float32("nan")], object), r"row 1 has no label"),
        (["a", decimal.Decimal("nan")], "row 1 is Decimal"),
        (["a", ""], r"row 1 has no label \(''\)"),
        (["a", " \t"], "row 1 has no label"),
        (["a", "b\0"], "row 1: the label .* zero character"),
        (["a", "b\ud800"], r"row 1: the label 'b\\ud800' holds a lone"),
        (["a", "b" * 10001], r"y\[1\] is 'bbb.*; a text of 1 to 10000 characters"),
        (range(100001), r"y is 'list'; a list of 1 to 100000 items"),
        (["a"] * 4 + [1] * 4, "row 4 is 1, but row 0 is 'a'"),
        ([True, 1], "row 1 is 1, but row 0 is True"),
        ([1, True], "row 1 is True"),
        ([1, "1"], "row 1 is '1', but row 0 is 1"),
        ([1.0, 2.0], "row 0 is 1.0"),
        ([1, 2.5], "row 1 is 2.5"),
        ([b"a", b"b"], "row 0 is b'a'"),
        ([("a",), ("b",)], r"row 0 is \('a',\)"),
        ([["a", "b"], ["c", "d"]], "row 0 is"),
        ([fractions.Fraction(1, 2)], "row 0 is Fraction"),
        ([2**70, 1], "too large for 64 bits"),
        (np.zeros([3, 2], int), "y has 2 columns"),
        (np.zeros([3, 1, 2], int), "y has 2 columns"),
        (pandas.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}), "y has 2 columns"),
        ({"a": 1, "b": 2}, "y is a list or array of labels"),
        (collections.Counter("ab"), "y is a list or array"),
        ({"a", "b"}, "y is a list or array"),
        (frozenset("ab"), "y is a list or array"),
        ({"a": 1}.keys(), "y is a list or array"),
        (None, "y is a list or array of labels, not None"),
        ("ab", "y is a list or array"),
        (3, "y is a list or array"),
        (np.array("a"), "y is a list or array"),
        ((label for label in "ab"), "y is a list or array"),
    ],
)
def test_labels_that_are_refused(y, words):
    refused(lambda: inputs.read_labels(y), words)


@pytest.mark.parametrize(
    "y, kind, expected",
    [
        (["b", "a"], "U", ["b", "a"]),
        (("b", "a"), "U", ["b", "a"]),
        (np.array(["b", "a"]), "U", ["b", "a"]),
        (np.array(["b", "a"], object), "U", ["b", "a"]),
        (pandas.Series(["b", "a"], index=[7, 9]), "U", ["b", "a"]),
        (pandas.Series(["b", "a"], dtype="category"), "U", ["b", "a"]),
        (pandas.Series(["b", "a"], dtype="string"), "U", ["b", "a"]),
        (collections.deque(["b", "a"]), "U", ["b", "a"]),
        ({"x": "b", "y": "a"}.values(), "U", ["b", "a"]),
        (pandas.array([1, 2], dtype="Int64"), "i", [1, 2]),
        ([1, -2], "i", [1, -2]),
        ([np.int64(1), 2], "i", [1, 2]),
        (np.array([1, 2], np.uint8), "u", [1, 2]),
        (np.array([[1], [2]]), "i", [1, 2]),
        (pandas.DataFrame({"label": [1, 2]}), "i", [1, 2]),
        (range(2), "i", [0, 1]),
        ([True, False], "b", [True, False]),
        (pandas.Series([True, False], dtype="boolean"), "b", [True, False]),
    ],
)
def test_labels_that_are_taken(y, kind, expected):
    labels = inputs.read_labels(y)
    assert labels.dtype.kind == kind and labels.tolist() == expected


@pytest.mark.parametrize(
    "X, words",
    [
        ({"text": ["a", "b"]}, "X is a list or array of texts, not {'text'"),
        ({"a", "b"}, "X is a list or array of texts"),
        (np.array("a"), "X is a list or array of texts"),
        (np.array(None), "X is a list or array of texts"),
        (None, "X is a list or array of texts, not None"),
        (7, "X is a list or array of texts, not 7"),
        ((text for text in "ab"), "X is a list or array of texts"),
        (pandas.DataFrame({"a": ["x"], "b": ["x"], "c": ["x"]}), "row 0 is"),
        (pandas.Series(["a", None]), "row 1 is None"),
        (pandas.Series(["a", NAN]), "row 1 is nan"),
        (pandas.Series(["a", pandas.NA], dtype="string"), "row 1 is <NA>"),
        ([["a", None]], "row 0 is"),
        ([b"a"], "row 0 is b'a'"),
        (np.zeros([2, 2]), "row 0 is"),
        (np.array([[["a"], ["b"]]]), "row 0 is"),
        ([Path("a")], "row 0 is"),
    ],
)
def test_texts_that_are_refused(X, words):
    refused(lambda: inputs.read_texts(X), words)


@pytest.mark.parametrize(
    "X",
    [["a", "b"], np.array(["a", "b"]), pandas.Series(["a", "b"], index=[5, 6]), pandas.DataFrame({"t": ["a", "b"]})],
)
def test_texts_that_are_taken(X):
    assert [example.text_a for example in inputs.read_texts(X)] == ["a", "b"]


@pytest.mark.parametrize("value", ["2", 2.5, 2.0, True, [2], b"2", NAN, float("inf"), 1 + 1j, 0, -3, np.bool_(True)])
def test_numbers_that_are_refused(value):
    refused(lambda: inputs.check_number("batch_size", value, 1), "batch_size=.*an integer at least 1 is needed, or")


def test_numbers_that_are_taken():
    for value in (1, np.int64(3), np.uint8(3), None):
        inputs.check_number("batch_size", value, 1)
    for value in (2.5, np.float32(1.5), fractions.Fraction(3, 2)):
        inputs.check_number("epochs", value, 1, whole=False)
    refused(lambda: inputs.check_number("n", None, 1, none=False), "n=None: an integer at least 1 is needed$")
    refused(lambda: inputs.check_number("epochs", "2", 1, whole=False), "epochs='2': a number at least 1")
    refused(lambda: inputs.check_number("random_state", 2**31, 0, 2**31 - 1), "random_state=2147483648: an integer")


@pytest.mark.parametrize("value", [3, b"folder", ["folder"], True])
def test_folders_that_are_refused(value):
    refused(lambda: inputs.check_folder("model_dir", value), "model_dir=")
    inputs.check_folder("model_dir", Path("folder"))


def test_texts_that_the_vocabulary_does_not_know():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "film"]
    tokenizer = Tokenizer({word: index for index, word in enumerate(words)})
    for texts, told in ((["Good Film"] * 10, True), (["good film"] * 10, False)):
        encoded = encoding.encode(inputs.read_texts(texts), tokenizer, (), 8)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            inputs.warn_of_unknown(encoded, tokenizer)
        assert [str(each.message).startswith("X: 100 % of the tokens are [UNK]") for each in found] == [True] * told
