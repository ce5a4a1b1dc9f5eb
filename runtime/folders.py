"""A folder whose files appear together or not at all. Nothing here needs TensorFlow.

What is made is written to a hidden workplace on the same disk (claims.py) and put in its place when it is complete.

A new folder needs one rename. What goes into a folder that is there (a model over a model; model/, results.json and
predictions.tsv of a run into its output) is moved file by file, after a record of all moves was written: the record is
the one commit point. Whoever comes after a kill, to write or to read, finishes the moves that the record names.
Exchanging whole folders (renameat2) would need fewer moves, but works on few systems and for one folder at a time, and
would take along what a user keeps beside our files. Moved file by file, those are never touched, nor are the folder
itself, its mode, or a link to it.

Only files that a folder lists as ours (makings.py) are ever replaced or removed. Their list is a file that every
making makes anew and moves last: a reader that finds the same one before and after has read one making whole
(`read_whole`).
"""
import contextlib
import dataclasses
import errno
import os
import time

from runtime import claims, makings, moves
from runtime.errors import UserError, cannot_write, is_full
from runtime.files import sync

# What `atomic_folder` may write over.
NEW = "new"  # nothing: the folder is not there yet, or empty
OWN = "own"  # an earlier making of the same kind
SHARED = "shared"  # any folder, in which the names are free or of an earlier making
_CLAIM = ".unfinished"
_READING = 30.0  # seconds that a reader waits for a writer
_PAUSE = 0.01


@contextlib.contextmanager
def atomic_folder(
    folder, kind, over=NEW, names=(), earlier=lambda folder: (), flag="--output_dir", wait=0.0, takes=None
):
    """Gives an empty folder to work in, whose files appear in `folder` together when the block ends without an error.

    Files of the last making of this kind that were not made again go; all others in `folder` stay. Missing folders
    above it are made. After an error or a kill everything is as it was.

    Args:
      folder: where the files shall be.
      kind: what is made, as a noun ("model"); with the program's name it tells whose files these are.
      over: NEW, OWN or SHARED.
      names: files or folders that will be made, to refuse those of a user's before any work.
      earlier: function of a folder without a making of this kind: the relative names of the files that a version
        without `.made.json` made in it, as far as it can be sure.
      flag: flag or argument that named the folder, for errors.
      wait: seconds to wait for another process that writes to the folder.
      takes: function of a kind: whether files of that kind go with those of the last making of this one.

    Raises:
      UserError: the folder is not ours, a living process writes to it, or it cannot be written.
    """
    making = _Making(folder, os.path.realpath(folder), kind, over, tuple(names), earlier, flag, takes)
    with making.telling():
        tidy(making.target)
        _refuse(making)
        above = _make_folders(os.path.dirname(making.target))
    place = None
    try:
        with making.telling():
            place = claim(making.target, wait)
            _refuse(making)  # once more: now nobody else writes
            work = os.path.join(place, moves.WORK)
            os.mkdir(work)
        with making.telling(within=place):
            yield work
        with making.telling():
            _publish(making, place)
    finally:
        if place is not None:
            moves.leave(place)
        for made in reversed(above):
            with contextlib.suppress(OSError):  # not empty: all went well
                os.rmdir(made)


def check(folder, kind, over=NEW, names=(), earlier=lambda folder: (), flag="--output_dir"):
    """UserError where `atomic_folder` with these arguments would refuse the folder; makes nothing."""
    _refuse(_Making(folder, os.path.realpath(folder), kind, over, tuple(names), earlier, flag))


def recover(folder):
    """Finishes what a killed process had committed in a folder or the one above it, before it is read.

    Raises UserError where that cannot be written.
    """
    folder = os.path.realpath(folder)
    for place in (folder, os.path.dirname(folder)):
        path = os.path.join(place, _CLAIM)
        if os.path.exists(os.path.join(path, moves.RECORD)):
            try:
                claims.settle(path, moves.finish)
            except OSError as error:
                raise cannot_write(place, error, "what a killed program left waits to be finished") from None


