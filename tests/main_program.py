"""Runs the main program: in this process (`run`), which saves the start of TensorFlow, or as a real one."""
import collections
import contextlib
import io
import logging
import os
import subprocess
import sys

from absl import flags
from absl.testing import flagsaver

import run_classifier_multitask
from runtime.compat import tf
from runtime.paths import ROOT

FLAGS = flags.FLAGS
Run = collections.namedtuple("Run", ["code", "out", "err", "lines"])  # lines: what a user sees on stderr


class _Lines(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def logged_warnings():
    """Lines that the program and TensorFlow would log to stderr, from warnings up."""
    handler = _Lines()
    loggers = [logging.getLogger(), logging.getLogger("tensorflow")]  # the second does not hand on to the first
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def run(*arguments):
    """Runs the program in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with flagsaver.flagsaver(), tf.Graph().as_default(), logged_warnings() as logged:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            FLAGS.unparse_flags()
            try:
                run_classifier_multitask.run_main(FLAGS(["run_classifier_multitask.py"] + list(arguments)))
            except SystemExit as exit:
                code = exit.code
    return Run(code, out.getvalue(), err.getvalue(), logged + err.getvalue().splitlines())


def start_program(arguments, **options):
    command = [sys.executable, os.path.join(ROOT, "run_classifier_multitask.py")] + list(arguments)
    environment = dict(os.environ, CUDA_VISIBLE_DEVICES="")
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return subprocess.Popen(command, env=environment, universal_newlines=True, **dict(pipes, **options))


def run_program(*arguments, **options):
    """Runs the program as a process of its own."""
    process = start_program(arguments, **options)
    out, err = process.communicate()
    return Run(process.returncode, out, err, err.splitlines())
