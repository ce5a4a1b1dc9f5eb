"""Texts to token ids: refusals first, then padding, label ids and what was cut."""

import pytest

from data import encoding
from data.text import TextExample
from runtime.errors import UserError


class LettersTokenizer:
    """One token a letter: [CLS] is 1, [SEP] is 2, "a" is 3; cuts the end of the text."""

    def encode(self, text_a, text_b, max_seq_length):
        ids = [1] + [ord(char) - ord("a") + 3 for char in text_a]
        ids = ids[: max_seq_length - 1 - (2 if text_b else 0)] + [2]
        segments = [0] * len(ids)
        if text_b:
            ids += [ord(text_b[0]) - ord("a") + 3, 2]
            segments += [1, 1]
        return ids, segments


def encode(*examples, **options):
    given = dict(tokenizer=LettersTokenizer(), labels=["no", "yes"], max_seq_length=6)
    given.update(options)
    return encoding.encode(list(examples), **given)


@pytest.mark.parametrize(
    "examples, options, words",
    [
        ([], {}, ["input: no examples"]),
        (
            [TextExample("a", label="yes"), TextExample("a", label="maybe")],
            dict(source="mine.csv"),
            ["mine.csv: row 1", "'maybe'", "no, yes"],
        ),
        ([TextExample("a")], dict(max_seq_length=2), ["--max_seq_length=2", "at least 3"]),
        ([TextExample("a", "b")], dict(max_seq_length=4), ["--max_seq_length=4", "at least 5"]),
    ],
)
def test_encode_refuses(examples, options, words):
    with pytest.raises(UserError) as error:
        encode(*examples, **options)
    assert all(word in str(error.value) for word in words), error.value


def test_encode_pads_and_numbers_labels():
    encoded = encode(TextExample("ab", label="yes"), TextExample("a", "b", label="no"), TextExample("abcdef"))
    assert encoded.input_ids.tolist() == [[1, 3, 4, 2, 0, 0], [1, 3, 2, 4, 2, 0], [1, 3, 4, 5, 6, 2]]
    assert encoded.input_mask.tolist() == [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0], [1] * 6]
    assert encoded.segment_ids.tolist() == [[0] * 6, [0, 0, 0, 1, 1, 0], [0] * 6]
    assert encoded.label_ids.tolist() == [1, 0, 0]


def test_texts_that_just_fit_are_not_counted_as_truncated():
    examples = [TextExample("abc"), TextExample("abcd"), TextExample("abcde"), TextExample("abcdefgh")]
    assert encoding.count_truncated(examples, encode(*examples), LettersTokenizer()) == 2
