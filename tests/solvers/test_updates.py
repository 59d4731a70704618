"""The optimisers against loops of plain NumPy in float64."""
import unittest
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np

from voxlstm.lib.runtime.backend import tensor, theano
from voxlstm.lib.runtime.errors import UserError
from voxlstm.solvers.updates import adam, init_state, sgd

STEPS = 6
RATES = [0.5, 0.5, 0.2, 0.2, 0.1, 0.1]
DECAY = 0.05


def make_parameters():
    random = np.random.default_rng(3)
    values = {"layer.W": random.normal(size=(4, 3)), "layer.b": random.normal(size=(3,))}
    return OrderedDict(
        (name, SimpleNamespace(
            variable=theano.shared(value.astype("float32"), name=name),
            kind="weight" if name.endswith("W") else "bias",
        ))
        for name, value in values.items()
    )


def loss_of(parameters, x):
    """A loss that is not quadratic, so that each step's gradient differs."""
    y = tensor.tanh(tensor.dot(x, parameters["layer.W"].variable)) + parameters["layer.b"].variable
    return (y ** 2).sum()


def numpy_gradients(values, x):
    y = np.tanh(x @ values["layer.W"])
    outer = 2 * (y + values["layer.b"])
    return {"layer.W": x.T @ (outer * (1 - y ** 2)), "layer.b": outer.sum(0)}


def inputs():
    random = np.random.default_rng(5)
    return [random.normal(size=(7, 4)).astype("float32") * 0.3 for _ in range(STEPS)]


def train(parameters, state, update, **settings):
    """Run the steps in Theano and return the parameters' values."""
    x, rate = tensor.fmatrix("x"), tensor.fscalar("rate")
    variables = [parameter.variable for parameter in parameters.values()]
    gradients = OrderedDict(zip(parameters, theano.grad(loss_of(parameters, x), variables)))
    changes = update(gradients, parameters, state, rate, **settings)
    step = theano.function([x, rate], [], updates=changes)
    for batch, value in zip(inputs(), RATES):
        step(batch, np.float32(value))
    return {name: parameter.variable.get_value() for name, parameter in parameters.items()}


def start(parameters):
    return {n: p.variable.get_value().astype("float64") for n, p in parameters.items()}


class Sgd(unittest.TestCase):
    def test_equals_the_closed_form(self):
        parameters = make_parameters()
        values = start(parameters)
        state = init_state("sgd", parameters)
        got = train(parameters, state, sgd, momentum=0.9, weight_decay=DECAY)

        velocity = {name: 0.0 for name in values}
        for x, rate in zip(inputs(), RATES):
            gradients = numpy_gradients(values, x.astype("float64"))
            gradients["layer.W"] = gradients["layer.W"] + DECAY * values["layer.W"]
            for name in values:
                velocity[name] = 0.9 * velocity[name] - rate * gradients[name]
                values[name] = values[name] + velocity[name]
        for name in values:
            np.testing.assert_allclose(got[name], values[name], rtol=2e-5, atol=2e-6)
            np.testing.assert_allclose(
                state[f"velocity/{name}"].get_value(), velocity[name], rtol=2e-5, atol=2e-6
            )

    def test_decay_shrinks_weights_and_leaves_biases(self):
        parameters = make_parameters()
        before = start(parameters)
        zeros = OrderedDict((n, tensor.zeros_like(p.variable)) for n, p in parameters.items())
        changes = sgd(
            zeros, parameters, init_state("sgd", parameters), 0.5, momentum=0.9, weight_decay=DECAY
        )
        theano.function([], [], updates=changes)()
        after = start(parameters)
        np.testing.assert_allclose(
            after["layer.W"], before["layer.W"] * (1 - 0.5 * DECAY), rtol=1e-6
        )
        np.testing.assert_array_equal(after["layer.b"], before["layer.b"])

    def test_layer_rates_are_relative_to_the_layers_weights(self):
        parameters = make_parameters()
        values = start(parameters)
        state = init_state("sgd", parameters)
        got = train(
            parameters, state, sgd, momentum=0.9, weight_decay=DECAY, layer_rates=True
        )
        velocity = {name: 0.0 for name in values}
        for x, rate in zip(inputs(), RATES):
            gradients = numpy_gradients(values, x.astype("float64"))
            norms = [np.linalg.norm(a["layer.W"]) for a in (values, gradients)]
            gradients["layer.W"] = gradients["layer.W"] + DECAY * values["layer.W"]
            for name in values:
                velocity[name] = 0.9 * velocity[name] - rate * norms[0] / norms[1] * gradients[name]
                values[name] = values[name] + velocity[name]
        for name in values:
            np.testing.assert_allclose(got[name], values[name], rtol=2e-4)

    def test_a_gate_without_gradient_stays_where_it_is(self):
        parameters = OrderedDict(
            (f"lstm.{gate}.W", SimpleNamespace(
                variable=theano.shared(np.ones((2, 2), "float32")), kind="weight"))
            for gate in ("forget", "input")
        )
        gradients = OrderedDict(zip(parameters, (tensor.zeros((2, 2)), tensor.ones((2, 2)))))
        changes = sgd(
            gradients, parameters, init_state("sgd", parameters), np.float32(0.1), momentum=0.9,
            weight_decay=0.0, layer_rates=True,
        )
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
        changes = sgd(
            gradients, parameters, init_state("sgd", parameters), rate, momentum=0.9,
            weight_decay=DECAY,
        )
        mode = theano.compile.get_mode("FAST_RUN")
        function = theano.function(list(gradients.values()), [], updates=changes, mode=mode)
        passes = [
            node.op for node in function.maker.fgraph.toposort()
            if isinstance(node.op, tensor.elemwise.Elemwise) and node.outputs[0].ndim
        ]
        self.assertEqual(len(passes), 2 * len(parameters))
        self.assertTrue(all(op.inplace_pattern for op in passes))


