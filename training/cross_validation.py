"""Training rows scored by models that were trained on others of them, all on features that were encoded once."""
import numpy as np

from data import folds

MOST_FOLDS = 10
MOST_LOGITS = 5e6  # that all steps of all folds compute: some seconds


def usable(label_ids):
    """Numbers of the rows that can be held out: their class has others."""
    label_ids = np.asarray(label_ids)
    return np.flatnonzero(np.bincount(label_ids)[label_ids] > 1)


def fold_count(finetuner, settings, train):
    """How many folds, at most, take seconds; below 2 for a task that is too large, or a model that encodes anew."""
    if not finetuner.encodes_once:
        return 0
    of_a_fold = settings.num_train_epochs * train.size * finetuner.num_labels
    return int(min(MOST_FOLDS, MOST_LOGITS / of_a_fold))


def held_out(finetuner, settings, train, names=None, half=False):
    """Logits of the rows of `usable`, in their order, [rows, num_labels]; none where `fold_count` is below 2.

    Args:
      finetuner: finetuner.Finetuner.
      settings, train, names: as for its `run`.
      half: whether the models have half of the other rows of each class alone.
    """
    most, labels = fold_count(finetuner, settings, train), train.label_ids
    rows = usable(labels)
    if most < 2 or not len(rows):
        return np.zeros([0, finetuner.num_labels], np.float32)
    parts = []
    for held in folds.stratified_folds(labels[rows], most, settings.seed):
        fitted = np.setdiff1d(np.arange(train.size), rows[held])
        parts.append((folds.half_of_each_class(labels, fitted, settings.seed) if half else fitted, rows[held]))
    scored = np.concatenate(finetuner.held_out(settings, train, parts, names))
    return scored[np.argsort(np.concatenate([held for _, held in parts]))]
