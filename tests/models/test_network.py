"""The whole network: values, any number of views, loss, names, counts."""

import unittest
from collections import Counter
from pathlib import Path

import numpy as np
from voxlstm.lib.backend.door import tensor, theano
from voxlstm.lib.base.errors import UserError
from voxlstm.models.network import Network, NetworkConfig

from . import naive, tiny

DEFINITIONS = Path(__file__).parents[2] / "models"
RANDOM = np.random.default_rng(3)
PAPER_COUNTS = {"lstm_1x1x1": 30_929_314, "lstm_3x3x3": 32_207_266}
SMALL = ("small_1x1x1", "small_3x3x3")


def defined(name):
    return NetworkConfig.from_file(DEFINITIONS / f"{name}.yaml")


def compiled(network):
    """Return the function views -> logits, occupancy, hidden, forget, input."""
    views, _ = network.inputs()
    out = network.outputs(views)
    results = [out.logits, out.occupancy, out.hidden, out.forget, out.input]
    return theano.function([views], results)


def loss_of(dtype="float64"):
    """Return the function logits, voxels -> loss, loss of each object, gradient, occupancy."""
    network = Network(tiny.config(1), dtype=dtype)
    logits = tensor.TensorType(dtype, 5 * (False,))("logits")
    _, voxels = network.inputs()
    loss = network.loss(logits, voxels)
    results = [loss, network.loss_per_object(logits, voxels), theano.grad(loss, logits)]
    return theano.function([logits, voxels], results)


class Forward(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.networks = {kernel: Network(tiny.config(kernel), dtype="float64") for kernel in (1, 3)}
        cls.functions = {kernel: compiled(network) for kernel, network in cls.networks.items()}

    def test_every_output_equals_plain_loops_for_any_batch_and_number_of_views(self):
        for kernel, network in self.networks.items():
            weights = network.get_weights()
            for count, batch in ((1, 1), (1, 3), (3, 2), (5, 1), (24, 2)):
                with self.subTest(kernel=kernel, views=count, batch=batch):
                    views = RANDOM.random((count, batch, 3, 7, 7))
                    logits, occupancy, h, f, i = self.functions[kernel](views)
                    expected = naive.network(weights, views, network.config)
                    for actual, wanted in zip((logits, h, f, i), expected):
                        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-12)
                    probability = naive.softmax(expected[0])[:, 1]
                    np.testing.assert_allclose(occupancy, probability, rtol=1e-9)

    def test_a_grid_of_one_cell_and_a_state_of_one_value(self):
        views = RANDOM.random((3, 2, 3, 7, 7))
        for changes in ({"grid": 1}, {"channels": 1}):
            with self.subTest(changes):
                network = Network(tiny.config(3, **changes), dtype="float64")
                logits, _, h, f, i = compiled(network)(views)
                expected = naive.network(network.get_weights(), views, network.config)
                for actual, wanted in zip((logits, h, f, i), expected):
                    np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-12)

    def test_gates_are_given_by_view_and_cell(self):
        *_, f, i = self.functions[3](RANDOM.random((4, 2, 3, 7, 7)))
        for gate in (f, i):
            self.assertEqual(gate.shape, (4, 2, 2, 2, 2, 2))
            self.assertTrue(((gate > 0) & (gate < 1)).all())

    def test_objects_of_a_batch_do_not_touch_each_other(self):
        views = RANDOM.random((2, 3, 3, 7, 7))
        together = self.functions[3](views)[0]
        for index in range(3):
            alone = self.functions[3](views[:, index : index + 1])[0]
            np.testing.assert_allclose(alone[0], together[index], rtol=1e-10)

    def test_the_encoder_runs_once_over_all_views(self):
        nodes = self.functions[3].maker.fgraph.toposort()
        outside = Counter(type(node.op).__name__ for node in nodes)
        (scan,) = [node.op for node in nodes if type(node.op).__name__ == "Scan"]
        inside = Counter(type(node.op).__name__ for node in scan.fn.maker.fgraph.toposort())
        self.assertEqual(outside["CorrMM"], 2)  # the tiny encoder has two convolutions
        self.assertEqual(inside["CorrMM"], 0)
        self.assertEqual(inside["Corr3dMM"], 1)  # one product with U for the three gates
        products = sum(inside[name] for name in ("Dot", "Dot22", "Gemm", "Dense"))
        self.assertEqual(products, 0)  # W tau(x) stands outside
        self.assertEqual(outside["Corr3dMMGradInputs"], 3)  # the decoder, on the last state


