"""The temperature of held-out logits: the true one of many rows, the usual one of none."""
import numpy as np
import pytest

from learner import calibration


def drawn(temperature, rows, classes=3, seed=0):
    """Logits and labels that are drawn from their softmax at a temperature."""
    random = np.random.RandomState(seed)
    logits = 3.0 * random.standard_normal([rows, classes])
    weights = np.exp(logits / temperature)
    weights = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    return logits.astype(np.float32), (random.uniform(size=[rows, 1]) > weights).sum(axis=1)


@pytest.mark.parametrize("true", [0.2, 0.7, 1.5])
def test_many_rows_tell_the_temperature(true):
    logits, labels = drawn(true, 4000)
    assert calibration.temperature(logits, labels) == pytest.approx(true, rel=0.1)


def test_no_rows_leave_the_usual_one():
    assert calibration.temperature(np.zeros([0, 4]), np.zeros([0], int)) == pytest.approx(calibration.USUAL, rel=0.03)
    assert calibration.temperature(np.zeros([0, 4]), np.zeros([0], int), usual=0.3) == pytest.approx(0.3, rel=0.03)


def test_few_rows_move_it_a_little():
    """Eight rows that are all right, however sure of it the model is, do not make probabilities certain."""
    logits = np.eye(2)[np.arange(8) % 2]
    few = calibration.temperature(logits, np.arange(8) % 2)
    many = calibration.temperature(np.tile(logits, [50, 1]), np.arange(400) % 2)
    assert many < few < calibration.USUAL < 2 * few


def test_large_logits_stay_finite():
    assert np.isfinite(calibration.temperature(np.array([[1e4, -1e4]]), np.array([1])))
