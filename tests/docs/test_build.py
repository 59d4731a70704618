"""The documentation is built without a warning."""

import subprocess
import sys
import tempfile
import unittest

from .pages import ROOT


class BuildTest(unittest.TestCase):
    """``make docs``."""

    def test_no_warning(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
            done = subprocess.run(
                [*command, "-d", f"{folder}/trees", str(ROOT / "docs"), f"{folder}/html"],
                capture_output=True,
                text=True,
            )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
