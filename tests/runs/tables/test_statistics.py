"""Means, deviations, intervals and the sign test, against values computed by hand."""
import math

import numpy as np
import pytest

from runs.tables.statistics import compare, sign_test, summarize


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
    assert (found.pairs, found.mean, found.better, found.p_value) == (1, 0.25, 1, 1.0)
    assert all(math.isnan(value) for value in found[2:7])


def differences(**tasks):
    """Comparison of models whose difference on each split of a task is given."""
    first = {(task, split): value for task, values in tasks.items() for split, value in enumerate(values)}
    return compare(first, dict.fromkeys(first, 0.0))


def test_splits_are_drawn_within_their_task():
    """Tasks that differ, with splits that do not: nothing varies until tasks are drawn, by hand as for {0, 1}."""
    found = differences(a=[0.0, 0.0, 0.0], b=[1.0, 1.0, 1.0])
    assert (found.mean, found.splits_low, found.splits_high) == (0.5, 0.5, 0.5)
    assert (found.tasks_low, found.tasks_high) == (0.0, 1.0)


def test_intervals_are_about_those_of_the_normal_distribution():
    random = np.random.RandomState(0)
    tasks, splits, within, between = 60, 10, 0.1, 0.05
    values = random.normal(0.1, between, [tasks, 1]) + random.normal(0.0, within, [tasks, splits])
    found = differences(**{"t%d" % task: row for task, row in enumerate(values)})
    variance = values.var(axis=1).mean() / (tasks * splits)  # of the mean, tasks given; a bootstrap divides by n
    half = 1.96 * math.sqrt(variance)
    assert found.splits_low == pytest.approx(found.mean - half, abs=0.0005)
    assert found.splits_high == pytest.approx(found.mean + half, abs=0.0005)
    half = 1.96 * math.sqrt(variance + values.mean(axis=1).var() / tasks)
    assert found.tasks_low == pytest.approx(found.mean - half, abs=0.001)
    assert found.tasks_high == pytest.approx(found.mean + half, abs=0.001)


def test_tasks_with_different_numbers_of_splits():
    """What stands in for the splits that a task lacks is never drawn."""
    found = differences(a=[1.0, 1.0], b=[1.0, 1.0, 1.0, 1.0, 1.0])
    assert found[3:7] == (1.0, 1.0, 1.0, 1.0) and found.mean == 1.0
    found = differences(a=[0.0, 0.0], b=[1.0] * 8)
    assert (found.splits_low, found.splits_high, found.mean) == (0.8, 0.8, 0.8)  # weighted as the mean is


def test_one_task_has_no_interval_over_tasks():
    found = differences(a=[0.0, 1.0])
    assert (found.splits_low, found.splits_high) == (0.0, 1.0)
    assert math.isnan(found.tasks_low) and math.isnan(found.tasks_high)


def test_a_task_with_one_split_leaves_no_interval_over_splits():
    found = differences(a=[0.0], b=[1.0, 0.0])
    assert math.isnan(found.splits_low) and math.isnan(found.splits_high) and found.tasks_low == 0.0


def test_a_seed_gives_one_comparison():
    first = {("a", split): value for split, value in enumerate(np.random.RandomState(0).rand(10))}
    second = dict.fromkeys(first, 0.5)
    assert compare(first, second, seed=1)[:5] == compare(first, second, seed=1)[:5]
    assert compare(first, second, seed=1)[:5] != compare(first, second, seed=2)[:5]
