"""Calibration, and what is decided at a threshold."""
import json

import numpy as np
import pytest

from runs import confidence

# Highest probabilities 0.95, 0.95, 0.65, 0.55; the second and the last are wrong.
PROBABILITIES = [[0.95, 0.05], [0.05, 0.95], [0.35, 0.65], [0.55, 0.45]]
LABELS = [0, 0, 1, 1]


def test_known_values():
    found = confidence.describe(PROBABILITIES, LABELS)
    json.dumps(found)
    assert found["expected_calibration_error"] == pytest.approx((2 * 0.45 + 0.35 + 0.55) / 4)
    assert [(each["from"], each["rows"], each["accuracy"]) for each in found["calibration_bins"]] == [
        (0.5, 1, 0.0), (0.6, 1, 1.0), (0.9, 2, 0.5)
    ]
    decided = {each["min_confidence"]: (each["decided"], each["accuracy"]) for each in found["by_min_confidence"]}
    assert decided[0.5] == (1.0, 0.5) and decided[0.6] == (0.75, pytest.approx(2.0 / 3.0))
    assert decided[0.9] == (0.5, 0.5) and decided[0.99] == (0.0, None)


def test_certain_and_right_is_calibrated():
    found = confidence.describe(np.eye(3), [0, 1, 2])
    assert found["expected_calibration_error"] == 0.0
    assert [(each["from"], each["rows"]) for each in found["calibration_bins"]] == [(0.9, 3)]


def test_labels_drawn_from_the_probabilities_are_calibrated():
    random = np.random.RandomState(0)
    sure = random.uniform(0.5, 1.0, 20000)
    probabilities = np.stack([sure, 1.0 - sure], axis=1)
    labels = (random.uniform(size=20000) > sure).astype(int)
    assert confidence.describe(probabilities, labels)["expected_calibration_error"] < 0.015
    halved = confidence.describe(np.stack([0.5 + sure / 2.0, 0.5 - sure / 2.0], axis=1), labels)
    assert halved["expected_calibration_error"] > 0.1
