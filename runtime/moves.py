"""Moves of files into a folder that are made whole, also when the process is killed between two: a record names them.

They go from the folder WORK of a claim (claims.py) to the folder that it lies in. RECORD in the claim is the one commit
point: whoever comes after a kill, to write or to read, calls `finish`.
"""
import contextlib
import errno
import json
import os

from runtime import claims, makings
from runtime.files import read_json, sync

RECORD, WORK = "commit.json", "made"
FORMAT = 1  # of the record


def make_in_order(place, files, outdated):
    """Moves files to the folder of a claim, one by one in this order; those that are outdated go before, in theirs.

    Raises OSError before the first move where one cannot be made.

    Args:
      place: the claim.
      files, outdated: relative names of files.
    """
    target = os.path.dirname(place)
    check_writable(target)
    for name in set(files) | set(outdated):
        path = os.path.join(target, name)
        if os.path.isdir(path) and not os.path.islink(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    for name in files:
        sync(os.path.join(place, WORK, name))
    make(place, [], files, outdated)


def make(place, folders, files, outdated):
    """Makes `folders` and moves `files`, after those that are `outdated` went: relative names, all checked before."""
    stamps = [[name, stamp(os.path.join(os.path.dirname(place), name))] for name in outdated]
    write(os.path.join(place, RECORD), {"format": FORMAT, "folders": folders, "files": files, "outdated": stamps})
    sync(place)
    finish(place)


def check_writable(folder):
    """OSError for a folder that may not be written to: after the first move it would be too late."""
    if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)


def finish(place):
    """Makes the moves that the record of a claim names, as far as they were not made; nothing without a record."""
    target, work, path = os.path.dirname(place), os.path.join(place, WORK), os.path.join(place, RECORD)
    record = read_json(path)
    if not _is_record(record):
        return
    for name, known in record["outdated"]:
        old = os.path.join(target, name)
        if known is not None and stamp(old) == known and not is_linked(target, name):
            os.unlink(old)  # of another stamp: a user put it there after a kill
        _remove_empty(target, os.path.dirname(name))
    for name in record["folders"]:
        os.makedirs(os.path.join(target, name), exist_ok=True)
    for name in record["files"]:
        if os.path.lexists(os.path.join(work, name)) and not is_linked(target, name):
            os.replace(os.path.join(work, name), os.path.join(target, name))
    sync(target)
    os.unlink(path)


def _is_record(content):
    """Whether this is what `make` wrote: the names lead nowhere out of the folder."""
    return (
        isinstance(content, dict) and content.get("format") == FORMAT
        and makings.are_plain(content.get("folders")) and makings.are_plain(content.get("files"))
        and isinstance(content.get("outdated"), list)
        and all(isinstance(entry, list) and len(entry) == 2 for entry in content["outdated"])
        and makings.are_plain([entry[0] for entry in content["outdated"]])
    )


def leave(place):
    """Gives a claim up; one whose moves were begun is left for whoever comes next, to finish them."""
    with contextlib.suppress(OSError):
        if os.path.exists(os.path.join(place, RECORD)):
            claims.abandon(place)
        else:
            claims.release(place)


def is_linked(target, name):
    """Whether a link leads from the way to a file of a folder to somewhere else."""
    parts = name.split(os.sep)[:-1]
    return any(os.path.islink(os.path.join(target, *parts[:end])) for end in range(1, len(parts) + 1))


def _remove_empty(target, name):
    """Removes a folder below the target, and those above it, as far as they are empty."""
    while name:
        try:
            os.rmdir(os.path.join(target, name))
        except OSError:
            return
        name = os.path.dirname(name)


def stamp(path):
    """What tells a file from a later one of its name; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return [found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size]


def write(path, values):
    """Writes a JSON file that is on the disk before it has its name."""
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
