"""Meta-training tasks from labelled rows: text -> NAME_train.tf_record, NAME_dev.tf_record, each with its side file.

Rows come from a source, which can be read again and again: once to count labels and to find what is wrong, once to
convert. So a file may be larger than the memory, and nothing is written before all is known to be well. A source has
  name              what errors call it
  origin            what the side file calls it, without a folder of this machine
  rows(reject)      yields (where a row stands, text.TextExample); `reject` is told of rows that cannot be used
  sha256()          checksum of its content
"""
import collections
import contextlib
import dataclasses
import itertools
import os
import re
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Tuple

import numpy as np

from data import encoding, meta_tasks, records, text, unknown_words
from data.supervised import episodes, glue
from runtime.compat import tf
from runtime.errors import UserError, cannot_write

TRAIN = glue.TRAIN
MOST_LABELS = 1000  # more of them are no classes but texts, numbers or names
ROWS_AT_ONCE = 1000
# Columns of texts and labels in the order in which they are looked for, where none are given.
TEXT_COLUMNS = (
    ("sentence1", "sentence2"), ("text", "text2"), ("text1", "text2"), ("text", "text_b"), ("text_a", "text_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"), ("question", "sentence"), ("#1 string", "#2 string"),
    ("sentence1",), ("sentence",), ("text",), ("content",), ("review",), ("question",),
)
LABEL_COLUMNS = (
    "label", "gold_label", "class", "category", "target", "sentiment", "intent", "emotion", "topic", "is_duplicate",
    "quality",
)


class TextFile:
    """The rows of a text file.

    Args:
      path: see data/text.py.
      layout: text.Layout.
      read_label: turns the label column into the label; a ValueError of it says which labels there are.
    """

    def __init__(self, path: str, layout: text.Layout, read_label: Optional[Callable[[str], str]] = None):
        self.name, self.origin = path, os.path.basename(path)
        self._layout, self._read_label = layout, read_label

    def rows(self, reject):
        """Yields (where, text.TextExample)."""
        for where, example in text.iter_text(self.name, self._layout, reject=reject):
            if self._read_label:
                try:
                    example = dataclasses.replace(example, label=self._read_label(example.label))
                except ValueError as error:
                    fault = "%s: %s: unknown label %r; %s." % (self.name, where, example.label, error)
                    raise UserError(fault) from None
            yield where, example

    def sha256(self):
        """Of the file as it is on disk."""
        return records.sha256(self.name)


@dataclass(frozen=True)
class DataSet:
    """Sources that belong together.

    Attributes:
      name: record files begin with it.
      parts: {"train": source, "dev...": source}.
      labels: {what the rows say: name of the class} in the order of the label ids; None: the labels of the training
        rows, sorted as strings.
    """

    name: str
    parts: Dict[str, object]
    labels: Optional[Dict[str, str]] = None


def published(task: glue.GlueTask, paths: Dict[str, str], name: Optional[str] = None) -> DataSet:
    """The files {part: path} of a task in the layout in which it is published."""
    sources = {part: TextFile(path, task.layout, task.read_label) for part, path in paths.items()}
    return DataSet(name or task.name, sources, task.labels)


def layout_of(source, columns, text_columns=None, label_column=None, quoted=True, skip_labels=()) -> text.Layout:
    """The layout of rows with the given columns.

    Args:
      source: what errors call them.
      columns: names of the columns.
      text_columns, label_column: one or two names and one name, regardless of case; None: the usual names are tried.
      quoted, skip_labels: see text.Layout.

    Raises:
      UserError: a column is missing.
    """
    if text_columns and len(text_columns) > 2:
        raise UserError("--text_columns=%s: one column, or two for pairs of texts." % ",".join(text_columns))
    texts = _columns_named("--text_columns", source, columns, [tuple(text_columns)] if text_columns else TEXT_COLUMNS)
    label, = _columns_named(
        "--label_column", source, columns, [(name,) for name in ([label_column] if label_column else LABEL_COLUMNS)]
    )
    return text.Layout(texts[:1], texts[1:], (label,), len(texts) == 2, None, quoted, tuple(skip_labels))


def _columns_named(flag, source, columns, choices):
    """The first of the choices (tuples of names) all of whose columns are there, as the source spells them."""
    spelled = {name.lower(): name for name in reversed(columns)}
    spelled.update((name, name) for name in columns)  # an exact match goes before
    for names in choices:
        found = tuple(spelled.get(name, spelled.get(name.lower())) for name in names)
        if all(found):
            return found
    wanted = " or ".join("+".join(names) for names in choices)
    raise UserError(
        "%s: no column %s; the columns are: %s. Name one with %s." % (source, wanted, ", ".join(columns), flag)
    )


