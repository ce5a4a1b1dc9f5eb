"""Zip files from outside: checked before they are unpacked, into a folder that appears whole or not at all."""
import contextlib
import errno
import os
import re
import stat
import zipfile

from runtime import folders
from runtime.errors import UserError, is_full, reason

MIB = 1 << 20
MAX_UNPACKED = 2048 * MIB
MAX_MEMBERS = 10000


# What the system says of names that do not go together, or are too long for it.
_OF_NAMES = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)


class Unfit(UserError):
    """An archive of which the folder that is needed cannot be made, wherever it is tried."""


class Damaged(ValueError):
    """What is wrong with an archive; the message goes on after its name ("is not a zip file")."""


def _check_member(info):
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        raise Damaged("is refused: its entry %r leads out of the folder it is unpacked to" % name)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Damaged("is refused: its entry %r is a symbolic link" % name)
    if info.flag_bits & 1:
        raise Damaged("is refused: its entry %r is encrypted" % name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # these two keep to the size they announce
        raise Damaged("is refused: its entry %r is compressed in an unusual way" % name)


@contextlib.contextmanager
def opened(path, max_unpacked=MAX_UNPACKED):
    """The zip file ``path``, its list of entries checked.

    Args:
      path: the file.
      max_unpacked: most bytes that its entries may have together.
    Raises:
      Damaged: also for what is found while the caller reads.
      OSError: as ``open``; or what the caller writes cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(info.file_size for info in members)
            if unpacked > max_unpacked or len(members) > MAX_MEMBERS:
                raise Damaged("is refused: its %d entries would take %d MiB, more than the %d entries or %d MiB allowed"
                              % (len(members), unpacked // MIB, MAX_MEMBERS, max_unpacked // MIB))
            for info in members:
                _check_member(info)
            names = {info.filename for info in members}
            if len(names) < len(members):
                raise Damaged("is refused: two of its %d entries have one name" % len(members))
            yield archive
    except (Damaged, UserError, MemoryError):
        raise
    except OSError as error:
        if error.errno == errno.EINVAL:  # a place before the file's begin
            raise Damaged("is damaged (%s)" % error.strerror) from error
        raise
    except Exception as error:  # of some ten kinds: zipfile's, zlib's, struct's, KeyError, ValueError, ...
        raise Damaged("is not a zip file or is damaged (%s)" % error) from error


def check(path, max_unpacked=MAX_UNPACKED):
    """Raises Damaged unless all of the zip file ``path`` can be read."""
    try:
        with opened(path, max_unpacked) as archive:
            damaged = archive.testzip()
    except OSError as error:
        raise Damaged("cannot be read (%s)" % error) from error
    if damaged is not None:
        raise Damaged("is damaged (%s in the zip)" % damaged)


def missing(folder, needs):
    """The entries of ``needs`` (relative names) that ``folder`` lacks."""
    return [name for name in needs if not os.path.exists(os.path.join(folder, name))]


def _holder(folder, needs):
    """The first folder at or below ``folder`` that holds all of ``needs``; None when there is none."""
    for root, below, _ in os.walk(folder):
        below.sort()
        if not missing(root, needs):
            return root
    return None


def unzip(path, folder, needs=(), max_unpacked=MAX_UNPACKED):
    """Unpacks the zip ``path`` so that ``folder`` directly holds all of ``needs`` (relative names); returns ``folder``.

    Folders of the archive above the one that holds ``needs`` are dropped. ``folder`` appears all at once; it must not
    exist, or be empty. Unfit, a UserError, when an entry would land outside, when ``needs`` are not in it, when it is
    no zip or has more than ``max_unpacked`` bytes in it.
    """
    if os.path.isdir(folder) and os.listdir(folder):
        lacks = " and lacks " + ", ".join(missing(folder, needs)) if missing(folder, needs) else ""
        raise UserError("%s exists%s: delete it to make it again" % (folder, lacks))
    with folders.atomic_folder(folder, "unpacked archive", flag=None) as work:
        unpacked = work + ".all"  # a neighbour, which goes with the work
        try:
            with opened(path, max_unpacked) as archive:
                archive.extractall(unpacked)
        except Damaged as error:
            raise Unfit("%s %s: delete it and fetch it again" % (path, error)) from error
        except OSError as error:
            if is_full(error):
                raise
            kind = Unfit if error.errno in _OF_NAMES else UserError
            raise kind("%s could not be unpacked to %s: %s" % (path, folder, reason(error))) from error
        found = _holder(unpacked, needs)
        if found is None:
            raise Unfit("%s is not the expected archive: no folder in it holds %s" % (path, ", ".join(needs)))
        os.rmdir(work)
        os.rename(found, work)
    return folder
