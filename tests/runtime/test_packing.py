"""Packing leaves padding out and puts every token back in its place."""
import numpy as np
import pytest

from runtime import kernels, packing
from runtime.compat import tf

MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]])
KEPT = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 1]], bool)  # the first of every row is kept
X = np.arange(32, dtype=np.float32).reshape(4, 4, 2)
pytestmark = pytest.mark.usefixtures("graph")


@pytest.mark.parametrize(
    "make, kept",
    [
        (lambda: packing.Packed(tf.constant(MASK, tf.int32), 2), KEPT),
        (lambda: packing.Padded(tf.constant(MASK, tf.int32), 2), np.ones_like(KEPT)),
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
    layout = packing.Packed(mask, 1)
    (gradient,) = tf.gradients(tf.reduce_sum(layout.unpack(tf.square(layout.pack(x)))), x)
    with tf.Session() as session:
        found = session.run(gradient, {mask: MASK, x: X})
    np.testing.assert_array_equal(found, 2.0 * X * KEPT[:, :, None])


@pytest.mark.parametrize("form", [kernels.PLAIN, kernels.FIRST_ORDER])
def test_heads_of_tokens(form):
    size, heads = 3, 2
    random = np.random.RandomState(0)
    x = random.standard_normal([KEPT.sum(), heads * size]).astype(np.float32)
    weight = random.standard_normal([4, heads, 4, size]).astype(np.float32) * KEPT[:, None, :, None]
    packed, fed = packing.Packed(tf.constant(MASK, tf.int32), heads), tf.constant(x)
    padded = packing.Padded(tf.constant(MASK, tf.int32), heads)
    split = packed.split(fed, form)  # [row, head, column, size]
    whole = padded.split(padded.pack(packed.unpack(fed)), form)
    (gradient,) = tf.gradients(tf.reduce_sum(split * weight), fed)
    with tf.Session() as session:
        split, whole, gradient, joined, joined_whole, expected = session.run(
            [split, whole, gradient, packed.join(split), padded.join(whole), packed.join(tf.constant(weight))]
        )
    np.testing.assert_array_equal(split * KEPT[:, None, :, None], whole)
    assert split[3, :, 2].tolist() == split[3, :, 1].tolist()  # padding: the token before it
    np.testing.assert_array_equal(gradient, expected)
    np.testing.assert_array_equal(joined, x)
    np.testing.assert_array_equal(joined_whole[KEPT.ravel()], x)


@pytest.mark.parametrize(
    "lengths, longer",
    [
        ([1, 2, 3, 4], [3]),  # 4 tokens and 6, not 7 and 3
        ([5, 5, 5, 5], [0, 1]),
        ([8, 1, 1, 1, 1], [0]),
        ([3], []),
        ([0, 0], []),
    ],
)
def test_halves(lengths, longer):
    mask = (np.arange(8) < np.array(lengths)[:, None]).astype(np.int32)
    with tf.Session() as session:
        first, second = session.run(packing.halves(tf.constant(mask)))
    assert first.tolist() == longer
    assert sorted(first.tolist() + second.tolist()) == list(range(len(lengths)))


def test_shape():
    assert packing.shape(tf.zeros([2, 3])) == [2, 3]
    rows, columns = packing.shape(tf.placeholder(tf.float32, [None, 3]))
    assert isinstance(rows, tf.Tensor) and columns == 3
