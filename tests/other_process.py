"""Functions of tests in processes of their own, which may be killed."""
import os
import signal
import subprocess
import sys
import time

from runtime.paths import ROOT


def start(code, *arguments):
    """Starts Python code with the project on its path; returns the process, whose output is text."""
    return subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.path.insert(0, %r)\n%s" % (ROOT, code)] + list(map(str, arguments)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )


def run(code, *arguments):
    """Runs Python code; returns (exit code, output, errors)."""
    process = start(code, *arguments)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def run_without_tensorflow(program, folder, *arguments):
    """subprocess.CompletedProcess of a program, given by its path, that finds a TensorFlow in `folder` which fails."""
    (folder / "tensorflow.py").write_text("raise ImportError('none')")
    return subprocess.run(
        [sys.executable, program] + list(arguments), env=dict(os.environ, PYTHONPATH=str(folder)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )


def kill(process):
    """Kills a process that has said something, and waits for its end."""
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def wait_until(is_so, seconds=30.0):
    """Waits for a condition, and fails without it."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def is_alive(pid):
    """Whether a process runs; one that has ended does not, even if nobody has asked how."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
