"""Tasks of N classes drawn from a labelled set that may have many: NAME_train.tf_record -> NAME_train_N.tf_record.

A file of drawn tasks is one task after the other, each of records_per_task records, in the order in which meta-training
reads them: first a batch that has rows of every class, for the label embeddings are made from it; then rows whose class
is drawn anew for each, so that support and query rows of a class differ in number from task to task. No row comes
twice in a task. Task number t for N classes is a function of the seed, N, t and the whole set's records alone, so that
any number of processes makes the same files.
"""
import dataclasses
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from data import meta_tasks, records, workers
from data.supervised import glue
from runtime.compat import tf
from runtime.errors import UserError, cannot_write

MAX_SEED = 2 ** 32 - 1
ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class EpisodeSettings:
    """What is to be drawn; each field is a flag of scripts/make_supervised.py.

    Raises UserError for values that make no sense.
    """

    classes: Tuple[int, ...]  # a file for each N
    tasks_per_class_count: int = 1000  # tasks of each file
    records_per_task: int = 90
    first_batch: int = 16  # records that have the same number of each class, or one more
    seed: int = 0

    def __post_init__(self):
        if not self.classes or min(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise UserError("--classes=%s: different whole numbers of 2 or more." % ",".join(map(str, self.classes)))
        for name, least in (("tasks_per_class_count", 1), ("first_batch", max(self.classes)), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError("--%s=%d: at least %d." % (name, getattr(self, name), least))
        if self.seed > MAX_SEED:
            raise UserError("--seed=%d: at most %d." % (self.seed, MAX_SEED))
        if self.records_per_task <= self.first_batch:
            raise UserError(
                "--records_per_task=%d: more than the --first_batch=%d." % (self.records_per_task, self.first_batch)
            )

    def rows_needed(self, classes):
        """Rows that a class needs to be drawn for a task of so many classes: any of them then fill it together."""
        return -(-self.records_per_task // classes)


@dataclass(frozen=True)
class Draw:
    """One task: rows of the whole set, and their labels in the task."""

    rows: np.ndarray  # int64 [records_per_task]
    label_ids: np.ndarray  # int32 [records_per_task], below the number of classes


def draw(rows_of, settings, classes, number):
    """The number-th task of so many classes; returns Draw.

    Args:
      rows_of: list of int [rows], the rows of each class that has enough of them.
      settings: EpisodeSettings.
      classes, number: which task.
    """
    random = np.random.RandomState([settings.seed, classes, number])
    chosen = [random.permutation(rows_of[label]) for label in random.permutation(len(rows_of))[:classes]]
    taken = [0] * classes
    rows, label_ids = [], []
    for place in range(settings.records_per_task):
        if place < settings.first_batch:
            label = place % classes
        else:
            left = [each for each in range(classes) if taken[each] < len(chosen[each])]
            label = left[random.randint(len(left))]
        rows.append(chosen[label][taken[label]])
        label_ids.append(label)
        taken[label] += 1
    return Draw(np.array(rows), np.array(label_ids, np.int32))


class EpisodeMaker:
    """Makes the records of tasks from the record file of a whole set; can be sent to another process.

    Args:
      path: record file.
      max_seq_length: tokens of its records.
      usable: {N: ids of the labels that tasks of N classes are drawn from}.
      settings: EpisodeSettings.
    """

    def __init__(self, path, max_seq_length, usable, settings):
        self._file = records.RecordFile(path)
        self._max_seq_length, self._settings = max_seq_length, settings
        size = self._file.size
        blocks = [range(start, min(start + ROWS_AT_ONCE, size)) for start in range(0, size, ROWS_AT_ONCE)]
        labels = np.concatenate([self._file.examples(block, max_seq_length).label_ids for block in blocks])
        self._rows_of = {classes: [np.flatnonzero(labels == label) for label in ids] for classes, ids in usable.items()}

    def task(self, classes, number):
        """The records of a task, a list of bytes."""
        drawn = draw(self._rows_of[classes], self._settings, classes, number)
        examples = self._file.examples(drawn.rows, self._max_seq_length)
        return list(records.serialize(dataclasses.replace(examples, label_ids=drawn.label_ids)))


class TaskFiles:
    """The files of drawn tasks of one data set.

    Args:
      name: of the data set; the files are called NAME_train_N.tf_record.
      counts: rows of each label, in the order of the ids.
      settings: EpisodeSettings.

    Raises:
      UserError: no N has enough classes with enough rows.
    """

    def __init__(self, name, counts, settings):
        self._name, self._settings = name, settings
        usable = {
            classes: [label for label, rows in enumerate(counts) if rows >= settings.rows_needed(classes)]
            for classes in settings.classes
        }
        self._usable = {classes: labels for classes, labels in usable.items() if len(labels) >= classes}
        self._without = [
            "%d classes (%d have the %d rows that each needs)" % (classes, len(labels), settings.rows_needed(classes))
            for classes, labels in usable.items()
            if classes not in self._usable
        ]
        if not self._usable:
            raise UserError("%s: no tasks can be drawn of %s." % (name, ", of ".join(self._without)))

    @property
    def tasks(self):
        """Number of tasks that will be made."""
        return len(self._usable) * self._settings.tasks_per_class_count

    def file_names(self):
        """Names of all files, each side file before its record file."""
        files = [self._file_name(classes) for classes in self._usable]
        return [name for file in files for name in (file + meta_tasks.SIDE_FILE, file)]

    def write(self, whole, max_seq_length, names, origin, staging, processes, advance):
        """Writes all files into the staging folder.

        Args:
          whole: path of the whole set's record file.
          max_seq_length: tokens of its records.
          names: of its classes, in the order of the ids.
          origin: what the side files say about where the rows come from, a dict.
          staging: Staging that knows `file_names`.
          processes: that make tasks.
          advance: told the number of tasks done.

        Returns:
          A report: list of lines.
        """
        maker = EpisodeMaker(whole, max_seq_length, self._usable, self._settings)
        count, report = self._settings.tasks_per_class_count, []
        for classes, labels in self._usable.items():
            file = self._file_name(classes)
            wanted = [(classes, number) for number in range(count)]
            _write_tasks(staging, file, workers.make_tasks(maker, wanted, processes), advance)
            side = self._side(classes, [names[label] for label in labels], origin)
            staging.write_json(file + meta_tasks.SIDE_FILE, side)
            of = (staging.target(file), count, classes, len(labels))
            report.append("%s: %d tasks of %d classes out of %d" % of)
        if self._without:
            report.append("  no tasks of " + ", of ".join(self._without))
        return report

    def _file_name(self, classes):
        return "%s_%s_%d.tf_record" % (self._name, glue.TRAIN, classes)

    def _side(self, classes, labels, origin):
        """Content of a side file."""
        settings = self._settings
        return dict(
            origin,
            num_labels=classes,
            records_per_task=settings.records_per_task,
            tasks=settings.tasks_per_class_count,
            records=settings.tasks_per_class_count * settings.records_per_task,
            first_batch=settings.first_batch,
            seed=settings.seed,
            labels=labels,
        )


def _write_tasks(staging, name, tasks, advance):
    """Writes the records of tasks into a file of the staging folder; UserError when the disk is full."""
    try:
        with tf.python_io.TFRecordWriter(staging.path(name)) as writer:
            for task in tasks:
                for serialized in task:
                    writer.write(serialized)
                advance(1)
    except (OSError, tf.errors.OpError) as error:
        raise cannot_write(staging.output_dir, error) from None
