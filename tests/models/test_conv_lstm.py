"""The recurrent grid: its equations and how far a cell sees."""

import unittest

import numpy as np
from voxlstm.lib.backend.door import tensor, theano
from voxlstm.models.conv_lstm import ConvLSTM
from voxlstm.models.layers import Parameters

from . import naive, tiny

RANDOM = np.random.default_rng(2)


def grid(kernel):
    """Return the parameters' values and the function tau, h, c -> h, c, f, i, candidate of one view."""
    parameters = Parameters(0, "float64")
    lstm = ConvLSTM(parameters, tiny.config(kernel, grid=4))
    state = tensor.TensorType("float64", 5 * (False,))
    tau, h, c = tensor.dmatrix(), state(), state()
    W_tau = [tensor.dot(tau, gate.W.flatten(2)).reshape(h.shape) for gate in lstm.gates]
    U = tensor.concatenate([gate.U for gate in lstm.gates])
    step = theano.function([tau, h, c], lstm.step(W_tau, h, c, U, [gate.b for gate in lstm.gates]))
    return {name: p.variable.get_value() for name, p in parameters.items()}, step


class Step(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.grids = {kernel: grid(kernel) for kernel in (1, 3)}

    def test_one_step_equals_plain_loops(self):
        for kernel, (weights, step) in self.grids.items():
            with self.subTest(kernel=kernel):
                tau = RANDOM.normal(size=(3, 4))
                h, c = RANDOM.normal(size=(2, 3, 2, 4, 4, 4))
                expected = naive.lstm_step(weights, tau, h, c)
                results = step(tau, h, c)
                self.assertEqual(len(results), len(expected))
                for actual, wanted in zip(results, expected):
                    np.testing.assert_allclose(actual, wanted, rtol=1e-10, atol=1e-12)

    def test_a_cell_is_changed_only_by_its_neighbourhood(self):
        for kernel, reach in ((1, 0), (3, 1)):
            _, step = self.grids[kernel]
            tau = RANDOM.normal(size=(1, 4))
            h, c = RANDOM.normal(size=(2, 1, 2, 4, 4, 4))
            before = step(tau, h, c)[:2]
            for cell in np.ndindex(4, 4, 4):
                with self.subTest(kernel=kernel, cell=cell):
                    near = np.abs(np.indices((4, 4, 4)).T - cell).max(axis=-1).T <= reach
                    self._check_changes(step, tau, before, (h, c), cell, near)

    def _check_changes(self, step, tau, before, state, cell, near):
        """Check that a change of h at ``cell`` changes exactly the cells ``near``."""
        h, c = state
        changed = h.copy()
        changed[(0, slice(None), *cell)] += 0.5
        for old, new in zip(before, step(tau, changed, c)):
            np.testing.assert_array_equal((old != new).any(axis=(0, 1)), near)

    def test_memory_stays_in_its_cell(self):
        for kernel, (_, step) in self.grids.items():
            tau = RANDOM.normal(size=(1, 4))
            h, c = RANDOM.normal(size=(2, 1, 2, 4, 4, 4))
            changed = c.copy()
            changed[0, :, 1, 2, 3] += 0.5
            alone = np.zeros((4, 4, 4), bool)
            alone[1, 2, 3] = True
            with self.subTest(kernel=kernel):
                for old, new in zip(step(tau, h, c)[:2], step(tau, h, changed)[:2]):
                    np.testing.assert_array_equal((old != new).any(axis=(0, 1)), alone)

    def test_a_neighbourhood_of_27_cells(self):
        _, step = self.grids[3]
        tau, h = RANDOM.normal(size=(1, 4)), np.zeros((1, 2, 4, 4, 4))
        changed = h.copy()
        changed[0, 0, 1, 2, 1] = 1
        difference = step(tau, h, h)[0] != step(tau, changed, h)[0]
        self.assertEqual(difference.any(axis=(0, 1)).sum(), 27)


if __name__ == "__main__":
    unittest.main()
