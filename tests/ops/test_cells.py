"""The grid of LSTM cells in one op against Theano's scan over the model's step, in float64."""

import unittest
from unittest import mock

from voxlstm.lib.backend.door import tensor, theano

import numpy as np
from tests.models import tiny
from voxlstm.lib.backend import door
from voxlstm.lib.backend.blas import cpu_flags
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.ops import available, cells
from voxlstm.models.conv_lstm import ConvLSTM
from voxlstm.models.layers import Parameters

# The ops in Python: Theano's own need no compiler then.
PYTHON = theano.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")
# Views, batch, and what differs from the tiny network: whole blocks of channels, parts of one, and so few
# that maps stay plain; grids whose cells fill no vector, and fill several.
CASES = (
    (1, 2, {"channels": 16}),
    (2, 1, {"channels": 2}),
    (3, 2, {"channels": 24, "grid": 3}),
    (4, 5, {"channels": 5, "grid": 4}),
    (3, 1, {"channels": 1}),
    (2, 3, {"channels": 16, "grid": 1}),
    (5, 2, {"channels": 16, "kernel": 1}),
)
NAMES = "h", "c", "f", "i", "candidate"


def results(views, batch, changes, dtype, given=NAMES):
    """Return the states, then the gradients of the parameters and of tau for a cost of some states."""
    config = tiny.config(**{"kernel": 3, **changes})
    parameters = Parameters(3, dtype)
    lstm = ConvLSTM(parameters, config)
    random = np.random.default_rng(1)
    tau = theano.shared(random.normal(size=(views * batch, config.features)).astype(dtype))
    states = lstm(tau, views, batch)
    weights = random.normal(size=(len(NAMES), views, batch, config.channels, *3 * [config.grid])).astype(
        dtype
    )
    cost = sum((w * s).sum() for w, s, name in zip(weights, states, NAMES) if name in given)
    variables = [tau, *(p.variable for p in parameters.values())]
    gradients = theano.grad(cost, variables, disconnected_inputs="ignore")
    function = theano.function([], [*states, *gradients], mode=PYTHON)
    kinds = {type(node.op) for node in function.maker.fgraph.apply_nodes}
    return dict(zip([*NAMES, "tau", *parameters], function())), kinds


@unittest.skipUnless(*available())
class TestCells(unittest.TestCase):
    def test_states_and_gradients(self):
        for views, batch, changes in CASES:
            for given in (NAMES, NAMES[:1], NAMES[1:3]):
                ours, kinds = results(views, batch, changes, "float32", given)
                exact, others = results(views, batch, changes, "float64", given)
                self.assertLessEqual({cells.Recurrence, cells.RecurrenceGradient}, kinds)
                self.assertFalse({cells.Recurrence, cells.RecurrenceGradient} & others)
                for name, expected in exact.items():
                    with self.subTest(name, views=views, batch=batch, given=given, **changes):
                        scale = np.abs(expected).max()
                        # The first state is zero: one view alone teaches nothing about keeping it.
                        self.assertTrue(scale > 0 or views == 1)
                        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=3e-6 * scale)

    @unittest.skipUnless(MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
    def test_bfloat16(self):
        exact, _ = results(3, 2, {"channels": 16}, "float32")
        with mock.patch.dict(door._on_cpu, precision="bfloat16"):
            rounded, _ = results(3, 2, {"channels": 16}, "float32")
        for name in ("h", "tau", "lstm.forget.U"):
            off = np.linalg.norm(rounded[name] - exact[name]) / np.linalg.norm(exact[name])
            self.assertLess(0, off, name)
            self.assertLess(off, 0.02, name)

    def test_shapes_are_told_without_computing(self):
        W_tau = [tensor.TensorType("float32", 6 * [False])() for _ in range(3)]
        U, biases = tensor.TensorType("float32", 5 * [False])(), [tensor.fvector() for _ in W_tau]
        states = cells.over_views(W_tau, U, biases)
        gradients = theano.grad(states[0].sum(), [*W_tau, U, *biases])
        inputs = [*W_tau, U, *biases]
        function = theano.function(
            inputs, [x.shape for x in (*states, *gradients)], mode=PYTHON, on_unused_input="ignore"
        )
        kinds = {type(node.op) for node in function.maker.fgraph.apply_nodes}
        self.assertFalse({cells.Recurrence, cells.RecurrenceGradient} & kinds)
        shapes = 3 * [(3, 2, 4, 2, 2, 2)] + [(12, 4, 3, 3, 3)] + 3 * [(4,)]
        found = function(*(np.zeros(shape, "float32") for shape in shapes))
        self.assertEqual([tuple(s) for s in found], 5 * shapes[:1] + shapes)

    def test_shapes_that_do_not_fit_are_refused(self):
        gate, U, bias = (2, 2, 4, 2, 2, 2), (12, 4, 1, 1, 1), (4,)
        right = [gate, gate, gate, U, bias, bias, bias]
        cells.check_shapes(right)
        wrong = (1, (2, 1, 4, 2, 2, 2)), (3, (8, 4, 1, 1, 1)), (3, (12, 3, 1, 1, 1)), (6, (3,))
        for number, shape in wrong:
            arrays = [np.zeros(s, "float32") for s in (*right[:number], shape, *right[number + 1 :])]
            with self.subTest(shape), self.assertRaisesRegex(ValueError, "do not fit together"):
                cells.Recurrence("float32").perform(None, arrays, [[None] for _ in range(5)])
