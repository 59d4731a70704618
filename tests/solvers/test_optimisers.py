"""The optimisers against loops of plain NumPy in float64."""

import unittest
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np

from voxlstm.lib.backend.door import tensor, theano
from voxlstm.solvers.gradients import clipped, relative_rates
from voxlstm.solvers.optimisers import SGD, Adam, Optimiser

STEPS = 6
RATES = [0.5, 0.5, 0.2, 0.2, 0.1, 0.1]
DECAY = 0.05
RULE = SGD(momentum=0.9, weight_decay=DECAY)


def make_parameters():
    random = np.random.default_rng(3)
    values = {"layer.W": random.normal(size=(4, 3)), "layer.b": random.normal(size=(3,))}
    return OrderedDict(
        (
            name,
            SimpleNamespace(
                variable=theano.shared(value.astype("float32"), name=name),
                kind="weight" if name.endswith("W") else "bias",
                layer="layer",
            ),
        )
        for name, value in values.items()
    )


def loss_of(parameters, x):
    """A loss that is not quadratic, so that each step's gradient differs."""
    y = tensor.tanh(tensor.dot(x, parameters["layer.W"].variable)) + parameters["layer.b"].variable
    return (y**2).sum()


def numpy_gradients(values, x):
    y = np.tanh(x @ values["layer.W"])
    outer = 2 * (y + values["layer.b"])
    return {"layer.W": x.T @ (outer * (1 - y**2)), "layer.b": outer.sum(0)}


def inputs():
    random = np.random.default_rng(5)
    return [random.normal(size=(7, 4)).astype("float32") * 0.3 for _ in range(STEPS)]


def train(rule, parameters, state, layer_rates=False, clip_norm=0.0):
    """Run the steps in Theano and return the parameters' values."""
    x, rate = tensor.fmatrix("x"), tensor.fscalar("rate")
    variables = [parameter.variable for parameter in parameters.values()]
    gradients = OrderedDict(zip(parameters, theano.grad(loss_of(parameters, x), variables)))
    rates = dict.fromkeys(parameters, rate)
    if layer_rates:
        rates = relative_rates(rate, gradients, parameters)
    if clip_norm:
        gradients = clipped(gradients, clip_norm)
    changes = rule.updates(gradients, parameters, state, rates)
    step = theano.function([x, rate], [], updates=changes)
    for batch, value in zip(inputs(), RATES):
        step(batch, np.float32(value))
    return {name: parameter.variable.get_value() for name, parameter in parameters.items()}


def start(parameters):
    return {n: p.variable.get_value().astype("float64") for n, p in parameters.items()}


def numpy_sgd(values, layer_rates=False):
    """Return what six steps of SGD leave of the parameters, and the velocities."""
    velocity = dict.fromkeys(values, 0.0)
    for x, rate in zip(inputs(), RATES):
        gradients = numpy_gradients(values, x.astype("float64"))
        if layer_rates:
            rate = rate * np.linalg.norm(values["layer.W"]) / np.linalg.norm(gradients["layer.W"])
        gradients["layer.W"] = gradients["layer.W"] + DECAY * values["layer.W"]
        for name in values:
            velocity[name] = 0.9 * velocity[name] - rate * gradients[name]
            values[name] = values[name] + velocity[name]
    return values, velocity


def numpy_adam(values, layer_rates=False, clip_norm=np.inf):
    """Return what six steps of Adam leave of the parameters."""
    mean = dict.fromkeys(values, 0.0)
    square = dict.fromkeys(values, 0.0)
    for t, (x, rate) in enumerate(zip(inputs(), RATES), start=1):
        gradients = numpy_gradients(values, x.astype("float64"))
        if layer_rates:
            rate = rate * np.linalg.norm(values["layer.W"]) / np.linalg.norm(gradients["layer.W"])
        factor = min(1, clip_norm / np.sqrt(sum((g**2).sum() for g in gradients.values())))
        gradients = {name: gradient * factor for name, gradient in gradients.items()}
        gradients["layer.W"] = gradients["layer.W"] + DECAY * values["layer.W"]
        for name, gradient in gradients.items():
            mean[name] = 0.9 * mean[name] + 0.1 * gradient
            square[name] = 0.999 * square[name] + 0.001 * gradient**2
            scale = np.sqrt(square[name] / (1 - 0.999**t)) + 1e-8
            values[name] = values[name] - rate * mean[name] / (1 - 0.9**t) / scale
    return values


