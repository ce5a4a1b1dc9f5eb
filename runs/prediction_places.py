"""Where predictions go: the file that --output names, or one in the output folder. Nothing here needs TensorFlow."""
import contextlib
import os

from data.text import stem
from runs import output_folder, predicting, prediction_files
from runtime import folders, run_files
from runtime.errors import UserError


def check(asked):
    """UserError where predictions cannot be written; makes nothing yet.

    Args:
      asked: has `output`, `output_dir` and `predict_file` of command_line.settings.PredictionSettings.
    """
    if asked.output is None:
        try:
            output_folder.check(asked.output_dir)
        except UserError as error:
            line = "%s; or name a file by --output (-: standard output)."
            raise UserError(line % str(error).rstrip(".")) from error
    else:
        predicting.check_file(asked.output, asked.predict_file)


def outputs(asked, stream):
    """(predicting.Outputs, path of the file or None) of `asked`; `stream`, if not None, gets the predictions too."""
    found, path = [], _path(asked)
    if stream:
        found.append(predicting.to_stream(stream))
    if path:
        found.append(_in_folder(asked.output_dir, path) if asked.output is None else predicting.to_file(path))
    return found, path


def _path(asked):
    """The file that predictions go to, None where they go to a stream alone."""
    if asked.output == run_files.STDOUT:
        return None
    if asked.output:
        return asked.output
    name = run_files.PREDICTIONS
    if os.path.exists(os.path.join(asked.output_dir, run_files.RESULTS)):  # keep the evaluation's predictions
        name = "predictions_%s.tsv" % stem(asked.predict_file)
    return os.path.join(asked.output_dir, name)


def _in_folder(folder, path):
    """An Output to a file in the output folder."""
    name = os.path.basename(path)

    @contextlib.contextmanager
    def opened():
        # of a kind of its own, for predictions of one file do not replace those of another
        with folders.atomic_folder(
            folder, name, folders.SHARED, [name], lambda _: [name] * prediction_files.are_in(path)
        ) as work:
            with open(os.path.join(work, name), "w", encoding="utf-8") as file:
                yield file

    return predicting.Output(folder, "--output_dir", opened)
