"""Packing leaves padding out and puts every token back in its place."""
import numpy as np
import pytest

import packing
from compat import tf

MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]])
KEPT = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]], bool)  # the first of every row is kept
X = np.arange(32, dtype=np.float32).reshape(4, 4, 2)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as built:
        yield built


@pytest.mark.parametrize(
    "make, kept",
    [
        (lambda: packing.Packed(tf.constant(MASK, tf.int32)), KEPT),
        (lambda: packing.Padded(tf.constant(MASK, tf.int32)), np.ones_like(KEPT)),
        (lambda: packing.First, np.eye(4, dtype=bool)[[0, 0, 0, 0]]),
    ],
)
def test_pack_and_unpack(make, kept):
    layout = make()
    packed = layout.pack(tf.constant(X))
    with tf.Session() as session:
        packed, again = session.run([packed, layout.unpack(packed)])
    np.testing.assert_array_equal(packed, X[kept])
    np.testing.assert_array_equal(again, (X * kept[:, :, None])[:, : again.shape[1]])


def test_columns_of_unknown_number_and_derivatives():
    mask, x = tf.placeholder(tf.int32, [None, None]), tf.placeholder(tf.float32, [None, None, 2])
    layout = packing.Packed(mask)
    (gradient,) = tf.gradients(tf.reduce_sum(layout.unpack(tf.square(layout.pack(x)))), x)
    with tf.Session() as session:
        found = session.run(gradient, {mask: MASK, x: X})
    np.testing.assert_array_equal(found, 2.0 * X * KEPT[:, :, None])


def test_shape():
    assert packing.shape(tf.zeros([2, 3])) == [2, 3]
    rows, columns = packing.shape(tf.placeholder(tf.float32, [None, 3]))
    assert isinstance(rows, tf.Tensor) and columns == 3
