"""run_finetune.sh --model DIR --predict FILE without TensorFlow, where the model has a model.onnx."""
import contextlib
import os
import sys
from typing import NamedTuple, Optional

from command_line import own_task
from runs import onnx_prediction, prediction_lines, prediction_places
from runtime import onnx_model
from runtime.errors import UserError
from runtime.installation import setup
from runtime.run_files import CHECKPOINT


class Asked(NamedTuple):
    """Where predictions go; as in command_line.settings.PredictionSettings."""

    predict_file: str
    output_dir: str
    output: Optional[str]


def is_enough(options, flags):
    """Whether a command is done by onnxruntime: a prediction with a model that has a graph, and no further flags.

    Args:
      options, flags: of own_task.parse.

    Raises:
      UserError: the model has nothing else, and it is not enough.
    """
    if not (options.model and options.predict):
        return False
    folder = own_task.find_model(options.model)
    if not onnx_prediction.is_in(folder):
        return False
    if onnx_prediction.is_possible() and not (flags or options.eval or options.suggest):
        return True
    if os.path.exists(os.path.join(folder, CHECKPOINT + ".index")):
        return False
    raise UserError(
        "--model: %s has a %s alone, which needs onnxruntime (%s) and takes neither --eval nor further flags."
        % (folder, onnx_model.FILE, setup("onnx"))
    )


def run(options, output_dir=None):
    """Predicts as the main program does, and says the same.

    Args:
      options: of own_task.parse.
      output_dir: folder of the results; None: it is picked as for the main program.
    """
    flags, rows = own_task.choose(options, {})
    asked = Asked(options.predict, output_dir or flags["output_dir"], options.output)
    prediction_places.check(asked)
    model = onnx_prediction.OnnxModel(flags["model_dir"], flag="--model: ")
    own_task.invite(options)
    if sys.stdout:
        sys.stdout.reconfigure(errors="backslashreplace")  # texts are shown, whatever the terminal can
    stream = prediction_lines.stream_of(asked.output, sys.stdout)
    outputs, path = prediction_places.outputs(asked, stream)
    with contextlib.redirect_stdout(sys.stderr) if stream else contextlib.nullcontext():
        known = rows.get((options.predict, False))
        found = onnx_prediction.run(model, options.predict, outputs, path, known, flag="--predict_file: ")
        prediction_lines.tell(found, stream)
