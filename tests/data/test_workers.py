"""Tasks made by one process or several."""
import os

import pytest

from data import workers
from runtime.errors import UserError


class Pairs:
    """A maker whose tasks are what was asked for."""

    def task(self, classes, number):
        return classes, number


class Dying:
    """A maker whose process is killed."""

    def task(self, classes, number):
        os._exit(9)


class Failing:
    """A maker that cannot make its tasks."""

    def task(self, classes, number):
        raise UserError("no task %d" % number)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("tasks", [0, 1, 4, 25])
def test_tasks_come_in_order(number, tasks):
    wanted = [(2 + each % 3, each) for each in range(tasks)]
    assert list(workers.make_tasks(Pairs(), wanted, number)) == wanted


@pytest.mark.parametrize("number", [1, 2])
def test_a_task_that_cannot_be_made_is_an_error(number):
    with pytest.raises(UserError, match="no task 0"):
        list(workers.make_tasks(Failing(), [(2, 0), (2, 1)], number))


def test_a_worker_that_dies_is_an_error():
    with pytest.raises(UserError, match="worker process died"):
        list(workers.make_tasks(Dying(), [(2, 0)] * 20, 2))
