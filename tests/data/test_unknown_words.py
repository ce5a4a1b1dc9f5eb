"""A share of [UNK] that tells of a vocabulary which does not fit."""
import pytest

from data import encoding, unknown_words
from data.text import TextExample
from data.unknown_words import Share
from tokenization import Tokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(words, lower=False):
    return Tokenizer({word: index for index, word in enumerate(SPECIAL + words)}, lower)


def test_tokens_are_counted_without_special_ones():
    examples = [TextExample("good film", "bad"), TextExample("Good Film film", "x y"), TextExample("x", "bad " * 20)]
    words = tokenizer(["good", "film", "bad"])
    encoded = encoding.encode(examples, words, (), 8)
    assert unknown_words.share_of(encoded, words) == Share(3 + 5 + 5, 4 + 1)
    assert Share(13, 5).plus(Share(1, 1)).plus(Share()) == Share(14, 6)


@pytest.mark.parametrize("words, lower, share, expected", [
    (["good"], False, Share(100, 15), "15 % of the tokens are [UNK]"),
    (["good"], False, Share(100, 15), "(--do_lower_case)"),
    (["good", "Good"], False, Share(100, 15), "of this language?"),
    (["good"], True, Share(100, 80), "of this language?"),
    (["good"], True, Share(100, 5), ""),
    (["good"], False, Share(19, 19), ""),  # an emoji is no reason
    (["good"], False, Share(), ""),
])
def test_doubts(words, lower, share, expected):
    found = unknown_words.doubt(share, tokenizer(words, lower))
    assert expected in found and bool(found) == bool(expected)
