"""The file that says how a data set was made."""

import json
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import layout, marker
from voxlstm.lib.data.shapenet import Index


class MarkerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, text):
        (self.root / layout.MARKER).write_text(text, encoding="utf-8")

    def test_a_set_of_others_has_none(self):
        self.assertIsNone(marker.read(self.root))

    def test_a_set_of_today_is_read(self):
        content = {"source": "procedural", "version": marker.VERSION}
        self.write(json.dumps(content))
        self.assertEqual(marker.read(self.root), content)

    def test_a_set_of_another_version_is_refused_with_the_remedy_wherever_it_is_opened(self):
        for version in (1, marker.VERSION + 1, "2", None):
            self.write(json.dumps({"source": "procedural", "version": version}))
            for opened in (marker.read, Index.open):
                with self.assertRaisesRegex(UserError, "make the set again, in another folder"):
                    opened(self.root)
        self.write("{}")
        with self.assertRaisesRegex(UserError, "make the set again"):
            marker.read(self.root)

    def test_damage_is_one_sentence(self):
        long = "[" * 100_000, '{"version": ' + "9" * 5000 + "}"
        for text in (
            *long,
            "",
            "[1]",
            "{",
            '"text"',
            "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"),
        ):
            self.write(text)
            with self.assertRaisesRegex(UserError, "dataset.json .*again"):
                marker.read(self.root)
