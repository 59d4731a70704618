"""The frames of models and grids: boxes whose place is known."""

import unittest

import numpy as np
import trimesh
from numpy.testing import assert_allclose

from tests.geometry.meshes import mesh_of
from voxlstm.lib.geometry.frame import bounds, header, in_grid, normalised
from voxlstm.lib.geometry.voxels import voxelise


class FrameTest(unittest.TestCase):
    def setUp(self):
        body = trimesh.creation.box((30, 40, 120))
        body.apply_translation((1000, -500, 3))
        self.mesh = mesh_of(body)
        self.mesh.vertices = np.concatenate([self.mesh.vertices, [[1e6, 0, 0]]])  # unused
        self.half = np.array([15, 20, 60])

    def test_a_model_is_centred_with_unit_diagonal(self):
        low, high = bounds(normalised(self.mesh))
        assert_allclose(high, self.half / 130, atol=1e-6)
        assert_allclose(low, -self.half / 130, atol=1e-6)

    def test_a_grid_spans_the_longest_side(self):
        low, high = bounds(in_grid(self.mesh))
        assert_allclose(high, self.half / 120, atol=1e-12)
        assert_allclose(low, -self.half / 120, atol=1e-12)

    def test_the_header_holds_the_longest_side_and_the_corner_of_the_box(self):
        translate, scale = header(normalised(self.mesh))
        assert_allclose(scale, 120 / 130, atol=2e-6)
        assert_allclose(translate, -self.half / 130, atol=2e-6)

    def test_the_longest_axis_goes_from_the_first_voxel_to_the_last(self):
        filled = np.argwhere(voxelise(in_grid(self.mesh)))
        # 8, 10 2/3 and 32 voxels about the middle; sides on the border of two touch both.
        self.assertEqual(filled.min(axis=0).tolist(), [11, 10, 0])
        self.assertEqual(filled.max(axis=0).tolist(), [20, 21, 31])

    def test_what_is_there_is_not_changed(self):
        before = self.mesh.vertices.copy()
        normalised(self.mesh), in_grid(self.mesh)
        assert_allclose(self.mesh.vertices, before)