@dataclass
class Survey:
    """What is in a source: the rows of each label, and how many rows cannot be used for which reason."""

    labels: collections.Counter
    rejected: collections.Counter
    first: Dict[str, text.RowFault]  # {reason: the first row}

    def notes(self):
        """Why rows are left out, for people: a list."""
        return ["%d for %s (first: %s)" % (self.rejected[why], why, self.first[why].where) for why in self.first]


def survey(source, known=None) -> Survey:
    """Reads a source once.

    Args:
      known: labels that may occur; None: all.

    Raises:
      UserError: an unknown label, no row that can be used, or so many labels that they are no classes.
    """
    found = Survey(collections.Counter(), collections.Counter(), {})

    def reject(fault):
        found.rejected[fault.reason] += 1
        found.first.setdefault(fault.reason, fault)

    for where, example in source.rows(reject):
        if known is not None and example.label not in known:
            raise UserError(
                "%s: %s: unknown label %r; known: %s." % (source.name, where, example.label, ", ".join(known))
            )
        found.labels[example.label] += 1
        if len(found.labels) > MOST_LABELS:
            raise UserError(
                "%s: more than %d different labels up to %s: name the column of the classes with --label_column."
                % (source.name, MOST_LABELS, where)
            )
    if not found.labels:
        reasons = "; ".join(str(fault) for fault in found.first.values())
        raise UserError("%s: holds no row that can be used%s" % (source.name, " (%s)" % reasons if reasons else "."))
    return found


@dataclass(frozen=True)
class LabelledFile:
    """One file to be made from a part of a data set: of the rows that have one of some labels.

    Attributes:
      name: of the file.
      labels: what the rows say, in the order of the ids.
    """

    name: str
    labels: Tuple[str, ...]

    @property
    def side_name(self):
        return self.name + meta_tasks.SIDE_FILE


