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

    def test_convolution_in_two_dimensions(self):
        for kernel in (1, 3, 7):
            with self.subTest(kernel=kernel):
                parameters = layers.Parameters(0, "float64")
                layer = layers.Convolution2D(parameters, "conv", 3, 4, kernel)
                x = RANDOM.normal(size=(2, 3, 8, 9))
                same(apply(layer, x), naive.convolve(x, layer.W.get_value()))

    def test_convolution_in_three_dimensions(self):
        for kernel in (1, 3):
            with self.subTest(kernel=kernel):
                shape = (4, 3) + 3 * (kernel,)
                W, x = RANDOM.normal(size=shape), RANDOM.normal(size=(2, 3, 3, 4, 5))
                actual = apply(lambda x, W: layers.convolve3d(x, W, shape), x, W)
                same(actual, naive.convolve(x, W))

    def test_decoder_convolution(self):
        for unpool in (False, True):
            with self.subTest(unpool=unpool):
                parameters = layers.Parameters(0, "float64")
                layer = layers.Convolution3D(parameters, "conv", 3, 2, 3, 3, unpool)
                layer.b.set_value(RANDOM.normal(size=2))
                x = RANDOM.normal(size=(2, 3, 3, 3, 3))
                y = naive.convolve(naive.unpool(x) if unpool else x, layer.W.get_value())
                same(apply(layer, x), y + naive.channels(layer.b.get_value(), y))

    def test_pooling_with_a_border_that_is_never_the_maximum(self):
        for rows, columns in ((7, 7), (8, 6), (5, 8), (1, 2)):
            with self.subTest(rows=rows, columns=columns):
                x = RANDOM.normal(size=(2, 3, rows, columns)) - 100  # zeros would win
                same(apply(layers.max_pool, x), naive.max_pool(x))

    def test_the_sizes_that_pooling_makes(self):
        sizes = [127]
        for _ in range(6):
            pooled = apply(layers.max_pool, np.zeros((1, 1, sizes[-1], sizes[-1])))
            self.assertEqual(layers.pooled_size(sizes[-1]), pooled.shape[2])
            sizes.append(pooled.shape[2])
        self.assertEqual(sizes, [127, 64, 33, 17, 9, 5, 3])


class Gradients(unittest.TestCase):
    def test_pooling_passes_the_gradient_to_the_maximum(self):
        x = RANDOM.permutation(np.arange(98.0) - 200).reshape(1, 2, 7, 7)
        weights = RANDOM.normal(size=(1, 2, 4, 4))
        v = symbol(4)
        gradient = theano.grad((layers.max_pool(v) * weights).sum(), v)
        expected = np.zeros_like(x)
        pooled = naive.max_pool(x)
        for channel, i, j in np.ndindex(2, 4, 4):
            expected[x == pooled[0, channel, i, j]] = weights[0, channel, i, j]
        same(theano.function([v], gradient)(x), expected)

    def test_transposed_convolution_has_the_gradients_of_zero_insertion(self):
        layer = layers.Convolution3D(layers.Parameters(0, "float64"), "conv", 3, 2, 3, 4, True)
        x = symbol(5)
        zeros = tensor.zeros((x.shape[0], 3, 8, 8, 8), dtype="float64")
        inserted = tensor.set_subtensor(zeros[:, :, ::2, ::2, ::2], x)
        plain = layers.add_bias(layers.convolve3d(inserted, layer.W, layer.shape), layer.b)
        weights = RANDOM.normal(size=(2, 2, 8, 8, 8))
        wanted, results = [x, layer.W, layer.b], []
        for y in (layer(x), plain):
            results += [y] + theano.grad((y * weights).sum(), wanted)
        values = theano.function([x], results)(RANDOM.normal(size=(2, 3, 4, 4, 4)))
        for transposed, inserted in zip(values[:4], values[4:]):
            same(transposed, inserted)


class InitialValues(unittest.TestCase):
    def test_weights_have_the_variance_of_their_fans(self):
        parameters = layers.Parameters(0, "float64")
        layers.Convolution2D(parameters, "conv", 30, 50, 3)
        layers.Dense(parameters, "fc", 300, 100)
        for name, mean_fan in (("conv.W", (30 + 50) / 2 * 9), ("fc.W", 200)):
            values = parameters[name].variable.get_value()
            self.assertAlmostEqual(values.var() * mean_fan / 2, 1, delta=0.05)
            self.assertAlmostEqual(values.mean() / values.std(), 0, delta=0.05)

    def test_biases_are_a_tenth(self):
        parameters = layers.Parameters(0, "float64")
        np.testing.assert_array_equal(parameters.bias("b", 3).get_value(), [0.1, 0.1, 0.1])

    def test_parameters_are_named_and_tagged(self):
        parameters = layers.Parameters(0, "float32")
        layers.Dense(parameters, "fc", 2, 3)
        found = [(p.name, p.variable.name, p.kind, p.shape) for p in parameters.values()]
        self.assertEqual(
            found, [("fc.W", "fc.W", "weight", (2, 3)), ("fc.b", "fc.b", "bias", (3,))]
        )


if __name__ == "__main__":
    unittest.main()
