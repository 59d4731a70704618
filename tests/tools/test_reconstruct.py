"""reconstruct as a user runs it, with a network that is told what to answer."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from tests.tools import tiny
from voxlstm.lib.api import SHIPPED
from voxlstm.lib.base.config import build
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.tools import reconstruct


def reconstruct_quietly(*arguments):
    """Run the tool; return its status and what it printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = reconstruct.main([str(argument) for argument in arguments])
    return status, output.getvalue()


class ReconstructTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.pictures = []
        for number, mode in enumerate(["RGB", "RGBA", "L", "P"]):
            pixels = np.full((90 + 40 * number, 150, 3), 255, np.uint8)
            pixels[30:70, 40:100] = 40, 90, 160
            path = cls.root / f"{mode}.png"
            Image.fromarray(pixels).convert(mode).save(path)
            cls.pictures.append(path)
        cls.weights = cls.save_network("some.npz", bias=0.2)
        cls.unsure = cls.save_network("unsure.npz", bias=-20.0)

    @classmethod
    def save_network(cls, name, bias, **extra):
        """Save an untrained network whose last bias makes its voxels likely or unlikely."""
        network = Network(build(NetworkConfig, tiny.NETWORK), seed=1)
        weights = network.get_weights()
        weights["decoder.conv5.b"] = np.array([0, bias], np.float32)
        saved = checkpoint.Checkpoint(
            weights=weights,
            network=network.config.to_dict(),
            iteration=7,
            extra={"trained_on": "12 objects of the procedural set 'boxes'", **extra},
        )
        path = cls.root / name
        checkpoint.save(path, saved, weights_only=True)
        return path

    def run_tool(self, *arguments, weights=None):
        return reconstruct_quietly(*arguments, "--weights", weights or self.weights)

    def test_pictures_of_every_mode_become_a_watertight_mesh_and_a_preview(self):
        out = self.root / "object.obj"
        status, text = self.run_tool(*self.pictures, "--out", out)
        self.assertEqual(status, 0)
        self.assertTrue(trimesh.load(out, force="mesh").is_watertight)
        for name in ("RGB.png: plain background", "trained on 12 objects of the procedural set"):
            self.assertIn(name, text)
        with Image.open(self.root / "object.preview.png") as image:
            self.assertGreater(image.size[0], 4 * 190)

    def test_the_surface_and_the_format_are_as_asked(self):
        one = self.pictures[:1]
        self.run_tool(*one, "--out", self.root / "a.npy", "--preview", self.root / "a.png")
        occupancy = np.load(self.root / "a.npy")
        self.assertEqual((occupancy.shape, occupancy.dtype), ((32, 32, 32), np.float32))
        self.assertTrue((self.root / "a.png").exists())
        self.run_tool(*one, "--out", self.root / "a.binvox", "--threshold", 0.5)
        np.testing.assert_array_equal(binvox.read(self.root / "a.binvox"), occupancy > 0.5)
        self.run_tool(*one, "--out", self.root / "a.ply", "--surface", "blocks", "--threshold", 0.5)
        blocks = trimesh.load(self.root / "a.ply", force="mesh")
        self.assertTrue(blocks.is_watertight)
        self.assertAlmostEqual(blocks.volume, (occupancy > 0.5).mean(), delta=0.01)

    def test_more_pictures_than_any_rendering_set_has(self):
        status, _ = self.run_tool(*self.pictures[:1] * 30, "--out", self.root / "many.stl")
        self.assertEqual(status, 0)

    def test_nothing_above_the_threshold_is_said(self):
        out = self.root / "none.glb"
        status, text = self.run_tool(self.pictures[0], "--out", out, weights=self.unsure)
        self.assertEqual(status, 1)
        self.assertIn("nothing is above the threshold 0.4", text)
        self.assertFalse(out.exists())
        self.assertTrue((self.root / "none.preview.png").exists())

    def test_the_threshold_of_the_weights_is_taken_where_none_is_given(self):
        found = self.save_network("found.npz", bias=0.2, best={"iou": 0.1, "threshold": 0.999})
        one = self.pictures[0], "--out", self.root / "threshold.obj"
        status, text = self.run_tool(*one, weights=found)
        self.assertEqual(status, 1)
        self.assertIn("nothing is above the threshold 0.999", text)
        self.assertEqual(self.run_tool(*one, "--threshold", 0.3, weights=found)[0], 0)

    def test_bad_input_is_one_sentence(self):
        picture, out = self.pictures[0], self.root / "x.obj"
        for arguments, words in [
            ([picture, "--out", self.root / "x.xyz"], "must end in"),
            ([self.root / "nowhere.png", "--out", out], "nowhere.png is missing"),
            ([picture, "--out", out, "--preview", picture], "--preview .* would overwrite the input"),
            (
                [picture, "--out", self.root / "a.npy", "--preview", self.root / "a.npy"],
                "would overwrite --out",
            ),
            ([picture, "--out", out, "--threshold", 1.5], "between 0 and 1"),
            ([picture, "--out", out, "--weights", picture], "not a checkpoint"),
            ([picture, "--out", out, "--device", "cuda9x"], "unknown device 'cuda9x'"),
        ]:
            with self.subTest(words=words):
                with self.assertRaisesRegex(UserError, words) as caught:
                    reconstruct.main([str(argument) for argument in arguments])
                self.assertNotIn("\n", str(caught.exception))
        self.assertFalse(out.exists())


class ShippedTest(unittest.TestCase):
    """The network that comes with the repository."""

    def test_it_is_small_and_has_its_scores_beside_it(self):
        self.assertLessEqual(os.path.getsize(SHIPPED), 24e6)
        scores = json.loads(SHIPPED.with_suffix(".json").read_text())
        floor = scores["baseline"]["mean shape"]["iou"]
        for part in scores["by_views"]:
            self.assertGreater(part["iou"], floor)

    def test_it_works_out_of_the_box(self):
        with tempfile.TemporaryDirectory() as folder:
            pixels = np.full((200, 260, 3), 250, np.uint8)
            pixels[80:140, 40:220] = 90, 60, 30
            pixels[140:190, 50:70] = pixels[140:190, 190:210] = 70, 40, 20
            Image.fromarray(pixels).save(Path(folder) / "table.png")
            out = Path(folder) / "table.glb"
            status, text = reconstruct_quietly(Path(folder) / "table.png", "--out", out)
            self.assertEqual(status, 0)
            self.assertIn("procedural", text)
            mesh = trimesh.load(out, force="mesh")
            mesh.merge_vertices()
            self.assertTrue(mesh.is_watertight)
            self.assertAlmostEqual(mesh.extents.max(), 1, places=5)
            np.testing.assert_allclose(mesh.bounds.sum(axis=0), 0, atol=1e-5)
