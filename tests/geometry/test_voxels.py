"""Voxel grids against analytic shapes, a naive clipper, and of meshes as users have them."""

import unittest

import numpy as np
import trimesh
from numpy.testing import assert_array_equal
from scipy import ndimage

from tests.geometry.meshes import box, centres, iou, mesh_of, nearest
from voxlstm.lib.geometry.mesh import join
from voxlstm.lib.geometry.voxels import REACH, is_closed, ray_vote, touched, voxelise


def clip(polygon, axis, bound, side):
    """Return what is left of a polygon where ``side * (x - bound) <= 0`` (Sutherland, Hodgman)."""
    kept = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1]):
        a, b = (side * (point[axis] - bound) for point in (start, end))
        if a <= 0:
            kept.append(start)
        if (a < 0 < b) or (b < 0 < a):
            kept.append(start + (end - start) * a / (a - b))
    return kept


def touched_naively(corners, size):
    """Return the voxels that hold a part of a triangle, found by cutting it to each of them."""
    grid = np.zeros((size, size, size), dtype=bool)
    for place in np.ndindex(grid.shape):
        for triangle in corners:
            polygon = list((triangle + 0.5) * size)
            for axis in range(3):
                polygon = clip(polygon, axis, place[axis] - REACH, -1)
                polygon = clip(polygon, axis, place[axis] + 1 + REACH, 1)
            grid[place] |= bool(polygon)
    return grid


class TouchTest(unittest.TestCase):
    def test_triangles_of_every_size_and_slant(self):
        random = np.random.default_rng(0)
        for size in (0.05, 0.3, 1.0):
            for _ in range(6):
                corners = random.uniform(-0.5, 0.5 - size, (2, 1, 3))
                corners = corners + random.uniform(0, size, (2, 3, 3))
                assert_array_equal(touched(corners, 7), touched_naively(corners, 7))

    def test_many_triangles_are_looked_at_in_parts(self):
        corners = np.random.default_rng(1).uniform(-0.5, 0.5, (60, 3, 3))
        parts = [touched(corner[None], 32) for corner in corners]
        # Together they span more voxels than are compared at a time.
        assert_array_equal(touched(corners, 32), np.any(parts, axis=0))

    def test_a_surface_between_two_voxels_touches_both_and_a_hair_apart_one(self):
        for place, expected in ((0.0, [15, 16]), (0.0009, [16]), (0.0002, [15, 16])):
            x, y = np.array([place] * 3), np.array([-0.4, 0.4, 0.0])
            grid = touched(np.stack([x, y, y[::-1]], axis=-1)[None], 32)
            self.assertEqual(np.flatnonzero(grid.any(axis=(1, 2))).tolist(), expected)

    def test_the_borders_of_the_cube_belong_to_it(self):
        grid = voxelise(box(1, 1, 1))
        self.assertTrue(grid.all())

    def test_a_surface_separates_its_sides(self):
        random = np.random.default_rng(1)
        for _ in range(5):
            ball = trimesh.creation.icosphere(subdivisions=1, radius=0.4)
            ball.apply_transform(trimesh.transformations.random_rotation_matrix(random.random(3)))
            surface = touched(ball.vertices[ball.faces], 64)
            regions, count = ndimage.label(~surface)
            self.assertEqual(count, 2)
            self.assertNotEqual(regions[0, 0, 0], regions[32, 32, 32])