class SgdTest(unittest.TestCase):
    def test_equals_the_closed_form(self):
        parameters = make_parameters()
        values = start(parameters)
        state = RULE.init_state(parameters)
        got = train(RULE, parameters, state)
        values, velocity = numpy_sgd(values)
        for name in values:
            np.testing.assert_allclose(got[name], values[name], rtol=2e-5, atol=2e-6)
            np.testing.assert_allclose(
                state[f"velocity/{name}"].get_value(), velocity[name], rtol=2e-5, atol=2e-6
            )

    def test_decay_shrinks_weights_and_leaves_biases(self):
        parameters = make_parameters()
        before = start(parameters)
        zeros = OrderedDict((n, tensor.zeros_like(p.variable)) for n, p in parameters.items())
        changes = RULE.updates(zeros, parameters, RULE.init_state(parameters), dict.fromkeys(parameters, 0.5))
        theano.function([], [], updates=changes)()
        after = start(parameters)
        np.testing.assert_allclose(after["layer.W"], before["layer.W"] * (1 - 0.5 * DECAY), rtol=1e-6)
        np.testing.assert_array_equal(after["layer.b"], before["layer.b"])

    def test_layer_rates_are_relative_to_the_layers_weights(self):
        parameters = make_parameters()
        values = start(parameters)
        got = train(RULE, parameters, RULE.init_state(parameters), layer_rates=True)
        values, _ = numpy_sgd(values, layer_rates=True)
        for name in values:
            np.testing.assert_allclose(got[name], values[name], rtol=2e-4)

    def test_a_gate_without_gradient_stays_where_it_is(self):
        parameters = OrderedDict(
            (
                f"lstm.{gate}.W",
                SimpleNamespace(
                    variable=theano.shared(np.ones((2, 2), "float32")), kind="weight", layer="lstm"
                ),
            )
            for gate in ("forget", "input")
        )
        gradients = OrderedDict(zip(parameters, (tensor.zeros((2, 2)), tensor.ones((2, 2)))))
        rule = SGD(momentum=0.9, weight_decay=0.0)
        rates = relative_rates(np.float32(0.1), gradients, parameters)
        changes = rule.updates(gradients, parameters, rule.init_state(parameters), rates)
        theano.function([], [], updates=changes)()
        after = start(parameters)
        np.testing.assert_array_equal(after["lstm.forget.W"], 1)
        # |w| = sqrt(8) of both gates, |g| = 2.
        np.testing.assert_allclose(after["lstm.input.W"], 1 - 0.1 * np.sqrt(8) / 2, rtol=1e-6)

    def test_two_passes_in_place_for_each_parameter(self):
        parameters = make_parameters()
        gradients = OrderedDict(
            (name, parameter.variable.type(name)) for name, parameter in parameters.items()
        )
        rate = theano.shared(np.float32(0.1))
        changes = RULE.updates(
            gradients, parameters, RULE.init_state(parameters), dict.fromkeys(parameters, rate)
        )
        mode = theano.compile.get_mode("FAST_RUN")
        function = theano.function(list(gradients.values()), [], updates=changes, mode=mode)
        passes = [
            node.op
            for node in function.maker.fgraph.toposort()
            if isinstance(node.op, tensor.elemwise.Elemwise) and node.outputs[0].ndim
        ]
        self.assertEqual(len(passes), 2 * len(parameters))
        self.assertTrue(all(op.inplace_pattern for op in passes))


class AdamTest(unittest.TestCase):
    def assert_equal_to_numpy(self, rule=Adam(DECAY), **settings):
        parameters = make_parameters()
        expected = numpy_adam(start(parameters), **settings)
        state = rule.init_state(parameters)
        got = train(rule, parameters, state, **settings)
        self.assertEqual(float(state["steps"].get_value()), STEPS)
        for name in expected:
            np.testing.assert_allclose(got[name], expected[name], rtol=1e-4, atol=1e-5)

    def test_equals_the_closed_form(self):
        self.assert_equal_to_numpy()

    def test_clipped_gradients_and_relative_rates_go_with_it(self):
        self.assert_equal_to_numpy(clip_norm=0.5)
        self.assert_equal_to_numpy(layer_rates=True)

    def test_its_settings_are_used(self):
        for rule in (Adam(0.0), Adam(DECAY, beta1=0.5), Adam(DECAY, beta2=0.5), Adam(DECAY, epsilon=1.0)):
            with self.subTest(rule), self.assertRaises(AssertionError):
                self.assert_equal_to_numpy(rule)


class StateTest(unittest.TestCase):
    def test_is_named_float32_and_zero(self):
        parameters = make_parameters()
        self.assertEqual(list(RULE.init_state(parameters)), ["velocity/layer.W", "velocity/layer.b"])
        state = Adam(DECAY).init_state(parameters)
        self.assertEqual(
            sorted(state), ["mean/layer.W", "mean/layer.b", "square/layer.W", "square/layer.b", "steps"]
        )
        for variable in state.values():
            self.assertEqual(variable.dtype, "float32")
            self.assertFalse(np.any(variable.get_value()))

    def test_updates_are_pure(self):
        parameters = make_parameters()
        before = start(parameters)
        state, rates = RULE.init_state(parameters), dict.fromkeys(parameters, 0.1)
        gradients = OrderedDict((n, p.variable * 0 + 1) for n, p in parameters.items())
        first = RULE.updates(gradients, parameters, state, rates)
        second = RULE.updates(gradients, parameters, state, rates)
        self.assertEqual(list(first), list(second))
        self.assertEqual(len(first), 4)
        for name, value in start(parameters).items():
            np.testing.assert_array_equal(value, before[name])


class OptimiserTest(unittest.TestCase):
    def test_it_is_one_rule_with_its_name(self):
        self.assertEqual(Optimiser(sgd=RULE).name, "sgd")
        self.assertEqual(Optimiser(adam=Adam(0.0)).rule, Adam(0.0))

    def test_two_or_none_are_refused(self):
        with self.assertRaisesRegex(ValueError, "one of sgd, adam; it names sgd and adam"):
            Optimiser(RULE, Adam(0.0))
        with self.assertRaisesRegex(ValueError, "one of sgd, adam; it names none"):
            Optimiser()

    def test_wrong_settings_are_refused(self):
        for make, words in [
            (lambda: SGD(1.0, 0.0), "momentum must be"),
            (lambda: SGD(0.9, -1e-5), "weight_decay must not be negative"),
            (lambda: Adam(float("nan")), "weight_decay must not be negative"),
            (lambda: Adam(0.0, beta1=1.0), "beta1 must be"),
            (lambda: Adam(0.0, beta2=0.0), "beta2 must be"),
            (lambda: Adam(0.0, epsilon=0.0), "epsilon must be"),
        ]:
            with self.subTest(words), self.assertRaisesRegex(ValueError, words):
                make()
