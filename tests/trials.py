"""Programs in forks of this process, disturbed: killed or failed at an operation on files, two at once, short of means.

TensorFlow is imported here and never used, so that a fork may use it and starts at once.
"""
import builtins
import contextlib
import errno
import io
import json
import os
import random
import resource
import runpy
import select
import shutil
import signal
import sys
import time
import traceback
from typing import NamedTuple

from runtime import moves

SECONDS = 300  # after which a program counts as hanging
TO_A_NAME = ("rename", "replace", "symlink", "link", "Rename")  # their second argument is what is made
OPERATIONS = ("mkdir", "unlink", "remove", "rmdir", "chmod") + TO_A_NAME[:-1]
OURS = ".made.json"  # the one hidden file that stays


class Done(NamedTuple):
    """How a program ended."""

    code: int  # negative: the signal; None: it hung
    out: str
    err: str

    @property
    def errors(self):
        """The lines about errors."""
        return [line for line in self.err.splitlines() if line.startswith(("error: ", "FATAL", "Traceback"))]

    @property
    def is_refusal(self):
        """Whether it ended as every mistake does: code 2 and one line, without a traceback."""
        return self.code == 2 and len(self.errors) == 1 and self.errors[0].startswith("error: ")


def start(script, arguments, folder, environment=None, disturb=lambda: None):
    """Starts a script in a fork, in a folder; returns (process number, [descriptors of its output and errors])."""
    pipes = [os.pipe(), os.pipe()]
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        for _, write in pipes:
            os.close(write)
        return pid, [read for read, _ in pipes]
    code = 1
    try:
        for number, (read, write) in enumerate(pipes, 1):
            os.dup2(write, number)
            for handle in (read, write):
                os.close(handle)
        code = _become(script, arguments, folder, environment or {}, disturb)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _become(script, arguments, folder, environment, disturb):
    os.chdir(folder)
    os.environ.update(environment)
    sys.dont_write_bytecode = True
    sys.stdin, sys.stdout, sys.stderr = [_stream(number) for number in range(3)]
    sys.argv = [script] + [str(argument) for argument in arguments]
    disturb()
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit:
        code = exit.code
        return code if isinstance(code, int) else int(code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream:
                try:
                    stream.flush()
                except (OSError, ValueError):
                    return 120  # as Python itself
    return 0


def _stream(number):
    """As Python makes it at its start; None where it is closed."""
    try:
        return open(number, "r" if number == 0 else "w", closefd=False, buffering=1)
    except OSError:
        return None


def end(process, kill_after=None):
    """Done of a process of `start`, which is killed after some seconds where they are given."""
    pid, handles = process
    texts, begun, code, is_killed = {handle: b"" for handle in handles}, time.monotonic(), None, False
    waiting = list(handles)
    while waiting:
        limit = SECONDS if kill_after is None or is_killed else kill_after
        ready, _, _ = select.select(waiting, [], [], max(0.0, begun + limit - time.monotonic()))
        for handle in ready:
            piece = os.read(handle, 1 << 16)
            texts[handle] += piece
            if not piece:
                waiting.remove(handle)
        if not ready:
            os.kill(pid, signal.SIGKILL)
            is_killed = True
            if limit == SECONDS:
                break
    status = os.waitpid(pid, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    for handle in handles:
        os.close(handle)
    hangs = is_killed and kill_after is None
    return Done(None if hangs else code, *[texts[handle].decode("utf-8", "replace") for handle in handles])


def run(*arguments, **options):
    """Runs a script as `start`; returns Done."""
    return end(start(*arguments, **options))


def ask(function, *arguments):
    """What a function returns in a fork, as JSON; its error is raised as an AssertionError."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = [function(*arguments), None]
        except BaseException:
            answer = [None, traceback.format_exc()]
        with os.fdopen(write, "w") as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        value, error = json.load(file)
    os.waitpid(pid, 0)
    assert error is None, error
    return value


# Disturbances: each is a function that is called in the fork before the program begins.


def intercept(folder, before):
    """Calls `before(number, name)` before each operation of this process that changes names or opens files to write
    below a folder."""
    numbers = iter(range(10 ** 9))
    folder = os.path.realpath(folder)

    def is_below(path, options):
        if isinstance(path, int):
            return False
        return options.get("dir_fd") is not None or _real(path).startswith(folder + os.sep)

    def counted(real, name):
        def call(*arguments, **options):
            if arguments and is_below(arguments[1 if name in TO_A_NAME else 0], options):
                before(next(numbers), name)
            return real(*arguments, **options)

        return call

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name), name))

    def opened(real, is_writing):
        def call(path, *arguments, **options):
            if is_writing(*arguments, **options) and is_below(path, options):
                before(next(numbers), "open")
            return real(path, *arguments, **options)

        return call

    def by_mode(mode="r", *_, **__):
        return any(letter in mode for letter in "wax+")

    builtins.open = io.open = opened(builtins.open, by_mode)
    os.open = opened(os.open, lambda flags, *_, **__: flags & (os.O_WRONLY | os.O_RDWR))
    _intercept_tensorflow(counted)


def _real(path):
    path = os.fspath(path)
    path = path.decode() if isinstance(path, bytes) else path
    return os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))


def _intercept_tensorflow(counted):
    """What TensorFlow writes without Python's functions."""
    from runtime.compat import tf

    for name in ("Rename", "Remove", "MakeDirs", "DeleteRecursively"):
        setattr(tf.gfile, name, counted(getattr(tf.gfile, name), name))
    real = tf.train.Saver.save

    def save(self, session, path, *arguments, **options):
        return counted(lambda _: real(self, session, path, *arguments, **options), "save")(path)

    tf.train.Saver.save = save
    writer = tf.python_io.TFRecordWriter
    tf.python_io.TFRecordWriter = lambda path, *rest: counted(lambda _: writer(path, *rest), "open")(path)


def keeping(folder, states):
    """Before each operation the folder is copied to a folder of its number: what a kill would leave there."""

    def before(count, name):
        target = os.path.join(states, "%d" % count)
        shutil.copytree(folder, target, symlinks=True)
        _keep_stamps(folder, target)

    return lambda: intercept(folder, before)


def _keep_stamps(folder, target):
    """Records of moves know the files that shall go by inode and times: in a copy, by those of the copy."""
    for root, _, names in os.walk(target):
        if moves.RECORD in names and os.path.basename(root).endswith(".unfinished"):
            path = os.path.join(root, moves.RECORD)
            with open(path) as file:
                record = json.load(file)
            place = os.path.dirname(root)
            for entry in record["outdated"]:
                copied = os.path.join(place, entry[0])
                if entry[1] == moves.stamp(os.path.join(folder, os.path.relpath(copied, target))):
                    entry[1] = moves.stamp(copied)
            with open(path, "w") as file:
                json.dump(record, file)


def failing(folder, number, code=errno.ENOSPC):
    """From an operation on nothing can be made: a disk that is full (files can be removed), or another error."""

    def before(count, name):
        if count >= number and name in ("open", "mkdir", "save", "MakeDirs"):
            if name in ("save", "MakeDirs"):
                from runtime.compat import tf

                raise tf.errors.ResourceExhaustedError(None, None, os.strerror(code))
            raise OSError(code, os.strerror(code), folder)

    return lambda: intercept(folder, before)


def short_of(what, limit):
    """A limit of the system, resource.RLIMIT_...; for descriptors beside those that are open."""

    def disturb():
        most = limit
        if what == resource.RLIMIT_NOFILE:
            most += len(os.listdir("/proc/self/fd"))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))

    return disturb


