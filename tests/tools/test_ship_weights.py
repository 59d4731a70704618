"""ship_weights: what is written, what is left out, and what is refused."""

import contextlib
import hashlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.tools import tiny
from voxlstm.lib.base.config import build
from voxlstm.lib.base.errors import UserError
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.tools import ship_weights


class ShipTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        network = Network(build(NetworkConfig, tiny.NETWORK), seed=0)
        self.weights = network.get_weights()
        extra = {"trained_on": "boxes", "data": "/home/me", "best": {"iou": 0.5, "threshold": 0.35}}
        trained = checkpoint.Checkpoint(
            weights=self.weights,
            network=network.config.to_dict(),
            optimiser={"velocity/a": np.ones(3, np.float32)},
            extra=extra,
            split="train\tboxes\ta\n",
        )
        checkpoint.save(self.root / "best.npz", trained)
        digest = hashlib.sha256((self.root / "best.npz").read_bytes()).hexdigest()
        self.results = {
            **dict.fromkeys(ship_weights.SCORES),
            "format": "voxlstm results 1",
            "views": [1],
            "by_views": [{"views": 1, "iou": 0.4}],
            "data": {"name": "set", "folder": "/home/me"},
            "weights": {"sha256": digest},
        }

    def ship(self, *arguments):
        (self.root / "results.json").write_text(json.dumps(self.results))
        with contextlib.redirect_stdout(io.StringIO()):
            ship_weights.main(
                [
                    "--weights",
                    str(self.root / "best.npz"),
                    "--results",
                    str(self.root / "results.json"),
                    "--out",
                    str(self.root / "ship.npz"),
                    *arguments,
                ]
            )
        scores = (self.root / "ship.json").read_text()
        self.assertNotIn("/home/me", scores + (self.root / "ship.npz").read_bytes().decode("latin-1"))
        return checkpoint.load(self.root / "ship.npz"), json.loads(scores)

    def test_weights_are_rounded_to_half_precision_and_come_back_as_floats(self):
        saved, _ = self.ship()
        with np.load(self.root / "ship.npz") as file:
            self.assertEqual(
                {file[n].dtype for n in file.files if n.startswith("weights/")}, {np.dtype(np.float16)}
            )
        for name, value in saved.weights.items():
            self.assertEqual(value.dtype, np.float32)
            np.testing.assert_allclose(value, self.weights[name], rtol=2**-11, atol=2**-24)
        checkpoint.load_network(self.root / "ship.npz")
        self.assertFalse(saved.optimiser)
        self.assertEqual((saved.threshold, saved.split), (0.35, "train\tboxes\ta\n"))

    def test_the_scores_stand_beside_them(self):
        saved, scores = self.ship("--trained-on", "boxes and balls")
        self.assertEqual(saved.extra["trained_on"], "boxes and balls")
        self.assertEqual(scores["trained_on"], "boxes and balls")
        self.assertEqual(scores["stored_threshold"], 0.35)
        self.assertEqual(scores["by_views"], [{"views": 1, "iou": 0.4}])

    def test_an_input_is_not_overwritten(self):
        before = (self.root / "best.npz").read_bytes()
        for name in ("best.npz", "results.npz"):
            with self.assertRaisesRegex(UserError, "would overwrite the input"):
                self.ship("--out", str(self.root / name))
        self.assertEqual((self.root / "best.npz").read_bytes(), before)

    def test_scores_of_other_weights_are_refused(self):
        self.results["weights"] = {"sha256": "0" * 64}
        with self.assertRaisesRegex(UserError, "scores of other weights"):
            self.ship()
        self.assertFalse((self.root / "ship.npz").exists())


if __name__ == "__main__":
    unittest.main()
