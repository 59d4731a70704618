"""The sigmoid and the hyperbolic tangent against NumPy's in float64."""

import unittest

from voxlstm.lib.backend.door import tensor, theano

import numpy as np

from voxlstm.lib.ops import activation, available

EXACT = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
UNITS = 4  # in the last place


@unittest.skipUnless(*available())
class TestActivation(unittest.TestCase):
    def test_values(self):
        tiny = 10.0 ** np.arange(-37, 0)
        x = np.concatenate([np.linspace(-80, 80, 20001), np.linspace(-1, 1, 20001), tiny, -tiny])
        x = x.astype("float32")
        for kind, exact in EXACT.items():
            with self.subTest(kind):
                expected = exact(x.astype("float64"))
                off = np.abs(self.of(kind, x) - expected)
                self.assertLessEqual((off / np.spacing(np.abs(expected, dtype="float32"))).max(), UNITS)

    def test_far_values_and_no_numbers(self):
        x = np.array([-np.inf, -3e38, -200, 0, 200, 3e38, np.inf, np.nan], "float32")
        for kind, low in (("sigmoid", 0), ("tanh", -1)):
            y = self.of(kind, x)
            middle = (low + 1) / 2
            np.testing.assert_allclose(y[:-1], 3 * [low] + [middle] + 3 * [1], rtol=0, atol=1e-37)
            self.assertTrue(np.isnan(y[-1]))

    def test_sizes_and_layouts(self):
        random = np.random.default_rng(1)
        for shape in ((1, 1), (3, 5), (2, 16), (7, 17), (0, 3), (40, 1001)):
            x = 3 * random.standard_normal(shape).astype("float32")
            for held in (x, x[::-1], x[:, ::2], x.T):
                for kind, exact in EXACT.items():
                    with self.subTest(kind, shape=held.shape):
                        expected = exact(held.astype("float64"))
                        np.testing.assert_allclose(self.of(kind, held), expected, rtol=1e-6)

    def of(self, kind, x):
        variable = tensor.TensorType("float32", (False,) * x.ndim)()
        y = activation.Activation(kind)(variable)
        return theano.function([variable], y, mode=theano.Mode(linker="py", optimizer=None))(x)