class AnalyticTest(unittest.TestCase):
    """Shapes of which every voxel is known: all that hold a point of the solid."""

    def test_sphere(self):
        ball = mesh_of(trimesh.creation.icosphere(subdivisions=5, radius=0.41))
        grid = voxelise(ball)
        self.assertEqual((grid.shape, grid.dtype), ((32, 32, 32), np.dtype(bool)))
        self.assertGreater(iou(grid, nearest() < 0.41), 0.995)

    def test_other_resolutions(self):
        ball = mesh_of(trimesh.creation.icosphere(subdivisions=5, radius=0.41))
        for resolution in (1, 16, 64):
            grid = voxelise(ball, resolution)
            self.assertGreater(iou(grid, nearest(resolution) < 0.41), 0.99)

    def test_ellipsoid_off_the_centre_tells_the_axes_apart(self):
        body = trimesh.creation.icosphere(subdivisions=4)
        body.apply_scale((0.4, 0.25, 0.12))
        body.apply_translation((0.05, -0.1, 0.2))
        offset = (centres() - (0.05, -0.1, 0.2)) / (0.4, 0.25, 0.12)
        inside = np.linalg.norm(offset, axis=-1) < 1
        grid = voxelise(mesh_of(body))
        self.assertTrue(grid[inside].all())
        self.assertFalse(grid[~ndimage.binary_dilation(inside, np.ones((3, 3, 3)))].any())

    def test_box_is_exact(self):
        # From within voxel 4 to within 19 along x, 10 to 12 along y, 16 along z.
        low, high = np.array([4, 10, 16]) / 32 - 0.5, np.array([20, 13, 17]) / 32 - 0.5
        expected = np.zeros((32, 32, 32), dtype=bool)
        expected[4:20, 10:13, 16:17] = True
        # A little smaller, so that no side lies on the border of two voxels.
        grid = voxelise(box(*(high - low - 0.002), at=(low + high) / 2))
        assert_array_equal(grid, expected)

    def test_torus_keeps_its_hole(self):
        ring = mesh_of(trimesh.creation.torus(0.3, 0.1, major_sections=64, minor_sections=32))
        x, y, z = np.moveaxis(centres(), -1, 0)
        grid = voxelise(ring)
        self.assertTrue(grid[(np.hypot(x, y) - 0.3) ** 2 + z**2 < 0.0099].all())
        self.assertFalse(grid[(np.hypot(x, y) - 0.3) ** 2 + z**2 > 0.13**2].any())
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
            self.assertLessEqual(plate.sum(axis=1).max(), 2)
            self.assertGreaterEqual(plate.any(axis=1).sum(), 25 * 19)
            rod = voxelise(box(0.004, 0.8, 0.004, at=offset))
            self.assertGreaterEqual(rod.any(axis=(0, 2)).sum(), 26)
            self.assertLessEqual(rod.sum(axis=(0, 2)).max(), 4)

    def test_slanted_rods_are_in_one_piece(self):
        for ends in np.random.default_rng(5).uniform(-0.45, 0.45, (30, 2, 3)):
            grid = voxelise(mesh_of(trimesh.creation.cylinder(0.006, segment=ends)))
            _, pieces = ndimage.label(grid)  # by sides, not by corners alone
            self.assertEqual(pieces, 1)

    def test_bodies_grow_by_less_than_a_voxel(self):
        for shift in np.linspace(0, 1 / 32, 5):
            body = box(0.5, 0.5, 0.5, at=(shift, shift / 2, 0))
            grid = voxelise(body)
            low, high = body.vertices.min(axis=0), body.vertices.max(axis=0)
            inside = ((centres() > low) & (centres() < high)).all(axis=-1)
            self.assertTrue(grid[inside].all())
            near = ((centres() > low - 0.52 / 32) & (centres() < high + 0.52 / 32)).all(axis=-1)
            self.assertFalse(grid[~near].any())

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
        self.inside = nearest() < 0.4

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

    def test_a_body_that_fills_the_grid_and_lacks_a_side_is_filled(self):
        for axis in range(3):
            for side in (-1, 1):
                body = trimesh.creation.box((1.0, 1.0, 1.0))
                body.update_faces(side * body.face_normals[:, axis] < 0.5)
                self.assertTrue(voxelise(mesh_of(body)).all())

    def test_what_is_open_at_both_ends_is_not_filled(self):
        shade = trimesh.creation.cylinder(0.3, 0.5, sections=48)
        shade.update_faces(np.abs(shade.face_normals[:, 2]) < 0.5)
        grid = voxelise(mesh_of(shade))
        self.assertFalse(grid[12:20, 12:20].any())
        self.assertTrue(grid.any(axis=2)[15, [6, 25]].all())

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
        halves = [trimesh.creation.icosphere(subdivisions=4, radius=0.25) for _ in range(2)]
        halves[1].apply_translation((0.2, 0, 0))
        grid = voxelise(join([mesh_of(half) for half in halves]))
        both = (nearest() < 0.25) | (nearest(at=(0.2, 0, 0)) < 0.25)
        self.assertGreater(iou(grid, both), 0.98)

    def test_triangles_without_area_do_no_harm(self):
        mesh = mesh_of(self.ball)
        mesh.faces = np.concatenate([mesh.faces, [[0, 0, 0], [1, 1, 2]]])
        mesh.face_materials = np.zeros(len(mesh.faces), dtype=np.int64)
        self.assertGreater(self.overlap(mesh), 0.97)


class VoteTest(unittest.TestCase):
    def test_ray_vote_agrees_with_analytic_occupancy(self):
        ball = trimesh.creation.icosphere(subdivisions=4, radius=0.4)
        inside = ray_vote(ball.vertices[ball.faces], 32)
        self.assertGreater(iou(inside, np.linalg.norm(centres(), axis=-1) < 0.4), 0.97)