def tidy(folder):
    """As `recover`, and removes what a killed process left of its work for a folder: for programs that write there."""
    recover(folder)
    target = os.path.realpath(folder)
    for path in (os.path.join(target, _CLAIM), _beside(target)):
        if claims.owner_of(path) is not None:
            with contextlib.suppress(OSError):  # it may stay where nothing can be written
                claims.settle(path, moves.finish)
    for place in (target, os.path.dirname(target)):
        with contextlib.suppress(OSError):  # as above; or there is no such folder
            if any(claims.is_workplace(os.path.join(place, name)) for name in os.listdir(place)):
                claims.remove_workplace(claims.make_workplace(place))  # which sweeps


def untaken(folder, flag="--output_dir"):
    """The path of a folder to make, tidied; UserError before any work where something is there."""
    target = folder.rstrip("/")
    tidy(target)
    if os.path.lexists(target):
        raise taken("%s: %s" % (flag, target))
    return target


def taken(shown):
    """The UserError for a new folder in whose place something is."""
    return UserError("%s exists: choose another folder, or delete it." % shown)


def read_whole(folder, read):
    """What `read()` returns or raises, called again until it saw the files of one making in `folder` whole."""
    until = time.monotonic() + _READING
    while True:
        recover(folder)
        before = _state(folder)
        if not before[1]:
            try:
                value = read()
            except Exception:
                if _state(folder) == before:
                    raise
            else:
                if _state(folder) == before:
                    return value
        if time.monotonic() > until:
            raise UserError("%s is replaced again and again while it is read: try again later." % folder)
        time.sleep(_PAUSE)


def _state(folder):
    """(what tells the last makings from later ones, whether files are being moved), for a folder and the one above."""
    folder = os.path.realpath(folder)
    places = (folder, os.path.dirname(folder))  # model/ may be part of a making of the folder above it
    pending = any(os.path.exists(os.path.join(place, _CLAIM, moves.RECORD)) for place in places)
    return [moves.stamp(os.path.join(place, makings.MADE)) for place in places], pending


@dataclasses.dataclass(frozen=True)
class _Making:
    """The arguments of `atomic_folder`."""

    folder: str
    target: str  # where the folder really is
    kind: str
    over: str
    names: tuple
    earlier: object
    flag: str
    takes: object = None

    def ours(self):
        """({files of the last making of this kind}, {all files in the folder that are ours})."""
        found = makings.ours(self.target, self.kind, self.earlier)
        return found.get(self.kind, set()), set().union(*found.values())

    def foreign(self, name):
        """The error for a file or folder that is in the way."""
        return UserError("%s: %s is there, and not of this program: move it away, or choose another folder."
                         % (self.flag, os.path.join(self.folder, name)))

    @contextlib.contextmanager
    def telling(self, within=None):
        """Turns an OSError into the UserError of this folder; given a path, one about that or the disk alone."""
        try:
            yield
        except OSError as error:
            if within is None or str(error.filename or "").startswith(within) or is_full(error):
                raise cannot_write(self.folder, error, self.flag) from None
            raise


def _refuse(making):
    """UserError where a folder holds what may not be written over."""
    target, shown = making.target, "%s: %s" % (making.flag, making.folder)
    if os.path.lexists(target) and not os.path.isdir(target):
        raise UserError("%s is no folder: choose another one." % shown)
    content = os.listdir(target) if os.path.isdir(target) else []
    if all(name in (_CLAIM, claims.LOCK) or claims.is_workplace(os.path.join(target, name)) for name in content):
        return
    if making.over == NEW:
        raise taken(shown)
    last, ours = making.ours()
    if making.over == OWN and not last:
        raise UserError(
            "%s is there, and holds no %s that could be replaced: choose another folder." % (shown, making.kind)
        )
    for name in making.names:
        path = os.path.join(target, name)
        is_ours = name in ours or any(each.startswith(name + os.sep) for each in ours)
        is_linked = moves.is_linked(target, os.path.join(name, "")) and os.path.isdir(path)
        if is_linked or (os.path.lexists(path) and not is_ours and not _is_empty(path)):
            raise making.foreign(name)


