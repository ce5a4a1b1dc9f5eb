"""Texts as token ids, padded. Nothing here needs TensorFlow."""
from typing import Sequence

from data import text
from data.examples import Examples, pad
from runtime.errors import UserError


def encode(
    examples: Sequence[text.TextExample], tokenizer, labels: Sequence[str], max_seq_length: int, source: str = "input"
) -> Examples:
    """Token ids, masks and label ids of texts, padded to ``max_seq_length``.

    Args:
      tokenizer: has ``encode(text_a, text_b, max_seq_length) -> (input_ids, segment_ids)``, lists without padding.
      labels: label i gets id i. Examples without a label get id 0.
      source: what errors call the examples, usually the file they come from.

    Returns:
      Examples of the same order and number.

    Raises:
      UserError: an unknown label (names the row), no examples, or no room for text in the length.
    """
    if not examples:
        raise UserError("%s: no examples to convert." % source)
    pair = any(example.text_b is not None for example in examples)
    shortest = 5 if pair else 3  # [CLS] a [SEP] b [SEP]
    if max_seq_length < shortest:
        raise UserError("--max_seq_length=%d leaves no room for text: at least %d." % (max_seq_length, shortest))
    label_ids = {label: index for index, label in enumerate(labels)}
    rows = []
    for index, example in enumerate(examples):
        if example.label is not None and example.label not in label_ids:
            known = ", ".join(labels)
            raise UserError(
                "%s: %s has the unknown label %r; known: %s."
                % (source, example.where or "row %d (the first is 0)" % index, example.label, known)
            )
        input_ids, segment_ids = tokenizer.encode(example.text_a, example.text_b, max_seq_length)
        rows.append(
            {
                "input_ids": input_ids,
                "input_mask": [1] * len(input_ids),
                "segment_ids": segment_ids,
                "label_ids": label_ids.get(example.label, 0),
            }
        )
    return pad(rows, max_seq_length)


def count_truncated(examples: Sequence[text.TextExample], encoded: Examples, tokenizer) -> int:
    """How many of the texts were cut: those that fill the length and would go on if they had one token more."""
    longer = encoded.max_seq_length + 1
    full = encoded.input_mask.all(axis=1)  # [n]
    texts = (example for example, is_full in zip(examples, full) if is_full)
    return sum(len(tokenizer.encode(example.text_a, example.text_b, longer)[0]) == longer for example in texts)
