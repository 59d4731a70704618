"""The check of a tree: every kind of missing or unreadable file is named."""

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from tests.data.tree import make_tree
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox, check
from voxlstm.lib.data.categories import Category
from voxlstm.lib.data.check import check_tree, leave_out_damaged
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose

CHAIR = "03001627"


class TestCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.pristine = Path(folder.name) / "pristine"
        make_tree(cls.pristine, {CHAIR: 3}, views=24)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "data"
        shutil.copytree(self.pristine, self.root)
        published = (Category(CHAIR, "chair", 3),)
        for patch in (mock.patch("sys.stderr"), mock.patch.object(check, "CATEGORIES", published)):
            patch.start()
            self.addCleanup(patch.stop)

    def views(self, model):
        return self.root / "ShapeNetRendering" / CHAIR / model / "rendering"

    def voxels(self, model):
        return self.root / "ShapeNetVox32" / CHAIR / model / "model.binvox"

    def test_complete(self):
        for workers in (1, 2):
            tree = check_tree(self.root, workers=workers)
            self.assertEqual((tree.counts, tree.problems), ({CHAIR: 3}, []))
            self.assertTrue(tree.complete())

    def test_fewer_models_than_published(self):
        shutil.rmtree(self.views("m001").parent)
        shutil.rmtree(self.voxels("m001").parent)
        tree = check_tree(self.root, workers=1)
        self.assertEqual((tree.counts, tree.problems), ({CHAIR: 2}, []))
        self.assertFalse(tree.complete())
        self.assertEqual(tree.table()[1].split(), [CHAIR, "chair", "2", "3"])
        self.assertEqual(tree.table()[-1].split(), ["all", "2", "3"])

    def test_a_category_that_is_absent_or_foreign(self):
        self.root.joinpath("ShapeNetVox32", CHAIR).rename(self.root / "ShapeNetVox32" / "mugs")
        self.root.joinpath("ShapeNetRendering", CHAIR).rename(self.root / "ShapeNetRendering" / "mugs")
        tree = check_tree(self.root, workers=1)
        self.assertEqual(tree.counts, {CHAIR: 0, "mugs": 3})
        self.assertEqual(tree.table()[2].split(), ["mugs", "3", "-"])
        self.assertFalse(tree.complete())

    def damage(self):
        (self.views("m000") / "07.png").unlink()
        (self.views("m000") / "rendering_metadata.txt").unlink()
        self.voxels("m001").unlink()
        shutil.rmtree(self.views("m002"))

    def test_missing_files(self):
        self.damage()
        expected = [
            f"{self.views('m000') / '07.png'} is missing",
            f"{self.views('m000') / 'rendering_metadata.txt'} is missing",
            f"{self.voxels('m001')} is missing",
        ]
        for read in (True, False):
            problems = check_tree(self.root, read=read, workers=2).problems
            self.assertEqual(problems[:3], expected)
            self.assertEqual(len(problems), 3 + 25)  # all the views of the last, and its cameras
            self.assertTrue(all(str(self.views("m002")) in text for text in problems[3:]))

    def test_unreadable_files(self):
        picture = self.views("m000") / "23.png"
        picture.write_bytes(picture.read_bytes()[:-40])
        cameras = self.views("m001") / "rendering_metadata.txt"
        cameras.write_text("30 27 0 0.8 25\n" * 23)
        words = self.views("m002") / "rendering_metadata.txt"
        words.write_text("a b c d e\n" * 24)
        grid = self.voxels("m001")
        grid.write_bytes(grid.read_bytes()[:-2])
        binvox.write(self.voxels("m002"), np.ones((16, 16, 16)))
        self.assertEqual(check_tree(self.root, read=False, workers=1).problems, [])
        tree = check_tree(self.root, workers=1)
        self.assertFalse(tree.complete())
        self.assertEqual(len(tree.problems), 5)
        offences = (
            "truncated",
            "lists 23 viewpoints, not 24",
            "not a valid binvox file",
            "five numbers a line",
            "16^3 voxels, not 32^3",
        )
        files = (picture, cameras, grid, words, self.voxels("m002"))
        for text, file, offence in zip(tree.problems, files, offences):
            self.assertIn(str(file), text)
            self.assertIn(offence, text)

    def test_errors(self):
        with self.assertRaisesRegex(UserError, "workers must be 1 or more"):
            check_tree(self.root, workers=0)
        with self.assertRaisesRegex(UserError, "there is no folder"):
            check_tree(self.root / "nowhere")

    def test_damaged_objects_are_left_out_counted_and_named(self):
        index = Index.open(self.root, cache=False)
        self.assertEqual(leave_out_damaged(index, 1).items, index.items)
        first, second, third = (item.model for item in index)
        view = self.views(first) / "05.png"
        view.write_bytes(view.read_bytes()[:60])
        grid = self.voxels(third)
        grid.write_bytes(grid.read_bytes()[:-2])
        with self.assertLogs("voxlstm.lib.data.check", "WARNING") as logged:
            whole = leave_out_damaged(index, 1)
        self.assertEqual([item.model for item in whole], [second])
        self.assertRegex(logged.output[0], f"2 of 3 .*{first}.*05.png.*{third}.*truncated")
        # The parts are those of the whole set: only the damaged ones are missing.
        train = {item.name for item in choose(index, validation=0).train}
        self.assertEqual(
            [item.name for item in choose(whole, validation=0).train],
            [item.name for item in whole if item.name in train],
        )
        self.voxels(second).write_bytes(b"")
        with self.assertRaisesRegex(UserError, "every object in .* is damaged"):
            leave_out_damaged(index, 1)
