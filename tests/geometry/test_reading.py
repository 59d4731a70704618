"""Models as files hold them."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import trimesh
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tests.geometry.polygons import VOLUME, as_obj, as_off, as_ply, body, surface, volume
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import decoding
from voxlstm.lib.geometry.reading import read

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


class ModelCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


class ReadTest(ModelCase):
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
            Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
                whole
            )
            (self.root / "cut.png").write_bytes(whole.read_bytes()[:3000])
            mesh = read(self.root / "box.obj")
            self.assertEqual(mesh.textures, {})
            self.assertIn([0.1, 0.6, 0.3], np.round(mesh.materials, 1).tolist())

    def test_large_textures_are_reduced_before_they_are_converted(self):
        (self.root / "box.obj").write_text(OBJ)
        (self.root / "box.mtl").write_text(MTL.format("paint.png"))
        pixels = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((2048, 2048)).save(self.root / "paint.png")
        (usual,) = read(self.root / "box.obj").textures.values()
        areas, convert = [], Image.Image.convert

        def noted(image, *arguments, **options):
            areas.append(image.width * image.height)
            return convert(image, *arguments, **options)

        with mock.patch.object(decoding, "LARGE", 100_000), mock.patch.object(Image.Image, "convert", noted):
            (small,) = read(self.root / "box.obj").textures.values()
        self.assertLess(max(areas), 2048 * 2048 / 4)
        self.assertEqual(small.shape, (512, 512, 3))
        assert_array_equal(small, usual)

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

    def test_extents_that_no_model_has(self):
        triangle = "OFF\n3 1 0\n0 0 0\n0 {0} 0\n{0} 0 0\n3 0 1 2\n"
        path = self.root / "huge.off"
        for size in (1e308, 1e200, 1e155):
            path.write_text(triangle.format(size))
            with self.assertRaisesRegex(UserError, "huge.off has coordinates up to 1e"):
                read(path)
        for size in (1e-200, 5e-324):
            path.write_text(triangle.format(size))
            with self.assertRaisesRegex(UserError, "huge.off has no extent"):
                read(path)
        for size in (1e-9, 1e9):
            path.write_text(triangle.format(size))
            self.assertEqual(len(read(path).faces), 1)

    def test_numbers_of_corners_that_are_none_leave_the_shape(self):
        text = OBJ.replace("vt 1 1", "vt nan inf").replace("vt 0 1", "vt 1e300 0")
        (self.root / "box.obj").write_text(text + "vn nan nan nan\n")
        self.assertEqual(len(read(self.root / "box.obj").faces), 8)


class PolygonTest(ModelCase):
    def test_concave_polygons_of_every_format(self):
        for start in range(7):
            points, polygons = body(start)
            for name, data in (
                ("l.obj", as_obj(points, polygons).encode()),
                ("l.off", as_off(points, polygons).encode()),
                ("l.ply", as_ply(points, polygons)),
                ("l.ply", as_ply(points, polygons, "binary_little_endian")),
                ("l.ply", as_ply(points, polygons, "binary_big_endian")),
            ):
                (self.root / name).write_bytes(data)
                mesh = read(self.root / name)
                assert_allclose(volume(mesh), VOLUME, err_msg=name)
                assert_allclose(surface(mesh), 2 * 3 + 8, err_msg=name)


class TextTest(ModelCase):
    def test_every_encoding_of_every_text_format(self):
        triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
        stl = trimesh.exchange.stl.export_stl_ascii(triangle)
        texts = {
            "t.obj": "# stol \xe5\ng \xe5\n" + as_obj(triangle.vertices, [[0, 1, 2]]),
            "t.off": as_off(triangle.vertices, [[0, 1, 2]]) + "\n# \xe5",
            "t.ply": as_ply(triangle.vertices, [[0, 1, 2]])
            .decode().replace("element", "comment \xe5\nelement", 1),
            "t.stl": stl.replace("solid", "solid \xe5", 1),
        }  # fmt: skip
        for name, text in texts.items():
            for data in (
                text.encode(), text.encode("latin-1"), text.replace("\xe5", "\u6905").encode("gbk"),
                text.encode("utf-8-sig"), text.encode("utf-16"), text.encode() + b"\x1a\0\0\n",
                text.replace("\n", "\r\n").encode("latin-1"),
            ):  # fmt: skip
                (self.root / name).write_bytes(data)
                mesh = read(self.root / name)
                self.assertEqual(mesh.faces.shape, (1, 3), (name, data[:40]))
                assert_allclose(np.ptp(mesh.vertices, axis=0), [1, 1, 0])

    def test_materials_with_backslashes_and_other_bytes(self):
        (self.root / "box.obj").write_bytes(OBJ.replace("box.mtl", "C:\\work\\Box.MTL").encode())
        (self.root / "box.mtl").write_bytes(b"# f\xfcr\n" + MTL.format("maps\\Paint.PNG").encode())
        (self.root / "Maps").mkdir()
        Image.new("RGB", (4, 4), (10, 200, 30)).save(self.root / "Maps" / "paint.png")
        mesh = read(self.root / "box.obj")
        (image,) = mesh.textures.values()
        self.assertEqual(image[0, 0].tolist(), [10, 200, 30])
        self.assertIn([0.8, 0.1, 0.2], np.round(mesh.materials, 1).tolist())

    def test_binary_stl_with_other_bytes_in_its_header_and_behind_it(self):
        path = self.root / "box.stl"
        data = trimesh.exchange.stl.export_stl(trimesh.creation.box())
        for head in (b"solid ", b"\xe5", b"\xff\xfe"):
            path.write_bytes(head.ljust(80, b"\xe5") + data[80:] + b"\x1a\0")
            self.assertEqual(len(read(path).faces), 12)
        path.write_bytes(data[:-1])
        with self.assertRaisesRegex(UserError, "box.stl cannot be read: it is cut short"):
            read(path)


class GltfTest(ModelCase):
    def export(self, **more):
        """Return the bytes of a .glb file of two boxes with changes in its JSON."""
        scene = trimesh.Scene([trimesh.creation.box(), trimesh.creation.icosphere(1)])
        return scene.export(file_type="glb", tree_postprocessor=lambda tree: tree.update(more))

    def test_what_is_not_served_is_named(self):
        for name in ("KHR_draco_mesh_compression", "KHR_texture_basisu"):
            (self.root / "a.glb").write_bytes(self.export(extensionsRequired=[name]))
            with self.assertRaisesRegex(UserError, f"a.glb cannot be read: it needs {name}, .*export"):
                read(self.root / "a.glb")

    def test_corners_that_are_not_there_are_none_of_the_next_surface(self):
        box = trimesh.creation.box()
        box.faces[3, 1] = 8  # of 0 to 7; the sphere behind it has more
        data = trimesh.Scene([box, trimesh.creation.icosphere(1)]).export(file_type="glb")
        (self.root / "a.glb").write_bytes(data)
        with self.assertRaisesRegex(UserError, "a.glb cannot be read: a face has a vertex that is not there"):
            read(self.root / "a.glb")

    def test_a_size_that_is_damaged(self):
        with (
            mock.patch.object(trimesh, "load", side_effect=MemoryError),
            self.assertRaises(UserError) as caught,
        ):
            (self.root / "a.glb").write_bytes(self.export())
            read(self.root / "a.glb")
        self.assertIn("a.glb needs more memory than there is", str(caught.exception))

    def test_files_beside_and_bytes_behind(self):
        (self.root / "a.glb").write_bytes(self.export() + b"\0" * 7)
        whole = read(self.root / "a.glb")
        self.assertEqual(len(whole.faces), 12 + 80)
        (self.root / "cut.glb").write_bytes(self.export()[:-9])
        with self.assertRaisesRegex(UserError, "cut.glb cannot be read: it is cut short"):
            read(self.root / "cut.glb")
        for name, data in trimesh.creation.box().scene().export(file_type="gltf").items():
            (self.root / name).write_bytes(data)
        self.assertEqual(len(read(self.root / "model.gltf").faces), 12)
        next(self.root.glob("*.bin")).unlink()
        with self.assertRaisesRegex(UserError, "model.gltf cannot be read"):
            read(self.root / "model.gltf")
