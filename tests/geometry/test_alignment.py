"""Models, renderings and voxels lie on each other, judged with the published convention alone."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.geometry.published import pixels, silhouette
from tests.geometry.shapes import iou
from voxlstm.lib.data import binvox
from voxlstm.lib.geometry.dataset import RENDERINGS, VOXELS, make_object, procedural_tasks

# Solid bodies, and bodies of thin parts that a voxel of 1/32 thickens.
BULKY = {"02958343": 2, "04256520": 2, "02933112": 2, "03691459": 1}
THIN = {"02691156": 2, "03001627": 2, "03636649": 1}


class AlignmentTest(unittest.TestCase):
    """The tests read the files as any user of the published data would."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.objects = []
        for bulky, chosen in ((True, BULKY), (False, THIN)):
            for synset, count in chosen.items():
                for task in procedural_tasks(count, 7, [synset]):
                    make_object(Path(folder.name), task)
                    cls.objects.append((bulky, *cls.read(Path(folder.name), task)))

    @staticmethod
    def read(root, task):
        place = Path(task.synset) / task.model
        grid = binvox.read(root / VOXELS / place / "model.binvox")
        folder = root / RENDERINGS / place / "rendering"
        lines = (folder / "rendering_metadata.txt").read_text().splitlines()
        alphas = [np.asarray(Image.open(folder / f"{view:02d}.png"))[..., 3] for view in range(24)]
        return grid, lines, alphas

    def overlap(self, grid, lines, alphas, change=lambda line: line):
        return np.array(
            [iou(silhouette(grid, change(line)), alpha > 127) for line, alpha in zip(lines, alphas)]
        )

    def test_projected_voxels_cover_the_silhouettes(self):
        for bulky, grid, lines, alphas in self.objects:
            overlap = self.overlap(grid, lines, alphas)
            self.assertEqual(len(overlap), 24)
            self.assertGreater(overlap.min(), 0.85 if bulky else 0.5)
            self.assertGreater(overlap.mean(), 0.9 if bulky else 0.55)

    def test_no_other_placing_of_the_grid_fits_as_well(self):
        changes = [lambda g: g[::-1], lambda g: g[:, ::-1], lambda g: g[:, :, ::-1]]
        changes += [lambda g: g.transpose(2, 1, 0), lambda g: g.transpose(0, 2, 1)]
        for axis in range(3):
            changes += [lambda g, a=axis, s=step: np.roll(g, s, axis=a) for step in (-1, 1)]
        for _, grid, lines, alphas in self.objects:
            lines, alphas = lines[::6], alphas[::6]
            best = self.overlap(grid, lines, alphas).mean()
            for change in changes:
                changed = change(grid)
                # A shape may be symmetric, in which case the change is none.
                if iou(changed, grid) < 0.8:
                    self.assertLess(self.overlap(changed, lines, alphas).mean(), best)

    def test_the_visual_hull_of_all_views_contains_the_voxels(self):
        for _, grid, lines, alphas in self.objects:
            centre = (np.argwhere(grid) + 0.5) / 32.0 - 0.5
            hull = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                # A voxel that is half full, or holds a thin part, may have its centre outside the
                # shape, by at most one voxel along each axis: up to 4.1 pixels from the nearest.
                near = ndimage.distance_transform_edt(alpha == 0) <= 5
                column, row = np.floor(pixels(centre, line)).astype(int).T
                hull &= near[row, column]
            self.assertTrue(hull.all())
            # Without that allowance nearly all of it is inside, so the hull does carve.
            strict = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                column, row = np.floor(pixels(centre, line)).astype(int).T
                strict &= alpha[row, column] > 0
            self.assertGreater(strict.mean(), 0.7)

    def test_the_visual_hull_is_not_the_whole_cube(self):
        everywhere = np.argwhere(np.ones((32, 32, 32), dtype=bool))
        centre = (everywhere + 0.5) / 32.0 - 0.5
        for bulky, grid, lines, alphas in self.objects:
            hull = np.ones(len(centre), dtype=bool)
            for line, alpha in zip(lines, alphas):
                column, row = np.clip(np.floor(pixels(centre, line)), 0, 136).astype(int).T
                hull &= alpha[row, column] > 0
            carved = hull.reshape(32, 32, 32)
            self.assertLess(carved.sum(), 6 * grid.sum())
            if bulky:
                self.assertGreater(iou(carved, grid), 0.5)
