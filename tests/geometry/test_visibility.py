"""Visibility: solids whose seen side is known."""

import unittest

import numpy as np

from voxlstm.lib.geometry.camera import Viewpoint
from voxlstm.lib.geometry.visibility import surface, visible

FRONT = Viewpoint(azimuth=0.0, elevation=0.0, ratio=0.9)  # the camera is on the x axis
BACK = Viewpoint(azimuth=180.0, elevation=0.0, ratio=0.9)
ABOVE = Viewpoint(azimuth=30.0, elevation=90.0, ratio=0.9)


def box(x, y, z):
    grid = np.zeros((32, 32, 32), bool)
    grid[slice(*x), slice(*y), slice(*z)] = True
    return grid


class VisibleTest(unittest.TestCase):
    def test_of_a_box_the_side_to_the_camera_is_seen_and_the_far_side_is_not(self):
        grid = box((10, 20), (10, 20), (10, 20))
        for viewpoint, near, far in [
            (FRONT, np.s_[19, :, :], np.s_[10, :, :]),
            (BACK, np.s_[10, :, :], np.s_[19, :, :]),
            (ABOVE, np.s_[:, 19, :], np.s_[:, 10, :]),
        ]:
            seen = visible(grid, viewpoint, 1.0)
            np.testing.assert_array_equal(seen[near], grid[near])
            self.assertFalse(seen[far].any())

    def test_a_wall_hides_what_is_behind_it(self):
        wall, ball = box((20, 22), (0, 32), (0, 32)), box((8, 12), (14, 18), (14, 18))
        self.assertFalse((visible(wall | ball, FRONT, 1.0) & ball).any())
        self.assertTrue((visible(wall | ball, BACK, 1.0) & ball).any())
        self.assertTrue((visible(ball, FRONT, 1.0) & ball).any())

    def test_a_hole_in_the_wall_lets_it_be_seen(self):
        wall, ball = box((20, 22), (0, 32), (0, 32)), box((8, 12), (15, 17), (15, 17))
        wall[:, 12:20, 12:20] = False
        self.assertTrue((visible(wall | ball, FRONT, 1.0) & ball)[11, 15:17, 15:17].all())

    def test_a_top_is_seen_at_the_slant_of_the_renderings(self):
        grid = box((8, 24), (10, 20), (8, 24))
        seen = visible(grid, Viewpoint(azimuth=33.0, elevation=27.0, ratio=0.8), 1.0)
        self.assertTrue(seen[8:24, 19, 8:24].all())

    def test_only_the_surface_is_ever_seen(self):
        grid = box((5, 25), (5, 25), (5, 25))
        shell = surface(grid)
        self.assertEqual(shell.sum(), 20**3 - 18**3)
        self.assertFalse((visible(grid, Viewpoint(40.0, 27.0, 0.8), 1.0) & ~shell).any())

    def test_a_smaller_grid_is_seen_from_farther_away(self):
        grid = box((24, 26), (0, 16), (0, 32)) | box((0, 2), (0, 32), (0, 32))
        eye = 1.75 * 0.9
        for scale in (1.0, 0.5):
            seen = visible(grid, FRONT, scale)[1].any(axis=1)
            # The camera is level with the wall's upper edge: what is below it stays hidden.
            self.assertEqual(np.flatnonzero(seen).min(), 16)
            raised = visible(grid, Viewpoint(0.0, 15.0, 0.9), scale)[1].any(axis=1)
            right = (eye * np.cos(np.radians(15)) / scale + 0.5) * 32
            above = eye * np.sin(np.radians(15)) / scale * 32
            # The line over the wall's far edge, at x = 24 and y = 16, ends on the far wall, x = 2.
            expected = 16 - above / (right - 24) * (24 - 2)
            self.assertAlmostEqual(np.flatnonzero(raised).min() + 0.5, expected, delta=1.0)

    def test_an_empty_grid_shows_nothing(self):
        self.assertFalse(visible(np.zeros((32, 32, 32), bool), FRONT, 1.0).any())
