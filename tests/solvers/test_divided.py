"""Training by several processes: the same steps as one makes, and what they tell each other."""

import json
import unittest

import numpy as np

from tests.parallel.mpi import needs_mpi, run
from tests.solvers import boxes
from voxlstm.lib.base.signals import Interrupted
from voxlstm.lib.parallel.group import Alone
from voxlstm.solvers.divided import DividedSolver
from voxlstm.solvers.solver import Solver

# Of the way that the weight that moved most has gone, after the first step and after 50. Where a value that the
# leaky ReLU sees changes its sign by rounding, steps part: one process that adds the objects up in another order
# comes 0.006 from its own way, and one whose first weights have other last bits 0.07, with the recipe "everything".
FIRST_APART = 1e-2
APART = {"sgd": 1e-3, "everything": 0.2, "adam": 1e-2}
LOSSES_APART = {"sgd": 1e-5, "everything": 1e-3, "adam": 1e-5}


@needs_mpi
class RanksTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = run(3, "tests/solvers/divided_steps.py")
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.found = json.loads(done.stdout)

    def test_after_fifty_steps_they_are_where_one_process_is(self):
        for name, bound in APART.items():
            with self.subTest(name):
                found = self.found[name]
                self.assertEqual(found["rows"], 2)  # of eight: the parts are not of one size
                self.assertLess(found["first weights"], FIRST_APART)
                self.assertLess(found["weights"], bound)
                self.assertLess(found["losses"], LOSSES_APART[name])
                self.assertLess(found["first loss"], 2e-7)

    def test_none_makes_the_step_for_which_one_has_no_batch(self):
        self.assertEqual(self.found["one_sits_out"], 3 * [["not made", 0, True]])

    def test_all_know_the_wish_of_one_to_stop(self):
        self.assertEqual(self.found["one_wishes_to_stop"], 3 * [[True, 1]])

    def test_one_bit_that_differs_is_an_error_of_all(self):
        for said in self.found["one_differs"]:
            self.assertRegex(said, "at iteration 7 the weights of rank 1 are not those of rank 0")


class AloneTest(unittest.TestCase):
    def test_a_group_of_one_makes_the_steps_of_a_solver(self):
        recipe, batch = boxes.make_recipe(), boxes.make_batch()
        one, divided = (
            Solver(boxes.make_network(), recipe),
            DividedSolver(boxes.make_network(), recipe, Alone()),
        )
        for _ in range(3):
            self.assertAlmostEqual(one.step(*batch), divided.step(*batch), places=6)
        for name, value in one.network.get_weights().items():
            np.testing.assert_allclose(divided.network.get_weights()[name], value, atol=1e-6, err_msg=name)

    def test_sitting_out_leaves_the_weights(self):
        solver = DividedSolver(boxes.make_network(), boxes.make_recipe(), Alone())
        with self.assertRaises(Interrupted):
            solver.sit_out()
        self.assertEqual(solver.iteration, 0)


if __name__ == "__main__":
    unittest.main()
