"""Where the files that come with the programs are, in a clone and in the installed package."""
import os

from runtime.installation import IS_PACKAGE

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # the clone, or the package's folder
PRESETS = os.path.join(ROOT, "presets")  # flags of each model
MODELS = os.path.join(ROOT, "models")  # shipped weights
SAMPLE = os.path.join(ROOT, "data", "sample")  # the quick start's task


def _downloads():
    """A clone keeps what it fetches; a package's folder is the installer's, and may not be writable."""
    if not IS_PACKAGE:
        return os.path.join(ROOT, "data", "downloads")
    import platformdirs

    return platformdirs.user_cache_dir("smlmt", appauthor=False)


DOWNLOADS = _downloads()


def is_special(path):
    """Whether something is there that is no regular file: a folder, a device, or a pipe, which would be waited for."""
    return os.path.exists(path) and not os.path.isfile(path)


def portable(path):
    """A path as it may be told elsewhere: below this repository's root, else its last part; a relative one as it is."""
    if not os.path.isabs(path):
        return path
    inside = os.path.relpath(path, ROOT)
    return os.path.basename(os.path.normpath(path)) if inside.startswith(os.pardir) else inside
