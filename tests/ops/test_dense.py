"""Fully connected layers against NumPy, over odd sizes, and the step of SGD that has no gradient."""

import itertools
import unittest
from collections import OrderedDict

import numpy as np

from voxlstm.lib.backend.door import tensor, theano
from voxlstm.lib.ops import available
from voxlstm.lib.ops.dense import FEW, Dense, DenseGradient, DenseKernelGradient, DenseSGDStep
from voxlstm.lib.ops.registration import TAG
from voxlstm.lib.ops.update import SGDStep
from voxlstm.models.layers import Parameter
from voxlstm.solvers.gradients import clipped
from voxlstm.solvers.optimisers import SGD

OURS = theano.Mode(linker="py", optimizer="fast_run").excluding("fusion")
STOCK = theano.Mode(linker="cvm", optimizer="fast_run").excluding(TAG, "fusion")
PYTHON = theano.Mode(linker="py", optimizer=None)
ROWS = (*range(1, 16), 25, *FEW.values(), *(few + 1 for few in FEW.values()))
# The kernels take 32 columns and 64 lines at once, 8 strips, parts of 1024 columns, and up to 12 lines.
SIZES = ((1, 1), (2, 31), (3, 32), (64, 33), (65, 256), (130, 289), (190, 1100))


@unittest.skipUnless(available()[0], available()[1])
class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        a, b = tensor.fmatrix(), tensor.fmatrix()
        kinds = (Dense, DenseGradient, DenseKernelGradient)
        cls.functions = [theano.function([a, b], kind()(a, b), mode=PYTHON) for kind in kinds]

    def cases(self):
        random = np.random.default_rng(0)
        for rows, (inputs, outputs) in itertools.product(ROWS, SIZES):
            shapes = (rows, inputs), (inputs, outputs), (rows, outputs)
            with self.subTest(rows=rows, inputs=inputs, outputs=outputs):
                yield [random.normal(size=shape).astype("float32") for shape in shapes]

    def close(self, result, a, b):
        expected = a.astype("float64") @ b.astype("float64")
        # A sum of n products of rounded numbers.
        bound = 1e-6 * np.sqrt(a.shape[1]) * (1 + np.abs(a).max() * np.abs(b).max())
        self.assertEqual((result.dtype, result.shape), (np.dtype("float32"), expected.shape))
        np.testing.assert_allclose(result, expected, rtol=0, atol=bound)

    def test_the_three_products(self):
        forward, gradient, kernel_gradient = self.functions
        for x, w, dy in self.cases():
            self.close(forward(x, w), x, w)
            self.close(gradient(dy, w), dy, w.T)
            self.close(kernel_gradient(x, dy), x.T, dy)

    def test_matrices_that_are_views(self):
        random = np.random.default_rng(1)
        x, w = random.normal(size=(130, 6)), random.normal(size=(40, 260))
        x, w = x.astype("float32").T[::2], w.astype("float32").T[::2]
        self.close(self.functions[0](x, w), x, w)

    def step(self, inplace):
        w, v, x, dy = (tensor.TensorType("float32", (False,) * n)() for n in (3, 3, 2, 2))
        rate = tensor.fscalar()
        outputs = DenseSGDStep(0.9, 0.01, inplace)(w, v, x, dy, rate)
        inputs = [theano.In(i, borrow=True, mutable=True) for i in (w, v)] + [x, dy, rate]
        return theano.function(inputs, outputs, mode=PYTHON, accept_inplace=True)

    def test_a_step_of_sgd(self):
        copying, inplace = self.step(False), self.step(True)
        for x, w, dy in self.cases():
            w = w[:, None]
            v = np.cos(w)
            new_v = 0.9 * v - 0.1 * ((x.T.astype("float64") @ dy)[:, None] + 0.01 * w)
            expected = w + new_v, new_v
            before = w.tobytes(), v.tobytes()
            results = [copying(w, v, x, dy, np.float32(0.1))]
            self.assertEqual((w.tobytes(), v.tobytes()), before)
            results += [inplace(w, v, x, dy, np.float32(0.1)), (w, v)]
            for got, value in itertools.chain(*(zip(result, expected) for result in results)):
                np.testing.assert_allclose(got, value, rtol=1e-4, atol=1e-5 * len(x))

    def test_matrices_that_do_not_belong_together(self):
        for function in self.functions:
            with self.assertRaisesRegex(ValueError, "do not belong together"):
                function(np.ones((2, 3), "float32"), np.ones((4, 5), "float32"))


@unittest.skipUnless(available()[0], available()[1])
class Training(unittest.TestCase):
    """A layer behind a convolution, since only graphs with convolutions are changed."""

    def trained(self, mode, clip_norm=0.0):
        random = np.random.default_rng(3)
        x = random.normal(size=(2, 3, 5, 5)).astype("float32")
        shared = theano.shared(random.normal(size=(16, 3, 3, 3)).astype("float32"), name="U")
        W = theano.shared(random.normal(size=(144, 2, 5)).astype("float32"), name="W")
        maps = tensor.nnet.conv2d(x, shared, filter_shape=(16, 3, 3, 3))
        cost = tensor.tanh(tensor.dot(maps.reshape((2, 144)), W.flatten(2))).sum()
        parameters = OrderedDict(
            (v.name, Parameter(v.name, v, "weight", v.name, v.get_value().shape)) for v in (shared, W)
        )
        gradients = OrderedDict(zip(parameters, theano.grad(cost, [shared, W])))
        if clip_norm:
            gradients = clipped(gradients, clip_norm)
        rule, rates = SGD(0.9, 0.1), dict.fromkeys(parameters, np.float32(0.01))
        changes = rule.updates(gradients, parameters, rule.init_state(parameters), rates)
        step = theano.function([], cost, updates=changes, mode=mode)
        costs = [float(step()) for _ in range(3)]
        return costs, W.get_value(), {type(n.op) for n in step.maker.fgraph.apply_nodes}

    def test_the_gradient_of_the_matrix_is_never_made(self):
        costs, W, kinds = self.trained(OURS)
        self.assertTrue({DenseSGDStep, SGDStep, Dense, DenseGradient} <= kinds)
        self.assertNotIn(DenseKernelGradient, kinds)
        stock, expected, others = self.trained(STOCK)
        self.assertFalse({DenseSGDStep, SGDStep, Dense} & others)
        np.testing.assert_allclose(costs, stock, rtol=1e-5)
        np.testing.assert_allclose(W, expected, rtol=1e-4, atol=1e-6)

    def test_a_gradient_needed_elsewhere_is_made(self):
        costs, W, kinds = self.trained(OURS, clip_norm=0.5)
        self.assertTrue({DenseKernelGradient, SGDStep} <= kinds)
        self.assertNotIn(DenseSGDStep, kinds)
        stock, expected, _ = self.trained(STOCK, clip_norm=0.5)
        np.testing.assert_allclose(costs, stock, rtol=1e-5)
        np.testing.assert_allclose(W, expected, rtol=1e-4, atol=1e-6)
