"""Files that appear whole or not at all, and their checksums. Nothing here needs TensorFlow."""
import contextlib
import hashlib
import json
import os
import tempfile


@contextlib.contextmanager
def atomic_file(path, mode="w", newline=None):
    """Opens a file that appears under `path` only when everything was written.

    Args:
      path: the file; its folder exists.
      mode: "w" for UTF-8 text, "wb" for bytes.
      newline: as for `open`; text only.
    """
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix="." + os.path.basename(path))
    try:
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8", newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_json(path):
    """What `write_json` wrote; None where there is no such file, or another."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
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