class Loss(unittest.TestCase):
    def test_loss_is_the_mean_cross_entropy(self):
        logits = 3 * RANDOM.normal(size=(3, 2, 4, 4, 4))
        voxels = RANDOM.integers(0, 2, (3, 4, 4, 4)).astype(float)
        loss, by_object, _ = loss_of()(logits, voxels)
        expected = naive.cross_entropy(logits, voxels)
        np.testing.assert_allclose(by_object, expected, rtol=1e-12)
        self.assertAlmostEqual(loss, expected.mean(), places=13)

    def test_gradient_is_the_softmax_less_the_truth(self):
        logits = 3 * RANDOM.normal(size=(3, 2, 4, 4, 4))
        voxels = RANDOM.integers(0, 2, (3, 4, 4, 4)).astype(float)
        truth = np.stack([1 - voxels, voxels], axis=1)
        expected = (naive.softmax(logits) - truth) / voxels.size
        np.testing.assert_allclose(loss_of()(logits, voxels)[2], expected, rtol=1e-9, atol=1e-15)

    def test_logits_of_200_give_a_finite_loss_and_the_right_gradient(self):
        cases = [  # empty, occupied, truth, loss, gradient of the occupied logit
            (-200, 200, 1, 0, 0),
            (200, -200, 0, 0, 0),
            (-200, 200, 0, 400, 1),
            (200, -200, 1, 400, -1),
            (200, 200, 1, np.log(2), -0.5),
            (-200, -200, 0, np.log(2), 0.5),
        ]
        for dtype in ("float32", "float64"):
            function = loss_of(dtype)
            for empty, occupied, truth, wanted, slope in cases:
                with self.subTest(dtype=dtype, logits=(empty, occupied), truth=truth):
                    logits = np.array([empty, occupied], dtype).reshape(1, 2, 1, 1, 1)
                    loss, _, gradient = function(logits, np.full((1, 1, 1, 1), truth, dtype))
                    self.assertAlmostEqual(float(loss), wanted, places=6)
                    np.testing.assert_allclose(gradient.ravel(), [-slope, slope], atol=1e-7)

    def test_occupancy_at_logits_of_200(self):
        network = Network(tiny.config(1), dtype="float32")
        name = "decoder.conv3.b"
        for bias, expected in (([-200, 200], 1), ([200, -200], 0)):
            weights = network.get_weights()
            weights["decoder.conv3.W"] *= 0
            weights[name] = np.array(bias, "float32")
            network.set_weights(weights)
            occupancy = compiled(network)(np.zeros((1, 1, 3, 7, 7), "float32"))[1]
            np.testing.assert_allclose(occupancy, np.full((1, 4, 4, 4), expected), atol=1e-30)

    def test_loss_at_the_start_is_near_log_two(self):
        for name in (*PAPER_COUNTS, *SMALL):
            with self.subTest(definition=name):
                network = Network(defined(name))
                views, voxels = network.inputs()
                out = network.outputs(views)
                function = theano.function([views, voxels], [network.loss(out, voxels), out.occupancy])
                pictures = RANDOM.random((2, 2, 3, 127, 127), dtype=np.float32)
                # Half occupied, so that a logit's chance sign does not count.
                truth = (RANDOM.random((2, 32, 32, 32)) < 0.5).astype(np.float32)
                loss, occupancy = function(pictures, truth)
                self.assertAlmostEqual(float(loss), np.log(2), delta=0.07)
                self.assertEqual(occupancy.shape, (2, 32, 32, 32))


