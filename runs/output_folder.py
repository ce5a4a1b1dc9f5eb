"""The output folder of a run: whether it can be written, and what of another run is in it."""
import os
import tempfile

from runs import earlier
from runtime import folders, run_files
from runtime.errors import UserError, cannot_write

RUN = "fine-tuning run"  # kind of making
NAMES = (run_files.MODEL, run_files.RESULTS, run_files.PREDICTIONS)


def check(folder):
    """UserError unless a folder is, or can be made, one to write to; makes nothing yet."""
    if not folder:
        raise UserError("--output_dir is empty: name a folder.")
    folders.recover(folder)
    existing = os.path.abspath(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def replacing(folder, wait=0.0):
    """Gives a work folder whose files (model/, results.json, predictions.tsv) take the place of an earlier run's.

    They do so together; see folders.atomic_folder, also for `wait` and the errors.
    """
    return folders.atomic_folder(folder, RUN, folders.SHARED, NAMES, earlier.run, wait=wait)


def make(folder):
    """Makes a folder where it is not there; UserError when that fails."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def model_dir(folder):
    """Where a run's model is."""
    return os.path.join(folder, run_files.MODEL)


def other_model(folder):
    """The UserError for a folder with the model of another run."""
    return UserError(
        "--output_dir: %s holds the model of another run; choose another folder or give --overwrite." % folder
    )
