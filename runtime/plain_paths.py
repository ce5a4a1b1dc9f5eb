"""Paths that TensorFlow takes letter by letter.

It looks for the files of a checkpoint by a pattern, so that what was written to `out[1]/` is not found again, and
clearing old checkpoints in `out*/` takes those of `out1/` along. Where a path holds such a character TensorFlow gets
a link with a plain name instead, which lives as long as the process.
"""
import atexit
import glob
import os
import shutil
import tempfile

from runtime.errors import UserError

PATTERN = "*?[]\\"
PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # for links, where the usual place for temporary files has no plain name
_links = {}  # {(process, absolute path): its plain path}: a forked process makes its own


def folder(path):
    """A path of an existing local folder without characters of a pattern, which may be written to as well."""
    if _is_plain(path):
        return path
    key = os.getpid(), os.path.abspath(path)
    if key not in _links:
        link = os.path.join(_make_place(path), "folder")
        os.symlink(key[1], link)
        _links[key] = link
    return _links[key]


def checkpoint(prefix):
    """A prefix without characters of a pattern under which the files of a checkpoint are, to be read."""
    place, name = os.path.split(prefix)
    if _is_plain(name):
        return os.path.join(folder(place), name) if place else prefix
    key = os.getpid(), os.path.abspath(prefix)
    if key not in _links:
        _links[key] = os.path.join(_make_place(prefix), "checkpoint")
        for path in glob.glob(glob.escape(key[1]) + ".*"):
            os.symlink(path, _links[key] + path[len(key[1]) :])
    return _links[key]


def _is_plain(path):
    return "://" in path or not any(letter in path for letter in PATTERN)


def _make_place(path):
    """A new folder for a link to a path, which goes when the process ends."""
    for place in (tempfile.gettempdir(),) + PLACES:
        if _is_plain(place) and os.access(place, os.W_OK):
            made = tempfile.mkdtemp(prefix="few-shot-", dir=place)
            atexit.register(_remove, made, os.getpid())
            return made
    raise UserError(
        "%s: TensorFlow takes one of %s in a path as a pattern, and there is no folder for a link to it: rename the "
        "folder, or name one by TMPDIR." % (path, " ".join(PATTERN))
    )


def _remove(made, process):
    if os.getpid() == process:  # not in one that was forked off
        shutil.rmtree(made, ignore_errors=True)
