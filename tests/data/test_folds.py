"""Rows that are held out in turn: every row once, classes spread evenly, none held out as a whole."""
import numpy as np
import pytest

from data import folds


@pytest.mark.parametrize(
    "sizes, most, count",
    [((4, 4), 10, 4), ((16, 16, 16), 10, 10), ((2, 30), 10, 10), ((2, 3, 5), 3, 3), ((2, 2), 9, 2)],
)
def test_folds(sizes, most, count):
    labels = np.random.RandomState(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    found = folds.stratified_folds(labels, most, seed=0)
    assert len(found) == count and all(len(fold) for fold in found)
    assert sorted(np.concatenate(found)) == list(range(len(labels)))
    counts = np.array([np.bincount(labels[fold], minlength=len(sizes)) for fold in found])
    assert np.all(counts.max(axis=0) - counts.min(axis=0) <= 1)
    assert np.all(counts.max(axis=0) < sizes)
    if len(set(sizes)) == 1:  # what is left has classes of one size too
        assert np.all(counts == counts[:, :1])


def test_the_seed_decides():
    labels = np.arange(40) % 2
    first, again, other = [np.concatenate(folds.stratified_folds(labels, 5, seed)) for seed in (0, 0, 1)]
    assert first.tolist() == again.tolist() != other.tolist()


def test_half_of_each_class_is_drawn_from_the_rows_given():
    labels = np.array([0, 1] * 4 + [2])
    rows = np.array([0, 1, 2, 4, 5, 6, 8])  # four of class 0, two of 1, one of 2
    half = folds.half_of_each_class(labels, rows, seed=0)
    assert np.bincount(labels[half]).tolist() == [2, 1, 1] and set(half) < set(rows)
    assert half.tolist() == sorted(half)
    assert {tuple(folds.half_of_each_class(labels, rows, seed)) for seed in range(9)} > {tuple(half)}