class Conversion:
    """How a data set becomes record files; making one reads all rows once.

    Args:
      data_set: DataSet.
      pairwise: whether three classes also become three tasks of two.
      drawing: episodes.EpisodeSettings of tasks that are drawn from the training rows, or None for none.
      advance: told after each source that was read.

    Raises:
      UserError: see `survey`; a single class; a name that would make the files SMLMT files.
    """

    def __init__(self, data_set, pairwise=False, drawing=None, advance=lambda: None):
        name = data_set.name
        if not name or name.startswith((".", meta_tasks.PRETRAIN)) or os.path.basename(name) != name:
            raise UserError("--name=%s: give a file name that does not begin with %s." % (name, meta_tasks.PRETRAIN))
        self._data_set = data_set
        self._surveys = {}
        names = data_set.labels
        for part, source in data_set.parts.items():  # training rows first, see below
            self._surveys[part] = survey(source, names)
            if names is None:
                names = {label: label for label in sorted(self._surveys[part].labels)}
            advance()
        self._names = names
        if len(names) < 2:
            rejected = self._surveys[TRAIN].notes()
            raise UserError(
                "%s: a task needs two classes, but all rows have the label %s%s."
                % (data_set.parts[TRAIN].name, *names, "; left out: " + ", ".join(rejected) if rejected else "")
            )
        self._files = {part: self._record_files(part, pairwise) for part in data_set.parts}
        counts = [self._surveys[TRAIN].labels[label] for label in names]
        self._drawn = episodes.TaskFiles(name, counts, drawing) if drawing else None

    @property
    def rows(self):
        """Number of rows that will be converted."""
        return sum(sum(found.labels.values()) for found in self._surveys.values())

    @property
    def tasks(self):
        """Number of tasks that will be drawn."""
        return self._drawn.tasks if self._drawn else 0

    def file_names(self):
        """Names of all files, each side file before its record file."""
        files = itertools.chain.from_iterable(self._files.values())
        names = [name for file in files for name in (file.side_name, file.name)]
        return names + (self._drawn.file_names() if self._drawn else [])

    def write(self, tokenizer, max_seq_length, staging, advance):
        """Writes all files into the staging folder.

        Args:
          tokenizer, max_seq_length: see encoding.encode.
          staging: Staging that knows `file_names`.
          advance: told the number of rows done.

        Returns:
          A report: list of lines.
        """
        report = []
        for part, files in self._files.items():
            cut, unknown = self._write_records(part, files, tokenizer, max_seq_length, staging, advance)
            found = self._surveys[part]
            checksum = self._data_set.parts[part].sha256()
            for file in files:
                staging.write_json(file.side_name, self._side(part, file, checksum))
                report.append(
                    "%s: %d records, %d classes (%s)"
                    % (
                        staging.target(file.name), self._size(part, file), len(file.labels),
                        ", ".join(self._names[label] for label in file.labels),
                    )
                )
            if found.first:
                report.append("  left out: " + ", ".join(found.notes()))
            if cut:
                report.append("  cut to %d tokens: %d" % (max_seq_length, cut))
            doubt = unknown_words.doubt(unknown, tokenizer)
            report += ["  note: " + doubt] * bool(doubt)
        return report

    def write_tasks(self, max_seq_length, staging, processes, advance):
        """Draws the tasks from what `write` has written; arguments and report as there and in TaskFiles.write."""
        if not self._drawn:
            return []
        source = self._data_set.parts[TRAIN]
        origin = {"source": source.origin, "sha256": source.sha256()}
        whole = staging.path(self._files[TRAIN][0].name)
        return self._drawn.write(
            whole, max_seq_length, list(self._names.values()), origin, staging, processes, advance
        )

    def _record_files(self, part, pairwise):
        labels = tuple(self._names)
        files = [LabelledFile("%s_%s.tf_record" % (self._data_set.name, part), labels)]
        if pairwise and len(labels) == 3:
            slugs = dict(zip(labels, _slugs([self._names[label] for label in labels])))
            for pair in itertools.combinations(labels, 2):
                name = "_".join([self._data_set.name] + [slugs[label] for label in pair] + [part])
                files.append(LabelledFile(name + ".tf_record", pair))
        return files

    def _size(self, part, file):
        return sum(self._surveys[part].labels[label] for label in file.labels)

    def _side(self, part, file, checksum):
        """Content of a side file."""
        found = self._surveys[part]
        skipped = dict(found.rejected)
        for label in found.labels:
            if label not in file.labels:
                skipped["label " + self._names[label]] = found.labels[label]
        return {
            "num_labels": len(file.labels),
            "labels": [self._names[label] for label in file.labels],
            "records": self._size(part, file),
            "source": self._data_set.parts[part].origin,
            "sha256": checksum,
            "skipped": skipped,
        }

    def _write_records(self, part, files, tokenizer, max_seq_length, staging, advance):
        """Writes the record files of a part; returns how many texts were cut, and the unknown_words.Share."""
        source, labels = self._data_set.parts[part], list(self._names)
        cut, unknown = 0, unknown_words.Share()
        new_ids = [_positions(labels, file.labels) for file in files]
        rows = source.rows(lambda fault: None)
        try:
            with contextlib.ExitStack() as stack:
                writers = [
                    stack.enter_context(tf.python_io.TFRecordWriter(staging.path(file.name))) for file in files
                ]
                for some in iter(lambda: [example for _, example in itertools.islice(rows, ROWS_AT_ONCE)], []):
                    examples = encoding.encode(some, tokenizer, labels, max_seq_length, source.name)
                    cut += encoding.count_truncated(some, examples, tokenizer)
                    unknown = unknown.plus(unknown_words.share_of(examples, tokenizer))
                    for writer, ids in zip(writers, new_ids):
                        for serialized in records.serialize(_relabelled(examples, ids)):
                            writer.write(serialized)
                    advance(len(some))
        except (OSError, tf.errors.OpError) as error:
            raise cannot_write(staging.output_dir, error) from None
        return cut, unknown


def _positions(labels, chosen):
    """Where each label stands among the chosen ones, -1 where it does not: int32 [labels]."""
    return np.array([chosen.index(label) if label in chosen else -1 for label in labels], np.int32)


def _relabelled(examples, new_ids):
    """The examples whose label has a new id of 0 or more, with it.

    Args:
      examples: records.Examples.
      new_ids: int32 [labels].
    """
    label_ids = new_ids[examples.label_ids]
    kept = np.flatnonzero(label_ids >= 0)
    return dataclasses.replace(examples.take(kept), label_ids=label_ids[kept])


def _slugs(names):
    """Names fit for file names; their numbers where they would not differ."""
    slugs = [re.sub("[^A-Za-z0-9]+", "-", name).strip("-") for name in names]
    return slugs if all(slugs) and len(set(slugs)) == len(slugs) else [str(index) for index in range(len(names))]
