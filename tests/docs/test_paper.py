"""docs/paper.rst: every equation stands where the table says."""

import re
import unittest

from .pages import ROOT

ROW = re.compile(r"- ``([\w/]+\.py):(\d+)``\n\s+- ``(.+)``\n")


class PaperTest(unittest.TestCase):
    """The table of equations."""

    def test_lines(self):
        rows = ROW.findall((ROOT / "docs/paper.rst").read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(rows), 20)
        for path, number, text in rows:
            with self.subTest(path=path, text=text):
                lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
                found = [place for place, line in enumerate(lines, start=1) if text in line]
                self.assertIn(int(number), found, f"{path} has {text!r} in lines {found}")
