"""OFF files as programs write them."""

import unittest

from numpy.testing import assert_array_equal

from voxlstm.lib.geometry import off

FACES = "4 1 0\n0 0 0\n4 3 0\n0 6 0\n3 3 0\n4 0 1 2 3\n"


class ReadTest(unittest.TestCase):
    def test_headers(self):
        for head in ("OFF\n", "OFF ", "OFF", "off\n# by hand\n\n", "NOFF\n", "STOFF\n"):
            vertices, faces = off.read(head + FACES)
            assert_array_equal(vertices, [[0, 0, 0], [4, 3, 0], [0, 6, 0], [3, 3, 0]])
            self.assertEqual(len(faces), 2)

    def test_colours_are_passed_over(self):
        vertices, faces = off.read("COFF 3 1 0\n" + "0 0 1 9 9 9 255\n" * 3 + "3 0 1 2 255 0 0\n")
        assert_array_equal(vertices, [[0, 0, 1]] * 3)
        assert_array_equal(faces, [[0, 1, 2]])

    def test_damaged_files(self):
        for text, reason in (
            ("", "does not begin"),
            ("OFF", "how many"),
            ("4OFF\n" + FACES, "does not begin"),
            ("OFF\n" + FACES.replace("0 1 2 3", "0 1 2 4"), "not there"),
            ("OFF\n" + FACES.replace("4 0 1 2 3", "5 0 1 2 3"), "fewer corners"),
            ("OFF\n" + FACES.replace("4 1 0", "40 1 0"), "cut short"),
            ("OFF BINARY\n" + FACES, "BINARY"),
        ):
            with self.assertRaisesRegex(ValueError, reason):
                off.read(text)


if __name__ == "__main__":
    unittest.main()
