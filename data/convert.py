"""Labelled or unlabelled text to TFRecord files, with the vocabulary of the model that will read them."""
import os
from typing import Optional, Sequence

from data import records, tasks, text
from data.text_lines import named
from runtime.errors import UserError


def encode(
    examples: Sequence[text.TextExample], tokenizer, labels: Sequence[str], max_seq_length: int, source: str = "input"
) -> records.Examples:
    """Token ids, masks and label ids of texts, padded to ``max_seq_length``.

    Args:
      tokenizer: has ``encode(text_a, text_b, max_seq_length) -> (input_ids, segment_ids)``, lists without padding.
      labels: label i gets id i. Examples without a label get id 0.
      source: what errors call the examples, usually the file they come from.

    Returns:
      records.Examples of the same order and number.

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
    return records.pad(rows, max_seq_length)


def count_truncated(examples: Sequence[text.TextExample], encoded: records.Examples, tokenizer) -> int:
    """How many of the texts were cut: those that fill the length and would go on if they had one token more."""
    longer = encoded.max_seq_length + 1
    full = encoded.input_mask.all(axis=1)  # [n]
    texts = (example for example, is_full in zip(examples, full) if is_full)
    return sum(len(tokenizer.encode(example.text_a, example.text_b, longer)[0]) == longer for example in texts)


def convert(
    source: str,
    target: str,
    tokenizer,
    task: Optional[str] = None,
    labels: Optional[Sequence[str]] = None,
    max_seq_length: int = 128,
    labelled: bool = True,
) -> str:
    """Converts the text file ``source`` (see data/text.py) to the record file ``target``; returns a short report.

    Label ids follow ``task`` (a name of the registry), else ``labels``, else the sorted labels of the file. Raises
    UserError for any mistake; ``target`` is then not touched.
    """
    if task and labels:
        raise UserError("--task and --labels exclude each other: a task of the registry has its labels.")
    known = tasks.get_task(task) if task else None
    labels = list(known.labels) if known else list(labels or ())
    text.check_labels(labels)
    if os.path.realpath(source) == os.path.realpath(target):
        raise UserError("--input and --output are the same file: %s." % source)
    examples = text.read_text(source, labelled)
    is_pair = examples[0].text_b is not None
    if known and known.pair != is_pair:
        found, expected = text.kind_of_rows(is_pair), text.kind_of_rows(known.pair)
        raise UserError("%s: holds %s, but task %s has %s." % (source, found, known.name, expected))
    labels = labels or text.labels_in_order(examples)
    encoded = encode(examples, tokenizer, labels, max_seq_length, named(source))
    cut = count_truncated(examples, encoded, tokenizer)
    records.write_records(target, encoded)
    lines = ["%s: %d %s" % (target, encoded.size, "pairs" if is_pair else "texts")]
    if labelled:
        lines.append("labels: " + ", ".join("%d = %s" % each for each in enumerate(labels)))
    else:
        lines.append("labels: none (label_ids are 0)")
    lines.append("cut to %d tokens: %d of %d" % (max_seq_length, cut, encoded.size))
    return "\n".join(lines + _size_note(source, encoded.size))


def _size_note(source: str, size: int) -> list:
    """A line when an evaluation file of the public layout has not the published number of rows, else none."""
    part = tasks.identify(source)
    if part is None or part.part != "eval" or part.task.eval_size in (None, size):
        return []
    fault = "has %d rows, but the published evaluation set has %d." % (size, part.task.eval_size)
    return ["note: %s" % tasks.file_error(source, fault)]
