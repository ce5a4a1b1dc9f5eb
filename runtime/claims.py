"""Who is at work in a place: hidden folders that say which process made them.

A workplace is a folder `.unfinished-<16 hex digits>` with an owner.json inside. So what a killed process left can be
told from what a living one needs, and both from a user's own folder of a similar name, which is never touched.

A claim is a workplace that was renamed to a fixed name. A folder is never renamed onto one that has content, so that
one process gets the name, on every file system and without its locks. The claim of a dead process is taken over from
inside: who can rename a workplace to `successor` in it is alone with it, even when two find it at the same time.

A process of this machine is asked whether it lives. One of another machine shows it by touching its owner.json; so long
as that is not older than SILENCE against a file made just now, it counts as alive.
"""
import contextlib
import dataclasses
import errno
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid

from runtime.errors import UserError, writing

OWNER = "owner.json"
SUCCESSOR = "successor"
FORMAT = 1
LOCK = ".lock"  # the claim of `alone_in`
PAUSE = 0.05  # seconds between two looks at a claim that another process holds
BEAT, SILENCE = 10.0, 300.0  # seconds between two touches; without a touch until a process elsewhere counts as dead
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT)
_WORKPLACE = re.compile(r"\.unfinished-[0-9a-f]{16}$")
_PART = OWNER + ".part"


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process, and when it came to a place."""

    program: str
    pid: int
    started: str  # of the process, in whatever unit the system has; it tells a process from a later one of its number
    host: str
    boot: str  # what the machine calls its last start, after which numbers of processes begin anew; empty: not known
    since: str
    token: str

    @property
    def is_of_here(self):
        """Whether the process is one of this machine since its last start."""
        return (self.host, self.boot) == (socket.gethostname(), _boot())

    @property
    def is_this_process(self):
        return self.is_of_here and (self.pid, self.started) == (os.getpid(), _started(os.getpid()))

    def is_alive(self):
        """Whether a process of this machine runs."""
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:  # of another user
            pass
        return self.started != "" and _started(self.pid) == self.started

    def __str__(self):
        return "%s (process %d on %s, since %s)" % (self.program, self.pid, self.host, self.since)


def owner_of(path):
    """The Owner of a workplace or claim; None where there is none, or a folder of somebody else's."""
    name = os.path.join(path, OWNER)
    if not os.path.isfile(name):  # a pipe would wait for ever
        return None
    try:
        with open(name, encoding="utf-8") as file:
            content = json.load(file)
        if content.pop("format") != FORMAT:
            return None
        owner = Owner(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    types = {field.name: field.type for field in dataclasses.fields(Owner)}
    return owner if all(isinstance(getattr(owner, name), kind) for name, kind in types.items()) else None


def make_workplace(folder):
    """Makes a workplace of this process in an existing folder, and removes those of dead ones; returns its path."""
    while True:
        path = os.path.join(folder, ".unfinished-" + uuid.uuid4().hex[:16])
        os.mkdir(path)
        try:
            _write_owner(path, _this_process())
            break
        except FileNotFoundError:  # another process took the empty folder for one that was left
            if not os.path.isdir(folder):
                raise
        except BaseException:
            remove_workplace(path)
            raise
    _HEART.add(path)
    sweep(folder, path)
    return path


def sweep(folder, own):
    """Removes the workplaces of dead processes from a folder, and nothing else; `own` is one that was made just now."""
    for name in _listed(folder):
        path = os.path.join(folder, name)
        if _WORKPLACE.match(name) and not os.path.islink(path) and path != own:
            owner = owner_of(path)
            if owner is None:
                _remove_bare(path)
            elif not _is_at_work(owner, path, own):
                remove_workplace(path)


def _is_at_work(owner, path, own):
    """Whether the owner of `path` lives; `own` is a workplace made just now on the same file system."""
    if owner.is_of_here:
        return owner.is_alive()
    try:
        touched, now = (os.stat(os.path.join(place, OWNER)).st_mtime for place in (path, own))
    except OSError:  # it has just ended
        return True
    return now - touched < SILENCE


def is_workplace(path):
    """Whether a path is a workplace, signed or not yet, and no folder of a user's."""
    is_named = _WORKPLACE.match(os.path.basename(path)) and os.path.isdir(path)
    return bool(is_named) and (owner_of(path) is not None or set(_listed(path)) <= {_PART})


def remove_workplace(path):
    """Removes a workplace, its owner last: until then the next one can tell that it is one."""
    _HEART.remove(path)
    for name in _listed(path):
        if name != OWNER:
            _remove(os.path.join(path, name))
    for remove, place in ((os.unlink, os.path.join(path, OWNER)), (os.rmdir, path)):
        with contextlib.suppress(OSError):
            remove(place)


def claim(path, finish=lambda path: None, wait=0.0, waiting=lambda owner: None, elsewhere=0.0):
    """Makes `path` a claim of this process.

    Args:
      path: of a claim; the folder that it lies in exists.
      finish: function of the path, called to finish what a dead process left in its claim before that is removed.
      wait: seconds to wait for a living process.
      waiting: function of the Owner, called once before.
      elsewhere: the same for one of another machine, if that is longer.

    Raises:
      UserError: a living process has it, or something is there that is no claim.
      OSError: nothing can be written there.
    """
    begun, told = time.monotonic(), False
    workplace = make_workplace(os.path.dirname(path))
    try:
        while not _renamed(workplace, path):
            owner = settle(path, finish)
            if owner is None:
                continue
            if time.monotonic() - begun >= (wait if owner.is_of_here else max(wait, elsewhere)):
                raise in_use(path, owner)
            if not told:
                waiting(owner)
            told = True
            time.sleep(PAUSE)
    except BaseException:
        remove_workplace(workplace)
        raise


def in_use(path, owner):
    """The UserError for a claim that a living process holds."""
    place, way_out = os.path.dirname(path), "wait until it has ended"
    if not owner.is_of_here:
        way_out += ", or delete %s if it does not run any more" % path
    return UserError("%s is in use by %s: %s." % (place, owner, way_out))


def settle(path, finish=lambda path: None):
    """Finishes and removes the claim of a dead process; returns the Owner of a living one's, None where it is free.

    Raises UserError where something is there that is no claim.
    """
    owner = owner_of(path)
    if owner is None:
        if _is_foreign(path):
            raise UserError("%s is there, and not of this program: move it away." % path)
        return None
    inner, holder = path, owner
    while os.path.isdir(os.path.join(inner, SUCCESSOR)):  # of those who died while they settled it
        inner = os.path.join(inner, SUCCESSOR)
        holder = owner_of(inner) or holder
    if holder.is_of_here and holder.is_alive():
        return holder
    workplace = make_workplace(os.path.dirname(path))
    try:
        if _is_at_work(holder, inner, workplace):
            return holder
        successor = os.path.join(inner, SUCCESSOR)
        if _renamed(workplace, successor):  # else another one was faster
            workplace = successor
            if owner_of(path) == owner:  # it was no other's meanwhile
                finish(path)
                release(path)
    finally:
        remove_workplace(workplace)
    return None


def _is_foreign(path):
    """Whether something is there that neither is a claim nor became one meanwhile."""
    is_nothing = not os.path.lexists(path) or (os.path.isdir(path) and not _listed(path))
    return not is_nothing and owner_of(path) is None


def release(path):
    """Gives a claim up and removes what is in it."""
    _HEART.remove(path)
    workplace = os.path.join(os.path.dirname(path), ".unfinished-" + uuid.uuid4().hex[:16])
    with contextlib.suppress(OSError):  # gone, or in a folder that may not be written to any more
        os.rename(path, workplace)
        remove_workplace(workplace)


def abandon(path):
    """Leaves a claim for others to settle, as if this process had died."""
    _HEART.remove(path)
    _write_owner(path, dataclasses.replace(_this_process(), started=""))


@contextlib.contextmanager
def alone_in(folder, wait=math.inf, elsewhere=0.0):
    """Lets one program at a time work in a folder, which is made where it is missing.

    Another one waits and says for whom; UserError after `wait` seconds, `elsewhere` for one of another machine if that
    is longer, or when nothing can be written there.
    """
    path = os.path.join(os.path.realpath(folder), LOCK)
    with writing(folder, flag=None):
        os.makedirs(folder, exist_ok=True)
        claim(path, wait=wait, elsewhere=elsewhere, waiting=lambda owner: print(
            "waiting for %s, which works in %s" % (owner, folder), file=sys.stderr, flush=True))
    try:
        yield
    finally:
        release(path)


def _renamed(workplace, path):
    """Renames a workplace to a name that nobody has; returns whether it could."""
    try:
        os.rename(workplace, path)
    except OSError as error:
        if error.errno in _TAKEN and os.path.isdir(workplace):
            return False
        raise
    _HEART.remove(workplace)
    _HEART.add(path)
    return True


def _write_owner(path, owner):
    part = os.path.join(path, _PART)
    with open(part, "w", encoding="utf-8") as file:
        json.dump(dict(dataclasses.asdict(owner), format=FORMAT), file, indent=1, sort_keys=True)
    os.rename(part, os.path.join(path, OWNER))


def _remove_bare(path):
    """Removes a workplace whose process was killed before it could sign; a folder with content stays."""
    if set(_listed(path)) <= {_PART}:
        with contextlib.suppress(OSError):
            if _listed(path):
                os.unlink(os.path.join(path, _PART))
            os.rmdir(path)


def _remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _listed(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _this_process():
    program = os.path.basename(getattr(sys.modules["__main__"], "__file__", None) or sys.executable)
    since, pid = time.strftime("%Y-%m-%d %H:%M:%S"), os.getpid()
    return Owner(program or "python", pid, _started(pid), socket.gethostname(), _boot(), since, uuid.uuid4().hex)


def _boot():
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _started(pid):
    """When a process began; empty for one that has ended."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
    except (OSError, IndexError):
        if os.path.exists("/proc/self/stat"):
            return ""
    try:
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], stdout=subprocess.PIPE, timeout=10)
        return found.stdout.decode("ascii", "replace").strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


class _Heart:
    """Touches the owner.json of each place of this process, from a thread that runs while there is one."""

    def __init__(self):
        self._places, self._lock, self._thread = set(), threading.Lock(), None

    def add(self, path):
        with self._lock:
            self._places.add(path)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def remove(self, path):
        with self._lock:
            self._places.discard(path)

    def _run(self):
        while True:
            time.sleep(BEAT)
            with self._lock:
                if not self._places:
                    self._thread = None
                    return
                places = list(self._places)
            for path in places:
                with contextlib.suppress(OSError):
                    os.utime(os.path.join(path, OWNER))


_HEART = _Heart()
os.register_at_fork(after_in_child=_HEART.__init__)  # the thread and the places are the parent's
