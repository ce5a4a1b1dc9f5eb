"""Text of others where people and programs read it."""
import pytest

from runtime import cells

HOSTILE = "\x1b[31mred\x1b[0m\x07\x9b2J\x7f"


def test_control_characters_are_spelled_out():
    assert cells.shown(HOSTILE) == "\\x1b[31mred\\x1b[0m\\x07\\x9b2J\\x7f"
    assert cells.shown("a\nb\r\tc\u2028d") == "a\\nb\\r\\tc\\u2028d"
    for plain in ("größer 中 \U0001f468\u200d\U0001f469 שלום \\x1b", "", " "):
        assert cells.shown(plain) == plain


def test_one_line():
    assert cells.one_line(" a\r\n\tb\u2028c \x1b[1m") == "a b c \\x1b[1m"


@pytest.mark.parametrize("text, cell", [
    ("=1+1", "'=1+1"), ("+1 for this", "'+1 for this"), ("-great", "'-great"), ("@all", "'@all"),
    ("  =cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ("\t=1", "'=1"), ("-", "'-"), ("=", "'="), ("+1e", "'+1e"),
    ("-1", "-1"), ("+1.5", "+1.5"), ("-2e-3", "-2e-3"), ("-.5", "-.5"), ("-1\n", "-1"), ("-\u0661", "'-\u0661"),
    ("'tis", "'tis"), ("'=1", "''=1"), ("''", "'''"), ("'", "'"), ("a=1", "a=1"), ("", ""),
])
def test_cells_are_no_formulas_and_give_back_their_text(text, cell):
    assert cells.cell(text) == cell
    assert cells.read_cell(cell) == cells.one_line(text)


def test_different_lines_have_different_cells():
    lines = {start + rest for start in ("", "'", "''", "'''") for rest in ("", "=", "-1", "+a", "@", "a", "'a")}
    assert len({cells.cell(line) for line in lines}) == len(lines)
    assert all(cells.read_cell(cells.cell(line)) == line for line in lines)
