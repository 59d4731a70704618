"""Every layer against a plain NumPy loop in float64."""

import unittest

import numpy as np
from voxlstm.lib.backend.door import tensor, theano
from voxlstm.models import layers

from . import naive

RANDOM = np.random.default_rng(1)


def symbol(dimensions, dtype="float64"):
    return tensor.TensorType(dtype, dimensions * (False,))()


def apply(layer, *arrays):
    """Return ``layer(*arrays)`` as compiled by Theano."""
    symbols = [symbol(array.ndim) for array in arrays]
    return theano.function(symbols, layer(*symbols))(*arrays)


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12)


class Values(unittest.TestCase):
    def test_leaky_relu(self):
        x = np.array([[-1e6, -3.0, -1e-9, 0.0, 1e-9, 2.0, 1e6]])
        same(apply(layers.leaky_relu, x), naive.leaky_relu(x))

    def test_the_slope_of_leaky_relu(self):
        x = symbol(1)
        slope = theano.function([x], theano.grad(layers.leaky_relu(x).sum(), x))
        same(slope([-5.0, -1e-9, 1e-9, 5.0]), [0.1, 0.1, 1, 1])

    def test_dense(self):
        layer = layers.Dense(layers.Parameters(0, "float64"), "fc", 6, 4)
        layer.b.set_value(RANDOM.normal(size=4))
        x = RANDOM.normal(size=(3, 6))
        expected = np.zeros((3, 4))
        for n, j in np.ndindex(3, 4):
            expected[n, j] = sum(x[n, i] * layer.W.get_value()[i, j] for i in range(6))
        same(apply(layer, x), expected + layer.b.get_value())

    def test_every_convolution_adds_its_bias(self):
        cases = [
            (layers.PooledConvolution2D, (8, 9), naive.convolve, naive.max_pool, 5),
            (layers.Convolution3D, (8, 8, 8), naive.convolve, np.array, 8),
            (layers.Upconvolution3D, (4, 4, 4), upconvolve, np.array, 8),
        ]
        for kind, space, convolve, pool, size in cases:
            with self.subTest(kind=kind):
                parameters = layers.Parameters(0, "float64")
                layer = kind(parameters, "conv", 3, 2, 3, space[0])
                layer.b.set_value(RANDOM.normal(size=2))
                x = RANDOM.normal(size=(2, 3, *space))
                y = convolve(x, layer.W.get_value())
                expected = pool(y + naive.channels(layer.b.get_value(), y))
                same(apply(layer, x), expected)
                self.assertEqual((layer.size, expected.shape[2]), (size, size))


def upconvolve(x, W):
    return naive.convolve(naive.unpool(x), W)


class InitialValues(unittest.TestCase):
    def test_weights_have_the_variance_of_their_fans(self):
        parameters = layers.Parameters(0, "float64")
        layers.PooledConvolution2D(parameters, "conv", 30, 50, 3, 9)
        layers.Dense(parameters, "fc", 300, 100)
        for name, mean_fan in (("conv.W", (30 + 50) / 2 * 9), ("fc.W", 200)):
            values = parameters[name].variable.get_value()
            self.assertAlmostEqual(values.var() * mean_fan / 2, 1, delta=0.05)
            self.assertAlmostEqual(values.mean() / values.std(), 0, delta=0.05)

    def test_biases_are_a_tenth(self):
        parameters = layers.Parameters(0, "float64")
        np.testing.assert_array_equal(parameters.bias("fc", "b", 3).get_value(), [0.1, 0.1, 0.1])

    def test_parameters_are_named_and_tagged(self):
        parameters = layers.Parameters(0, "float32")
        layers.Dense(parameters, "fc", 2, 3)
        layers.Upconvolution3D(parameters, "conv", 4, 5, 3, 2)
        parameters.matrix("lstm", "input.W", (6, 7, 8, 8, 8))
        found = [
            (name, p.name, p.variable.name, p.kind, p.layer, p.shape, p.output_axes)
            for name, p in parameters.items()
        ]
        expected = [
            ("fc.W", "weight", "fc", (2, 3), (1,)),
            ("fc.b", "bias", "fc", (3,), (0,)),
            ("conv.W", "weight", "conv", (5, 4, 3, 3, 3), (0,)),
            ("conv.b", "bias", "conv", (5,), (0,)),
            ("lstm.input.W", "weight", "lstm", (6, 7, 8, 8, 8), (1, 2, 3, 4)),
        ]
        self.assertEqual(found, [(e[0], e[0], *e) for e in expected])


if __name__ == "__main__":
    unittest.main()
