"""Labelled or unlabelled text to TFRecord files, with the vocabulary of the model that will read them."""
import os
from typing import Optional, Sequence

from data import encoding, records, tasks, text, unknown_words
from data.text_lines import named
from runtime.errors import UserError


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
    encoded = encoding.encode(examples, tokenizer, labels, max_seq_length, named(source))
    cut = encoding.count_truncated(examples, encoded, tokenizer)
    doubt = unknown_words.doubt(unknown_words.share_of(encoded, tokenizer), tokenizer)
    records.write_records(target, encoded)
    lines = ["%s: %d %s" % (target, encoded.size, "pairs" if is_pair else "texts")]
    if labelled:
        lines.append("labels: " + ", ".join("%d = %s" % each for each in enumerate(known.names if known else labels)))
    else:
        lines.append("labels: none (label_ids are 0)")
    lines.append("cut to %d tokens: %d of %d" % (max_seq_length, cut, encoded.size))
    return "\n".join(lines + ["note: " + doubt] * bool(doubt) + _size_note(source, encoded.size))


def _size_note(source: str, size: int) -> list:
    """A line when an evaluation file of the public layout has not the published number of rows, else none."""
    part = tasks.identify(source)
    if part is None or part.part != "eval" or part.task.eval_size in (None, size):
        return []
    fault = "has %d rows, but the published evaluation set has %d." % (size, part.task.eval_size)
    return ["note: %s" % tasks.file_error(source, fault)]
