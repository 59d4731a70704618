"""The command line: from a server to a checked tree, and what it says of each end."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from tests.data.server import Server
from tests.data.tree import make_tree
from voxlstm.lib.data import check
from voxlstm.lib.data import transfer
from voxlstm.lib.data.categories import CATEGORIES, Category
from voxlstm.tools import fetch_shapenet

TOOL = Path(__file__).parents[2] / "tools" / "fetch_shapenet.py"
CHAIR = "03001627"


class TestFetchShapenet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.made = Path(folder.name)
        make_tree(cls.made, {CHAIR: 2}, views=24)
        cls.archives = {}
        for name in ("ShapeNetRendering", "ShapeNetVox32"):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
                archive.add(cls.made / name, name)
            cls.archives[f"{name}.tgz"] = buffer.getvalue()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "data"
        self.server = Server(self.archives)
        self.addCleanup(self.server.close)
        published = (Category(CHAIR, "chair", 2),)
        for patch in (
            mock.patch.object(check, "CATEGORIES", published),
            mock.patch.object(transfer, "PAUSE", 0.0),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def main(self, *arguments):
        """Return exit status and standard output."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            status = fetch_shapenet.main([*map(str, arguments)])
        return status, output.getvalue()

    def run_tool(self, *arguments):
        return subprocess.run(
            [sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True
        )

    def contents(self, root):
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def test_from_a_breaking_server_to_a_checked_tree(self):
        self.server.break_after = 5_000
        status, output = self.main("--out", self.out, "--mirror", self.server.url)
        self.assertEqual(status, 0)
        self.assertIn("no file is missing or unreadable\ncomplete\n", output)
        self.assertEqual(self.contents(self.out), self.contents(self.made))
        self.assertGreater(len(self.server.ranges_asked()), 2)  # it did break

    def test_second_mirror(self):
        broken = Server({})
        self.addCleanup(broken.close)
        status, _ = self.main(
            "--out", self.out, "--mirror", broken.url, "--mirror", self.server.url, "--quick"
        )
        self.assertEqual(status, 0)

    def test_check_only(self):
        self.assertEqual(self.main("--check-only", self.made, "--workers", 1)[0], 0)
        self.main("--out", self.out, "--mirror", self.server.url)
        lost = self.out / "ShapeNetVox32" / CHAIR / "m001" / "model.binvox"
        lost.unlink()
        self.server.requests.clear()
        status, output = self.main("--check-only", self.out, "--quick")
        self.assertEqual(status, 1)
        self.assertIn(f"{lost} is missing\nnot complete\n", output)
        self.assertEqual(self.server.requests, [])

    def test_members_left_out_are_named(self):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(self.made / "ShapeNetVox32", "ShapeNetVox32")
            link = tarfile.TarInfo("ShapeNetVox32/link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        self.server.files["ShapeNetVox32.tgz"] = buffer.getvalue()
        status, output = self.main("--out", self.out, "--mirror", self.server.url, "--quick")
        self.assertEqual(status, 0)
        self.assertIn(
            "left out, neither a file nor a folder: ShapeNetVox32.tgz: ShapeNetVox32/link\n", output
        )
        self.assertFalse(os.path.lexists(self.out / "ShapeNetVox32" / "link"))

    def test_the_real_counts_are_asked_for(self):
        finished = self.run_tool("--check-only", self.made, "--quick")
        self.assertEqual(finished.returncode, 1)
        rows = [line.split() for line in finished.stdout.splitlines()]
        for category in CATEGORIES:
            found = "2" if category.synset == CHAIR else "0"
            self.assertIn([category.synset, category.name, found, str(category.count)], rows)
        self.assertIn(["all", "2", "43784"], rows)
        self.assertEqual(rows[-1], ["not", "complete"])

    def test_errors_are_one_line(self):
        self.server.status = 404
        cases = [
            ("--check-only", self.out / "nowhere"),
            ("--out", self.out, "--mirror", self.server.url),
            ("--check-only", self.made, "--workers", -1),
        ]
        for arguments in cases:
            finished = self.run_tool(*arguments)
            self.assertEqual(finished.returncode, 2)
            self.assertRegex(finished.stderr, r"\Afetch_shapenet: error: [^\n]+\n\Z")

    def test_the_choice_of_a_folder_is_needed(self):
        for arguments in ((), ("--out", "a", "--check-only", "b")):
            finished = self.run_tool(*arguments)
            self.assertEqual(finished.returncode, 2)
            self.assertIn("usage:", finished.stderr)

    def test_control_c_while_downloading(self):
        self.server.hold = True
        tool = subprocess.Popen(
            [sys.executable, str(TOOL), "--out", str(self.out), "--mirror", self.server.url],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(tool.kill)
        self.server.holding.wait(60)
        parts = []
        while not any(part.stat().st_size for part in parts) and tool.poll() is None:
            time.sleep(0.02)
            parts = list(self.out.glob("*.part"))
        tool.send_signal(signal.SIGINT)
        _, errors = tool.communicate(timeout=60)
        self.assertEqual(tool.returncode, 130)
        self.assertNotIn("Traceback", errors)
        self.assertTrue(errors.endswith("fetch_shapenet: interrupted\n"))
        # The next run takes what came.
        self.server.hold = False
        self.server.requests.clear()
        self.assertEqual(self.main("--out", self.out, "--mirror", self.server.url)[0], 0)
        self.assertRegex(self.server.ranges_asked()[0], r"bytes=[1-9]\d*-")
