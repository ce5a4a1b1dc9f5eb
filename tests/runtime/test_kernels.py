"""GELU, LayerNorm and attention: values, first and second derivatives."""
import math

import numpy as np
import pytest

from runtime import kernels
from runtime.compat import tf

pytestmark = pytest.mark.usefixtures("graph")


def evaluate(tensors):
    with tf.Session() as session:
        return session.run(tensors)


def test_gelu_values():
    x = np.array([-20.0, -1.0, 0.0, 0.5, 1.0, 20.0], np.float32)
    tanh_form = [0.5 * v * (1.0 + math.tanh(math.sqrt(2.0 / math.pi) * (v + 0.044715 * v**3))) for v in x.tolist()]
    exact = [0.5 * v * (1.0 + math.erf(v / math.sqrt(2.0))) for v in x.tolist()]
    found = evaluate([kernels.gelu(tf.constant(x)), kernels.gelu_erf(tf.constant(x))])
    np.testing.assert_allclose(found[0], tanh_form, atol=1e-6)
    np.testing.assert_allclose(found[1], exact, atol=1e-6)
    np.testing.assert_allclose(found[0][[2, 4]], [0.0, 0.841192], atol=1e-6)
    np.testing.assert_allclose(found[1][[2, 4]], [0.0, 0.841345], atol=1e-6)


def test_layer_norm():
    random = np.random.RandomState(0)
    x, beta, gamma = random.standard_normal([3, 8]), random.standard_normal(8), random.standard_normal(8)
    x[2] = 5.0  # a constant row: nothing but beta is left
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12) * gamma + beta
    arrays = [tf.constant(array, tf.float32) for array in (x, beta, gamma)]
    np.testing.assert_allclose(evaluate(kernels.layer_norm(*arrays)), expected, atol=1e-5)


def test_layer_norm_first_derivative_is_the_ordinary_one_and_the_second_is_not():
    x = tf.constant(np.random.RandomState(0).standard_normal([2, 8]), tf.float32)
    target = tf.constant(np.random.RandomState(1).standard_normal([2, 8]), tf.float32)

    def ordinary(x):
        deviation = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(deviation), axis=-1, keepdims=True)
        return deviation * tf.math.rsqrt(variance + 1e-12)

    firsts, seconds = [], []
    for norm in (lambda x: kernels.layer_norm(x, tf.zeros([8]), tf.ones([8])), ordinary):
        (first,) = tf.gradients(tf.reduce_sum(norm(x) ** 3 * target), x)
        firsts.append(first)
        seconds.append(tf.gradients(tf.reduce_sum(first * target), x)[0])
    firsts, seconds = evaluate([firsts, seconds])
    np.testing.assert_allclose(firsts[0], firsts[1], atol=1e-4)
    assert np.max(np.abs(seconds[0] - seconds[1])) > 1e-2


@pytest.mark.parametrize("name", ["gelu", "gelu_erf"])
def test_activations_with_written_derivatives_equal_the_plain_ones(name):
    x = tf.constant(np.linspace(-6.0, 6.0, 241), tf.float32)
    dy = tf.constant(np.random.RandomState(0).standard_normal(241), tf.float32)
    found = []
    for form in (kernels.PLAIN, kernels.FIRST_ORDER):
        y = form.activations[name](x)
        found.append([y] + tf.gradients(y, x, grad_ys=dy))
    plain, written = evaluate(found)
    np.testing.assert_allclose(written, plain, rtol=2e-6, atol=5e-6)


@pytest.mark.parametrize("shape", [[5, 16], [2, 3, 16]])
def test_layer_norm_with_written_derivative_equals_the_plain_one(shape):
    random = np.random.RandomState(0)
    arrays = [random.standard_normal(shape) * 3.0 + 1.0] + [random.standard_normal(16) for _ in range(2)]
    x, beta, gamma = [tf.constant(array, tf.float32) for array in arrays]
    dy = tf.constant(random.standard_normal(shape), tf.float32)
    found = []
    for form in (kernels.PLAIN, kernels.FIRST_ORDER):
        y = form.layer_norm(x, beta, gamma)
        found.append([y] + tf.gradients(y, [x, beta, gamma], grad_ys=dy))
    plain, written = evaluate(found)
    for one, other in zip(written, plain):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=3e-6)


@pytest.mark.parametrize("drops", [False, True])
def test_attention_with_written_derivative_equals_the_plain_one(drops):
    random = np.random.RandomState(0)
    tensors = [tf.constant(random.standard_normal((2, 3, 5, 4)), tf.float32) for _ in range(3)]
    masked_scores = tf.constant(np.where(np.arange(5) < [[5], [3]], 0.0, -10000.0)[:, None, None], tf.float32)
    kept = tf.constant(random.choice([0.0, 1.25], (2, 3, 5, 5)), tf.float32) if drops else None
    dy = tf.constant(random.standard_normal((2, 3, 5, 4)), tf.float32)
    found = []
    for form in (kernels.PLAIN, kernels.FIRST_ORDER):
        y = form.attend(*tensors, masked_scores, kept)
        found.append([y] + tf.gradients(y, tensors, grad_ys=dy))
    plain, written = evaluate(found)
    for one, other in zip(written, plain):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=3e-6)


def test_other_activations_are_the_same_functions():
    assert set(kernels.FIRST_ORDER.activations) == set(kernels.PLAIN.activations)
    assert kernels.FIRST_ORDER.activations["relu"] is kernels.PLAIN.activations["relu"]
