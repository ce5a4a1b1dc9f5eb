"""Statistics of accuracies over splits: the papers' mean and deviation, a bootstrap interval, paired comparisons."""
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
    """Paired differences of two models, first minus second."""

    pairs: int
    mean: float
    std: float
    low: float
    high: float
    better: int  # pairs in which the first one has more
    worse: int
    equal: int
    p_value: float  # two-sided sign test; NaN when all pairs are equal


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

    Args:
      first, second: {(task, split): accuracy}; at least one key is in both.
    """
    differences = np.array([first[key] - second[key] for key in sorted(first) if key in second])
    pairs, mean, std, low, high = summarize(differences, seed, resamples)
    better, worse = int(np.sum(differences > 0)), int(np.sum(differences < 0))
    equal = pairs - better - worse
    return Comparison(pairs, mean, std, low, high, better, worse, equal, sign_test(better, worse))


def sign_test(better: int, worse: int) -> float:
    """Two-sided p value of the sign test (Arbuthnot 1710); equal pairs are left out. NaN without any."""
    if better + worse == 0:
        return math.nan
    return float(stats.binomtest(better, better + worse, 0.5).pvalue)
