"""Rows to predict as blocks of token ids."""
import dataclasses

import pytest
import tiny

from data import unlabelled
from data.text import TextExample
from runs.unlabelled_rows import TextRows
from tokenization import Tokenizer

SEQ = 5


@pytest.fixture(name="text_rows")
def fixture_text_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK", 2)
    (tmp_path / "new.txt").write_text("good film\n\nbad plot very slow\n\n\n")
    tokenizer = Tokenizer({word: number for number, word in enumerate(tiny.WORDS)}, True)
    return TextRows(str(tmp_path / "new.txt"), tokenizer, SEQ)


def test_text_in_the_order_of_the_file_with_its_blank_rows(text_rows):
    first, second, third = text_rows.blocks(2)
    assert first.texts == [TextExample("good film"), None] and first.is_blank == [False, True]
    assert (first.examples.size, first.cut) == (1, 0)
    good, film = (tiny.WORDS.index(word) for word in ("good", "film"))
    assert first.examples.input_ids.tolist() == [[2, good, film, 3, 0]]
    assert (second.is_blank, second.examples.size, second.cut) == ([False, True], 1, 1)  # six tokens for five places
    assert (third.is_blank, third.examples) == ([True], None)


def test_a_file_that_was_checked_is_not_checked_again(text_rows, tmp_path):
    assert text_rows.census() == unlabelled.Census(5, False)
    known = unlabelled.Census(9, True)
    assert TextRows(str(tmp_path / "none.txt"), None, SEQ, known).census() is known
    assert TextRows("-", None, SEQ).census() is None


def test_rows_one_by_one(text_rows):
    text_rows = dataclasses.replace(text_rows, most=1)
    assert [len(block.is_blank) for block in text_rows.blocks(1)] == [1] * 5
