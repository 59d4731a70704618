"""The layout: the published names, and lists that keep every digit."""

import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import layout


class PathsTest(unittest.TestCase):
    def test_they_are_the_published_ones(self):
        place = "/data", "03001627", "abc"
        self.assertEqual(layout.views_folder(*place), "/data/ShapeNetRendering/03001627/abc/rendering")
        self.assertEqual(layout.voxels_path(*place), "/data/ShapeNetVox32/03001627/abc/model.binvox")
        self.assertEqual(layout.mesh_path(*place), "/data/ShapeNetCore.v1/03001627/abc/model.obj")
        self.assertEqual([layout.view_name(k) for k in (0, 23)], ["00.png", "23.png"])


class ListsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "rendering_metadata.txt")

    def test_what_is_written_is_read_back_to_the_last_digit(self):
        rows = [(123.456789012345, 27.1, 0.7000000000000001), (0.0, 30.0, 0.95)]
        layout.write_lists(self.path.parent, rows)
        self.assertEqual(layout.read_metadata(self.path), rows)
        first, second = self.path.read_text().splitlines()
        self.assertEqual(first, "123.456789012345 27.1 0 0.7000000000000001 25")
        self.assertEqual(second, "0.0 30.0 0 0.95 25")
        names = self.path.with_name("renderings.txt").read_text()
        self.assertEqual(names, "00.png\n01.png\n")

    def test_blank_lines_and_other_line_ends_are_read(self):
        self.path.write_text("\n 30 27.5  0 0.8 25 \r\n\n45 26 0 0.7 25")
        self.assertEqual(layout.read_metadata(self.path), [(30, 27.5, 0.8), (45, 26, 0.7)])

    def test_what_is_no_list_is_refused(self):
        for content in (b"1 2 three 4 5\n", b"1 2 3 4\n", b"1 2 3 4 5 6\n", b"\xff 2 3 4 5\n"):
            self.path.write_bytes(content)
            with self.assertRaisesRegex(UserError, "five numbers a line"):
                layout.read_metadata(self.path)
        for word in ("nan", "inf", "-inf", "1e300", "1_0e9"):
            for place in range(5):
                words = "30 27.5 0 0.8 25".split()
                words[place] = word
                self.path.write_text("30 27.5 0 0.8 25\n" + " ".join(words))
                with self.assertRaisesRegex(UserError, f"line 2 of .* is no viewpoint: .*{word}"):
                    layout.read_metadata(self.path)
        for ratio in ("0", "-0.8"):
            self.path.write_text(f"30 27.5 0 {ratio} 25\n")
            with self.assertRaisesRegex(UserError, "line 1 of .* is no viewpoint"):
                layout.read_metadata(self.path)
        with self.assertRaisesRegex(UserError, "cannot read .*none.txt: No such file"):
            layout.read_metadata(self.path.with_name("none.txt"))


if __name__ == "__main__":
    unittest.main()
