"""Two processes on two simulated devices make the steps of one process on the CPU."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.parallel.mpi import needs_mpi, run
from tests.process import run_python

from . import simulation

SCRIPT = Path("tests/cuda/divided_steps.py")


@needs_mpi
@unittest.skipIf(*simulation.pygpu_is_missing())
class TwoDevicesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        libraries = simulation.build()
        cls.flags = simulation.environment(libraries)["THEANO_FLAGS"]
        cls.alone, cls.nccl = str(libraries), f"{libraries}:{simulation.build_nccl(libraries)}"
        with tempfile.TemporaryDirectory() as folder:
            places = {name: Path(folder, f"{name}.npz") for name in ("host", "nccl", "cpu")}
            ends = [
                cls.on_two(places["host"], cls.alone),
                cls.on_two(places["nccl"], cls.nccl),
                run_python(SCRIPT, "cpu", places["cpu"], PYTHONPATH=os.getcwd()),
            ]
            for end in ends:
                if end.returncode:
                    raise AssertionError(end.stderr[-3000:])
            cls.found = {name: cls.read(place) for name, place in places.items()}

    @classmethod
    def on_two(cls, place, libraries, **more):
        """Run the script on two devices, with the libraries of some folders."""
        more = {"SIMULATED_DEVICES": "2", "THEANO_FLAGS": cls.flags, "VOXLSTM_NCCL": "", **more}
        return run(2, SCRIPT, "cuda", place, LD_LIBRARY_PATH=libraries, **more)

    @staticmethod
    def read(path):
        with np.load(path) as archive:
            results = dict(archive)
        return results, json.loads(str(results.pop("facts")))

    def test_each_process_has_a_device_of_its_own(self):
        for way in ("host", "nccl"):
            self.assertEqual(self.found[way][1]["devices"], ["cuda0", "cuda1"])

    def test_they_learn_what_one_process_learns(self):
        expected, on_cpu = self.found["cpu"]
        for way in ("host", "nccl"):
            found, facts = self.found[way]
            np.testing.assert_allclose(facts["losses"], on_cpu["losses"], rtol=1e-5)
            self.assertLess(facts["losses"][-1], facts["losses"][0])
            for name, value in expected.items():
                size = np.abs(value).max()
                np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5 * size, err_msg=name)

    def test_one_that_sits_out_holds_the_others_back(self):
        for way, processes in (("host", 2), ("nccl", 2), ("cpu", 1)):
            self.assertEqual(self.found[way][1]["sat out"], processes * [True])

    def test_without_nccl_gradients_go_through_page_locked_memory(self):
        facts = self.found["host"][1]
        self.assertEqual((facts["exchange"], facts["sums"]), ("through the host's memory by MPI", 0))
        self.assertGreaterEqual(facts["locked"], 4 * facts["numbers"])

    def test_with_nccl_they_stay_on_the_devices(self):
        facts = self.found["nccl"][1]
        self.assertEqual((facts["exchange"], facts["sums"]), ("from GPU to GPU by NCCL", 4))
        self.assertLess(facts["locked"], 4 * facts["numbers"])

    def test_what_nccl_refuses_is_said_with_the_way_around_it(self):
        end = self.on_two("none.npz", self.nccl, SIMULATED_NCCL_FAILS="1")
        self.assertEqual(end.returncode, 2, end.stderr)
        said = "error: NCCL cannot join the GPUs .ncclCommInitRank: an error of the simulated NCCL.*VOXLSTM_NCCL=0"
        self.assertRegex(end.stderr, said)


if __name__ == "__main__":
    unittest.main()
