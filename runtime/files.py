"""A file that appears whole or not at all, and checksums. Nothing here needs TensorFlow."""
import contextlib
import hashlib
import json
import os

from runtime import claims
from runtime.paths import is_special


@contextlib.contextmanager
def atomic_file(path, mode="w", newline=None):
    """Opens a file that appears under `path` only when everything was written.

    Where `path` is a link, the file that it points to is replaced. A device or pipe is written to as it is.

    Args:
      path: the file; its folder exists.
      mode: "w" for UTF-8 text, "wb" for bytes.
      newline: as for `open`; text only.
    """
    with atomic_path(path) as work:
        with open(work, mode, encoding=None if "b" in mode else "utf-8", newline=newline) as file:
            yield file


@contextlib.contextmanager
def atomic_path(path):
    """As `atomic_file`, for a writer that opens its file itself: gives the path that it is to write to."""
    target = os.path.realpath(path)
    if is_special(target):
        yield target
        return
    workplace = claims.make_workplace(os.path.dirname(target))
    try:
        work = os.path.join(workplace, os.path.basename(target))
        yield work
        sync(work)
        os.replace(work, target)
    finally:
        claims.remove_workplace(workplace)


def sync(path):
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_json(path):
    """What `write_json` wrote; None where there is no such file, or another."""
    try:
        if not os.path.isfile(path):  # a pipe would wait for ever
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path, values):
    """Writes a JSON file atomically."""
    with atomic_file(path) as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.write("\n")


def file_sha256(path):
    """The file's SHA-256 in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
