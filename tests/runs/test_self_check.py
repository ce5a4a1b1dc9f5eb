"""What a model says of itself: the numbers, the reasons for none, and the lines."""
import numpy as np
import pytest

from runs import self_check

LABELS = np.array([0] * 6 + [1] * 4)


def logits(wrong):
    """Logits that are right but for the rows of some numbers."""
    guesses = LABELS.copy()
    guesses[wrong] = 1 - guesses[wrong]
    return np.eye(2)[guesses]


def test_numbers():
    found = self_check.summary(logits([0]), logits([0, 1, 2, 8]), LABELS)
    low, high = found["accuracy_interval_95"]
    assert (found["rows"], found["accuracy"], found["majority_baseline"]) == (10, 0.9, 0.6)
    assert low == pytest.approx(0.596, abs=1e-3) and high == pytest.approx(0.982, abs=1e-3)  # Wilson's
    assert found["half_of_the_rows"] == {"accuracy": 0.6} and found["more_rows_help"] is True


@pytest.mark.parametrize("half, helps", [([0], False), ([], False), ([1], False), ([0, 1], True), ([0, 1, 2], True)])
def test_more_rows_help_where_they_helped_beyond_chance(half, helps):
    """One row of ten is a gain of 0.1, and its standard error 0.095; rows that half of the rows had right count too."""
    assert self_check.summary(logits([0]), logits(half), LABELS)["more_rows_help"] is helps


class Model:
    """What is asked of a finetuner.Finetuner."""

    def __init__(self, encodes_once=True, num_labels=2):
        self.encodes_once, self.num_labels = encodes_once, num_labels


class Rows:
    def __init__(self, labels):
        self.label_ids, self.size = np.array(labels), len(labels)


class Settings:
    num_train_epochs = 5.0


@pytest.mark.parametrize(
    "model, labels, words",
    [
        (Model(encodes_once=False), [0, 0, 1, 1], "the encoder is trained too"),
        (Model(), [0, 0, 1], "fewer than two rows"),
        (Model(num_labels=3), [0, 0, 1, 1], "fewer than two rows"),
        (Model(), np.arange(10**6) % 2, "take long"),
    ],
)
def test_why_there_is_none(model, labels, words):
    found = self_check.check(model, Settings, Rows(labels))
    assert words in found["skipped"]
    assert self_check.lines(found) == ["no self-check: " + found["skipped"]]


def test_lines():
    first, second = self_check.lines(self_check.summary(logits([0]), logits([0, 1, 2, 8]), LABELS))
    assert first.startswith("self-check: accuracy about 0.90 (95% interval 0.60 to 0.98)")
    assert "0.60; half of the rows: 0.60: more labelled rows would probably help" in second
    _, second = self_check.lines(self_check.summary(logits([0]), logits([0]), LABELS))
    assert "these rows cannot tell whether more would help" in second
