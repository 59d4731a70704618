"""Voxel grids against analytic shapes, and of meshes as users have them."""

import unittest

import numpy as np
import trimesh
from numpy.testing import assert_array_equal
from scipy import ndimage

from tests.geometry.shapes import box, centres, iou, mesh_of
from voxlstm.lib.geometry.mesh import join
from voxlstm.lib.geometry.voxels import is_closed, rasterise, ray_vote, voxelise


class AnalyticTest(unittest.TestCase):
    """Shapes whose occupancy is known at every point."""

    def check(self, mesh, inside, least):
        grid = voxelise(mesh)
        self.assertEqual((grid.shape, grid.dtype), ((32, 32, 32), np.dtype(bool)))
        self.assertGreater(iou(grid, inside), least)
        return grid

    def test_sphere(self):
        ball = mesh_of(trimesh.creation.icosphere(subdivisions=4, radius=0.41))
        self.check(ball, np.linalg.norm(centres(), axis=-1) < 0.41, 0.97)

    def test_ellipsoid_off_the_centre_tells_the_axes_apart(self):
        body = trimesh.creation.icosphere(subdivisions=4)
        body.apply_scale((0.4, 0.25, 0.12))
        body.apply_translation((0.05, -0.1, 0.2))
        offset = (centres() - (0.05, -0.1, 0.2)) / (0.4, 0.25, 0.12)
        self.check(mesh_of(body), np.linalg.norm(offset, axis=-1) < 1, 0.95)

    def test_box_on_the_grid_is_exact(self):
        # From voxel 4 to 20 along x, 10 to 13 along y, 16 to 17 along z.
        low, high = np.array([4, 10, 16]) / 32 - 0.5, np.array([20, 13, 17]) / 32 - 0.5
        expected = np.zeros((32, 32, 32), dtype=bool)
        expected[4:20, 10:13, 16:17] = True
        # A hair smaller, so that no side lies on the border of two voxels.
        assert_array_equal(voxelise(box(*(high - low - 1e-4), at=(low + high) / 2)), expected)

    def test_torus_keeps_its_hole(self):
        ring = mesh_of(trimesh.creation.torus(0.3, 0.1, major_sections=64, minor_sections=32))
        x, y, z = np.moveaxis(centres(), -1, 0)
        grid = self.check(ring, (np.hypot(x, y) - 0.3) ** 2 + z**2 < 0.01, 0.93)
        self.assertFalse(grid[14:18, 14:18].any())

    def test_hollow_ball_is_solid(self):
        shells = [trimesh.creation.icosphere(subdivisions=3, radius=r) for r in (0.4, 0.3)]
        shells[1].invert()
        grid = voxelise(join([mesh_of(shell) for shell in shells]))
        self.assertTrue(grid[np.linalg.norm(centres(), axis=-1) < 0.38].all())


class ThinPartsTest(unittest.TestCase):
    def test_thin_bodies_never_vanish_and_hold_together(self):
        offsets = np.random.default_rng(0).uniform(-0.02, 0.02, (12, 3))
        for offset in offsets:
            plate = voxelise(box(0.8, 0.004, 0.6, at=offset))
            self.assertEqual(plate.sum(axis=1).max(), 1)
            self.assertGreaterEqual(plate.any(axis=1).sum(), 24 * 18)
            rod = voxelise(box(0.004, 0.8, 0.004, at=offset))
            self.assertGreaterEqual(rod.sum(), 24)
            self.assertEqual(rod.sum(axis=(0, 2)).max(), 1)
            self.assertTrue(rod.any(axis=(0, 2))[4:28].all())

    def test_slanted_rods_are_in_one_piece(self):
        for ends in np.random.default_rng(5).uniform(-0.45, 0.45, (30, 2, 3)):
            rod = mesh_of(trimesh.creation.cylinder(0.006, segment=ends))
            grid = voxelise(rod)
            _, pieces = ndimage.label(grid, structure=np.ones((3, 3, 3)))
            self.assertEqual(pieces, 1)
            # It stays thin: at most two voxels a step along its longest axis.
            self.assertLess(grid.sum(), 2.2 * 32 * np.abs(ends[0] - ends[1]).max() + 4)

    def test_thick_bodies_do_not_grow(self):
        for shift in np.linspace(0, 1 / 32, 5):
            grid = voxelise(box(0.5, 0.5, 0.5, at=(shift, shift / 2, 0)))
            self.assertLess(abs(grid.sum() / 16**3 - 1), 0.13)

    def test_space_between_parts_stays_empty(self):
        parts = [box(0.8, 0.04, 0.5, at=(0, 0.3, 0))]
        parts += [box(0.03, 0.6, 0.03, at=(x, 0, z)) for x in (-0.38, 0.38) for z in (-0.23, 0.23)]
        grid = voxelise(join(parts))
        self.assertFalse(grid[7:25, 6:24, 11:21].any())
        self.assertTrue(grid[5:27, 25, 9:23].all())


