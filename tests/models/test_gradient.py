"""The gradient of the whole loss against finite differences."""

import unittest

import numpy as np
from voxlstm.lib.backend.door import theano
from voxlstm.models.network import Network

from . import tiny

VIEWS, BATCH = 2, 2
LIMITS = dict(abs_tol=1e-7, rel_tol=1e-5)  # a difference passes within either


class Gradient(unittest.TestCase):
    def check(self, kernel):
        """Check the gradient with respect to every parameter, one by one."""
        network = Network(tiny.config(kernel), seed=1, dtype="float64")
        random = np.random.default_rng(5)
        pictures = random.random((VIEWS, BATCH, 3, 7, 7))
        truth = random.integers(0, 2, (BATCH, 4, 4, 4)).astype("float64")
        variables = [p.variable for p in network.parameters.values()]
        loss = network.loss(network.outputs(theano.shared(pictures)), theano.shared(truth))

        def loss_at(*values):
            return theano.clone(loss, replace=dict(zip(variables, values)))

        point = [variable.get_value() for variable in variables]
        theano.gradient.verify_grad(loss_at, point, rng=np.random, n_tests=1, **LIMITS)
        gradients = theano.function([], theano.grad(loss, variables))()
        for variable, gradient in zip(variables, gradients):
            self.assertGreater(np.abs(gradient).max(), 1e-6, variable.name)

    def test_kernel_1x1x1(self):
        self.check(1)

    def test_kernel_3x3x3(self):
        self.check(3)


if __name__ == "__main__":
    unittest.main()
