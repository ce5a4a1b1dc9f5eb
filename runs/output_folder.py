"""The output folder of a run: whether it can be written, how its files appear together, and what is there already."""
import os
import tempfile

from runs import model_folder
from runtime import folders
from runtime.errors import UserError, writing
from runtime.files import read_json
from runtime.run_files import MODEL, PREDICTIONS, RESULTS

KIND = "fine-tuning run"  # of making


def check(folder):
    """UserError unless a folder is, or can be made, one to write to; makes nothing yet."""
    if not folder:
        raise UserError("--output_dir is empty: name a folder.")
    existing = os.path.abspath(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    with writing(folder), tempfile.TemporaryFile(dir=existing):
        pass


def making(folder, names):
    """Gives a work folder whose files take the place of an earlier run's, together; a context manager.

    Raises UserErrors as folders.atomic_folder.

    Args:
      folder: where they shall be; made where it is not there.
      names: files or folders that will be made, to refuse those of a user's before any work.
    """
    return folders.atomic_folder(folder, KIND, folders.SHARED, names, made_earlier)


def made_earlier(folder):
    """Names of the files that a run of a version without .made.json left in a folder."""
    model = os.path.join(folder, MODEL)
    found = [os.path.join(MODEL, name) for name in model_folder.made_earlier(model)]
    results = read_json(os.path.join(folder, RESULTS))
    keys = set(results) if isinstance(results, dict) else set()
    names = (RESULTS, PREDICTIONS) if {"run_id", "metrics"} <= keys or {"error", "split"} <= keys else ()
    return found + [name for name in names if os.path.isfile(os.path.join(folder, name))]


def make(folder):
    """Makes a folder where it is not there; UserError when that fails."""
    with writing(folder):
        os.makedirs(folder, exist_ok=True)


def model_dir(folder):
    """Where a run's model is."""
    return os.path.join(folder, MODEL)


def other_model(folder):
    """The UserError for a folder with the model of another run."""
    return UserError(
        "--output_dir: %s holds the model of another run; choose another folder or give --overwrite." % folder
    )
