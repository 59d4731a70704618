"""Initial weights fitted to a batch: what each layer says of it afterwards."""

import unittest

import numpy as np

from tests.solvers.boxes import make_batch, make_network
from voxlstm.lib.backend.door import theano
from voxlstm.lib.data.views import as_float
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.initial import LAST_SPREAD, fit_initial_weights


class Fitted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = make_network()
        cls.before = cls.network.get_weights()
        cls.views, cls.voxels = make_batch(views=1)
        fit_initial_weights(cls.network, cls.views, cls.voxels)
        inputs, _ = cls.network.inputs()
        layers = cls.network.pre_activations(cls.network.outputs(inputs))
        compute = theano.function([inputs], [layer.variable for layer in layers])
        names = [layer.weight.name for layer in layers]
        cls.pre_activations = dict(zip(names, compute(as_float(cls.views))))

    def test_each_channel_has_mean_0_and_deviation_1(self):
        for name, value in self.pre_activations.items():
            if name.startswith("lstm") or name == "decoder.conv4.W":
                continue
            axes = tuple(axis for axis in range(value.ndim) if axis != 1)
            np.testing.assert_allclose(value.mean(axes), 0, atol=1e-3, err_msg=name)
            np.testing.assert_allclose(value.std(axes), 1, atol=1e-3, err_msg=name)

    def test_every_cell_tells_the_objects_apart(self):
        for gate in ("forget", "input", "candidate"):
            np.testing.assert_allclose(self.pre_activations[f"lstm.{gate}.W"].std(0), 1, atol=1e-3)
            np.testing.assert_array_equal(
                self.network.get_weights()[f"lstm.{gate}.b"], self.before[f"lstm.{gate}.b"]
            )

    def test_the_first_probability_is_the_share_of_occupied_voxels(self):
        logits = self.pre_activations["decoder.conv4.W"]
        share = self.voxels.mean()
        odds = (logits[:, 1] - logits[:, 0]).mean()
        self.assertAlmostEqual(odds, np.log(share / (1 - share)), places=3)
        np.testing.assert_allclose(logits.std((0, 2, 3, 4)), LAST_SPREAD, rtol=1e-3)
        _, losses = Predictor(self.network).validate(self.views, self.voxels)
        entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
        self.assertAlmostEqual(losses.mean(), entropy, delta=0.05)

    def test_equal_pictures_leave_finite_weights(self):
        network = make_network()
        fit_initial_weights(network, np.zeros_like(self.views), np.zeros_like(self.voxels))
        for name, value in network.get_weights().items():
            self.assertTrue(np.isfinite(value).all(), name)
