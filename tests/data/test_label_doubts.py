"""What looks like a mistake in labelled rows."""
import itertools
import random

import pytest

from data.label_doubts import MOST, _candidates, doubts, may_be_mistyped
from data.text import TextExample


def rows(*pairs):
    return [TextExample(text, None, label, "line %d" % line) for line, (text, label) in enumerate(pairs, start=2)]


@pytest.mark.parametrize(
    "one, other, expected",
    [
        ("laundry", "laundy", True),  # left out
        ("laundry", "laundri", True),  # changed
        ("refund", "refudn", True),  # swapped
        ("Refund", " refund", True),
        ("payment issue", "payment isue", True),
        ("refund", "refunds", True),
        ("payment", "parcel", False),
        ("class1", "class2", False),
        ("I-LOC", "B-LOC", False),
        ("up", "us", False),
        ("cat", "bat", False),
        ("payment issue", "payments issues", False),
        ("check invoice", "get invoice", False),
        ("payment", "payment issue", False),
        ("caf\xe9", "cafe\u0301", True),  # one letter in two Unicode forms
        ("up", "u\u200bp", True),
        ("up", "\ufeffup", True),
        ("\u2764", "\u2764\ufe0f", True),
        ("\uff21\uff11", "a1", True),  # of another width
        ("1", "1.0", True),
        ("1", "1.5", False),
        ("\U0001f600", "\U0001f601", False),
    ],
)
def test_labels_that_may_be_the_same(one, other, expected):
    assert may_be_mistyped(one, other) is expected
    assert may_be_mistyped(other, one) is expected


def test_no_pair_of_many_labels_is_overlooked():
    draw, found = random.Random(0), 0
    for _ in range(300):
        words = ["".join(draw.choice("abA1") for _ in range(draw.randint(1, 6))) for _ in range(24)]
        labels = sorted(set(words[:8] + [" ".join(pair) for pair in zip(words[8:16], words[16:])]))
        expected = [pair for pair in itertools.combinations(labels, 2) if may_be_mistyped(*pair)]
        assert [pair for pair in _candidates(labels) if may_be_mistyped(*pair)] == expected
        found += len(expected)
    assert found


def test_nothing_to_say():
    assert doubts(rows(("a", "up"), ("b", "up"), ("c", "down"), ("d", "down"))) == []


def test_rows_are_named():
    found = doubts(rows(("a", "laundry"), ("b", "laundry"), ("C  c", "laundy"), ("d", "refund"), ("c C", "refund")))
    assert len(found) == 3
    assert "'laundy' has one row alone (line 4):" in found[0]
    assert "'laundy' (line 4) and 'laundry' (2 rows)" in found[1]
    assert "(line 4 as 'laundy', line 6 as 'refund')" in found[2]


def test_several_rows_are_named_as_their_source_counts_them():
    labels = ["Up", "up", "up", "Up"] * 4
    json = [TextExample(str(row), None, label, "row %d (the first is 0)" % row) for row, label in enumerate(labels)]
    assert doubts(json[2:]) == [
        "the labels 'up' (rows 2, 5, 6, 9, 10 (the first is 0), ...) and 'Up' (7 rows) may be meant to be the same"]


def test_labels_that_look_the_same_are_spelt_out():
    found = doubts(rows(("a", "caf\xe9"), ("b", "cafe\u0301"), ("c", "caf\xe9"), ("d", "cafe\u0301")))
    assert found == [r"the labels 'caf\xe9' (lines 2, 4) and 'cafe\u0301' (2 rows) may be meant to be the same"]


def test_few_lines_of_a_kind():
    assert doubts(rows(*[(str(i), "label %d" % i) for i in range(MOST + 3)])) == [
        "each of the 8 labels has one row alone: a few more would help"]
    found = doubts(rows(*[(str(i), "label %d" % min(i, MOST + 3)) for i in range(MOST + 5)]))
    assert len(found) == MOST + 1 and found[-1] == "and 3 more of this kind"
