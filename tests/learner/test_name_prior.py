"""Label embeddings that lean on the names of their classes."""
import numpy as np
import pytest

from learner import name_prior
from runtime.compat import tf

RANDOM = np.random.RandomState(0)
CENTRES = np.float32([[1.0, 0.0, 2.0], [-1.0, 0.5, 2.0], [0.0, -0.5, 2.0]])
NAMES = np.float32(CENTRES + [[5.0, 5.0, 5.0]] + 0.1 * RANDOM.normal(size=CENTRES.shape))
ROWS = np.full([3, 1], 4.0, np.float32)


def lean(embeddings, names, rows=ROWS):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(name_prior.lean(*map(tf.constant, (embeddings, names, rows))))


def test_formula():
    directions = NAMES - NAMES.mean(axis=0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    agreement = np.mean([(CENTRES[c] - CENTRES.mean(axis=0)) @ directions[c] for c in range(3)])
    assert agreement > 0.5
    expected = CENTRES + name_prior.NAME_ROWS / (4.0 + 1.0) * agreement * directions
    np.testing.assert_allclose(lean(CENTRES, NAMES), expected, rtol=1e-5)


def test_names_that_contradict_the_rows_change_nothing():
    for order in ([1, 2, 0], [2, 0, 1]):
        np.testing.assert_array_equal(lean(CENTRES, NAMES[order]), CENTRES)


def test_names_that_are_all_alike_change_nothing():
    np.testing.assert_array_equal(lean(CENTRES, np.ones_like(NAMES)), CENTRES)


def test_what_all_names_share_and_their_length_do_not_count():
    np.testing.assert_allclose(lean(CENTRES, 3.0 * NAMES + 7.0), lean(CENTRES, NAMES), atol=1e-5)


@pytest.mark.parametrize("few, many", [(1.0, 2.0), (4.0, 16.0)])
def test_more_rows_count_for_more(few, many):
    moved = [np.abs(lean(CENTRES, NAMES, np.full_like(ROWS, k)) - CENTRES).sum() for k in (few, many)]
    assert 0.0 < moved[1] < moved[0]


def test_of_few_rows_names_tell_what_rows_do_not():
    """Rows of noise and little else: nearest class, of many rows drawn around the true centres."""
    random = np.random.RandomState(1)
    centres = random.normal(size=[4, 50])
    names = np.float32(centres + random.normal(size=[4, 50]))
    made = np.float32(centres + 1.5 * random.normal(size=[4, 50]))
    labels = random.randint(0, 4, 500)
    rows = centres[labels] + 3.0 * random.normal(size=[500, 50])

    def accuracy(embeddings):
        return np.mean(np.argmin([np.square(rows - each).sum(axis=1) for each in embeddings], axis=0) == labels)

    found = accuracy(lean(made, names, np.ones([4, 1], np.float32)))
    assert found > accuracy(made) + 0.05
