"""Texts that stand in two places."""
from data.overlap import label_sets, overlap, text_key
from data.text import TextExample


def test_case_and_blanks_do_not_count():
    assert text_key(TextExample("A  b\t c ")) == text_key(TextExample("a b c", label="x"))
    assert text_key(TextExample("a", "b")) == text_key(TextExample("A", " B"))


def test_different_texts_differ():
    keys = {text_key(TextExample(*texts)) for texts in (("a b",), ("ab",), ("a", "b"), ("b", "a"), ("a!",))}
    assert len(keys) == 5


def test_overlap_and_labels():
    here = label_sets([("a", 0), ("b", 0), ("c", 0), ("c", 1), ("d", 0)])
    there = label_sets([("a", 0), ("a", 1), ("b", 1), ("c", 1)])
    assert here["c"] == {0, 1}
    assert overlap(here, there) == (3, 2)  # b has another label there, c one label less
    assert overlap(here, {}) == (0, 0)
