"""Statistics of accuracies over splits: the papers' mean and deviation, a bootstrap interval, paired comparisons."""
import collections
import math
from typing import Mapping, NamedTuple, Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 10000


class Summary(NamedTuple):
    """A sample of accuracies; NaN stands for what its size does not allow."""

    runs: int
    mean: float
    std: float  # of the sample, with n - 1
    low: float  # 95 % bootstrap interval of the mean
    high: float


class Comparison(NamedTuple):
    """Paired differences of two models, first minus second; NaN stands for what their number does not allow."""

    pairs: int
    mean: float
    std: float
    splits_low: float  # 95 % bootstrap interval of the mean, for these tasks: splits drawn within each
    splits_high: float
    tasks_low: float  # the same for tasks like these: tasks drawn, then splits within each
    tasks_high: float
    better: int  # pairs in which the first one has more
    worse: int
    equal: int
    p_value: float  # two-sided sign test; NaN when all pairs are equal
    tasks: int
    tasks_won: int  # in which the first one's mean over the pairs is higher


def summarize(values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Summary:
    """Mean, standard deviation and interval of at least one value.

    The deviation divides by n - 1 (the papers report mean and standard deviation over splits, and not which one). The
    interval is the percentile bootstrap of the mean (Efron 1979): with 10 splits it is somewhat too narrow.
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return Summary(len(values), float(values.mean()), math.nan, math.nan, math.nan)
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=resamples, confidence_level=CONFIDENCE, method="percentile", random_state=seed
    ).confidence_interval
    return Summary(len(values), float(values.mean()), float(values.std(ddof=1)), *map(float, interval))


def compare(first: Mapping, second: Mapping, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Compares two models on the pairs (task, split) that both have.

    There is an interval over splits where every task has two or more, and one over tasks where there are two or more.

    Args:
      first, second: {(task, split): accuracy}; at least one key is in both.
    """
    by_task = collections.defaultdict(list)
    for key in sorted(first):
        if key in second:
            by_task[key[0]].append(first[key] - second[key])
    groups = [np.array(group) for group in by_task.values()]
    differences = np.concatenate(groups)
    pairs, tasks = len(differences), len(groups)
    random = np.random.RandomState(seed)
    over_splits = over_tasks = (math.nan, math.nan)
    if min(map(len, groups)) > 1:
        over_splits = _interval(groups, np.broadcast_to(np.arange(tasks), [resamples, tasks]), random)
    if tasks > 1:
        over_tasks = _interval(groups, random.randint(tasks, size=[resamples, tasks]), random)
    better, worse = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    std = float(differences.std(ddof=1)) if pairs > 1 else math.nan
    won = sum(round(group.mean(), 9) > 0 for group in groups)  # not by an error of rounding
    return Comparison(pairs, float(differences.mean()), std, *over_splits, *over_tasks, better, worse,
                      pairs - better - worse, sign_test(better, worse), tasks, int(won))


def _interval(groups, chosen, random):
    """Percentile interval of the mean over pairs, with splits drawn anew within each chosen task.

    Args:
      groups: the differences of each task.
      chosen: indices into groups [resamples, tasks].
      random: RandomState.
    """
    sizes = np.array([len(group) for group in groups])
    longest = sizes.max()
    padded = np.array([np.pad(group, (0, longest - len(group)), "constant") for group in groups])  # [tasks, splits]
    drawn_sizes = sizes[chosen][..., np.newaxis]  # [resamples, tasks, 1]
    places = (random.random_sample(chosen.shape + (longest,)) * drawn_sizes).astype(int)  # [resamples, tasks, splits]
    drawn = padded[chosen[..., np.newaxis], places] * (np.arange(longest) < drawn_sizes)
    means = drawn.sum(axis=(1, 2)) / drawn_sizes.sum(axis=(1, 2))
    tail = 50 * (1 - CONFIDENCE)
    return tuple(map(float, np.percentile(means, [tail, 100 - tail])))


def sign_test(better: int, worse: int) -> float:
    """Two-sided p value of the sign test (Arbuthnot 1710); equal pairs are left out. NaN without any."""
    if better + worse == 0:
        return math.nan
    return float(stats.binomtest(better, better + worse, 0.5).pvalue)