def out_of_memory():
    """TensorFlow gets none for a step."""
    from runtime.compat import tf

    def run(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9999,9999]")

    tf.Session.run = run


def without(*numbers):
    """Closed standard streams."""

    def disturb():
        for number in numbers:
            os.close(number)
            setattr(sys, {0: "stdin", 1: "stdout", 2: "stderr"}[number], None)

    return disturb


def full_output():
    """Standard output is /dev/full."""
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def clock_backwards():
    """Each look at the clock is an hour before the last one."""
    looks, begun = iter(range(1, 10 ** 6)), time.time()
    time.time = lambda: begun - 3600.0 * next(looks)


# Trials of a programs.Program.


class Place:
    """A folder in which a program is tried again and again, from the same state.

    Args:
      program: programs.Program.
      inputs: folder of programs.make_inputs.
      folder: existing empty folder.
    """

    def __init__(self, program, inputs, folder):
        self.program, self._inputs, self._folder = program, inputs, folder
        self._template = os.path.join(folder, "template")
        self._work = os.path.join(folder, "work")
        os.mkdir(self._template)
        self.foreign = {}
        self._plant(program.beside)
        if program.earlier is not None:
            done = run(program.script, program.earlier(inputs, "out"), self._template, program.environment(inputs))
            assert done.code == program.code, done
        self._plant({name: "mine" for name in program.inside(self._template)})
        self.old = self.read(self._template)
        begun = time.monotonic()
        self.begin()
        done = self.run()
        assert done.code == program.code, done
        self.seconds = time.monotonic() - begun
        self.new = self.read()
        self.check_rest()
        self.begin()
        assert self.run().code == program.code and self.read() == self.new, "a program that does not do the same twice"

    def _plant(self, files):
        for name, text in files.items():
            path = os.path.join(self._template, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        self.foreign.update(files)

    def begin(self, state=None):
        """Makes the state before the program anew, or takes a folder of `keep_states`; returns the folder."""
        if os.path.exists(self._work):
            shutil.rmtree(self._work)
        if state is None:
            shutil.copytree(self._template, self._work, symlinks=True)
        else:
            os.rename(state, self._work)
        return self._work

    def keep_states(self):
        """Runs the program; returns a folder with what is on the disk before each operation, by its number."""
        states = os.path.join(self._folder, "states")
        os.mkdir(states)
        self.begin()
        done = self.run(keeping(self._work, states))
        assert done.code == self.program.code, done
        return states

    def start(self, disturb=lambda: None):
        """The program, for `end`."""
        program = self.program
        arguments = program.arguments(self._inputs, "out")
        return start(program.script, arguments, self._work, program.environment(self._inputs), disturb)

    def run(self, disturb=lambda: None):
        """Done of the program."""
        return end(self.start(disturb))

    @property
    def work(self):
        """The folder that the program works in."""
        return self._work

    def read(self, folder=None):
        """What a reader finds: {path: digest}."""
        return ask(self.program.read, os.path.join(folder or self._work, "out"))

    def check_read(self):
        """AssertionError unless a reader finds the old or the new state."""
        found = self.read()
        if self.program.is_whole:
            assert found in (self.old, self.new), "neither old nor new: %s" % _difference(found, self.old, self.new)
        for name, value in found.items():
            if name.startswith(self.program.passing):
                continue
            assert value in (self.old.get(name), self.new.get(name)), "%s is neither old nor new" % name
        self.check_foreign()

    def check_foreign(self):
        """AssertionError unless a user's files are as they were."""
        for name, text in self.foreign.items():
            with open(os.path.join(self._work, name)) as file:
                assert file.read() == text, name

    def is_as_before(self):
        """Whether the folder is as the program found it, byte for byte: the same command works as it did then."""
        return _contents(self._work) == _contents(self._template)

    def check_rest(self):
        """AssertionError when something hidden is left, or something foreign is gone."""
        self.check_foreign()
        places = [(root, name) for root, below, names in os.walk(self._work) for name in below + names]
        found = [os.path.relpath(os.path.join(*place), self._work) for place in places if place[1].startswith(".")]
        found = [name for name in found if os.path.basename(name) != OURS]
        left = [name for name in found
                if not any(own == name or own.startswith(name + os.sep) for own in self.foreign)]
        assert not left, "hidden: %s" % left

    def check_again(self):
        """AssertionError unless the same command brings the new state."""
        is_done = self.read() == self.new
        done = self.run()
        assert done.code == self.program.code or (
            self.program.refuses and is_done and done.is_refusal), "the same command does not work: %s" % (done,)
        found = self.read()
        assert found == self.new, "the same command leaves something else: %s" % _difference(found, self.new)
        self.check_rest()


def _contents(folder):
    """{relative path: content of the file, or None for a folder}."""
    found = {}
    for path in _paths(folder):
        found[os.path.relpath(path, folder)] = None if os.path.isdir(path) else open(path, "rb").read()
    return found


def _difference(found, *known):
    """Names in which what was found differs from what is known."""
    return [sorted(name for name in set(found) | set(other) if found.get(name) != other.get(name)) for other in known]


def kills(place, every=1, again=1):
    """Checks what a kill before each operation of a program leaves: it is read, and the same command is given.

    The program runs once, for what is on the disk before an operation is all that a kill leaves.

    Args:
      place: Place.
      every: only every so manieth operation.
      again: the same command only after every so manieth of these.

    Returns:
      (number of operations, of those after which the same command was given).
    """
    states = place.keep_states()
    numbers = sorted(map(int, os.listdir(states)))[::every]
    for count, number in enumerate(numbers):
        place.begin(os.path.join(states, str(number)))
        with _at("operation %d" % number):
            place.check_read()
            if count % again == 0:
                place.check_again()
    shutil.rmtree(states)
    return len(numbers), len(numbers[::again])


def random_kills(place, count, seed=0):
    """Kills a program at random times; returns their number."""
    choose = random.Random(seed)
    for number in range(count):
        place.begin()
        seconds = choose.uniform(0.0, place.seconds)
        end(place.start(), kill_after=seconds)
        with _at("kill %d after %.3f s" % (number, seconds)):
            place.check_read()
            place.check_again()
    return count


def pairs(place, rounds, seed=0):
    """Two of a program at once; returns (rounds, those in which one stopped, those in which one said it waited)."""
    choose, stopped, waited = random.Random(seed), 0, 0
    for number in range(rounds):
        place.begin()
        first = place.start()
        time.sleep(choose.choice([0.0, choose.uniform(0.0, place.seconds)]))
        second = place.start()
        done = [end(process) for process in (first, second)]
        with _at("round %d: %s" % (number, [(each.code, each.errors) for each in done])):
            assert place.program.code in [each.code for each in done], done
            for each in done:
                assert each.code == place.program.code or each.is_refusal, each
            stopped += any(each.is_refusal for each in done)
            waited += any("waiting for" in each.err for each in done)
            assert place.read() == place.new
            place.check_rest()
    return rounds, stopped, waited


def refusals(place, disturbances, is_kept=True):
    """Disturbs a program in ways of which it knows, each {name: function}; returns how many it ended with one line.

    Each must end well, or with one line and code 2; then the old state is as it was, nothing hidden is left, and the
    same command works.
    """
    refused = 0
    for name, disturb in disturbances.items():
        place.begin()
        done = place.run(disturb)
        with _at("%s: %s" % (name, (done.code, done.err[-2000:]))):
            assert done.code == place.program.code or done.is_refusal
            refused += done.code == 2
            place.check_read()
            place.check_rest()
            if not place.is_as_before():
                place.check_again()
    return refused


def permissions(place):
    """Checks that what a program makes has the mode that the user's umask leaves; returns the number of masks."""
    masks = (0o077, 0o027, 0o002)
    for mask in masks:
        place.begin()
        before = {path: os.lstat(path).st_ino for path in _paths(place.work)}
        done = place.run(lambda mask=mask: os.umask(mask))
        assert done.code == place.program.code, done
        for path in _paths(place.work):
            found = os.lstat(path)
            if before.get(path) != found.st_ino:
                wanted = (0o777 if os.path.isdir(path) else 0o666) & ~mask
                assert found.st_mode & 0o777 == wanted, "%s has the mode %o with umask %o" % (path, found.st_mode, mask)
        before.clear()
    return len(masks)


def _paths(folder):
    return [os.path.join(root, name) for root, below, names in os.walk(folder) for name in below + names]


def links(place):
    """A program whose output is a link writes where that leads, or ends with one line; returns 1."""
    out, real = (os.path.join(place.begin(), name) for name in ("out", "real"))
    if os.path.exists(out):
        os.rename(out, real)
    else:
        os.mkdir(real)
    os.symlink("real", out)
    done = place.run()
    assert done.code == place.program.code or done.is_refusal, done
    assert os.path.islink(out) and os.readlink(out) == "real"
    assert place.read() == (place.old if done.is_refusal else place.new)
    os.remove(out)
    os.rename(real, out)
    place.check_rest()
    return 1


@contextlib.contextmanager
def _at(what):
    """Says where a check failed."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError("%s: %s" % (what, error)) from None
