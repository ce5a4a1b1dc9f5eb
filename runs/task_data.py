"""The rows of a k-shot task, from records or text."""
import dataclasses
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple

from absl import logging

from command_line.settings import TextSettings
from data import encoding, label_names, records, tasks, unknown_words
from data import text as text_files
from data.text_lines import named
from runs import record_rows, unlabelled_rows
from runtime.errors import UserError
from tokenization import Tokenizer

DEFAULT_NUM_LABELS = 2  # of records whose labels nothing names


class Rows(NamedTuple):
    """What a file holds."""

    examples: records.Examples
    labels: Sequence[str]  # names in the order of their ids
    texts: Optional[List[Tuple[str, Optional[str]]]]  # None for records


@dataclasses.dataclass(frozen=True)
class Reader:
    """Makes rows of files for one encoder; raises UserErrors for what it cannot use.

    `known` is what was read before: {(path, True): data.text.TextExamples} of labelled files, which are not read again,
    and {(path, False): data.unlabelled.Census} of files to predict, which are not checked again.
    """

    text: TextSettings
    vocab_file: str
    vocab_size: int
    known: Mapping[Tuple[str, bool], object] = dataclasses.field(default_factory=dict)

    def labelled(self, path, labels=None, num_labels=None):
        """Rows to train on or to evaluate.

        Args:
          path: records or text.
          labels: names in the order of their ids; None: those that a text file has, or numbers for records.
          num_labels: as the user gave it, or None.
        """
        if is_records(path):
            tasks.require(path)
            labels = labels or [str(i) for i in range(num_labels or DEFAULT_NUM_LABELS)]
            _check_number(labels, num_labels)
            return Rows(self._records(path, len(labels)), labels, None)
        known = self.known.get((path, True))
        examples = known if known is not None else text_files.read_text(tasks.require(path))
        labels = labels or text_files.labels_in_order(examples)
        _check_number(labels, num_labels)
        return self._encoded(path, _rightly_named(path, examples, labels), labels)

    def unlabelled(self, path):
        """Rows to predict, unlabelled_rows.TextRows or record_rows.RecordRows. "-" is text from standard input."""
        if is_records(path):
            return record_rows.RecordRows(
                records.RecordFile(tasks.require(path)), self.text.max_seq_length, self.vocab_size
            )
        known = self.known.get((path, False))
        return unlabelled_rows.TextRows(path, self._tokenizer(), self.text.max_seq_length, known)

    def names(self, names, labels):
        """Examples of a text for each class that tells its name; None without names.

        Args:
          names: of FinetuneConfig.label_names.
          labels: the labels in the order of their ids.
        """
        if not names:
            return None
        return label_names.encode(label_names.resolve(names, labels), self._tokenizer(), self.text.max_seq_length)

    def _records(self, path, num_labels):
        return records.read_records(path, self.text.max_seq_length, num_labels, self.vocab_size)

    def _tokenizer(self):
        tokenizer = Tokenizer.from_file(self.vocab_file, self.text.do_lower_case)
        if tokenizer.vocab_size > self.vocab_size:
            raise UserError(
                "--vocab_file: %s has %d tokens, but the BERT config has vocab_size %d; use the encoder's own "
                "vocabulary." % (self.vocab_file, tokenizer.vocab_size, self.vocab_size)
            )
        return tokenizer

    def _encoded(self, path, examples, labels):
        tokenizer, length = self._tokenizer(), self.text.max_seq_length
        encoded = encoding.encode(examples, tokenizer, labels, length, source=named(path))
        cut = encoding.count_truncated(examples, encoded, tokenizer)
        if cut:
            fault = "texts were cut to %d tokens (--max_seq_length)" % length
            logging.info("%s: %d of %d %s.", named(path), cut, encoded.size, fault)
        doubt = unknown_words.doubt(unknown_words.share_of(encoded, tokenizer), tokenizer)
        if doubt:
            logging.warning("%s: %s", named(path), doubt)
        return Rows(encoded, labels, [(row.text_a, row.text_b) for row in examples])


def check_segments(examples, bert_config, source):
    """UserError for data.records.Examples of pairs, where the encoder tells no second text from the first."""
    types = bert_config.type_vocab_size
    if examples.segment_ids.size and examples.segment_ids.max() >= types:
        raise UserError(
            "%s: holds pairs of texts, but the encoder has type_vocab_size %d and cannot tell them apart: join both "
            "texts in one column, or take an encoder with 2." % (named(source), types)
        )


def _rightly_named(path, examples, labels):
    """Examples of a public file with the names that its labels should have, where `labels` are these."""
    task = tasks.misnamed(labels, path)
    if task is None:
        return examples
    names = dict(zip(task.labels, task.right_names))
    return [dataclasses.replace(row, label=names.get(row.label, row.label)) for row in examples]


def is_records(path):
    """Whether a file of this name holds records, not text."""
    return path.endswith((".tf_record", ".tfrecord"))


def _check_number(labels, num_labels):
    if num_labels not in (None, len(labels)):
        raise UserError(
            "--test_num_labels=%d, but the task has %d labels: %s." % (num_labels, len(labels), ", ".join(labels))
        )
