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
        device = simulation.environment(simulation.build())
        device = {name: device[name] for name in ("LD_LIBRARY_PATH", "THEANO_FLAGS")}
        with tempfile.TemporaryDirectory() as folder:
            cuda, cpu = Path(folder, "cuda.npz"), Path(folder, "cpu.npz")
            ends = [
                run(2, SCRIPT, "cuda", cuda, SIMULATED_DEVICES="2", **device),
                run_python(SCRIPT, "cpu", cpu, PYTHONPATH=os.getcwd()),
            ]
            for end in ends:
                if end.returncode:
                    raise AssertionError(end.stderr[-3000:])
            (cls.cuda, cls.facts), (cls.cpu, cls.on_cpu) = map(cls.read, (cuda, cpu))

    @staticmethod
    def read(path):
        with np.load(path) as archive:
            results = dict(archive)
        return results, json.loads(str(results.pop("facts")))

    def test_each_process_has_a_device_of_its_own(self):
        self.assertEqual(self.facts["devices"], ["cuda0", "cuda1"])

    def test_they_learn_what_one_process_learns(self):
        np.testing.assert_allclose(self.facts["losses"], self.on_cpu["losses"], rtol=1e-5)
        self.assertLess(self.facts["losses"][-1], self.facts["losses"][0])
        for name, value in self.cpu.items():
            size = np.abs(value).max()
            np.testing.assert_allclose(self.cuda[name], value, rtol=0, atol=1e-5 * size, err_msg=name)

    def test_gradients_go_through_page_locked_memory(self):
        self.assertGreaterEqual(self.facts["locked"], 4 * self.facts["numbers"])


if __name__ == "__main__":
    unittest.main()
