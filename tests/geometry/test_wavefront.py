"""OBJ texts that trimesh would misread."""

import unittest

from voxlstm.lib.geometry.wavefront import simplified

ARROW = "v 0 0 0\nv 4 3 0\nv 0 6 0\nv 3 3 0\n"


class SimplifiedTest(unittest.TestCase):
    def test_plain_files_stay_as_they_are(self):
        text = ARROW + "vt 0 0\ng part\nf 1/1 2/1 3/1\n"
        self.assertEqual(simplified(text), text)
        square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n"
        self.assertEqual(simplified(square), square)

    def test_concave_polygons_keep_their_corners_data(self):
        found = simplified(ARROW + "usemtl red\nf 1/5/1 2/6/1 3/7/1 4/8/1 # arrow\ng rest\n")
        self.assertIn("usemtl red\nf ", found)
        faces = [line.split()[1:] for line in found.split("\n") if line.startswith("f")]
        self.assertEqual(len(faces), 2)
        for face in faces:  # both triangles have the notch and the tip
            self.assertIn("4/8/1", face)
            self.assertIn("2/6/1", face)

    def test_indices_counted_backwards(self):
        text = (
            "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf -3/-1 -2/-1 -1/-1\nv 5 5 5\nv 6 5 5\nv 5 6 5\nf -3 -2 -1\n"
        )
        found = [line for line in simplified(text).split("\n") if line.startswith("f")]
        self.assertEqual(found, ["f 1/1 2/1 3/1", "f 4 5 6"])

    def test_blanks_and_lines_that_go_on(self):
        found = simplified(ARROW.replace("v", "  v") + "\tf 1 2 \\\n3 4\n")
        self.assertEqual(found.count("\nf "), 2)

    def test_corners_that_are_not_there(self):
        for face in ("f 1 2 3 9", "f 0 1 2 3", "f 1 2 3 x", "f 1 2 -9 4"):
            with self.assertRaises(ValueError):
                simplified(ARROW + face)


if __name__ == "__main__":
    unittest.main()
