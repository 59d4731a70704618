"""Gathering models of unpacked packages."""

import csv
import gzip
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy as np
import yaml
from numpy.testing import assert_allclose
from PIL import Image

from tests.geometry.test_ac3d import ARROW, HEAD, STRIP
from tests.geometry.test_reading import MTL, OBJ
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.geometry.gather import TABLE, gather
from voxlstm.lib.geometry.reading import read
from voxlstm.lib.base.errors import UserError

CATALOGUE = """id#1=Maker#box
name#1=Chair
model#1=/maker/box/box.obj
creator#1=Ann Author
id#2=Maker#tree
name#2=Tree
model#2=/maker/tree/tree.obj
id#3=Maker#lying
name#3=Chair
model#3=/maker/box/box.obj
modelRotation#3=1 0 0 0 0 1 0 -1 0
id#4=Maker#spare
name#4=Chair
model#4=/maker/spare/spare.obj
id#5=Maker#lost
name#5=Chair
model#5=/maker/lost.obj
"""
TABLE_HERE = """licences: [CC0, GPL-2]
sources:
  - {package: pieces, archive: pieces.zip, catalogue: all.properties, turn: 90, licence: CC0,
     author: the makers, categories: {chair: [Chair]}, leave_out: [spare]}
  - {package: planes, below: models, files: "*/**/*.ac", category: airplane, turn: 180,
     licence: GPL-2, author: Pat Pilot, leave_out: [balloon]}
  - {package: absent, below: models, files: "*", category: car, turn: 0, licence: GPL-2, author: x}
"""


class GatherTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.out = self.root / "out"
        self.table = self.root / "table.yaml"
        self.table.write_text(TABLE_HERE)

    def pack(self):
        """Make the two packages."""
        pieces, picture = self.root / "pieces", self.root / "paint.png"
        pieces.mkdir()
        Image.new("RGB", (4, 4), (10, 200, 30)).save(picture)
        with zipfile.ZipFile(pieces / "pieces.zip", "w") as file:
            file.writestr("all.properties", CATALOGUE)
            for name in ("box", "spare"):
                file.writestr(f"maker/{name}/{name}.obj", OBJ)
            file.writestr("maker/box/box.mtl", MTL.format("paint.png"))
            file.write(picture, "maker/box/paint.png")
        for name, text in {
            "glider/Models/glider.ac": HEAD + ARROW + "\n" * 500,
            "glider/Models/wheel.ac": HEAD + STRIP,
            "balloon/balloon.ac": HEAD + STRIP,
            "wreck/wreck.ac": HEAD,
        }.items():
            path = self.root / "planes" / "models" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        notes = self.root / "planes" / "usr" / "share" / "doc" / "planes"
        notes.mkdir(parents=True)
        with gzip.open(notes / "changelog.Debian.gz", "wt") as file:
            file.write("planes (1:2.3-4) unstable; urgency=low\n\n  * More.\n")

    def test_the_models_of_the_table_and_their_credits(self):
        self.pack()
        _, broken = gather(self.root, self.out, self.table)
        self.assertEqual(
            [str(path.relative_to(self.out)) for path in sorted(self.out.rglob("*.obj"))],
            ["airplane/planes_glider.obj", "chair/Maker_box.obj", "chair/Maker_lying.obj"],
        )
        self.assertRegex(broken[0], "^pieces: lost.obj: ")
        self.assertRegex(broken[1], "^planes: wreck.ac: ")
        with open(self.out / "CREDITS.csv", newline="") as file:
            self.assertEqual(
                list(csv.reader(file)),
                [
                    ["category", "model", "package", "version", "name", "author", "licence"],
                    ["chair", "Maker_box", "pieces", "unknown", "Chair", "Ann Author", "CC0"],
                    ["chair", "Maker_lying", "pieces", "unknown", "Chair", "the makers", "CC0"],
                    ["airplane", "planes_glider", "planes", "1:2.3-4", "glider", "Pat Pilot", "GPL-2"],
                ],
            )

    def test_models_are_turned_and_keep_their_textures(self):
        self.pack()
        gather(self.root, self.out, self.table)
        plane = read(self.out / "airplane" / "planes_glider.obj")
        corners = plane.vertices[plane.faces].reshape(-1, 3)  # the arrow pointed to +x at z = 10
        assert_allclose(corners.min(axis=0), [-4, 0, -10], atol=1e-6)
        assert_allclose(corners.max(axis=0), [0, 6, -10], atol=1e-6)
        for name, low in (("box", [0, 0, -1]), ("lying", [-1, 0, -1])):
            piece = read(self.out / "chair" / f"Maker_{name}.obj")
            corners = piece.vertices[piece.faces].reshape(-1, 3)
            assert_allclose(corners.min(axis=0), low, atol=1e-6)
            (image,) = piece.textures.values()
            assert_allclose(image[0, 0], [10, 200, 30])
        self.assertEqual(np.ptp(piece.corner_uv), 1)

    def test_a_folder_with_no_package_is_refused(self):
        with self.assertRaisesRegex(UserError, "apt-get download NAME.*absent, pieces, planes"):
            gather(self.root, self.out, self.table)

    def test_a_licence_that_is_not_in_the_list_is_refused(self):
        self.pack()
        self.table.write_text(TABLE_HERE.replace("licence: CC0", "licence: CC-BY-NC"))
        with self.assertRaisesRegex(UserError, "CC-BY-NC is not one of the licences"):
            gather(self.root, self.out, self.table)


class TableTest(unittest.TestCase):
    def test_the_table_names_categories_once_and_known_licences(self):
        settings = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
        known = {category.name for category in CATEGORIES}
        for source in settings["sources"]:
            self.assertIn(source["licence"], settings["licences"])
            categories = source.get("categories") or {source["category"]: ["all"]}
            self.assertLessEqual(set(categories), known)
            names = sum(categories.values(), [])
            self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
