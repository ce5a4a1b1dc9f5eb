"""Meta-training tasks from record files: which file, which records, in which order, as published.

Task number i of a run is a function of the seed and i alone. So a resumed run goes on with the next task, and several
workers share one sequence by taking turns, without any state on disk.
"""
import collections
import itertools
import os
import re

import numpy as np
from absl import logging

from data import batching, records
from data.smlmt import record_files
from runtime import schema
from runtime.errors import UserError

SUPERVISED_BUFFER = 1000  # shuffle buffer of supervised files
VALIDATION_BUFFER = 500
CHOICES_AT_ONCE = 4096
PRETRAIN = "meta_pretrain"
KNOWN_CLASSES = (
    ("mnli", 3), ("snli", 3), ("sst", 2), ("cola", 2), ("mrpc", 2), ("qqp", 2), ("qnli", 2), ("rte", 2), ("wnli", 2),
)
SIDE_FILE = ".json"  # FILE.json beside a record file may say {"num_labels": N}, and more about where it comes from
MOST = 10**6  # of what a side file says
ROWS = "records_per_task"  # in the side file of a file of drawn tasks (data/supervised/episodes.py)

MetaTask = collections.namedtuple("MetaTask", ["examples", "num_labels", "file"])  # the last: its place in the list


def is_pretrain(path):
    """Whether a file holds SMLMT tasks."""
    return os.path.basename(path).startswith(PRETRAIN)


def num_labels_of(path):
    """Classes of a file's tasks: from its side file, else from its name.

    SMLMT files end in the number (meta_pretrain_3.tf_record); supervised files are known by the task in their name.
    """
    side = path + SIDE_FILE
    if os.path.exists(side):
        return _whole_number_in(side, _side_of(path), "num_labels")
    stem = os.path.basename(path).split(".")[0].lower()
    if is_pretrain(path):
        number = re.search(r"_(\d+)$", stem)
        if not number:
            raise UserError("%s: the name of an SMLMT file ends in _N, the number of classes." % path)
        return int(number.group(1))
    words = re.split(r"[\W\d_]+", stem)  # whole words, for "quarterly" holds "rte"
    for word, number in KNOWN_CLASSES:
        if word in words:
            return number
    raise UserError('%s: unknown number of classes; write {"num_labels": N} to %s.' % (path, side))


def drawn_rows(path):
    """Records of each task of a file of drawn tasks, as its side file says; None for any other file.

    Such a file is one task after the other, the records of each in the order in which they are to be read; classes
    differ from task to task, as in SMLMT files.
    """
    side = _side_of(path)
    return _whole_number_in(path + SIDE_FILE, side, ROWS) if ROWS in side else None


def _side_of(path):
    """Content of the side file of a record file, a dict; empty where there is none, or none that can be read."""
    try:
        content = schema.load(path + SIDE_FILE)
    except (OSError, schema.Malformed):
        return {}
    return content if isinstance(content, dict) else {}


def _whole_number_in(side, content, name):
    """The number of that name in a side file; UserError for anything but a whole number of 2 or more."""
    number = content.get(name)
    if type(number) is not int or not 2 <= number <= MOST:
        raise UserError(
            '%s: expected {"%s": N} with a whole number N of 2 or more (%d at most).' % (side, name, MOST)
        )
    return number


def sampling_weights(sizes, pretrain, sqrt_sampling, pretrain_task_weight):
    """Probability of each file.

    Args:
      sizes: records of each file.
      pretrain: whether each holds SMLMT tasks.
      sqrt_sampling: weigh by the square root of the size, else all alike.
      pretrain_task_weight: when below 1, the SMLMT files share it and the others share the rest.

    Returns:
      float [files], summing to 1.
    """
    weights = np.sqrt(np.asarray(sizes, float)) if sqrt_sampling else np.ones(len(sizes))
    pretrain = np.asarray(pretrain, bool)
    if pretrain_task_weight < 1.0 and pretrain.any() and not pretrain.all():
        weights[pretrain] *= pretrain_task_weight / weights[pretrain].sum()
        weights[~pretrain] *= (1.0 - pretrain_task_weight) / weights[~pretrain].sum()
    return weights / weights.sum()


