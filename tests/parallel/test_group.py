"""A group of processes: its verbs, and that an error in one ends all with one sentence."""

import json
import sys
import time
import unittest
from unittest import mock

import numpy as np

from tests.parallel.mpi import needs_mpi, run
from tests.process import NO_PYGPU, run_python
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.parallel.group import Alone, join

SCRIPT = "tests/parallel/ranks.py"


class AloneTest(unittest.TestCase):
    def test_one_process_is_a_group(self):
        numbers = np.ones(3, "float32")
        with Alone() as alone:
            alone.add(numbers)
            self.assertEqual((alone.share(5), alone.gather(5), alone.part([1, 2])), (5, [5], [1, 2]))
            alone.check_same({"of the process": 1}, "")
            self.assertEqual((alone.in_turn(lambda: 7), alone.device("cuda")), (7, "cuda"))
        np.testing.assert_array_equal(numbers, 1)

    def test_without_mpirun_mpi4py_is_not_imported(self):
        with mock.patch.dict("os.environ", clear=True):
            self.assertIs(type(join()), Alone)
        code = "import sys; from voxlstm.tools import train_net; from voxlstm.lib.parallel.group import join"
        done = run_python(f"{code}; join(); print('mpi4py' in sys.modules)")
        self.assertEqual(done.stdout, "False\n", done.stderr)

    def test_several_processes_without_mpi4py_are_refused(self):
        with (
            mock.patch.dict("os.environ", OMPI_COMM_WORLD_SIZE="2"),
            mock.patch.dict(sys.modules, mpi4py=None),
            self.assertRaisesRegex(UserError, r"mpi4py is not installed.*voxlstm\[mpi\]"),
        ):
            join()

    @needs_mpi
    def test_without_an_mpi_library_it_is_said_which_is_missing(self):
        code = "from voxlstm.lib.parallel.group import join; join()"
        done = run_python(code, OMPI_COMM_WORLD_SIZE="2", MPI4PY_LIBMPI="/nowhere/libmpi.so")
        self.assertRegex(done.stderr, r"UserError: mpirun started .* no MPI library .*nowhere.*; install")

    @needs_mpi
    def test_processes_that_mpi_does_not_join_are_refused(self):
        # As srun starts them without --mpi=pmix, or the mpirun of another library.
        code = "from voxlstm.lib.parallel.group import join; join()"
        done = run_python(code, SLURM_STEP_NUM_TASKS="3", without=("OMPI_COMM_WORLD_SIZE",))
        self.assertRegex(
            done.stderr, "UserError: 3 processes were started together, but MPI does not join them"
        )

    def test_the_bare_machine_of_the_tests_has_no_mpi4py(self):
        done = run_python("import mpi4py", **NO_PYGPU)
        self.assertIn("hidden", done.stderr)


@needs_mpi
class RanksTest(unittest.TestCase):
    def test_three_processes(self):
        done = run(3, SCRIPT, "verbs")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["shared"], 3 * ["of the first"])
        self.assertEqual((found["ranks"], found["local"]), ([0, 1, 2], [0, 1, 2]))
        self.assertEqual(found["parts"], [[0, 1], [2, 3, 4], [5, 6, 7]])
        self.assertEqual(found["sums"], 3 * [5 * [6]])
        self.assertEqual(found["devices"], [[f"cuda{rank}", "cpu", None] for rank in range(3)])
        first, *others = found["made"]
        self.assertGreaterEqual(min(others), first + 0.2)  # one after the first
        self.assertGreater(found["exchanged"], 0)
        self.assertRegex(found["about"], r"3 processes on 1 machine.*Open MPI")

    def assert_ends(self, what, words, lines=1):
        """All end within ten seconds, and one sentence says why."""
        start = time.monotonic()
        done = run(3, SCRIPT, what)
        self.assertLess(time.monotonic() - start, 30)  # with the start of four interpreters
        self.assertEqual(done.returncode, 2, done.stderr)
        said = [line for line in done.stderr.splitlines() if line.startswith("ranks: ")]
        self.assertEqual(len(said), lines, done.stderr)
        self.assertRegex(done.stderr, words)
        return done.stderr

    def test_the_error_of_one_is_said_with_its_rank(self):
        said = self.assert_ends("one_fails", r"ranks: error: rank 1 alone .* \(rank 1, process \d+ on .*\)\n")
        self.assertNotIn("Traceback", said)

    def test_facts_that_differ_are_named(self):
        words = r"ranks: error: the size is 0 for rank 0 and 1 for rank 1 \(process \d+ on .*\); mend it\n"
        self.assert_ends("one_has_another", words)

    def test_the_error_of_all_is_said_once(self):
        self.assert_ends("all_fail", r"ranks: error: every one has found something\n")

    def test_a_mistake_of_one_is_shown_with_its_traceback(self):
        self.assert_ends("one_breaks", r"Traceback[^§]*ZeroDivisionError: a mistake", lines=0)

    def test_who_is_late_is_named_and_at_last_given_up(self):
        said = self.assert_ends("late", "ranks: error: the others waited for 0 seconds")
        self.assertRegex(said, r"note: waiting for 0 seconds for rank 1 \(process \d+ on ")

    def test_the_others_give_the_first_up(self):
        said = run(2, SCRIPT, "first_is_late").stderr
        self.assertRegex(said, r"note: waiting for 1 seconds for rank 0 \(process \d+ on ")
        self.assertRegex(said, r"ranks: error: the others waited for 0 seconds.* \(rank 1, process")


if __name__ == "__main__":
    unittest.main()
