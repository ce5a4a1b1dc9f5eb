"""Means, deviations, intervals and the sign test, against values computed by hand."""
import math

import numpy as np
import pytest

from tables.statistics import compare, sign_test, summarize


def test_mean_and_sample_deviation():
    found = summarize([0.2, 0.4, 0.4, 0.4, 0.5, 0.5, 0.7, 0.9])
    assert found.runs == 8 and found.mean == pytest.approx(0.5)
    assert found.std == pytest.approx(math.sqrt(0.32 / 7))  # by hand


def test_one_value_has_neither_deviation_nor_interval():
    found = summarize([0.4])
    assert found[:2] == (1, 0.4) and all(math.isnan(value) for value in found[2:])


def test_interval_of_two_values():
    """Resamples of {0, 1} are 00, 01, 10, 11: the outer 2.5 % lie within the outer quarters."""
    assert summarize([0.0, 1.0])[3:] == (0.0, 1.0)


def test_interval_is_about_that_of_the_normal_distribution():
    values = np.random.RandomState(0).normal(0.5, 0.1, 400)
    found = summarize(values)
    half = 1.96 * found.std / 20
    assert found.low == pytest.approx(found.mean - half, abs=0.001)
    assert found.high == pytest.approx(found.mean + half, abs=0.001)


def test_a_seed_gives_one_interval():
    values = [0.1, 0.5, 0.3, 0.6]
    assert summarize(values, seed=1) == summarize(values, seed=1)
    many = np.random.RandomState(0).rand(10)
    assert summarize(many, seed=1) != summarize(many, seed=2)


def test_equal_values():
    assert summarize([0.5, 0.5, 0.5]) == (3, 0.5, 0.0, 0.5, 0.5)


@pytest.mark.parametrize("better, worse, expected", [
    (0, 5, 2 / 32), (5, 0, 2 / 32), (8, 2, 2 * (1 + 10 + 45) / 1024), (3, 3, 1.0), (1, 0, 1.0),
])
def test_sign_test_by_hand(better, worse, expected):
    assert sign_test(better, worse) == pytest.approx(expected)


def test_sign_test_without_pairs():
    assert math.isnan(sign_test(0, 0))


def test_pairs_are_those_that_both_have():
    first = {("a", 0): 0.5, ("a", 1): 0.7, ("b", 0): 0.4, ("b", 1): 0.9}
    second = {("a", 0): 0.4, ("a", 1): 0.8, ("b", 0): 0.4, ("c", 0): 0.1}
    found = compare(first, second)
    assert (found.pairs, found.better, found.worse, found.equal) == (3, 1, 1, 1)
    assert found.mean == pytest.approx(0.0) and found.std == pytest.approx(0.1) and found.p_value == 1.0
    assert compare(second, first).mean == pytest.approx(-found.mean)


def test_one_pair():
    found = compare({("a", 0): 0.5}, {("a", 0): 0.25})
    assert (found.pairs, found.mean, found.better, found.p_value) == (1, 0.25, 1, 1.0) and math.isnan(found.std)
