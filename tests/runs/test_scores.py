"""Scores against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from runs.scores import Scores


def random_scores(rows=50, classes=4, labels=None, seed=0):
    random = np.random.RandomState(seed)
    logits = random.standard_normal([rows, classes])
    return Scores(logits, np.arange(rows) % classes if labels is None else labels)


def test_one_row():
    scores = Scores([[0.0, 2.0]], [1])
    assert scores.accuracy == 1.0 and scores.predictions.tolist() == [1]
    assert scores.f1.tolist() == [0.0, 1.0] and scores.macro_f1 == 0.5
    assert scores.losses[0] == pytest.approx(np.log(1.0 + np.exp(-2.0)))


def test_huge_logits_stay_finite():
    scores = Scores([[1e4, -1e4], [1e4, 1e4]], [1, 0])
    np.testing.assert_allclose(scores.losses, [2e4, np.log(2.0)], rtol=1e-6)
    np.testing.assert_allclose(scores.probabilities, [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize("temperature", [0.1, 0.5, 3.0])
def test_a_temperature_changes_probabilities_and_no_prediction(temperature):
    random = np.random.RandomState(0)
    logits = random.standard_normal([50, 4]).astype(np.float32)
    logits[0, :2] = 9.0, np.nextafter(np.float32(9.0), np.float32(10.0))  # as near as two can be
    plain, scores = Scores(logits, np.arange(50) % 4), Scores(logits, np.arange(50) % 4, temperature)
    np.testing.assert_array_equal(scores.predictions, plain.predictions)
    np.testing.assert_array_equal(scores.probabilities[1:].argmax(axis=1), plain.predictions[1:])
    powers = plain.probabilities ** (1.0 / temperature)
    np.testing.assert_allclose(scores.probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-7)
    of_labels = scores.probabilities[np.arange(50), np.arange(50) % 4]
    np.testing.assert_allclose(scores.losses, -np.log(of_labels), rtol=1e-3)


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_against_scikit_learn(classes):
    scores = random_scores(classes=classes)
    labels, predicted = scores.labels, scores.predictions
    names = list(range(classes))
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert np.mean(scores.losses) == pytest.approx(
        metrics.log_loss(labels, scores.probabilities, labels=names), rel=1e-5
    )
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    np.testing.assert_allclose(scores.f1, metrics.f1_score(labels, predicted, average=None))
    np.testing.assert_array_equal(scores.confusion, metrics.confusion_matrix(labels, predicted, labels=names))
    np.testing.assert_allclose(np.sum(scores.probabilities, axis=1), 1.0, rtol=1e-6)


def test_class_without_rows_and_predictions_counts_as_0():
    scores = Scores([[1.0, 0.0, -9.0], [0.0, 1.0, -9.0]], [0, 1])
    expected = metrics.f1_score([0, 1], [0, 1], average=None, labels=[0, 1, 2], zero_division=0)
    np.testing.assert_array_equal(scores.f1, expected)
    assert scores.macro_f1 == pytest.approx(2.0 / 3.0)


def test_precision_and_recall_take_every_class_but_0_as_positive():
    scores = random_scores(classes=4)
    positive, predicted = scores.labels > 0, scores.predictions > 0
    assert scores.precision == pytest.approx(metrics.precision_score(positive, predicted))
    assert scores.recall == pytest.approx(metrics.recall_score(positive, predicted))
    mixed = Scores(np.eye(3)[[1, 2, 0, 0]], [2, 1, 1, 0])  # 1 and 2 confused are hits
    assert (mixed.precision, mixed.recall) == (1.0, 2.0 / 3.0)


@pytest.mark.parametrize(
    "predicted, labels, precision, recall",
    [([0, 0], [1, 1], 0.0, 0.0), ([1, 1], [0, 0], 0.0, 0.0), ([0, 0], [0, 0], 0.0, 0.0), ([1, 0], [1, 0], 1.0, 1.0)],
)
def test_undefined_precision_and_recall_are_0(predicted, labels, precision, recall):
    scores = Scores(np.eye(2)[predicted], labels)
    assert (scores.precision, scores.recall) == (precision, recall)


def test_short_last_batch_counts_fully():
    scores = random_scores(rows=5)
    losses = scores.losses
    np.testing.assert_allclose(scores.batch_losses(2), [losses[:2].mean(), losses[2:4].mean(), losses[4]])
    assert scores.mean_batch_loss(2) == pytest.approx((losses[:2].mean() + losses[2:4].mean() + losses[4]) / 3.0)
    for size in (5, 100):
        assert scores.mean_batch_loss(size) == pytest.approx(losses.mean())
