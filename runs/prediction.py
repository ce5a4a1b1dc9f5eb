"""Labels for the rows of a file from a fine-tuned model."""
import dataclasses
import os
from typing import NamedTuple

from command_line.settings import check_positions
from data.text import kind_of_rows, stem
from runs import earlier, model_folder, output_folder, results, task_data
from runs.scores import Scores
from runtime import folders, run_files
from runtime.errors import UserError
from training import finetuner


class Prediction(NamedTuple):
    """What a model says of the rows of a file."""

    rows: task_data.Rows
    scores: Scores  # of which nothing counts that needs true labels
    path: str  # file with the predictions


def run(settings, known=None):
    """Predicts the rows of a file and writes the labels by name with their probabilities.

    Args:
      settings: command_line.settings.PredictionSettings.
      known: rows that were read before, as for task_data.Reader.

    Returns:
      Prediction.

    Raises:
      UserError: something cannot be used, read or written.
    """
    output_folder.check(settings.output_dir)
    rows, scores = folders.read_whole(settings.model_dir, lambda: score(settings, known or {}))
    return Prediction(rows, scores, write(settings, rows, scores))


def score(settings, known):
    """(task_data.Rows, Scores) of the rows of a file; arguments and errors as of `run`."""
    stored = model_folder.load(settings.model_dir)
    rows = reader_of(settings, stored, known).unlabelled(settings.predict_file, stored.labels)
    if stored.pair not in (None, rows.examples.has_pairs):
        found, trained_on = kind_of_rows(rows.examples.has_pairs), kind_of_rows(stored.pair)
        raise UserError(
            "--predict_file: %s holds %s, but the model was fine-tuned on %s."
            % (settings.predict_file, found, trained_on)
        )
    logits = finetuner.predict(
        stored.bert_config, stored.config, len(stored.labels), stored.checkpoint, rows.examples, settings.batch_size
    )
    return rows, Scores(logits, logits.argmax(axis=1))  # there are no true labels


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


def write(settings, rows, scores):
    """Writes the predictions; returns the file's path."""
    name = run_files.PREDICTIONS
    if os.path.exists(os.path.join(settings.output_dir, run_files.RESULTS)):  # keep the evaluation's predictions
        name = "predictions_%s.tsv" % stem(settings.predict_file)
    path = os.path.join(settings.output_dir, name)
    # of a kind of its own, for predictions of one file do not replace those of another
    with folders.atomic_folder(
        settings.output_dir, name, folders.SHARED, [name], lambda folder: [name] * earlier.is_predictions(path)
    ) as work:
        results.write_predictions(os.path.join(work, name), scores.probabilities, rows.labels, texts=rows.texts)
    return path
