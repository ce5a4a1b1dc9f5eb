"""Files of equal content that take their room on the disk once. Nothing here needs TensorFlow."""
import contextlib
import os
import stat

_BLOCK = 1 << 20
_WRITING = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def share(path, others):
    """Makes a file another name (a hard link) of the first of `others` that has the same bytes; returns whether.

    What has several names may not be written to any more, so that nothing but a program which replaces the file (this
    one does) can change it, and only under one name. The file stays as it is where nothing has its bytes, or only files
    of another owner, mode or disk, and where the file system has no hard links.

    Args:
      path: a file that nobody else knows of yet.
      others: paths, also of what is not there.
    """
    own, tried = os.lstat(path), set()
    for other in others:
        with contextlib.suppress(OSError):  # gone, not to be read, no links here, or too many
            found = os.lstat(other)
            if not stat.S_ISREG(found.st_mode) or _key(found) != _key(own) or found.st_ino in tried:
                continue
            tried.add(found.st_ino)  # it may have thousands of names
            if _share(path, other):
                return True
    return False


def _share(path, other):
    with open(path, "rb") as mine, open(other, "rb") as theirs:
        opened = os.fstat(theirs.fileno())
        if not _are_equal(mine, theirs):
            return False
    link = path + ".link"
    os.link(other, link, follow_symlinks=False)
    try:
        if not os.path.samestat(os.lstat(link), opened):  # it was replaced meanwhile
            return False
        os.chmod(link, stat.S_IMODE(opened.st_mode) & ~_WRITING)
        os.replace(link, path)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)


def _key(found):
    """What files must have in common, from their os.stat_result."""
    return found.st_dev, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode) & ~_WRITING, found.st_size


def _are_equal(one, two):
    """Whether two open files have the same bytes from here on."""
    while True:
        block = one.read(_BLOCK)
        if block != two.read(_BLOCK):
            return False
        if not block:
            return True