class BrokenMeshTest(unittest.TestCase):
    """The interior is filled whatever the state of the mesh."""

    def setUp(self):
        self.ball = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
        self.inside = np.linalg.norm(centres(), axis=-1) < 0.4

    def overlap(self, mesh):
        return iou(voxelise(mesh), self.inside)

    def test_flipped_faces(self):
        mesh = mesh_of(self.ball)
        mesh.faces[::2] = mesh.faces[::2, ::-1]
        self.assertGreater(self.overlap(mesh), 0.97)

    def test_unmerged_and_repeated_faces(self):
        mesh = mesh_of(self.ball)
        mesh.vertices = mesh.vertices[mesh.faces].reshape(-1, 3)
        mesh.faces = np.arange(len(mesh.vertices)).reshape(-1, 3)
        self.assertTrue(is_closed(mesh))
        mesh.faces = np.concatenate([mesh.faces, mesh.faces[:500], mesh.faces[:, ::-1][:100]])
        mesh.face_materials = np.zeros(len(mesh.faces), dtype=np.int64)
        self.assertGreater(self.overlap(mesh), 0.97)

    def test_holes(self):
        mesh = mesh_of(self.ball)
        self.assertTrue(is_closed(mesh))
        keep = mesh.vertices[mesh.faces].mean(axis=1)[:, 1] < 0.33
        mesh.faces = mesh.faces[keep]
        self.assertFalse(is_closed(mesh))
        self.assertGreater(self.overlap(mesh), 0.9)

    def test_box_without_floor_is_filled(self):
        body = trimesh.creation.box((0.6, 0.4, 0.3))
        body.update_faces(body.face_normals[:, 1] > -0.5)
        self.assertTrue(voxelise(mesh_of(body))[8:24, 11:21, 12:20].all())

    def test_open_shelf_of_boards_is_not_filled(self):
        boards = [box(0.3, 0.02, 0.6, at=(0, y, 0)) for y in (-0.4, 0, 0.4)]
        boards += [box(0.3, 0.82, 0.02, at=(0, 0, z)) for z in (-0.3, 0.3)]
        boards.append(box(0.02, 0.82, 0.6, at=(-0.15, 0, 0)))
        # A stray open patch makes the mesh open, which must not fill the shelf.
        patch = box(0.05, 0.05, 0.05, at=(0, -0.43, 0))
        patch.faces = patch.faces[:9]
        patch.face_materials = patch.face_materials[:9]
        grid = voxelise(join(boards + [patch]))
        self.assertFalse(grid[13:20, 18:27, 9:23].any())

    def test_intersecting_bodies(self):
        halves = [trimesh.creation.icosphere(subdivisions=3, radius=0.25) for _ in range(2)]
        halves[1].apply_translation((0.2, 0, 0))
        distance = [np.linalg.norm(centres() - (x, 0, 0), axis=-1) < 0.25 for x in (0, 0.2)]
        grid = voxelise(join([mesh_of(half) for half in halves]))
        self.assertGreater(iou(grid, distance[0] | distance[1]), 0.95)

    def test_triangles_without_area_do_no_harm(self):
        mesh = mesh_of(self.ball)
        mesh.faces = np.concatenate([mesh.faces, [[0, 0, 0], [1, 1, 2]]])
        mesh.face_materials = np.zeros(len(mesh.faces), dtype=np.int64)
        self.assertGreater(self.overlap(mesh), 0.97)


class PartsTest(unittest.TestCase):
    def test_surface_separates_its_sides(self):
        random = np.random.default_rng(1)
        for _ in range(5):
            ball = trimesh.creation.icosphere(subdivisions=1, radius=0.4)
            ball.apply_transform(trimesh.transformations.random_rotation_matrix(random.random(3)))
            surface = rasterise(ball.vertices[ball.faces], 64)
            regions, count = ndimage.label(~surface)
            self.assertEqual(count, 2)
            self.assertNotEqual(regions[0, 0, 0], regions[32, 32, 32])

    def test_ray_vote_agrees_with_analytic_occupancy(self):
        ball = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
        inside = ray_vote(ball.vertices[ball.faces], 32)
        self.assertGreater(iou(inside, np.linalg.norm(centres(), axis=-1) < 0.4), 0.97)
