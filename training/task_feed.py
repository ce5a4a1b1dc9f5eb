"""The tasks of training steps and of validation as tf.data.Datasets."""
import collections
import itertools

from learner.classifier import Batch
from meta_learner import ROW_FIELDS as FIELDS
from runtime.compat import tf
from runtime.errors import UserError

Shares = collections.namedtuple("Shares", ["tasks", "replicas"])  # tasks a replica and step; this process's replicas


def shares_of(context, run):
    """Which tasks of a step this process reads, by the tf.distribute.InputContext."""
    here = context.num_replicas_in_sync // context.num_input_pipelines
    first = context.input_pipeline_id * here
    return Shares(run.tasks_per_step // context.num_replicas_in_sync, range(first, first + here))


def training_data(source, run, start, shares, faults):
    """The tasks of step `start` and those after it, an element for each replica of this process in turn.

    Args:
      source: data.meta_tasks.TaskSource.
      run: MetaTrainConfig.
      start: steps done.
      shares: Shares.
      faults: list that a UserError of the data is added to, for TensorFlow turns it into an error of its own.

    Returns:
      tf.data.Dataset of tuples of tasks, {name of FIELDS: [rows, seq] or [rows], file: [], number: []}.
    """

    def groups():
        numbers = (
            step * run.tasks_per_step + replica * shares.tasks + index
            for step in itertools.count(start)
            for replica in shares.replicas
            for index in range(shares.tasks)
        )
        tasks = source.tasks(numbers)
        while True:
            yield list(itertools.islice(tasks, shares.tasks))

    return _dataset(groups, run, shares.tasks, faults)


def validation_data(validation, run):
    """tf.data.Dataset of validation tasks, each a tuple of one task as in `training_data`."""
    return _dataset(lambda: ([(number, task)] for number, task in enumerate(validation)), run, 1, [])


def _dataset(groups, run, size, faults):
    """tf.data.Dataset of tuples of tasks from groups of `size` (number, MetaTask)."""
    shapes = {
        name: [None] if name in ("label_ids", "num_labels") else [None, run.max_seq_length] for name in FIELDS
    }
    shapes.update(file=[], number=[])
    types = dict({name: tf.int32 for name in FIELDS}, file=tf.int32, number=tf.int64)

    def elements():
        try:
            for group in groups():
                yield tuple(_as_arrays(*numbered) for numbered in group)
        except UserError as error:
            faults.append(error)
            raise

    return tf.data.Dataset.from_generator(elements, (types,) * size, (shapes,) * size).prefetch(2)


def _as_arrays(number, task):
    arrays = {name: getattr(task.examples, name) for name in Batch._fields}
    arrays["num_labels"] = [task.num_labels] * task.examples.size
    arrays.update(file=task.file, number=number)
    return arrays
