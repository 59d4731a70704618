"""Files that others made: objects of ShapeNet's release, and a mesh with binvox's own grid of it.

They are not part of the project. Where they are kept is looked up in VOXLSTM_SAMPLES, by default
the folder ``shared`` beside the project's; without them these tests are skipped.
"""

import os
import unittest
from pathlib import Path

import numpy as np
import trimesh

from tests.geometry.published import coverage, read_object
from tests.geometry.meshes import mesh_of
from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.geometry.camera import project, read_viewpoints
from voxlstm.lib.geometry.frame import in_grid
from voxlstm.lib.geometry.rendering import DIFFUSE, GLOSS, SHARPNESS, SLOPE
from voxlstm.lib.geometry.visibility import visible
from voxlstm.lib.geometry.voxels import enclosed, touched, voxelise

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(os.environ.get("VOXLSTM_SAMPLES", ROOT.parent / "shared"))
RELEASE, PAIR = SAMPLES / "shapenet_sample", SAMPLES / "binvox_pair"


@unittest.skipUnless(RELEASE.is_dir(), f"there are no published objects in {RELEASE}")
class ReleaseTest(unittest.TestCase):
    def setUp(self):
        self.items = Index.open(RELEASE, cache=False).items

    def test_they_are_read(self):
        self.assertGreaterEqual(len(self.items), 2)
        for item in self.items:
            self.assertEqual(item.views, 24)

    def test_their_voxels_cover_the_silhouettes_in_our_frame(self):
        for item in self.items:
            grid, scale, translate, lines, alphas = read_object(RELEASE, item.synset, item.model)
            covered, overlap = coverage(grid, scale, lines, alphas)
            self.assertGreater(covered.min(), 0.995)
            self.assertGreater(overlap.mean(), 0.47)
            loaded = binvox.load(item.voxels_path)
            np.testing.assert_array_equal(loaded.grid, grid)
            self.assertEqual((loaded.translate, loaded.scale), (tuple(translate), scale))

    def test_the_longest_axis_fills_the_grid_and_nothing_is_hollow(self):
        for item in self.items:
            grid, scale, translate, *_ = read_object(RELEASE, item.synset, item.model)
            filled = np.argwhere(grid)
            self.assertEqual(np.ptp(filled, axis=0).max(), len(grid) - 1)
            np.testing.assert_allclose(-2 * translate.min(), scale, atol=1e-5)
            np.testing.assert_array_equal(enclosed(grid), grid)

    def test_what_is_seen_lies_on_the_silhouette(self):
        for item in self.items:
            grid, scale, _, _, alphas = read_object(RELEASE, item.synset, item.model)
            viewpoints = read_viewpoints(item.metadata_path)
            for viewpoint, alpha in list(zip(viewpoints, alphas))[:4]:
                seen = np.argwhere(visible(grid, viewpoint, scale)) + 0.5
                column, row = project((seen / len(grid) - 0.5) * scale, viewpoint).T
                self.assertGreater((alpha[row.astype(int), column.astype(int)] > 0).mean(), 0.8)

    def test_our_light_is_theirs(self):
        from PIL import Image

        (bench,) = [item for item in self.items if item.category == "bench"]
        viewpoints = read_viewpoints(bench.metadata_path)
        # Points on the seat, a level plane at the top of the box; its lamp is at azimuth 90.
        height = -binvox.load(bench.voxels_path).translate[1]
        x, z = np.meshgrid(np.linspace(-0.08, 0.08, 9), np.linspace(-0.35, 0.35, 29))
        points = np.stack([x.ravel(), np.full(x.size, height), z.ravel()], axis=1)
        lamp = np.array([0, 1, 1]) / np.sqrt(2)
        for number, viewpoint in enumerate(viewpoints):
            column, row = np.floor(project(points, viewpoint)).astype(int).T
            seen = np.asarray(Image.open(bench.view_path(number)))[row, column, :3] / 255
            back = viewpoint.axes()[0] - points
            halfway = back / np.linalg.norm(back, axis=1, keepdims=True) + lamp
            mirrored = halfway[:, 1] / np.linalg.norm(halfway, axis=1)
            ours = DIFFUSE + SLOPE * lamp[1] + GLOSS * mirrored**SHARPNESS
            self.assertLess(np.abs(seen.mean(axis=1) - ours).max(), 0.012)


@unittest.skipUnless(PAIR.is_dir(), f"there is no mesh with binvox's own grid in {PAIR}")
class BinvoxTest(unittest.TestCase):
    def setUp(self):
        self.theirs = binvox.load(PAIR / "chair_model.binvox")
        body = trimesh.load(PAIR / "chair_model.obj", process=False, force="mesh")
        self.mesh = mesh_of(body)
        # Made without centring: that grid begins at the low corner of the box.
        self.mesh.vertices = (body.vertices - self.theirs.translate) / self.theirs.scale - 0.5

    def test_touched_voxels_are_binvox_own_to_the_last(self):
        ours = touched(self.mesh.vertices[self.mesh.faces], 32)
        self.assertEqual(self.theirs.grid.sum(), 1932)
        np.testing.assert_array_equal(ours, self.theirs.grid)

    def test_what_is_added_is_what_they_enclose(self):
        ours = voxelise(self.mesh)
        np.testing.assert_array_equal(ours, enclosed(self.theirs.grid))
        self.assertLess((ours & ~self.theirs.grid).sum(), 0.015 * self.theirs.grid.sum())

    def test_our_own_placing_differs_from_it_by_a_shift_alone(self):
        self.assertLess(abs(voxelise(in_grid(self.mesh)).sum() / voxelise(self.mesh).sum() - 1), 0.1)


if __name__ == "__main__":
    unittest.main()