class Definitions(unittest.TestCase):
    def test_paper_size_has_the_exact_number_of_parameters(self):
        for name, count in PAPER_COUNTS.items():
            self.assertEqual(Network(defined(name)).count(), count)

    def test_small_networks_are_the_same_network_but_narrower(self):
        for name, paper_name in zip(SMALL, PAPER_COUNTS):
            small, paper = Network(defined(name)), Network(defined(paper_name))
            self.assertLessEqual(small.count(), 1_900_000)
            self.assertEqual(list(small.parameters), list(paper.parameters))
            for key in ("image", "encoder_kernels", "grid", "kernel", "unpoolings", "resolution"):
                self.assertEqual(getattr(small.config, key), getattr(paper.config, key))

    def test_kernels_are_the_only_difference_between_the_two_of_a_size(self):
        for pair in (SMALL, PAPER_COUNTS):
            one, three = (defined(name).to_dict() for name in pair)
            self.assertEqual((one.pop("kernel"), three.pop("kernel")), (1, 3))
            self.assertEqual(one, three)

    def test_a_definition_survives_being_stored(self):
        config = defined("small_3x3x3")
        self.assertEqual(NetworkConfig.from_dict(config.to_dict()), config)

    def test_what_is_wrong_is_named(self):
        wrong = [
            ("image", 0),
            ("image", 127.5),
            ("encoder_widths", []),
            ("encoder_widths", [3, 0]),
            ("encoder_widths", [3, 4, 5]),
            ("encoder_kernels", [3, 4]),
            ("encoder_kernels", [3, -1]),
            ("features", 0),
            ("grid", 0),
            ("channels", -1),
            ("kernel", 2),
            ("kernel", "3"),
            ("decoder_widths", []),
            ("unpoolings", 3),
            ("unpoolings", -1),
            ("width", 1),
        ]
        for key, value in wrong:
            with self.subTest(key=key, value=value), self.assertRaises(UserError) as raised:
                NetworkConfig.from_dict({**tiny.config(3).to_dict(), key: value}, "net.yaml")
            self.assertIn(key, str(raised.exception))
            self.assertIn("net.yaml", str(raised.exception))

    def test_a_missing_key_is_named(self):
        mapping = tiny.config(3).to_dict()
        del mapping["channels"]
        with self.assertRaisesRegex(UserError, "channels"):
            NetworkConfig.from_dict(mapping)


