"""What a run leaves behind for people and programs, written whole or not at all."""
import math
import platform

from data.text_lines import named
from runs import confidence, prediction_files
from runtime.compat import tf
from runtime.files import atomic_file

Z_95 = 1.959964  # 97.5 % point of the normal distribution


def wilson_interval(accuracy, rows):
    """95 % confidence interval of a proportion (Wilson 1927), as (low, high)."""
    if rows == 0:
        return 0.0, 1.0
    spread = Z_95 * Z_95 / rows
    centre = (accuracy + spread / 2.0) / (1.0 + spread)
    half = Z_95 * math.sqrt(accuracy * (1.0 - accuracy) / rows + spread / (4.0 * rows)) / (1.0 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def metrics(scores, labels, batch_size):
    """Metrics of runs.scores.Scores for results.json; `labels` are the classes' names."""
    low, high = wilson_interval(scores.accuracy, len(scores.labels))
    confusion = scores.confusion
    f1 = scores.f1
    found = {
        "accuracy": scores.accuracy,
        "accuracy_interval_95": [low, high],
        "macro_f1": scores.macro_f1,
        "loss": scores.mean_batch_loss(batch_size),
        "precision": scores.precision,
        "recall": scores.recall,
        "per_class": {
            label: {
                "rows": int(confusion[i].sum()),
                "predicted": int(confusion[:, i].sum()),
                "correct": int(confusion[i, i]),
                "f1": float(f1[i]),
            }
            for i, label in enumerate(labels)
        },
        "confusion": confusion.tolist(),
    }
    found.update(confidence.describe(scores.probabilities, scores.labels))
    return found


def summarize(run_identity, sizes, outcome, scores, seconds, checked=None):
    """What results.json holds.

    Args:
      run_identity: runs.identity.Identity.
      sizes: {"train" or "eval": rows}.
      outcome: training.finetuner.Finetuned.
      scores: runs.scores.Scores, None without evaluation rows.
      seconds: of the whole run.
      checked: what runs.self_check.check found, or None.
    """
    settings = run_identity.settings
    checksums = run_identity.checksums
    # With their paths: make_tables reads the rates of the weights there, a training file that comes again is known by
    # its own. What is handed on has none: model.json, the model card.
    files = {part: {"path": named(path), "sha256": checksums[part]} for part, path in run_identity.files.items()}
    batch_size = settings.finetuning.eval_batch_size
    misnamed = run_identity.misnamed_task
    found = {
        "run_id": run_identity.run_id,
        "task": settings.task_name,
        "config": run_identity.description,
        "flags": settings.given,
        "data": {part: dict(files.pop(part), examples=rows) for part, rows in sizes.items()},
        "weights": files,
        "metrics": metrics(scores, run_identity.labels, batch_size) if scores else None,
        "self_check": checked,
        "temperature": outcome.temperature,
        "steps": outcome.steps,
        "seconds": {"train": outcome.train_seconds, "eval": outcome.eval_seconds, "total": seconds},
        "runtime": versions(),
    }
    return dict(found, known_defects=[misnamed.misnaming]) if misnamed else found


def write_predictions(path, probabilities, class_names, true_labels=None, texts=None):
    """Writes the predictions of some rows as prediction_files.Tsv.

    Args:
      path: of the file.
      probabilities: [rows, classes].
      class_names: names in the order of the columns.
      true_labels: int [rows] or None.
      texts: list of (text_a, text_b or None), or None.
    """
    with atomic_file(path) as file:
        writer = prediction_files.Tsv(file, class_names, texts is not None, true_labels is not None)
        for row, distribution in enumerate(probabilities):
            text = None if texts is None else texts[row]
            writer.write(row, text, distribution, None if true_labels is None else true_labels[row])


def versions():
    """What the numbers were computed with."""
    return {"python": platform.python_version(), "tensorflow": tf.__version__, "machine": platform.machine()}
