"""The expressions of lib/ops against what their first lines say, in plain NumPy loops."""

import unittest

import numpy as np
from tests.models import naive
from tests.models.test_layers import RANDOM, apply, same, symbol
from voxlstm.lib.ops import expressions
from voxlstm.lib.backend.door import tensor, theano


class Values(unittest.TestCase):
    def test_convolution_in_two_dimensions(self):
        for kernel in (1, 3, 7):
            with self.subTest(kernel=kernel):
                shape = (4, 3, kernel, kernel)
                W, x = RANDOM.normal(size=shape), RANDOM.normal(size=(2, 3, 8, 9))
                actual = apply(lambda x, W: expressions.convolve2d(x, W, shape), x, W)
                same(actual, naive.convolve(x, W))

    def test_convolution_in_three_dimensions(self):
        for kernel in (1, 3):
            with self.subTest(kernel=kernel):
                shape = (4, 3) + 3 * (kernel,)
                W, x = RANDOM.normal(size=shape), RANDOM.normal(size=(2, 3, 3, 4, 5))
                actual = apply(lambda x, W: expressions.convolve3d(x, W, shape), x, W)
                same(actual, naive.convolve(x, W))

    def test_convolution_to_fewer_maps_and_after_unpooling(self):
        shape = (2, 3, 3, 3, 3)
        W, x = RANDOM.normal(size=shape), RANDOM.normal(size=(2, 3, 3, 3, 3))
        fewer = apply(lambda x, W: expressions.convolve3d_to_fewer(x, W, shape, 3), x, W)
        same(fewer, naive.convolve(x, W))
        larger = apply(lambda x, W: expressions.unpool_and_convolve3d(x, W, shape, 6), x, W)
        same(larger, naive.convolve(naive.unpool(x), W))

    def test_pooling_with_a_border_that_is_never_the_maximum(self):
        for rows, columns in ((7, 7), (8, 6), (5, 8), (1, 2)):
            with self.subTest(rows=rows, columns=columns):
                x = RANDOM.normal(size=(2, 3, rows, columns)) - 100  # zeros would win
                same(apply(expressions.max_pool, x), naive.max_pool(x))

    def test_pooling_of_a_sum(self):
        x, b = RANDOM.normal(size=(2, 3, 7, 6)), RANDOM.normal(size=3)
        expected = naive.max_pool(x + naive.channels(b, x))
        same(apply(expressions.add_and_max_pool, x, b), expected)

    def test_the_sizes_that_pooling_makes(self):
        sizes = [127]
        for _ in range(6):
            pooled = apply(expressions.max_pool, np.zeros((1, 1, sizes[-1], sizes[-1])))
            self.assertEqual(expressions.pooled_size(sizes[-1]), pooled.shape[2])
            sizes.append(pooled.shape[2])
        self.assertEqual(sizes, [127, 64, 33, 17, 9, 5, 3])


class Gradients(unittest.TestCase):
    def test_pooling_passes_the_gradient_to_the_maximum(self):
        x = RANDOM.permutation(np.arange(98.0) - 200).reshape(1, 2, 7, 7)
        weights = RANDOM.normal(size=(1, 2, 4, 4))
        v = symbol(4)
        gradient = theano.grad((expressions.max_pool(v) * weights).sum(), v)
        expected = np.zeros_like(x)
        pooled = naive.max_pool(x)
        for channel, i, j in np.ndindex(2, 4, 4):
            expected[x == pooled[0, channel, i, j]] = weights[0, channel, i, j]
        same(theano.function([v], gradient)(x), expected)

    def test_transposed_convolution_has_the_gradients_of_zero_insertion(self):
        x, W, shape = symbol(5), symbol(5), (2, 3, 3, 3, 3)
        zeros = tensor.zeros((x.shape[0], 3, 8, 8, 8), dtype="float64")
        inserted = tensor.set_subtensor(zeros[:, :, ::2, ::2, ::2], x)
        weights = RANDOM.normal(size=(2, 2, 8, 8, 8))
        results = []
        for y in (
            expressions.unpool_and_convolve3d(x, W, shape, 8),
            expressions.convolve3d(inserted, W, shape),
        ):
            results += [y] + theano.grad((y * weights).sum(), [x, W])
        function = theano.function([x, W], results)
        values = function(RANDOM.normal(size=(2, 3, 4, 4, 4)), RANDOM.normal(size=shape))
        for transposed, inserted in zip(values[:3], values[3:]):
            same(transposed, inserted)


if __name__ == "__main__":
    unittest.main()
