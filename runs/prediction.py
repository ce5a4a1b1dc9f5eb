"""Labels for the rows of a file from a fine-tuned model, written as they come: the file may be larger than memory."""
import dataclasses
import os

from command_line.settings import check_positions
from runs import model_folder, predicting, prediction_places, task_data
from runtime import folders, run_files
from runtime.progress import Progress
from training import finetuner


def run(settings, known=None, stream=None):
    """Predicts the rows of a file and writes the labels by name with their probabilities.

    Args:
      settings: command_line.settings.PredictionSettings.
      known: what was read before, as for task_data.Reader.
      stream: of text, that gets the predictions (too), tab-separated.

    Returns:
      predicting.Prediction.

    Raises:
      UserError: something cannot be used, read or written. What stands in a file appears whole or not at all.
    """
    prediction_places.check(settings)
    with folders.read_whole(
        settings.model_dir, lambda: LoadedModel(settings, settings.predict_file, known or {})
    ) as model:
        outputs, path = prediction_places.outputs(settings, stream)
        return predicting.predict(model, settings.batch_size, outputs, path, Progress, settings.min_confidence)


def reader_of(settings, stored, known):
    """task_data.Reader for a model_folder.StoredModel."""
    text = stored.text
    if settings.max_seq_length:
        text = dataclasses.replace(text, max_seq_length=settings.max_seq_length)
        path = os.path.join(stored.folder, run_files.MODEL_FILE)
        check_positions(settings.max_seq_length, stored.bert_config, path)
    vocab_file = stored.vocab_file
    if vocab_file is None:  # fine-tuned on records
        vocab_file = settings.vocab_file or os.path.join(stored.folder, run_files.VOCAB_FILE)
    return task_data.Reader(text, vocab_file, stored.bert_config.vocab_size, known)


class LoadedModel(predicting.RowPredictor):
    """A model with its weights loaded, and the rows that it is to predict; a context manager.

    Args:
      settings: PredictionSettings or SuggestionSettings.
      path: of the rows, "-" for standard input.
      known: what was read before, as for task_data.Reader.
      flag: what named the rows, for errors; with its colon.
    """

    def __init__(self, settings, path, known, flag="--predict_file: "):
        stored = model_folder.load(settings.model_dir)
        self.temperature = stored.temperature
        rows = reader_of(settings, stored, known).unlabelled(path)
        super().__init__(stored.labels, stored.pair, rows, path, flag)
        self._predictor = finetuner.Predictor(stored.bert_config, stored.config, len(stored.labels), stored.checkpoint)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._predictor.__exit__(*error)

    def score(self, examples, batch_size):
        """Logits of data.examples.Examples, [rows, classes]."""
        return self._predictor.score(examples, batch_size)

    def described(self, block, batch_size):
        """(probabilities [rows, classes], features [rows, size]) of the rows of a block that are not blank."""
        logits, features = self._predictor.describe(self.checked(block), batch_size)
        return self.distributions(logits), features
