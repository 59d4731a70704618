"""Meshes as files hold them."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh
from numpy.testing import assert_allclose
from PIL import Image

from tests.geometry.meshes import mesh_of
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.geometry.frame import normalised
from voxlstm.lib.geometry.mesh import join, read, write_obj

OBJ = """mtllib box.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
vt 0 0
vt 1 0
vt 1 1
vt 0 1
o front
usemtl red
f 5/1 6/2 7/3 8/4
o rest
usemtl painted
f 1/1 4/4 3/3 2/2
f 1/1 2/2 6/3 5/4
f 2/1 3/2 7/3 6/4
"""
MTL = """newmtl red
Kd 0.8 0.1 0.2
newmtl painted
Kd 0.1 0.6 0.3
map_Kd {}
"""


class MeshCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


class ReadTest(MeshCase):
    def test_every_format_gives_the_same_shape(self):
        body = trimesh.creation.icosphere(subdivisions=2)
        body.apply_scale((1.0, 2.0, 3.0))
        for suffix in (".obj", ".ply", ".stl", ".off", ".glb"):
            path = self.root / f"body{suffix}"
            body.export(path)
            mesh = read(path)
            self.assertEqual(len(mesh.faces), len(body.faces), suffix)
            corners = mesh.vertices[mesh.faces].reshape(-1, 3)
            assert_allclose(np.ptp(corners, axis=0), body.extents, rtol=1e-5)

    def test_objects_materials_and_polygons_of_an_obj(self):
        (self.root / "box.obj").write_text(OBJ)
        (self.root / "box.mtl").write_text(MTL.format("paint.png"))
        Image.new("RGB", (1024, 256), (10, 200, 30)).save(self.root / "paint.png")
        mesh = read(self.root / "box.obj")
        self.assertEqual(len(mesh.faces), 8)
        colours = mesh.materials[mesh.face_materials]
        assert_allclose(np.sort(colours[:, 0])[-2:], 0.8, atol=0.01)
        (image,) = mesh.textures.values()
        self.assertEqual(image.shape, (128, 512, 3))
        self.assertEqual(mesh.corner_uv.shape, (8, 3, 2))

    def test_missing_and_damaged_textures_leave_the_colour(self):
        (self.root / "box.obj").write_text(OBJ)
        for name in ("gone.png", "cut.png"):
            (self.root / "box.mtl").write_text(MTL.format(name))
            whole = self.root / "whole.png"
            Image.fromarray(
                np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
            ).save(whole)
            (self.root / "cut.png").write_bytes(whole.read_bytes()[:3000])
            mesh = read(self.root / "box.obj")
            self.assertEqual(mesh.textures, {})
            self.assertIn([0.1, 0.6, 0.3], np.round(mesh.materials, 1).tolist())

    def test_missing_material_file(self):
        (self.root / "box.obj").write_text(OBJ)
        mesh = read(self.root / "box.obj")
        self.assertEqual(len(mesh.faces), 8)
        self.assertTrue(((mesh.materials >= 0) & (mesh.materials <= 1)).all())

    def test_colours_at_vertices(self):
        body = trimesh.creation.box()
        body.visual.vertex_colors = np.tile([255, 0, 51, 255], (8, 1))
        body.export(self.root / "body.ply")
        mesh = read(self.root / "body.ply")
        assert_allclose(mesh.corner_colours.reshape(-1, 3), np.tile([1, 0, 0.2], (36, 1)))

    def test_scenes_keep_their_transforms(self):
        scene = trimesh.Scene()
        for x in (0, 5):
            transform = trimesh.transformations.translation_matrix((x, 0, 0))
            scene.add_geometry(trimesh.creation.box(), transform=transform)
        scene.export(self.root / "two.glb")
        mesh = read(self.root / "two.glb")
        self.assertEqual(len(mesh.faces), 24)
        assert_allclose(np.ptp(mesh.vertices, axis=0), (6, 1, 1))

    def test_axis_that_points_up(self):
        body = trimesh.creation.box((1, 2, 3))
        body.export(self.root / "body.stl")
        for up, expected in (("y", (1, 2, 3)), ("z", (1, 3, 2)), ("x", (2, 1, 3))):
            extent = np.ptp(read(self.root / "body.stl", up).vertices, axis=0)
            assert_allclose(extent, expected)
            # Turned, not mirrored: the volume keeps its sign.
            mesh = read(self.root / "body.stl", up)
            self.assertGreater(trimesh.Trimesh(mesh.vertices, mesh.faces).volume, 0)

    def test_meshes_that_cannot_be_used(self):
        path = self.root / "bad.off"
        path.write_text("OFF\n3 1 0\n0 0 0\n0 0 0\n0 0 0\n3 0 1 2\n")
        with self.assertRaisesRegex(UserError, "bad.off has no extent"):
            read(path)
        path.write_text("OFF\n3 1 0\n0 0 nan\n0 1 0\n1 0 0\n3 0 1 2\n")
        with self.assertRaisesRegex(UserError, "bad.off has coordinates that are not finite"):
            read(path)
        path = self.root / "points.ply"
        trimesh.PointCloud(np.random.default_rng(0).random((5, 3))).export(path)
        with self.assertRaisesRegex(UserError, "points.ply has no triangles"):
            read(path)


class WriteTest(MeshCase):
    def test_join_keeps_materials_apart(self):
        first, second = (
            mesh_of(trimesh.creation.box(), colour) for colour in ((1, 0, 0), (0, 0, 1))
        )
        both = join([first, second])
        assert_allclose(both.materials[both.face_materials[0]], (1, 0, 0))
        assert_allclose(both.materials[both.face_materials[-1]], (0, 0, 1))
        self.assertEqual(both.faces.max(), 15)

    def test_written_obj_is_read_back_as_it_was(self):
        parts = [
            mesh_of(trimesh.creation.box((1, 2, 3)), c) for c in ((0.8, 0.4, 0.2), (0, 0.2, 1))
        ]
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
