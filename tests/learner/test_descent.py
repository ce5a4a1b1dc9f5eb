"""Gradients by name, and their joint clipping (golden checklist, section 7)."""
import numpy as np
import pytest

from learner import configs, descent
from modeling import WORD_EMBEDDINGS
from runtime.compat import tf

POSITIONS = "bert/embeddings/position_embeddings"
pytestmark = pytest.mark.usefixtures("graph")


def clipped(loss, weights, amp=False):
    """(gradients as they are, norm, factor), by all weights."""
    gradients = descent.gradients(loss, weights, list(weights), configs.LearnerConfig(amp=amp))
    norm, scale = descent.clip(descent.half_squares(gradients))
    with tf.Session() as session:
        return gradients, session.run(descent.dense(gradients)), session.run([norm, scale])


def product(weight, factors):
    """A number whose gradient by the weight is the factors."""
    return tf.reduce_sum(weight * tf.constant(factors))


def rows_product(table):
    """A number whose gradient by row 1 of the table is 3 + 4, gathered twice."""
    return product(tf.gather(table, [1, 1]), [[3.0], [4.0]])


@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize(
    "name, factors, norm, scale",
    [
        (WORD_EMBEDDINGS, None, 5.0, 0.2),  # gathered rows enter one by one
        (POSITIONS, None, 7.0, 1.0 / 7.0),
        (WORD_EMBEDDINGS, [[12.0]], 13.0, 1.0 / 13.0),
        (None, [0.6, 0.0, 0.8], 1.0, 1.0),
        (None, [0.25], 0.25, 1.0),
        (None, [0.0, 0.0], 0.0, 1.0),
    ],
)
def test_clip(name, factors, norm, scale, amp):
    weights, loss = {}, tf.constant(0.0)
    if name:
        weights[name] = tf.zeros([5, 1])
        loss += rows_product(weights[name])
    if factors:
        weights["other"] = tf.zeros_like(tf.constant(factors))
        loss += product(weights["other"], factors)
    _, dense, found = clipped(loss, weights, amp)
    np.testing.assert_allclose(found, [norm, scale], rtol=1e-6)
    if name:
        np.testing.assert_allclose(dense[name], [[0.0], [7.0], [0.0], [0.0], [0.0]])


def test_only_the_word_table_stays_a_list_of_rows():
    weights = {name: tf.zeros([5, 1]) for name in (WORD_EMBEDDINGS, POSITIONS, "unread")}
    gradients, _, _ = clipped(rows_product(weights[WORD_EMBEDDINGS]) + rows_product(weights[POSITIONS]), weights)
    assert list(gradients) == [WORD_EMBEDDINGS, POSITIONS]
    assert isinstance(gradients[WORD_EMBEDDINGS], tf.IndexedSlices)
    assert not isinstance(gradients[POSITIONS], tf.IndexedSlices)


def test_no_gradients():
    gradients, dense, found = clipped(tf.constant(1.0), {})
    assert not gradients and not dense and found == [0.0, 1.0]


def test_given_gradient_of_what_is_differentiated():
    weight = tf.zeros([2])
    gradients = descent.gradients(3.0 * weight, {"w": weight}, ["w"], configs.LearnerConfig(), tf.constant([1.0, 5.0]))
    with tf.Session() as session:
        np.testing.assert_allclose(session.run(gradients["w"]), [3.0, 15.0])
