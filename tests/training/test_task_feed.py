"""Which tasks a process reads, and what becomes of mistakes in the data."""
import collections

import numpy as np
import pytest

from data.meta_tasks import MetaTask
from data.records import Examples
from learner import configs
from runtime.compat import tf
from runtime.errors import UserError
from training import task_feed

pytestmark = pytest.mark.usefixtures("graph")

Context = collections.namedtuple("Context", ["num_replicas_in_sync", "num_input_pipelines", "input_pipeline_id"])
RUN = configs.MetaTrainConfig(("x",), tasks_per_gpu=2, num_gpus=2, max_seq_length=3)


def task(number):
    """A task of number + 1 rows."""
    rows = np.full([number % 3 + 1, 3], number, np.int32)
    return MetaTask(Examples(rows, np.ones_like(rows), np.zeros_like(rows), rows[:, 0] % 2), 2, number % 5)


class Source:
    """Tasks up to a broken one."""

    def __init__(self, broken=None):
        self._broken = broken

    def tasks(self, numbers):
        for number in numbers:
            if number == self._broken:
                raise UserError("record %d is broken." % number)
            yield number, task(number)


def read(data, count):
    """The first elements of a dataset."""
    following = tf.data.make_one_shot_iterator(data).get_next()
    with tf.Session() as session:
        return [session.run(following) for _ in range(count)]


@pytest.mark.parametrize("replicas, pipelines, number, expected", [
    (1, 1, 0, (4, range(0, 1))), (2, 1, 0, (2, range(0, 2))), (4, 2, 1, (1, range(2, 4))),
])
def test_shares(replicas, pipelines, number, expected):
    """All replicas together read the tasks of a step."""
    assert task_feed.shares_of(Context(replicas, pipelines, number), RUN) == expected


@pytest.mark.parametrize("start, shares, expected", [
    (0, task_feed.Shares(4, range(1)), [[0, 1, 2, 3], [4, 5, 6, 7]]),
    (5, task_feed.Shares(2, range(2)), [[20, 21], [22, 23], [24, 25]]),
    (0, task_feed.Shares(1, range(2, 4)), [[2], [3], [6], [7]]),  # the second of two processes
])
def test_tasks_follow_from_step_and_replica(start, shares, expected):
    found = read(task_feed.training_data(Source(), RUN, start, shares, []), len(expected))
    assert [[int(each["number"]) for each in element] for element in found] == expected


def test_rows_arrive_as_they_are():
    (element,) = read(task_feed.training_data(Source(), RUN, 2, task_feed.Shares(4, range(1)), []), 1)
    for number, each in zip(range(8, 12), element):
        expected = task(number)
        for name in ("input_ids", "input_mask", "segment_ids", "label_ids"):
            np.testing.assert_array_equal(each[name], getattr(expected.examples, name), name)
        assert each["num_labels"].tolist() == [2] * expected.examples.size and each["file"] == expected.file


def test_a_mistake_in_the_data_is_kept_for_the_user():
    faults = []
    data = task_feed.training_data(Source(broken=6), RUN, 0, task_feed.Shares(4, range(1)), faults)
    with pytest.raises(tf.errors.OpError):
        read(data, 2)
    assert [str(fault) for fault in faults] == ["record 6 is broken."]


def test_validation_tasks_come_once_each_alone():
    data = task_feed.validation_data([task(7), task(3)], RUN)
    found = read(data, 2)
    assert [(len(each), int(each[0]["number"]), int(each[0]["file"])) for each in found] == [(1, 0, 2), (1, 1, 3)]
    with pytest.raises(tf.errors.OutOfRangeError):
        read(data, 3)
