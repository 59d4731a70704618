"""AC3D files."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from voxlstm.lib.geometry.reading import read
from voxlstm.lib.base.errors import UserError

ARROW = """OBJECT poly
name "an arrow"
data 14
numvert 9
kids
texture "paint.png"
loc 0 0 10
numvert 4
0 0 0
4 3 0
0 6 0
3 3 0
numsurf 2
SURF 0x30
mat 1
refs 4
0 0 0
1 1 0
2 1 1
3 0.5 0.5
SURF 0x12
mat 0
refs 2
0 0 0
1 0 0
kids 0
"""
STRIP = """OBJECT poly
numvert 5
0 0 0 0 0 1
0 1 0 0 0 1
1 0 0 0 0 1
1 1 0 0 0 1
2 0 0 0 0 1
numsurf 1
SURF 0x14
mat 0
refs 5
0 0 0 0.5 0.5
1 0 1 0.5 0.5
2 1 0 0.5 0.5
3 1 1 0.5 0.5
4 1 0 0.5 0.5
kids 0
"""
HEAD = """AC3Db
MATERIAL "dark red" rgb 0.5 0.1 0.2  amb 1 1 1  emis 0 0 0  spec 0 0 0  shi 10  trans 0
MATERIAL "" rgb 0.25 0.5 1  amb 1 1 1  emis 0 0 0  spec 0 0 0  shi 10  trans 0
OBJECT world
kids 1
"""
GROUP = """OBJECT group
loc 1 2 3
rot 0 0 -1 0 1 0 1 0 0
kids 2
"""
MATERIAL_12 = """AC3Dc
MAT "green"
rgb 0 1 0
amb 1 1 1
ENDMAT
OBJECT world
kids 1
"""


class Ac3dTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "model.ac")

    def read(self, text):
        self.path.write_text(text, encoding="latin-1")
        return read(self.path)

    def test_concave_polygon_and_its_material(self):
        mesh = self.read(HEAD + ARROW)
        first, second, third = np.swapaxes(mesh.vertices[mesh.faces], 0, 1)
        found = np.cross(second - first, third - first)
        assert_allclose(found.sum(axis=0), [0, 0, 6])  # the line between two points is left out
        assert_allclose(abs(found).sum(), 6)
        assert_allclose(mesh.materials[mesh.face_materials], [[0.25, 0.5, 1]] * 2)
        assert_allclose(mesh.vertices[:, 2], 10)

    def test_kids_are_moved_with_their_group(self):
        mesh = self.read(HEAD + GROUP + ARROW + STRIP)
        # A row vector times rot: x goes to -z, z to x; then the group's loc.
        arrow = [[11, 2, 3], [11, 5, -1], [11, 8, 3], [11, 5, 0]]
        strip = [[1, 2, 3], [1, 3, 3], [1, 2, 2], [1, 3, 2], [1, 2, 1]]
        assert_allclose(mesh.vertices, arrow + strip)

    def test_strip_of_triangles_has_one_side(self):
        mesh = self.read(HEAD + STRIP)
        assert_array_equal(mesh.faces, [[0, 1, 2], [1, 3, 2], [2, 3, 4]])
        first, second, third = np.swapaxes(mesh.vertices[mesh.faces], 0, 1)
        assert_allclose(np.cross(second - first, third - first), [[0, 0, -1]] * 3)

    def test_texture_with_its_coordinates(self):
        Image.new("RGB", (1024, 2), (10, 200, 30)).save(self.path.with_name("paint.png"))
        mesh = self.read(HEAD + GROUP + ARROW + STRIP)
        self.assertEqual(mesh.textures[mesh.face_materials[0]].shape, (1, 512, 3))
        self.assertNotIn(mesh.face_materials[-1], mesh.textures)
        corners = mesh.vertices[mesh.faces[:2]].reshape(-1, 3)
        at = np.argmin(np.linalg.norm(corners - [11, 8, 3], axis=1))
        assert_allclose(mesh.corner_uv[:2].reshape(-1, 2)[at], [1, 1])

    def test_missing_and_damaged_textures_leave_the_colour(self):
        self.path.with_name("paint.png").write_bytes(b"no picture")
        for text in (HEAD + ARROW, HEAD + ARROW.replace("paint", "gone")):
            mesh = self.read(text)
            self.assertEqual(mesh.textures, {})
            assert_allclose(mesh.materials[mesh.face_materials[0]], [0.25, 0.5, 1])

    def test_materials_of_version_12(self):
        text = MATERIAL_12 + STRIP
        mesh = self.read(text)
        assert_allclose(mesh.materials[mesh.face_materials[0]], [0, 1, 0])

    def test_broken_files_are_refused(self):
        whole = HEAD + ARROW
        self.read(whole)
        for text, reason in (
            (whole[: len(whole) // 2], "cut short"),
            ("solid x", "does not begin with AC3D"),
            (whole.replace("3 0.5 0.5", "7 0.5 0.5"), "not there"),
            (HEAD.replace("kids 1", "kids 0"), "no triangles"),
        ):
            with self.assertRaisesRegex(UserError, reason):
                self.read(text)


if __name__ == "__main__":
    unittest.main()
