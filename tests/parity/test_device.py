"""A CUDA device against the CPU, on the small network; skipped where there is no device."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.backend import gpu
from voxlstm.lib.base.cache import cache_folder
from voxlstm.lib.base.errors import UserError

ROOT = Path(__file__).parents[2]
BATCHES = 18  # so that every parameter is tested in some that have the same choices


def device_is_missing():
    """Return whether there is no CUDA device here, and why."""
    try:
        gpu.find_pygpu()
        gpu.check_cuda_libraries("cuda")
    except UserError as error:
        return True, str(error)
    return False, ""


@unittest.skipIf(*device_is_missing())
class Device(unittest.TestCase):
    def test_the_small_network_computes_as_on_the_cpu(self):
        with tempfile.TemporaryDirectory() as folder:
            for device in ("cpu", "cuda"):
                Path(folder, device).mkdir()
                own = {"VOXLSTM_CACHE": str(cache_folder() / device)}
                self.module("on_device", "small_3x3x3", device, f"{folder}/{device}", BATCHES, **own)
            answer = json.loads(self.module("compare", f"{folder}/cpu", f"{folder}/cuda"))
        self.assertTrue(answer["agrees"], answer)

    def module(self, name, *arguments, **environment):
        """Run a module of this folder in a process of its own; return what it printed."""
        command = [sys.executable, "-m", f"tests.parity.{name}", *map(str, arguments)]
        environment = {**os.environ, **environment}
        return subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    unittest.main()
