"""PLY files, text and binary, with lists of any length."""

import unittest

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tests.geometry.polygons import as_ply, body
from voxlstm.lib.geometry import ply

HEAD = """ply
format ascii 1.0
comment TextureFile wood grain.png
element vertex 4
property float x
property float y
property float z
{}element face 2
property list uchar int vertex_index
{}end_header
"""


class ReadTest(unittest.TestCase):
    def test_mixed_polygons_in_every_form(self):
        points, polygons = body()
        for kind in ("ascii", "binary_little_endian", "binary_big_endian"):
            found = ply.read(as_ply(points, polygons, kind))
            assert_array_equal(found.vertices, points)
            self.assertEqual(len(found.faces), sum(len(ring) - 2 for ring in polygons))
            triangles = ply.read(as_ply(points, [[0, 1, 2], [5, 4, 3]], kind))
            assert_array_equal(triangles.faces, [[0, 1, 2], [5, 4, 3]])

    def test_colours_and_coordinates_of_vertices(self):
        kinds = "".join(
            f"property {kind}\n" for kind in ("uchar red", "uchar green", "uchar blue", "float s", "float t")
        )
        rows = ["0 0 0 255 0 0 0 0", "1 0 0 0 1 0 1 0", "1 1 0 0 0 51 1 1", "0 1 0 0 0 0 0 1"]
        found = ply.read((HEAD.format(kinds, "") + "\n".join(rows) + "\n3 0 1 2\n3 0 2 3\n").encode())
        assert_allclose(found.corner_colours[0], [[1, 0, 0], [0, 1 / 255, 0], [0, 0, 0.2]])
        assert_array_equal(found.corner_uv[1], [[0, 0], [1, 1], [0, 1]])
        self.assertEqual(found.texture, "wood grain.png")

    def test_colours_and_coordinates_of_faces(self):
        kinds = "property list uchar float texcoord\n" + "".join(
            f"property float {name}\n" for name in ("red", "green", "blue")
        )
        faces = "4 0 1 2 3 8 0 0 1 0 1 1 0 1 0.5 nan 2\n3 0 2 1 6 0 0 1 1 1 0 0 0 1\n"
        rows = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"
        found = ply.read((HEAD.format("", kinds) + rows + faces).encode())
        assert_array_equal(found.corner_colours[:, 0], [[0.5, 0, 1], [0.5, 0, 1], [0, 0, 1]])
        assert_array_equal(found.corner_uv[1], [[0, 0], [1, 1], [0, 1]])
        assert_array_equal(found.corner_uv[2], [[0, 0], [1, 1], [1, 0]])

    def test_damaged_files(self):
        whole = as_ply(*body(), "binary_little_endian")
        for data, reason in (
            (whole[:-1], "cut short"),
            (whole.replace(b"vertex 14", b"vertex 99999999999"), "cut short"),
            (whole.replace(b"ply", b"plx", 1), "does not begin with ply"),
            (whole.replace(b"format", b"former", 1), "does not name a format"),
            (whole.replace(b"float x", b"float w", 1), "no vertices"),
            (as_ply(body()[0], [[0, 1, 20]]), "not there"),
            (b"ply\nformat ascii 1.0\n", "no end"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                ply.read(data)

    def test_bytes_behind_the_last_element(self):
        points, polygons = body()
        for kind in ("ascii", "binary_little_endian"):
            found = ply.read(as_ply(points, polygons, kind) + b"\x1a\0\0")
            self.assertEqual(len(found.vertices), len(points))
            self.assertTrue(np.isfinite(found.vertices).all())


if __name__ == "__main__":
    unittest.main()
