"""Meshes joined and written."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh
from numpy.testing import assert_allclose

from tests.geometry.meshes import mesh_of
from voxlstm.lib.geometry.frame import normalised
from voxlstm.lib.geometry.mesh import join, write_obj
from voxlstm.lib.geometry.reading import read


class MeshCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


class WriteTest(MeshCase):
    def test_join_keeps_materials_apart(self):
        first, second = (mesh_of(trimesh.creation.box(), colour) for colour in ((1, 0, 0), (0, 0, 1)))
        both = join([first, second])
        assert_allclose(both.materials[both.face_materials[0]], (1, 0, 0))
        assert_allclose(both.materials[both.face_materials[-1]], (0, 0, 1))
        self.assertEqual(both.faces.max(), 15)

    def test_written_obj_is_read_back_as_it_was(self):
        parts = [mesh_of(trimesh.creation.box((1, 2, 3)), c) for c in ((0.8, 0.4, 0.2), (0, 0.2, 1))]
        parts[1].vertices += (0, 4, 0)
        mesh = normalised(join(parts))
        write_obj(self.root / "model.obj", mesh, ["wood", "steel"])
        self.assertIn("newmtl steel", (self.root / "model.mtl").read_text())
        back = read(self.root / "model.obj")
        self.assertEqual(len(back.faces), len(mesh.faces))
        for colour, part in zip(mesh.materials, (0, 1)):
            one = mesh.vertices[mesh.faces[mesh.face_materials == part]].reshape(-1, 3)
            faces = np.abs(back.materials[back.face_materials] - colour).max(axis=1) < 0.01
            other = back.vertices[back.faces[faces]].reshape(-1, 3)
            assert_allclose(other.min(axis=0), one.min(axis=0))
            assert_allclose(other.max(axis=0), one.max(axis=0))
