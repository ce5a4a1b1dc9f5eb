"""A fine-tuned model on labelled rows that were no part of its run: metrics and predictions, without any training."""
import os
import time
from typing import NamedTuple

from data.text import kind_of_rows, stem
from data.text_lines import named
from runs import model_folder, output_folder, prediction, results, task_data
from runs.scores import Scores
from runtime import folders, run_files
from runtime.errors import UserError
from runtime.files import file_sha256, read_json, write_json
from training import finetuner


class Evaluation(NamedTuple):
    """What came out."""

    summary: dict  # what the JSON file holds
    scores: Scores
    rows: task_data.Rows
    paths: tuple  # of the JSON file and the predictions


def run(settings, known=None):
    """Scores a model on the rows of a file, as an evaluation after its training would.

    Leaves evaluation_FILE.json and evaluation_FILE.tsv in the output folder, in the place of those of an earlier
    evaluation on a file of this name.

    Args:
      settings: command_line.settings.ScoreSettings.
      known: rows that were read before, as for task_data.Reader.

    Returns:
      Evaluation.

    Raises:
      UserError: something cannot be used, read or written; then nothing is left.
    """
    begun = time.time()
    output_folder.check(settings.output_dir)
    stored, rows, predictor = folders.read_whole(settings.model_dir, lambda: _open(settings, known or {}))
    with predictor:
        batch_size = stored.finetuning.get("eval_batch_size", settings.batch_size)
        logits = predictor.score(rows.examples, batch_size)
    scores = Scores(logits, rows.examples.label_ids, stored.temperature)
    summary = {
        "model": {"path": settings.model_dir, "run_id": _run_id(stored.folder)},
        "data": {
            "eval": {
                "path": named(settings.score_file), "sha256": file_sha256(settings.score_file),
                "examples": rows.examples.size,
            }
        },
        "metrics": results.metrics(scores, stored.labels, batch_size),
        "seconds": {"total": time.time() - begun},
        "runtime": results.versions(),
    }
    return Evaluation(summary, scores, rows, _write(settings, summary, scores, rows))


def _open(settings, known):
    """(StoredModel, its task_data.Rows to score, finetuner.Predictor)."""
    stored = model_folder.load(settings.model_dir)
    rows = prediction.reader_of(settings, stored, known).labelled(settings.score_file, stored.labels)
    task_data.check_segments(rows.examples, stored.bert_config, settings.score_file)
    is_pair = rows.examples.has_pairs
    if stored.pair not in (None, is_pair):
        raise UserError(
            "%s: holds %s, but the model was fine-tuned on %s."
            % (named(settings.score_file), kind_of_rows(is_pair), kind_of_rows(stored.pair))
        )
    predictor = finetuner.Predictor(stored.bert_config, stored.config, len(stored.labels), stored.checkpoint)
    return stored, rows, predictor


def _run_id(folder):
    return read_json(os.path.join(folder, run_files.MODEL_FILE)).get("run_id")


def _write(settings, summary, scores, rows):
    """Writes both files together; returns their paths."""
    names = ["%s_%s%s" % (run_files.EVALUATION, stem(settings.score_file), kind) for kind in (".json", ".tsv")]
    with folders.atomic_folder(settings.output_dir, names[0], folders.SHARED, names) as work:
        write_json(os.path.join(work, names[0]), summary)
        results.write_predictions(
            os.path.join(work, names[1]), scores.probabilities, rows.labels, rows.examples.label_ids, rows.texts
        )
    return tuple(os.path.join(settings.output_dir, name) for name in names)
