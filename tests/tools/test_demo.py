"""demo as a user runs it, with the network that comes along."""

import contextlib
import io
import tempfile
import time
import unittest
from pathlib import Path

import trimesh

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.demo_objects import demo_objects
from voxlstm.tools import demo

MOST = 60.0  # seconds


class DemoTest(unittest.TestCase):
    def test_one_command_makes_meshes_and_a_page_in_a_minute(self):
        with tempfile.TemporaryDirectory() as folder:
            output, start = io.StringIO(), time.monotonic()
            with contextlib.redirect_stdout(output):
                self.assertEqual(demo.main(["--out", folder]), 0)
            self.assertLess(time.monotonic() - start, MOST)
            names = {item.category for item in demo_objects()}
            made = {path.name for path in Path(folder).iterdir()}
            self.assertEqual(made, {"demo.html", "demo.png", *(f"{name}.glb" for name in names)})
            for name in names:
                mesh = trimesh.load(Path(folder) / f"{name}.glb", force="mesh")
                self.assertTrue(mesh.is_watertight)
                self.assertRegex(output.getvalue(), rf"{name}.glb: IoU 0\.\d+ with its true shape")

    def test_a_file_is_not_overwritten(self):
        with tempfile.NamedTemporaryFile() as file, self.assertRaisesRegex(UserError, "is not a folder"):
            demo.main(["--out", file.name])


if __name__ == "__main__":
    unittest.main()