def _is_empty(path):
    return os.path.isdir(path) and not os.listdir(path)


def _beside(target):
    """Where a folder is claimed that is not there yet."""
    return os.path.join(os.path.dirname(target), ".%s%s" % (os.path.basename(target), _CLAIM))


def claim(target, wait=0.0):
    """Keeps others from a folder, which may not be there yet; returns a hidden folder to work in, for moves.leave.

    Raises UserError where a living process works in it; what a dead one left is finished or removed before.
    """
    inside = os.path.join(target, _CLAIM)
    beside = _beside(target)
    while True:
        path = inside if os.path.isdir(target) else beside
        claims.claim(path, moves.finish, wait)
        try:
            for other in (beside if path == inside else inside, os.path.join(target, claims.LOCK)):
                owner = claims.settle(other, moves.finish) if os.path.isdir(os.path.dirname(other)) else None
                if owner is not None and not (other.endswith(claims.LOCK) and owner.is_this_process):
                    raise claims.in_use(other, owner)
        except BaseException:
            claims.release(path)
            raise
        if os.path.isdir(target) == (path == inside):
            claims.sweep(os.path.dirname(target), path)  # what is left of the claim of one who made the folder
            return path
        claims.release(path)  # the folder came or went meanwhile


def _publish(making, place):
    """Puts what was made in a claim into its place."""
    target, work = making.target, os.path.join(place, moves.WORK)
    is_new = not os.path.isdir(target)
    folders, files = _content(work)
    last, ours = making.ours()
    taken = {kind: names for kind, names in makings.read(target).items() if making.takes and making.takes(kind)}
    outdated = sorted(last.union(*taken.values()) - set(files))
    _refuse_files(making, folders, files, ours, outdated)
    if making.over != NEW:
        found = {kind: names for kind, names in makings.read(target).items() if kind not in taken}
        found.pop(making.kind, None)
        if files:
            found[making.kind] = files
        if found:
            moves.write(os.path.join(work, makings.MADE), makings.content(found))
            files = files + [makings.MADE]  # the last to be moved: until then a reader finds the record
        else:
            outdated.append(makings.MADE)
    for name in files:
        if not os.path.islink(os.path.join(work, name)):
            sync(os.path.join(work, name))
    if is_new:
        os.rename(work, target)
        sync(os.path.dirname(target))
        return
    moves.make(place, folders, files, outdated)


def _refuse_files(making, folders, files, ours, outdated):
    """UserError where files cannot be moved into a folder without harm to others there; nothing was moved yet."""
    for name in folders + files:
        path = os.path.join(making.target, name)
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        is_free = not os.path.lexists(path)
        if name in folders:
            is_free = is_free or is_folder or name in outdated
        else:
            is_free = is_free or (name in ours and not is_folder)
        if not is_free:
            raise making.foreign(name)
    if os.path.lexists(os.path.join(making.target, makings.MADE)) and not makings.read(making.target):
        raise making.foreign(makings.MADE)
    for name in folders + [""]:  # after the first move it would be too late
        moves.check_writable(os.path.join(making.target, name))


def _content(folder):
    """Relative names of (folders, files) below a folder, sorted; links count as files."""
    folders, files = [], []
    for root, below, names in os.walk(folder):
        for name in below + names:
            path = os.path.join(root, name)
            is_folder = name in below and not os.path.islink(path)
            (folders if is_folder else files).append(os.path.relpath(path, folder))
    return sorted(folders), sorted(files)


def _make_folders(folder):
    """Makes a folder and those above it; returns the ones that were not there, outermost first."""
    missing = []
    while not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), folder)
    for path in missing:
        os.makedirs(path, exist_ok=True)
    return missing
