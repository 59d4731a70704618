"""Names as users, systems and other programs leave them."""

import unittest

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.names import check_shown, folded, is_leftover, listed


class NamesTest(unittest.TestCase):
    def test_leftovers(self):
        for name in (
            ".DS_Store", "._a.obj", "Thumbs.db", "desktop.ini", "@eaDir", ".ipynb_checkpoints",
            "__MACOSX", "#recycle", "lost+found", "System Volume Information", "$RECYCLE.BIN",
            "FOUND.000", "~$chair.obj", "chair.obj~", "#chair.obj#", "a.obj.part", "Icon\r",
        ):  # fmt: skip
            self.assertTrue(is_leftover(name), name)
        for name in ("chair", "recycle bins", "found.obj", "a~b.obj", "#1", "@home", "x.obj"):
            self.assertFalse(is_leftover(name), name)

    def test_names_that_a_file_system_takes_for_one(self):
        for one, other in (("Chair", "chair"), ("m\u00fcg", "mu\u0308g"), ("STRASSE", "straße")):
            self.assertEqual(folded(one), folded(other))
        self.assertNotEqual(folded("mug"), folded("müg"))

    def test_names_that_cannot_be_shown(self):
        for name in ("a\x1b[31m", "a\nb", "m\udcfcg", "a\u202eb", "a\x7f", "\u2028"):
            with self.assertRaisesRegex(UserError, "rename it") as caught:
                check_shown(name, "a\tb")
            self.assertTrue(str(caught.exception).isascii())
            self.assertTrue(str(caught.exception).isprintable())
        for name in ("my mugs", "椅子", "müg", "a\u3000b", "👩\u200d🔧"):
            check_shown(name, "a")

    def test_lists(self):
        for values in ("chair,table", "chair, table,", ["chair", "table"], ["chair,", "table"]):
            self.assertEqual(listed(values), ["chair", "table"])
        self.assertEqual(listed(["my mugs"]), ["my mugs"])
        for values in (None, "", [], [","]):
            self.assertIsNone(listed(values))


if __name__ == "__main__":
    unittest.main()
