"""What of a text can be seen."""
import time

import pytest

from data.visible import is_empty, trimmed


@pytest.mark.parametrize("text, expected", [
    (" up\t", "up"),
    ("up\u200b", "up"), ("\ufeffup", "up"), (" \u200b \u00a0up \u200f", "up"), ("u\u200bp", "u\u200bp"),
    ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"), ("\u200b", ""), ("\u3000 \u00ad", ""), ("", ""),
])
def test_ends(text, expected):
    assert trimmed(text) == expected and is_empty(text) == (not expected)


def test_a_million_blanks_take_no_time():
    begun = time.time()
    assert not is_empty("\u200b " * 250000 + "x" + " " * 500000 + "y") and time.time() - begun < 5
