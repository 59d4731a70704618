"""A page whose network is a stand-in, for the tests of this folder."""

import base64
import tempfile
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.browser import folder

from .site import ABOUT, CHROMIUM, FAKE, visit

# What a test's script returns arrays and files with.
ENCODED = """
  const encoded = (buffer) => btoa(Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join(""));"""


def decoded(text, kind=np.float32):
    """Return the numbers that a script sent by ``encoded``."""
    return np.frombuffer(base64.b64decode(text), kind)


@unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
class PageCase(unittest.TestCase):
    """Has ``root``, a folder with a page."""

    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.root = Path(made.name)
        (cls.root / folder.NETWORK).touch()
        folder.write_page(cls.root, FAKE, {"network": "a <stand-in>"}, ABOUT)

    def visit(self, script, *arguments, **options):
        """Run a script in the page; what it returns, having checked that nothing went wrong."""
        found = visit(self.root, ENCODED + script, *arguments, **options)
        self.assertEqual(found.console, [])
        here = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        self.assertLessEqual(set(found.asked), here)
        return found.value
