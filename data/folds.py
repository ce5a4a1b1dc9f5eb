"""Which rows are held out in turn: stratified folds, and halves of what is left."""
import numpy as np


def stratified_folds(label_ids, count, seed):
    """Cuts rows into folds of sizes that differ by one at most, the rows of each class spread over them evenly.

    A class of two rows or more has rows in two folds or more, so that it is never held out as a whole.

    Args:
      label_ids: int [rows].
      count: folds, 2 or more; of fewer rows each is a fold.
      seed: of the order in a class.

    Returns:
      List of int arrays: the numbers of the rows of each fold, ascending.
    """
    random = np.random.RandomState(seed)
    label_ids = np.asarray(label_ids)
    order = random.permutation(len(label_ids))
    by_class = order[np.argsort(label_ids[order], kind="stable")]
    count = min(count, len(by_class))
    return [np.sort(by_class[start::count]) for start in range(count)]


def half_of_each_class(label_ids, rows, seed):
    """Half of the rows of each class, rounded up and drawn.

    Args:
      label_ids: int [all rows].
      rows: numbers of the rows to draw from, int array.
      seed: of the draw.

    Returns:
      Their numbers, ascending.
    """
    random = np.random.RandomState(seed)
    rows = random.permutation(rows)
    labels = np.asarray(label_ids)[rows]
    kept = [rows[labels == label] for label in np.unique(labels)]
    return np.sort(np.concatenate([each[: (len(each) + 1) // 2] for each in kept]))
