"""Which of many unlabelled rows to label next: those that the model is unsure of, and that differ from each other."""
import numpy as np

CANDIDATES = 10  # unsure rows that each chosen one is the best of
ROUNDS = 20  # of k-means


def unsureness(probabilities):
    """1 - (highest - second highest probability) of rows [rows, classes]: [rows], from 0 to 1."""
    ordered = np.sort(np.asarray(probabilities, np.float64), axis=1)
    return 1.0 - (ordered[:, -1] - ordered[:, -2])


def choose(probabilities, features, n, candidates=CANDIDATES):
    """Numbers of at most n rows, most unsure first (Zhdanov 2019, diverse mini-batch active learning).

    The `candidates` times n most unsure rows are clustered by k-means, each counting as much as it is unsure, and of
    each cluster the row nearest to its centre is chosen.

    Args:
      probabilities: [rows, classes].
      features: what the heads read of the rows, [rows, size].
      n: at least 1.
      candidates: rows that each chosen one stands for.
    """
    unsure = unsureness(probabilities)
    order = np.argsort(-unsure, kind="stable")[: candidates * n]
    if len(order) <= n:
        return order
    points = np.asarray(features, np.float64)[order]
    distances = _squared_distances(points, _centres(points, unsure[order] + 1e-9, n))
    chosen = []
    for cluster in range(n):
        nearest = np.argsort(distances[:, cluster], kind="stable")
        chosen.append(next(place for place in nearest if place not in chosen))
    return order[np.sort(chosen)]


def _centres(points, weights, count):
    """Centres of weighted k-means, [count, size], from points that are far from each other, the heaviest one first."""
    places, nearest = [int(np.argmax(weights))], np.inf
    while len(places) < count:
        nearest = np.minimum(nearest, _squared_distances(points, points[places[-1:]])[:, 0])  # to any of them, [points]
        places.append(int(np.argmax(weights * nearest)))
    centres = points[places]
    for _ in range(ROUNDS):
        owner = _squared_distances(points, centres).argmin(axis=1)
        shares = (owner == np.arange(count)[:, None]) * weights  # [count, points]
        totals = shares.sum(axis=1, keepdims=True)
        moved = np.where(totals > 0.0, shares @ points / np.maximum(totals, 1e-12), centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres


def _squared_distances(points, centres):
    """[points, centres]"""
    norms = np.sum(np.square(points), axis=1)[:, None] + np.sum(np.square(centres), axis=1)
    return np.maximum(norms - 2.0 * points @ centres.T, 0.0)
