"""Padded examples: shapes and types, rows of them, padding."""

import dataclasses

import numpy as np
import pytest
from padded_rows import make_examples

from data.examples import SCHEMA, Examples, pad


def test_schema_covers_examples():
    assert [each.name for each in dataclasses.fields(Examples)] == [each.name for each in SCHEMA]


def test_examples_refuse_wrong_shapes_and_types():
    good = make_examples(3)
    for name, value in (
        ("label_ids", good.label_ids[:2]),
        ("label_ids", good.label_ids.astype(np.int64)),
        ("input_mask", good.input_mask[:, :5]),
        ("input_ids", good.input_ids[0]),
    ):
        with pytest.raises(ValueError, match="int32"):
            dataclasses.replace(good, **{name: value})
    with pytest.raises(AttributeError):
        good.label_ids = None


def test_take():
    examples = make_examples(4)
    taken = examples.take([3, 0, 3])
    np.testing.assert_array_equal(taken.input_ids, examples.input_ids[[3, 0, 3]])
    assert taken.size == 3 and taken.label_ids.tolist() == examples.label_ids[[3, 0, 3]].tolist()
    empty = examples.take([])
    assert empty.size == 0 and empty.input_ids.shape == (0, 8)
    with pytest.raises(IndexError):
        examples.take([4])


def test_trimmed_length():
    row = {"input_ids": [1, 2, 3], "input_mask": [1, 0, 1], "segment_ids": [0, 0, 0], "label_ids": 0}
    examples = pad([dict(row, input_mask=[1, 1]), row], 10)
    assert examples.trimmed_length() == 3  # a hole in the mask does not count
    assert examples.take([0]).trimmed_length() == 2
    assert examples.take([]).trimmed_length() == 1


def test_pad():
    row = {"input_ids": [5, 6], "input_mask": [1, 1], "segment_ids": [0, 1], "label_ids": 2}
    examples = pad([row], 4)
    assert examples.input_ids.tolist() == [[5, 6, 0, 0]] and examples.input_mask.tolist() == [[1, 1, 0, 0]]
    assert examples.segment_ids.tolist() == [[0, 1, 0, 0]] and examples.label_ids.tolist() == [2]
    with pytest.raises(ValueError, match="do not fit 1"):
        pad([row], 1)
