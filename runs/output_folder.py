"""The output folder of a run: whether it can be written, and what of another run is in it."""
import contextlib
import os
import re
import tempfile

from absl import logging

from runs import earlier, shared_encoder
from runtime import folders, makings, run_files
from runtime.errors import UserError, cannot_write, check_names
from runtime.files import read_json

RUN = "fine-tuning run"  # kind of making
NAMES = (run_files.MODEL, run_files.RESULTS, run_files.PREDICTIONS)


def check(folder):
    """UserError unless a folder is, or can be made, one to write to; makes nothing yet."""
    if not folder:
        raise UserError("--output_dir is empty: name a folder.")
    existing = os.path.abspath(folder)
    check_names([existing])  # TensorFlow writes to no other, and would say so after training
    folders.recover(folder)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


@contextlib.contextmanager
def replacing(folder, wait=0.0, is_other_model=False):
    """Gives a work folder whose files (model/, results.json, predictions.tsv) take the place of an earlier run's.

    They do so together; see folders.atomic_folder, also for `wait` and the errors.

    Args:
      is_other_model: whether what an earlier model predicted of other files goes too, and the log says what went.
    """
    before, had_metrics = (left_by(folder), _has_metrics(folder)) if is_other_model else ((), False)
    with folders.atomic_folder(
        folder, RUN, folders.SHARED, NAMES, earlier.run, wait=wait,
        takes=lambda kind: is_other_model and is_of_model(kind),
    ) as work:
        yield work
        shared_encoder.share(model_dir(work), folder)
    gone = [", ".join(name for name in before if not os.path.exists(os.path.join(folder, name)))]
    gone.append("the metrics of %s" % run_files.RESULTS if had_metrics and not _has_metrics(folder) else "")
    if any(gone):
        logging.warning("%s: %s went with the earlier model.", folder, " and ".join(filter(None, gone)))


def _has_metrics(folder):
    content = read_json(os.path.join(folder, run_files.RESULTS))
    return isinstance(content, dict) and bool(content.get("metrics"))


def is_of_model(name):
    """Whether a file in the folder of a run is called as predictions and evaluations of its model are.

    Their kinds of making are called so, too.
    """
    return bool(re.match(r"(predictions(_[^/]*)?\.tsv|%s_[^/]*\.(json|tsv))$" % run_files.EVALUATION, name))


def left_by(folder):
    """Names of the predictions and evaluations in a folder that are this program's."""
    known = {RUN: set(earlier.run(folder))}
    known.update((kind, set(names)) for kind, names in makings.read(folder).items())
    names = set().union(*(names for kind, names in known.items() if kind == RUN or is_of_model(kind)))
    return sorted(filter(is_of_model, names))


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
