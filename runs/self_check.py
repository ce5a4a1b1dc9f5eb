"""How good a model probably is where nothing was held back to evaluate it: cross-validation over its training rows."""
import numpy as np

from runs.results import wilson_interval
from training import cross_validation


def check(finetuner, settings, train, names=None, held_out=None):
    """What results.json says under self_check, as {name: JSON value}.

    accuracy is that of the training rows, each judged by a model that was trained on others (stratified folds, at most
    ten); accuracy_interval_95 is Wilson's interval for so many rows, which does not count that other training rows
    would make another model; majority_baseline the share of the most frequent class; half_of_the_rows the accuracy of
    models that had half of these others; more_rows_help whether the difference is above its standard error (of the
    paired rows). Or, in their place, skipped: why there is no check.

    Args:
      finetuner: training.finetuner.Finetuner.
      settings, train, names: as for its `run`.
      held_out: logits of cross_validation.held_out, where they are known.
    """
    reason = why_not(finetuner, settings, train)
    if reason:
        return {"skipped": reason}
    if held_out is None:
        held_out = cross_validation.held_out(finetuner, settings, train, names)
    of_half = cross_validation.held_out(finetuner, settings, train, names, half=True)
    return summary(held_out, of_half, train.label_ids)


def why_not(finetuner, settings, train):
    """Why there is no check, as words; None where there is one."""
    if not finetuner.encodes_once:
        return "the encoder is trained too, which would take many times as long as the training"
    if np.any(np.bincount(train.label_ids, minlength=finetuner.num_labels) < 2):
        return "a class has fewer than two rows"
    if cross_validation.fold_count(finetuner, settings, train) < 2:
        return "there are so many rows and classes that it would take long"
    return None


def summary(held_out, of_half, labels):
    """`check` from logits [rows, classes] of models with all and with half of the other rows, and labels [rows]."""
    hits, of_half = [np.argmax(logits, axis=1) == labels for logits in (held_out, of_half)]
    accuracy, rows = float(np.mean(hits)), len(labels)
    gains = hits.astype(float) - of_half
    return {
        "rows": rows,
        "accuracy": accuracy,
        "accuracy_interval_95": list(wilson_interval(accuracy, rows)),
        "majority_baseline": float(np.bincount(labels).max() / rows),
        "half_of_the_rows": {"accuracy": float(np.mean(of_half))},
        "more_rows_help": bool(np.mean(gains) > np.std(gains) / np.sqrt(rows)),
    }


def lines(found):
    """What people are told of a `check`, as a list of lines."""
    if "skipped" in found:
        return ["no self-check: %s" % found["skipped"]]
    low, high = found["accuracy_interval_95"]
    half = found["half_of_the_rows"]["accuracy"]
    told = "more labelled rows would probably help"
    if not found["more_rows_help"]:  # which does not mean that they would not: docs/EXPERIMENTS.md
        told = "these rows cannot tell whether more would help"
    return [
        "self-check: accuracy about %.2f (95%% interval %.2f to %.2f) by cross-validation over the %d training rows"
        % (found["accuracy"], low, high, found["rows"]),
        "  the most frequent class alone: %.2f; half of the rows: %.2f: %s" % (found["majority_baseline"], half, told),
    ]
