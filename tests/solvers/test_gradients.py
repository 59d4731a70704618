"""Centred and clipped gradients."""

import unittest
from collections import OrderedDict

import numpy as np

from tests.models import tiny
from voxlstm.lib.backend.door import tensor, theano
from voxlstm.models.network import Network
from voxlstm.solvers.gradients import centred, clipped


class CentredTest(unittest.TestCase):
    def setUp(self):
        self.network = Network(tiny.config(3), seed=0)
        random = np.random.default_rng(0)
        self.given = OrderedDict(
            (name, random.normal(1.0, 1.0, one.shape).astype("float32"))
            for name, one in self.network.parameters.items()
        )
        symbols = OrderedDict((n, tensor.constant(value)) for n, value in self.given.items())
        found = centred(symbols, self.network.parameters)
        self.found = dict(zip(found, theano.function([], list(found.values()))()))

    def test_every_output_of_every_layer_has_a_mean_of_zero_over_its_inputs(self):
        inputs = {
            "encoder.conv1.W": (1, 2, 3),
            "encoder.fc.W": (0,),
            "lstm.input.W": (0,),  # (inputs, outputs, cells): a matrix for each cell
            "lstm.input.U": (1, 2, 3, 4),
            "decoder.conv2.W": (1, 2, 3, 4),
        }
        for name, axes in inputs.items():
            expected = self.given[name] - self.given[name].mean(axis=axes, keepdims=True)
            np.testing.assert_allclose(self.found[name], expected, atol=1e-5, err_msg=name)
            self.assertGreater(np.abs(expected - self.given[name]).max(), 0.1)

    def test_biases_are_left_and_the_order_too(self):
        self.assertEqual(list(self.found), list(self.given))
        for name, value in self.found.items():
            if name.endswith(".b"):
                np.testing.assert_array_equal(value, self.given[name])


class ClippedTest(unittest.TestCase):
    def norms(self, limit):
        values = {"a": np.array([[3.0, 0.0]], "float32"), "b": np.array([0.0, 4.0], "float32")}
        gradients = OrderedDict((name, tensor.constant(v)) for name, v in values.items())
        after = theano.function([], list(clipped(gradients, limit).values()))()
        for got, value in zip(after, values.values()):
            self.assertEqual(got.dtype, "float32")
            np.testing.assert_allclose(got * np.linalg.norm(value), value * np.linalg.norm(got))
        return [float(np.linalg.norm(got)) for got in after]

    def test_all_are_shortened_together_above_the_limit(self):
        np.testing.assert_allclose(self.norms(1.0), [0.6, 0.8], rtol=1e-6)

    def test_none_is_changed_below_it(self):
        self.assertEqual(self.norms(5.5), [3.0, 4.0])