class TaskSource:
    """An endless, reproducible sequence of meta-training tasks.

    Args:
      paths: record files.
      rows: records a task (train_batch_size).
      supervised_rows: records a supervised task when above 0 (max_train_batch_size).
      max_seq_length, vocab_size: what the records are checked against.
      sqrt_sampling, pretrain_task_weight: see `sampling_weights`.
      seed: of the sequence.
    """

    def __init__(
        self, paths, rows, max_seq_length, vocab_size, supervised_rows=-1, sqrt_sampling=False,
        pretrain_task_weight=1.0, seed=0,
    ):
        if not paths:
            raise UserError("--task_train_files: no file.")
        self._files = [records.RecordFile(path) for path in paths]
        self._num_labels = [num_labels_of(path) for path in paths]
        self._pretrain = [is_pretrain(path) for path in paths]
        self._drawn = [drawn_rows(path) for path in paths]
        self._rows = [
            supervised_rows if supervised_rows > 0 and not pretrain else rows for pretrain in self._pretrain
        ]
        for file, needed, pretrain, drawn in zip(self._files, self._rows, self._pretrain, self._drawn):
            if drawn:
                _check_drawn(file.path, needed, drawn)
            elif pretrain:
                _check_borders(file.path, needed)
            if file.size < needed:
                _too_small(file, needed, pretrain)
        self._weights = sampling_weights(self.sizes, self._pretrain, sqrt_sampling, pretrain_task_weight)
        self._check = (max_seq_length, vocab_size)
        self._seed = seed

    @property
    def sizes(self):
        """Records of each file."""
        return [file.size for file in self._files]

    def tasks(self, numbers):
        """Yields (number, MetaTask) for each of the growing `numbers`; skipping some costs next to nothing."""
        drawn = np.zeros(len(self._files), np.int64)  # tasks taken from each file so far
        streams = {}  # supervised file -> (endless shuffled row numbers, rows taken from it)
        numbers = iter(numbers)
        wanted = next(numbers, None)
        for number, choice in enumerate(self._choices()):
            if wanted is None:
                return
            if number == wanted:
                yield number, self._task(number, choice, drawn[choice], streams)
                wanted = next(numbers, None)
            drawn[choice] += 1

    def _choices(self):
        """Numbers of the files that the tasks are taken from."""
        for block in itertools.count():
            random = np.random.RandomState([self._seed, block])
            for choice in random.choice(len(self._files), CHOICES_AT_ONCE, p=self._weights):
                yield choice

    def _task(self, index, choice, number, streams):
        file, rows = self._files[choice], self._rows[choice]
        if self._drawn[choice]:
            order = _block(file, rows, number)
        elif self._pretrain[choice]:
            order = _block(file, rows, number)[np.random.RandomState([self._seed, index, 1]).permutation(rows)]
        else:
            order = self._supervised_rows(choice, number, streams)
        examples = file.examples(order, self._check[0], self._num_labels[choice], self._check[1])
        return MetaTask(examples, self._num_labels[choice], int(choice))

    def _supervised_rows(self, choice, number, streams):
        """Rows of the number-th task of a file: the repeated file goes through a shuffle buffer."""
        file, rows = self._files[choice], self._rows[choice]
        if choice not in streams:
            random = np.random.RandomState([self._seed, choice, 2])
            streams[choice] = [batching.shuffled(itertools.cycle(range(file.size)), SUPERVISED_BUFFER, random), 0]
        stream, taken = streams[choice]
        skipped = number * rows - taken
        streams[choice][1] = (number + 1) * rows
        return np.array(list(itertools.islice(stream, int(skipped), int(skipped) + rows)))


def _block(file, rows, number):
    """Numbers of the records of a file's number-th task, int [rows]: consecutive; a short rest is left out."""
    first = number % (file.size // rows) * rows
    return np.arange(first, first + rows)


def _check_drawn(path, needed, drawn):
    """UserError unless a task takes as many records as each of a file's drawn tasks has."""
    if needed != drawn:
        raise UserError(
            "%s: each task has %d records, but one of %d is asked for: give --train_batch_size=%d (or, beside files "
            "with tasks of another size, --max_train_batch_size=%d)." % (path, drawn, needed, drawn, drawn)
        )


def _check_borders(path, needed):
    """UserError when blocks of so many records would cross borders between an SMLMT file's tasks."""
    made_for = record_files.records_per_task(path)
    if made_for and made_for % needed:
        raise UserError(
            "%s: --train_batch_size=%d would mix the words of different tasks, for the file was made with "
            "--records_per_task=%d: give --train_batch_size=%d." % (path, needed, made_for, made_for)
        )


def _too_small(file, needed, pretrain):
    """SMLMT tasks are blocks of a file, so none is left; a supervised file begins anew within a task."""
    message = "%s: %d records, but a task takes %d" % (file.path, file.size, needed)
    if pretrain:
        raise UserError("%s: use the --train_batch_size that the file was made for." % message)
    logging.warning("%s: some come again within a task, as support and query rows alike.", message)


def validation_tasks(path, rows, examples_per_task, max_seq_length, vocab_size, seed=0, file=0):
    """Tasks of meta-validation from one file: repeated, shuffled, cut to `examples_per_task` rows; list of MetaTask.

    Of a file of drawn tasks the first ones, as they are.
    """
    source, num_labels = records.RecordFile(path), num_labels_of(path)
    count, drawn = max(1, examples_per_task // rows), drawn_rows(path)
    if drawn:
        _check_drawn(path, rows, drawn)
        blocks = [_block(source, rows, number) for number in range(min(count, source.size // rows))]
    else:
        random = np.random.RandomState([seed, 3])
        stream = batching.shuffled(itertools.cycle(range(source.size)), VALIDATION_BUFFER, random)
        blocks = [list(itertools.islice(stream, rows)) for _ in range(count)]
    return [
        MetaTask(source.examples(numbers, max_seq_length, num_labels, vocab_size), num_labels, file)
        for numbers in blocks
    ]
