"""Tasks made by several processes, in order: any number of them makes the same files."""
import collections
import multiprocessing
import os
from concurrent import futures
from concurrent.futures import process

from runtime import parents
from runtime.errors import UserError

TASKS_AT_ONCE = 4  # handed to a process
BLOCKS_PENDING = 2  # of so many tasks, for each process

_maker = None  # of a worker process


def _start_worker(maker, parent):
    parents.end_with(parent)
    global _maker
    _maker = maker


def _make(block):
    return [_maker.task(*which) for which in block]


def make_tasks(maker, wanted, workers):
    """Yields the task of each (N, number) in the list `wanted`, in order, made by `workers` processes.

    Args:
      maker: has `task(N, number)`, whose result depends on nothing else, and can be sent to another process.
      wanted: list of (N, number).
      workers: processes; with 1 the tasks are made here.

    Raises:
      UserError: a task cannot be made, or a process died.
    """
    if workers <= 1:
        for which in wanted:
            yield maker.task(*which)
        return
    methods = multiprocessing.get_all_start_methods()  # with fork the processes share what the maker holds
    context = multiprocessing.get_context("fork" if "fork" in methods else None)
    pool = futures.ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(maker, os.getpid()))
    try:
        with pool:
            pending = collections.deque()  # short, so that tasks do not pile up when writing is slow
            for first in range(0, len(wanted), TASKS_AT_ONCE):
                pending.append(pool.submit(_make, wanted[first : first + TASKS_AT_ONCE]))
                if len(pending) > BLOCKS_PENDING * workers:
                    for task in pending.popleft().result():
                        yield task
            for block in pending:
                for task in block.result():
                    yield task
    except process.BrokenProcessPool:
        raise UserError("A worker process died, perhaps for lack of memory: give fewer --workers.") from None
