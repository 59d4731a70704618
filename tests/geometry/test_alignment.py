"""Models, renderings and voxels lie on each other, judged with the published convention alone."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh
from scipy import ndimage

from tests.geometry.published import coverage, pixels, place, read_object
from tests.geometry.meshes import iou
from voxlstm.lib.geometry.dataset import MODELS, make_object
from voxlstm.lib.geometry.tasks import procedural_tasks

# Solid bodies, and bodies of thin parts that a voxel thickens.
BULKY = {"02958343": 2, "04256520": 2, "02933112": 2, "03691459": 1}
THIN = {"02691156": 2, "03001627": 2, "03636649": 1}


class AlignmentTest(unittest.TestCase):
    """The tests read the files as any user of the published data would."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        root = Path(folder.name)
        cls.objects, cls.boxes = [], []
        for bulky, chosen in ((True, BULKY), (False, THIN)):
            for synset, count in chosen.items():
                for task in procedural_tasks(count, 7, [synset]):
                    make_object(root, task)
                    cls.objects.append((bulky, *read_object(root, synset, task.model)))
                    path = root / MODELS / synset / task.model / "model.obj"
                    cls.boxes.append(trimesh.load(path, force="mesh").bounds)

    def test_the_voxels_cover_the_silhouettes(self):
        for bulky, grid, scale, _, lines, alphas in self.objects:
            covered, overlap = coverage(grid, scale, lines, alphas)
            self.assertEqual(len(covered), 24)
            self.assertGreater(covered.min(), 0.995)
            # A published bench and car have 0.78.
            self.assertGreater(overlap.mean(), 0.7 if bulky else 0.4)

    def test_the_header_and_the_longest_axis_are_those_of_the_box(self):
        for (_, grid, scale, translate, *_), (low, high) in zip(self.objects, self.boxes):
            np.testing.assert_allclose(scale, (high - low).max(), atol=2e-6)
            np.testing.assert_allclose(translate, low, atol=2e-6)
            np.testing.assert_allclose(np.linalg.norm(high - low), 1, atol=1e-5)
            filled = np.argwhere(grid)
            self.assertEqual(np.ptp(filled, axis=0).max(), 31)
            # The others lie about the middle, as far as whole voxels allow.
            np.testing.assert_allclose(filled.min(axis=0) + filled.max(axis=0), 31, atol=1)

    def test_no_other_placing_of_the_grid_fits_as_well(self):
        changes = [lambda g: g[::-1], lambda g: g[:, ::-1], lambda g: g[:, :, ::-1]]
        changes += [lambda g: g.transpose(2, 1, 0), lambda g: g.transpose(0, 2, 1)]
        for axis in range(3):
            changes += [lambda g, a=axis, s=step: np.roll(g, s, axis=a) for step in (-2, 2)]
        for _, grid, scale, _, lines, alphas in self.objects:
            best = coverage(grid, scale, lines[::6], alphas[::6])[0].mean()
            others = [(change(grid), scale) for change in changes]
            others += [(grid, scale * factor) for factor in (0.9, 0.8)]
            for changed, other in others:
                # A shape may be symmetric, in which case the change is none.
                if other != scale or iou(changed, grid) < 0.8:
                    fits = coverage(changed, other, lines[::6], alphas[::6])[0].mean()
                    self.assertLess(fits, best)

    def test_the_visual_hull_of_all_views_contains_the_voxels(self):
        for _, grid, scale, _, lines, alphas in self.objects:
            centre = place(np.argwhere(grid) + 0.5, 32, scale)
            hull = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                # The surface may graze a voxel's corner: the centre is then half a diagonal
                # outside the shape, at most 3.5 pixels from the nearest camera.
                near = ndimage.distance_transform_edt(alpha == 0) <= 4.5
                column, row = np.floor(pixels(centre, line)).astype(int).T
                hull &= near[row, column]
            self.assertTrue(hull.all())
            # Without that allowance a good part of it is inside, so the hull does carve.
            strict = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                column, row = np.floor(pixels(centre, line)).astype(int).T
                strict &= alpha[row, column] > 0
            self.assertGreater(strict.mean(), 0.3)

    def test_the_visual_hull_is_not_the_whole_grid(self):
        everywhere = np.argwhere(np.ones((32, 32, 32), dtype=bool))
        for bulky, grid, scale, _, lines, alphas in self.objects:
            centre = place(everywhere + 0.5, 32, scale)
            hull = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                column, row = np.clip(np.floor(pixels(centre, line)), 0, 136).astype(int).T
                hull &= alpha[row, column] > 0
            carved = hull.reshape(32, 32, 32)
            self.assertLess(carved.sum(), 6 * grid.sum())
            if bulky:
                self.assertGreater(iou(carved, grid), 0.45)
