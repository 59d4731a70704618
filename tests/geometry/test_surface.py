"""Meshes of voxel grids."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh
from numpy.testing import assert_allclose, assert_array_equal

from tests.geometry.meshes import centres
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.geometry.surface import blocks, smooth
from voxlstm.lib.geometry.voxels import ray_vote


class BlocksTest(unittest.TestCase):
    def test_one_voxel_lies_where_the_frame_says(self):
        grid = np.zeros((32, 32, 32), dtype=bool)
        grid[3, 10, 31] = True
        mesh = blocks(grid)
        assert_allclose(mesh.bounds, np.array([[3, 10, 31], [4, 11, 32]]) / 32 - 0.5)
        self.assertEqual(len(mesh.faces), 12)
        assert_allclose(mesh.volume, 1 / 32**3)

    def test_shared_sides_are_inside(self):
        grid = np.zeros((8, 8, 8), dtype=bool)
        grid[2:5, 1:7, 3:4] = True
        mesh = blocks(grid)
        self.assertEqual(len(mesh.faces), 2 * 2 * (3 * 6 + 3 * 1 + 6 * 1))
        assert_allclose(mesh.volume, grid.sum() / 8**3)

    def test_any_grid_gives_a_watertight_mesh_that_faces_outwards(self):
        random = np.random.default_rng(0)
        for share in (0.02, 0.2, 0.5, 0.8, 1.0):
            grid = random.random((10, 10, 10)) < share
            mesh = blocks(grid)
            self.assertTrue(mesh.is_watertight and mesh.is_winding_consistent)
            assert_allclose(mesh.volume, grid.sum() / 1000, rtol=0.01)

    def test_it_stays_watertight_through_a_file(self):
        grid = np.zeros((4, 4, 4), dtype=bool)
        grid[1, 1, 1] = grid[2, 2, 1] = grid[1, 2, 2] = True  # they share edges and corners only
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("obj", "stl", "ply"):
                path = Path(folder) / f"mesh.{suffix}"
                blocks(grid).export(path)
                self.assertTrue(trimesh.load(path).is_watertight, suffix)

    def test_the_voxels_of_the_mesh_are_the_grid(self):
        random = np.random.default_rng(1)
        grid = np.kron(random.random((8, 8, 8)) < 0.3, np.ones((4, 4, 4))).astype(bool)
        mesh = blocks(grid)
        assert_array_equal(ray_vote(mesh.vertices[mesh.faces], 32), grid)

    def test_nothing_is_refused(self):
        with self.assertRaisesRegex(UserError, "lower the threshold"):
            blocks(np.zeros((4, 4, 4)))


class SmoothTest(unittest.TestCase):
    def test_ball(self):
        radius = np.linalg.norm(centres(), axis=-1)
        mesh = smooth(1 / (1 + np.exp((radius - 0.3) * 60)), 0.5)
        self.assertTrue(mesh.is_watertight and mesh.is_winding_consistent)
        assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.3, atol=0.004)
        assert_allclose(mesh.volume, 4 / 3 * np.pi * 0.027, rtol=0.03)

    def test_lower_threshold_is_larger(self):
        radius = np.linalg.norm(centres() - (0.05, 0.1, -0.1), axis=-1)
        values = np.clip(1 - radius / 0.4, 0, 1)
        volumes = [smooth(values, threshold).volume for threshold in (0.2, 0.4, 0.6)]
        self.assertGreater(volumes[0], volumes[1])
        self.assertGreater(volumes[1], volumes[2])
        assert_allclose(smooth(values, 0.4).bounds.mean(axis=0), (0.05, 0.1, -0.1), atol=0.01)

    def test_noise_plateaus_and_full_grids_are_watertight(self):
        random = np.random.default_rng(2)
        levels = random.integers(0, 5, (10, 10, 10)) / 5.0  # many values equal the threshold
        for values in (random.random((10, 10, 10)), levels, np.ones((6, 6, 6))):
            mesh = smooth(values, 0.4)
            self.assertTrue(mesh.is_watertight)
            self.assertGreater(mesh.volume, 0)

    def test_errors(self):
        with self.assertRaisesRegex(UserError, "no voxel is above"):
            smooth(np.full((4, 4, 4), 0.3), 0.4)
        for threshold in (0.0, 1.0, float("nan")):
            with self.assertRaisesRegex(UserError, "between 0 and 1"):
                smooth(np.ones((4, 4, 4)), threshold)
