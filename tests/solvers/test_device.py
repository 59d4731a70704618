"""The GPU graph on OpenCL (PoCL runs it on the CPU) computes what the CPU's graph does."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.base.cache import cache_folder

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "opencl0:0"


def run_steps(device, target):
    """Run the training steps in a process of its own, since a process has one device."""
    kernels = cache_folder() / "pocl"
    kernels.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "tests.solvers.device_step", device, str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"POCL_CACHE_DIR": str(kernels), **os.environ},
    )


class OpenCL(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "steps.npz"
            cls.gpu = cls.results(DEVICE, target)
            cls.cpu = cls.results("cpu", target)

    @classmethod
    def results(cls, device, target):
        process = run_steps(device, target)
        if process.returncode == 3:
            raise unittest.SkipTest(process.stdout.strip())
        if process.returncode:
            raise AssertionError(f"{device}: {process.returncode}\n{process.stderr[-3000:]}")
        with np.load(target, allow_pickle=False) as file:
            return dict(file)

    def test_same_loss(self):
        for name in ("first", "second"):
            np.testing.assert_allclose(self.gpu[name], self.cpu[name], rtol=1e-5)
        self.assertNotAlmostEqual(float(self.cpu["first"]), float(self.cpu["second"]), places=4)

    def test_same_gradients(self):
        names = [name for name in self.cpu if name.startswith("gradient/")]
        self.assertEqual(len(names), 2 * 3 + 2 + 3 * 3 + 2 * 4)
        for name in names:
            size = np.abs(self.cpu[name]).max()
            self.assertGreater(size, 0, name)
            np.testing.assert_allclose(self.gpu[name], self.cpu[name], rtol=0, atol=1e-4 * size, err_msg=name)

    def test_same_occupancy(self):
        np.testing.assert_allclose(self.gpu["occupancy"], self.cpu["occupancy"], atol=1e-5)
