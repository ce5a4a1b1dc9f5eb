"""How far the highest probability of a row can be believed: calibration, and what is left to decide at a threshold."""
import numpy as np

BINS = 10  # of equal width, from 0 to 1
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def describe(probabilities, labels):
    """What results.json says, as {name: JSON value}.

    expected_calibration_error is the mean over rows of |accuracy - mean highest probability| of the row's bin (Guo et
    al. 2017, BINS bins); calibration_bins has the bins with rows; by_min_confidence the share of rows whose highest
    probability reaches a threshold, and their accuracy (None without any).

    Args:
      probabilities: [rows, classes].
      labels: int [rows].
    """
    probabilities = np.asarray(probabilities, np.float64)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == np.asarray(labels)
    bins = [_bin(number, confidence, hit) for number in range(BINS)]
    bins = [each for each in bins if each["rows"]]
    gaps = [each["rows"] * abs(each["accuracy"] - each["confidence"]) for each in bins]
    return {
        "expected_calibration_error": float(sum(gaps) / len(hit)),
        "calibration_bins": bins,
        "by_min_confidence": [_decided(threshold, confidence, hit) for threshold in THRESHOLDS],
    }


def _bin(number, confidence, hit):
    found = np.minimum((confidence * BINS).astype(int), BINS - 1) == number
    return {
        "from": number / BINS,
        "rows": int(found.sum()),
        "confidence": _mean(confidence[found]),
        "accuracy": _mean(hit[found]),
    }


def _decided(threshold, confidence, hit):
    found = confidence >= threshold
    return {"min_confidence": threshold, "decided": _mean(found), "accuracy": _mean(hit[found])}


def _mean(values):
    return float(np.mean(values)) if len(values) else None
