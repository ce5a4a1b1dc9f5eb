"""Which rows are held out in turn: stratified folds, and halves of what is left."""
import numpy as np


def stratified_folds(label_ids, most, seed):
    """Cuts rows into folds, the rows of each class dealt out from the first fold on.

    So classes of one size stay of one size, whatever is held out: where the mean of one class is made from fewer rows
    than that of another, the nearest mean is the other's too often. A class of two rows or more is never held out as a
    whole.

    Args:
      label_ids: int [rows].
      most: folds, at most, 2 or more; there are no more than the largest class has rows.
      seed: of the order in a class.

    Returns:
      List of int arrays: the numbers of the rows of each fold, ascending.
    """
    random = np.random.RandomState(seed)
    label_ids = np.asarray(label_ids)
    places = np.zeros(len(label_ids), int)
    for label in np.unique(label_ids):
        rows = random.permutation(np.flatnonzero(label_ids == label))
        places[rows] = np.arange(len(rows)) % most
    return [np.flatnonzero(places == fold) for fold in range(places.max() + 1)]


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