class Adam(unittest.TestCase):
    def test_equals_the_closed_form(self):
        parameters = make_parameters()
        values = start(parameters)
        state = init_state("adam", parameters)
        got = train(parameters, state, adam, weight_decay=DECAY)

        mean = {name: 0.0 for name in values}
        square = {name: 0.0 for name in values}
        for t, (x, rate) in enumerate(zip(inputs(), RATES), start=1):
            gradients = numpy_gradients(values, x.astype("float64"))
            gradients["layer.W"] = gradients["layer.W"] + DECAY * values["layer.W"]
            for name, gradient in gradients.items():
                mean[name] = 0.9 * mean[name] + 0.1 * gradient
                square[name] = 0.999 * square[name] + 0.001 * gradient ** 2
                scale = np.sqrt(square[name] / (1 - 0.999 ** t)) + 1e-8
                values[name] = values[name] - rate * mean[name] / (1 - 0.9 ** t) / scale
        self.assertEqual(float(state["steps"].get_value()), STEPS)
        for name in values:
            np.testing.assert_allclose(got[name], values[name], rtol=1e-4, atol=1e-5)


class State(unittest.TestCase):
    def test_is_named_float32_and_zero(self):
        parameters = make_parameters()
        self.assertEqual(
            list(init_state("sgd", parameters)), ["velocity/layer.W", "velocity/layer.b"]
        )
        state = init_state("adam", parameters)
        self.assertEqual(
            sorted(state),
            ["mean/layer.W", "mean/layer.b", "square/layer.W", "square/layer.b", "steps"],
        )
        for variable in state.values():
            self.assertEqual(variable.dtype, "float32")
            self.assertFalse(np.any(variable.get_value()))

    def test_updates_are_pure(self):
        parameters = make_parameters()
        before = start(parameters)
        state = init_state("sgd", parameters)
        gradients = OrderedDict((n, p.variable * 0 + 1) for n, p in parameters.items())
        first = sgd(gradients, parameters, state, 0.1, momentum=0.9, weight_decay=DECAY)
        second = sgd(gradients, parameters, state, 0.1, momentum=0.9, weight_decay=DECAY)
        self.assertEqual(list(first), list(second))
        self.assertEqual(len(first), 4)
        for name, value in start(parameters).items():
            np.testing.assert_array_equal(value, before[name])

    def test_unknown_method_is_refused(self):
        with self.assertRaisesRegex(UserError, "'lbfgs'.*sgd, adam"):
            init_state("lbfgs", make_parameters())
