"""Rows to label next: unsure, different from each other, none twice."""
import numpy as np
import pytest

from runs import selection


def test_unsureness():
    found = selection.unsureness([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.5, 0.3]])
    np.testing.assert_allclose(found, [1.0, 0.0, 0.8])


def test_one_of_each_kind_of_unsure_rows():
    """Three groups of unsure rows far from each other, and sure ones that are further away."""
    random = np.random.RandomState(0)
    centres = 10.0 * np.eye(4)[np.repeat(np.arange(4), 10)]
    features = centres + 0.1 * random.standard_normal([40, 4])
    top = np.where(np.arange(40) < 30, 0.55, 1.0)[:, None]
    probabilities = np.concatenate([top, 1.0 - top], axis=1)
    chosen = selection.choose(probabilities, features, 3, candidates=10)
    assert sorted(chosen // 10) == [0, 1, 2]


def test_the_most_unsure_first_and_no_more_than_there_are():
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
    assert selection.choose(probabilities, np.eye(3), 5).tolist() == [1, 2, 0]
    assert selection.choose(probabilities, np.eye(3), 1, candidates=1).tolist() == [1]
    first = selection.choose(probabilities, np.eye(3), 2)
    assert len(set(first.tolist())) == 2 and first[0] == 1


def test_centres_start_far_from_each_other(monkeypatch):
    monkeypatch.setattr(selection, "ROUNDS", 0)
    random = np.random.RandomState(0)
    points, weights = random.standard_normal([30, 5]), random.uniform(size=30)
    found = selection._centres(points, weights, 6)
    for place in range(1, 6):
        nearest = np.square(points[:, None] - found[:place]).sum(axis=2).min(axis=1)
        np.testing.assert_array_equal(found[place], points[np.argmax(weights * nearest)])


@pytest.mark.parametrize("n", [1, 4, 9])
def test_equal_rows_are_chosen_once_each(n):
    found = selection.choose(np.full([9, 2], 0.5), np.zeros([9, 3]), n)
    assert len(set(found.tolist())) == n
