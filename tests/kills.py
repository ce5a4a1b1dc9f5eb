"""Kills a program before each of its operations on files in turn, and looks at what is left.

A `Case` is a function that publishes something into a folder, with what was there before and how it is read. To add a
program to the tests, make a Case of it. What runs in a fork of this process needs no TensorFlow session.
"""
import builtins
import os
import shutil
import traceback
from typing import Callable, NamedTuple

KILLED = 99
OPERATIONS = ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "symlink", "link", "fsync", "utime", "chmod")
OURS = ".made.json"  # the one hidden file that stays


class Case(NamedTuple):
    """A program that writes below a folder."""

    name: str
    prepare: Callable  # (folder): what was there before
    act: Callable  # (folder): the program
    read: Callable  # (folder) -> what a reader gets
    foreign: dict = {}  # {relative path: text} of a user's files, which nothing may touch


def die_before(number):
    """Makes this process end before its `number`-th operation on files, counted from 0."""
    left = iter(range(number))

    def counted(real, is_operation=lambda *_, **__: True):
        def call(*arguments, **options):
            if is_operation(*arguments, **options) and next(left, None) is None:
                os._exit(KILLED)
            return real(*arguments, **options)

        return call

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))
    builtins.open = counted(open, lambda path, mode="r", *_, **__: any(letter in mode for letter in "wax+"))


def killed(number, act):
    """Whether `act()`, in a process of its own, was killed before its `number`-th operation; False: it ended before."""
    pid = os.fork()
    if pid == 0:
        try:
            die_before(number)
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    status = os.WEXITSTATUS(os.waitpid(pid, 0)[1])
    assert status in (0, KILLED), "operation %d: exit code %d" % (number, status)
    return status == KILLED


def contents(folder):
    """{relative path: bytes} of all files below a folder."""
    paths = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
    return {os.path.relpath(path, folder): open(path, "rb").read() for path in paths}


def make_foreign(case, folder):
    for name, text in case.foreign.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)


def check_foreign(case, folder):
    for name, text in case.foreign.items():
        with open(os.path.join(folder, name)) as file:
            assert file.read() == text, name


def hidden(case, folder):
    """Hidden files and folders that are nobody's."""
    places = [(root, name) for root, below, names in os.walk(folder) for name in below + names]
    found = [os.path.relpath(os.path.join(*place), folder) for place in places if place[1].startswith(".")]
    found = [name for name in found if os.path.basename(name) != OURS]
    return [name for name in found if not any(own == name or own.startswith(name + os.sep) for own in case.foreign)]


def expected(case, root):
    """(what is read before, what is read after, all files after) when nothing is killed."""
    folder = os.path.join(root, "whole")
    os.mkdir(folder)
    make_foreign(case, folder)
    case.prepare(folder)
    old = case.read(folder)
    case.act(folder)
    return old, case.read(folder), contents(folder)


def kill_everywhere(case, root, kill=killed, again=None):
    """Kills a case before each operation; AssertionError where something is lost, foreign things go, or rests stay.

    Args:
      case: Case.
      root: existing empty folder.
      kill: function (number, act) as `killed`.
      again: None, or the number of the operation before which the second call is killed as well.

    Returns:
      The number of points.
    """
    old, new, files = expected(case, root)
    number = 0
    while True:
        folder = os.path.join(root, str(number))
        os.mkdir(folder)
        make_foreign(case, folder)
        case.prepare(folder)
        if not kill(number, lambda folder=folder: case.act(folder)):
            return number
        check_foreign(case, folder)
        if again is not None:
            kill(again, lambda folder=folder: case.act(folder))
        found = case.read(folder)
        assert found in (old, new), "operation %d: neither old nor new: %r" % (number, found)
        case.act(folder)
        assert case.read(folder) == new, "operation %d: the same command does not work" % number
        check_foreign(case, folder)
        assert not hidden(case, folder), "operation %d: %s" % (number, hidden(case, folder))
        assert contents(folder) == files, "operation %d" % number
        shutil.rmtree(folder)
        number += 1
