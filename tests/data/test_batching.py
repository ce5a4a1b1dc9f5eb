"""Order and batches of fine-tuning and evaluation."""


import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import batching
from learner import finetuning


def batches(*arguments):
    return [batch.tolist() for batch in batching.finetune_batches(*arguments)]


@pytest.mark.parametrize("buffer_size", [1, 3, 10])
def test_empty_input(buffer_size):
    assert list(batching.shuffled([], buffer_size, np.random.RandomState(0))) == []


def test_buffer_of_one_keeps_the_order():
    assert list(batching.shuffled(range(20), 1, np.random.RandomState(0))) == list(range(20))


@given(size=st.integers(0, 60), buffer_size=st.integers(1, 70), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_buffer(size, buffer_size, seed):
    """Every row once, and none before the buffer can have held it."""
    found = list(batching.shuffled(range(size), buffer_size, np.random.RandomState(seed)))
    assert sorted(found) == list(range(size))
    assert all(place >= row - buffer_size + 1 for place, row in enumerate(found))


def test_buffer_is_filled_before_the_first_row_leaves():
    firsts = {next(batching.shuffled(range(9), 4, np.random.RandomState(seed))) for seed in range(60)}
    assert firsts == {0, 1, 2, 3}


@given(size=st.integers(1, 40), batch_size=st.integers(1, 50), epochs=st.floats(0.0, 4.0), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=60)
def test_counts(size, batch_size, epochs, seed):
    """A batch larger than the file, fractional epochs and short last batches included."""
    first, *others = batches(size, batch_size, epochs, seed)
    assert len(first) == len(set(first)) == min(size, batch_size) and set(first) <= set(range(size))
    assert 1 + len(others) == finetuning.steps_run(size, batch_size, epochs)
    rows = [row for batch in others for row in batch]
    assert sorted(rows) == sorted(list(range(size)) * int(epochs))
    assert all(len(batch) == batch_size for batch in others[:-1])
    assert not others or len(others[-1]) == (len(rows) - 1) % batch_size + 1


def test_batch_larger_than_the_file():
    first, *others = batches(3, 8, 3.0, 0)
    assert sorted(first) == [0, 1, 2]
    assert [len(batch) for batch in others] == [8, 1]


def test_no_epochs_is_the_first_batch_alone():
    assert [len(batch) for batch in batches(10, 4, 0, 0)] == [4]


def test_batches_cross_the_borders_of_epochs():
    assert [len(batch) for batch in batches(5, 4, 2, 0)] == [4, 4, 4, 2]


def test_seed_decides_the_order():
    assert batches(30, 4, 3, 7) == batches(30, 4, 3, 7)
    assert batches(30, 4, 3, 7) != batches(30, 4, 3, 8)
    assert len({tuple(batches(30, 4, 1, seed)[0]) for seed in range(20)}) > 15


def test_order_is_the_same_on_both_runtimes():
    """numpy promises the stream of RandomState; a saved run must come out again."""
    assert batches(6, 4, 1, 0) == [[4, 0, 3, 1], [5, 2, 0, 4], [3, 1]]


def test_first_batch_comes_from_a_buffer_of_100():
    firsts = [row for seed in range(40) for row in batches(1000, 8, 0, seed)[0]]
    assert max(firsts) < 100 + 8 and max(firsts) > 50


@pytest.mark.parametrize("rows, batch_size", [(1, 4), (7, 3), (8, 4), (5, 1)])
def test_batches_by_length(rows, batch_size):
    mask = np.arange(6) < np.random.RandomState(rows).randint(1, 7, rows)[:, None]
    found = list(batching.batches_by_length(mask.astype(int), batch_size))
    order = np.concatenate(found)
    assert sorted(order) == list(range(rows))
    lengths = mask.sum(axis=1)[order]
    assert np.all(np.diff(lengths) <= 0)  # longest first: what does not fit into memory fails at once
    ties = [(order[i], order[i + 1]) for i in range(rows - 1) if lengths[i] == lengths[i + 1]]
    assert all(one < other for one, other in ties)
    tokens = [len(batch) * mask.sum(axis=1)[batch[0]] for batch in found]
    assert max(tokens) <= 6 * batch_size
    assert all(count + mask.sum(axis=1)[batch[0]] > 6 * batch_size for count, batch in zip(tokens[:-1], found))


@pytest.mark.parametrize("rows, batch_size", [(1, 4), (4, 4), (5, 4), (9, 1)])
def test_batches_in_order(rows, batch_size):
    found = list(batching.batches_in_order(rows, batch_size))
    assert np.concatenate(found).tolist() == list(range(rows))
    assert [len(batch) for batch in found[:-1]] == [batch_size] * (len(found) - 1) and len(found[-1]) <= batch_size


def test_no_rows_no_batches():
    assert list(batching.batches_by_length(np.zeros([0, 6]), 4)) == []


@given(
    label_ids=st.lists(st.integers(0, 4), min_size=1, max_size=40), batch_size=st.integers(1, 50),
    epochs=st.floats(0.0, 4.0), seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=60)
def test_stratified(label_ids, batch_size, epochs, seed):
    """Every class is in the first batch, as evenly as its rows allow; every epoch has every row once."""
    classes, size = len(set(label_ids)), len(label_ids)
    first, *others = [batch.tolist() for batch in batching.stratified_batches(label_ids, batch_size, epochs, seed)]
    assert len(first) == len(set(first)) == min(size, max(batch_size, classes))
    counts = {label: sum(label_ids[row] == label for row in first) for label in label_ids}
    assert min(counts.values()) >= 1
    most = max(counts.values())
    assert all(count in (most, most - 1, label_ids.count(label)) for label, count in counts.items())
    assert 1 + len(others) == finetuning.steps_run(size, batch_size, epochs)
    rows = [row for batch in others for row in batch]
    for epoch in range(int(epochs)):
        assert sorted(rows[epoch * size : (epoch + 1) * size]) == list(range(size))
    assert all(len(batch) == batch_size for batch in others[:-1])


def test_stratified_order_follows_the_seed():
    def orders(seed):
        return [batch.tolist() for batch in batching.stratified_batches([0, 0, 1, 1, 1, 1], 2, 2, seed)]

    assert orders(3) == orders(3) != orders(4)
