"""The runs of a sweep, shared by processes of one machine."""
import concurrent.futures
import multiprocessing
import os
import signal

from runs import sweep
from runtime import parents
from runtime.errors import UserError

_runner = None  # sweep.Runner of a worker process


def outcomes(jobs, runner, processes):
    """Makes runs; yields (Job, reason why it failed or None) of each when it is done.

    Args:
      jobs: list of sweep.Job.
      runner: sweep.Runner, which makes them here when one process is enough.
      processes: how many may work at once.

    Raises:
      UserError: a process died, or results cannot be written.
    """
    count = min(processes, len(jobs))
    if count <= 1:
        for job in jobs:
            yield job, runner.run(job)
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with concurrent.futures.ProcessPoolExecutor(
        count, context, _start, (context.Value("i", 0), count, os.getpid(), runner.keep_predictions)
    ) as pool:
        running = {pool.submit(_work, job): job for job in jobs}
        try:
            for future in concurrent.futures.as_completed(running):
                yield running[future], future.result()
        except concurrent.futures.process.BrokenProcessPool:
            raise UserError(
                "a process of --jobs=%d died, perhaps for want of memory: take fewer, and run the same command again; "
                "the runs that were made are kept." % count
            ) from None
        finally:
            for future in running:
                future.cancel()


def _start(counter, count, parent, keep_predictions):
    """Prepares a worker process: its share of cores and GPUs, and an end when the program is killed."""
    with counter.get_lock():
        index = counter.value
        counter.value += 1
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[index::count] or [cores[index % len(cores)]])
    devices = [device for device in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if device]
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[index % len(devices)]
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C: the program itself tells of it
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several share a GPU
    parents.end_with(parent)
    global _runner
    _runner = sweep.Runner(keep_predictions)


def _work(job):
    """Makes a run in a worker process."""
    return _runner.run(job)