class State(unittest.TestCase):
    def test_names_kinds_and_shapes(self):
        found = {p.name: (p.kind, p.shape) for p in Network(tiny.config(3)).parameters.values()}
        expected = {
            "encoder.conv1.W": ("weight", (2, 3, 3, 3)),
            "encoder.conv1.b": ("bias", (2,)),
            "encoder.conv2.W": ("weight", (3, 2, 3, 3)),
            "encoder.conv2.b": ("bias", (3,)),
            "encoder.fc.W": ("weight", (27, 4)),
            "encoder.fc.b": ("bias", (4,)),
            "decoder.conv1.W": ("weight", (3, 2, 3, 3, 3)),
            "decoder.conv1.b": ("bias", (3,)),
            "decoder.conv2.W": ("weight", (2, 3, 3, 3, 3)),
            "decoder.conv2.b": ("bias", (2,)),
            "decoder.conv3.W": ("weight", (2, 2, 3, 3, 3)),
            "decoder.conv3.b": ("bias", (2,)),
        }
        for gate in ("forget", "input", "candidate"):
            expected[f"lstm.{gate}.W"] = ("weight", (4, 2, 2, 2, 2))
            expected[f"lstm.{gate}.U"] = ("weight", (2, 2, 3, 3, 3))
            expected[f"lstm.{gate}.b"] = ("bias", (2,))
        self.assertEqual(found, expected)

    def test_shapes_are_those_of_the_values(self):
        for parameter in Network(tiny.config(3)).parameters.values():
            self.assertEqual(parameter.variable.get_value().shape, parameter.shape)

    def test_a_seed_gives_the_same_weights_again(self):
        first, again, other = (Network(tiny.config(3), seed).get_weights() for seed in (4, 4, 5))
        for name, value in first.items():
            np.testing.assert_array_equal(value, again[name])
            if not name.endswith(".b"):
                self.assertFalse((value == other[name]).any(), name)

    def test_both_precisions_start_from_the_same_values(self):
        single = Network(tiny.config(3), dtype="float32").get_weights()
        double = Network(tiny.config(3), dtype="float64").get_weights()
        for name in single:
            self.assertEqual((single[name].dtype, double[name].dtype), ("float32", "float64"))
            np.testing.assert_array_equal(single[name], double[name].astype("float32"))

    def test_two_networks_share_nothing(self):
        first, second = Network(tiny.config(3)), Network(tiny.config(3))
        variables = [p.variable for net in (first, second) for p in net.parameters.values()]
        self.assertEqual(len(set(map(id, variables))), 2 * len(first.parameters))
        before = second.get_weights()
        first.set_weights({name: value + 1 for name, value in first.get_weights().items()})
        for name, value in second.get_weights().items():
            np.testing.assert_array_equal(value, before[name])
        for network, other in ((first, second), (second, first)):
            views, _ = network.inputs()
            used = set(theano.gof.graph.inputs([network.outputs(views).occupancy]))
            self.assertTrue(used >= {p.variable for p in network.parameters.values()})
            self.assertFalse(used & {p.variable for p in other.parameters.values()})

    def test_weights_go_from_one_network_to_another(self):
        source, target = Network(tiny.config(1), seed=1), Network(tiny.config(1), seed=2)
        target.set_weights(source.get_weights())
        for name, value in source.get_weights().items():
            np.testing.assert_array_equal(target.get_weights()[name], value)

    def test_given_weights_are_copies(self):
        network = Network(tiny.config(1))
        weights = network.get_weights()
        network.set_weights(weights)
        for value in (*weights.values(), *network.get_weights().values()):
            value[...] = np.nan
        for value in network.get_weights().values():
            self.assertTrue(np.isfinite(value).all())

    def test_foreign_weights_are_refused_and_change_nothing(self):
        network = Network(tiny.config(3))
        before = network.get_weights()
        lacking = {name: value + 1 for name, value in before.items() if name != "encoder.fc.b"}
        wrong = [
            (lacking, "are of another network: encoder.fc.b is missing$"),
            ({**before, "encoder.fc.c": np.zeros(3)}, "network: encoder.fc.c is not known to the"),
            (
                {**before, "lstm.input.U": np.zeros((2, 2, 1, 1, 1), "float32")},
                r"lstm.input.U has the shape \(2, 2, 1, 1, 1\) where \(2, 2, 3, 3, 3\) is needed",
            ),
            ({**before, "decoder.conv3.b": np.zeros((2, 1), "float32")}, "decoder.conv3.b has the"),
            ({**before, "decoder.conv3.b": np.zeros(2)}, "damaged: decoder.conv3.b is float64, not"),
        ]
        for values, pattern in wrong:
            with self.subTest(pattern), self.assertRaisesRegex(UserError, f"^the weights .*{pattern}"):
                network.set_weights(values, "the weights in last.npz")
        for name, value in network.get_weights().items():
            np.testing.assert_array_equal(value, before[name])


class PreActivations(unittest.TestCase):
    """What is found in the graph, against plain NumPy loops."""

    @classmethod
    def setUpClass(cls):
        cls.network = Network(tiny.config(3), dtype="float64")
        cls.views, _ = cls.network.inputs()
        cls.layers = cls.network.pre_activations(cls.network.outputs(cls.views))

    def test_there_is_one_of_each_layer_and_gate_in_order(self):
        gates = [f"lstm.{gate}" for gate in ("forget", "input", "candidate")]
        names = ["encoder.conv1", "encoder.conv2", "encoder.fc", *gates]
        names += [f"decoder.conv{number}" for number in (1, 2, 3)]
        self.assertEqual([layer.weight.name for layer in self.layers], [f"{n}.W" for n in names])
        biases = [None if n in gates else self.network.parameters[f"{n}.b"] for n in names]
        self.assertEqual([layer.bias for layer in self.layers], biases)

    def test_values(self):
        w = self.network.get_weights()
        views = RANDOM.random((1, 2, 3, 7, 7))
        values = theano.function([self.views], [layer.variable for layer in self.layers])(views)
        first = naive.convolve(views[0], w["encoder.conv1.W"])
        first = naive.max_pool(first + naive.channels(w["encoder.conv1.b"], first))
        np.testing.assert_allclose(values[0], first, rtol=1e-9)
        tau = naive.encode(w, views[0])
        np.testing.assert_allclose(naive.leaky_relu(values[2]), tau, rtol=1e-9)
        np.testing.assert_allclose(values[4], tau @ w["lstm.input.W"].reshape(4, -1), rtol=1e-9)
        logits, *_ = naive.network(w, views, self.network.config)
        np.testing.assert_allclose(values[-1], logits, rtol=1e-9)


if __name__ == "__main__":
    unittest.main()
