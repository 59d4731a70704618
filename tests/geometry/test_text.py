"""Texts of any encoding, and files that another machine named."""

import codecs
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.geometry.text import Beside, decode

TEXT = "# Stuhl für 椅子\nv 1 2 3\n"


class DecodeTest(unittest.TestCase):
    def test_encodings(self):
        for data in (
            TEXT.encode(),
            codecs.BOM_UTF8 + TEXT.encode(),
            TEXT.encode("utf-16"),
            codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
            TEXT.encode("utf-32"),
            TEXT.replace("\n", "\r\n").encode(),
            TEXT.replace("\n", "\r").encode(),
            TEXT.encode() + b"\x1a\0\0",
        ):
            self.assertEqual(decode(data), TEXT)
        for encoding in ("utf-16-le", "utf-16-be"):  # with no mark
            self.assertEqual(decode("v 1 2 3\n".encode(encoding)), "v 1 2 3\n")

    def test_other_bytes_leave_the_ascii(self):
        for encoding in ("gb18030", "latin-1", "cp932"):
            text = decode(TEXT.replace("ü", "").encode(encoding, "replace"))
            self.assertTrue(text.startswith("# Stuhl f") and text.endswith("\nv 1 2 3\n"))
        self.assertEqual(decode(b""), "\n")


class BesideTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "model"
        (self.root / "Maps").mkdir(parents=True)
        (self.root / "Maps" / "Wood.png").write_bytes(b"wood")
        (self.root / "木.png").write_bytes(b"tree")
        (self.root.parent / "secret.png").write_bytes(b"secret")
        self.beside = Beside(self.root)

    def test_names_of_other_systems(self):
        for name in ("Maps/Wood.png", "Maps\\Wood.png", ".\\maps\\WOOD.PNG", '"Maps/Wood.png"'):
            self.assertEqual(self.beside.get(name), b"wood", name)
        for name in ("C:\\Users\\me\\木.png", "木.png", "木.png".encode("gbk").decode("latin-1")):
            self.assertEqual(self.beside.get(name), b"tree", name)

    def test_only_files_in_the_folder(self):
        for name in ("gone.png", "../secret.png", "..\\secret.png", "Maps", "", "a\0b", "x" * 5000):
            with self.assertRaises(FileNotFoundError, msg=name):
                self.beside.get(name)

    def test_material_files_are_utf_8(self):
        (self.root / "a.mtl").write_bytes("newmtl f\xfcr\r\n".encode("latin-1"))
        self.assertEqual(self.beside["A.MTL"].decode(), "newmtl für\n")


if __name__ == "__main__":
    unittest.main()
