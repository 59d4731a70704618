"""The example of the page on other programs, which needs nothing of voxlstm but a file."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from tests.exchange.networks import checkpoint, drawn, write
from tests.tools import tiny
from voxlstm.lib.base.config import build
from voxlstm.lib.exchange import files
from voxlstm.models.network import NetworkConfig
from voxlstm.models.predictor import Predictor

from .pages import ROOT


class ExampleTest(unittest.TestCase):
    def test_it_says_what_voxlstm_says(self):
        network = drawn(build(NetworkConfig, tiny.NETWORK))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source = write(network, folder / "net.npz")
            files.write(folder / "net.onnx", checkpoint(network), source)
            pixels = np.random.default_rng(0).integers(0, 256, (127, 127, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "framed.png")
            example = [sys.executable, str(ROOT / "docs/run_onnx.py")]
            said = subprocess.run(example, cwd=folder, capture_output=True, text=True, check=True).stdout
        (occupancy,) = Predictor(network).predict(pixels.transpose(2, 0, 1)[None, None])
        filled = int((occupancy > 0.35).sum())
        self.assertIn(filled, range(1, occupancy.size))
        self.assertEqual(said, f"(1, 32, 32, 32) {filled} voxels are occupied\n")


if __name__ == "__main__":
    unittest.main()
