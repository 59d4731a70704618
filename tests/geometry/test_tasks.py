"""A user's tree of models: every model has a task and an id of its own."""

import os
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.names import folded
from voxlstm.lib.geometry.tasks import file_tasks


class FileTasksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "tree"
        self.root.mkdir()

    def put(self, *paths):
        """Make empty files."""
        for path in paths:
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).touch()

    def ids(self, **options):
        """Return (category, id) of the tasks and check that there is one for each file."""
        tasks = file_tasks(self.root, 0, **options)
        found = {(task.synset, task.model) for task in tasks}
        folds = {(folded(task.synset), folded(task.model)) for task in tasks}
        self.assertEqual(len(folds), len(tasks), "two are one on a file system that folds case")
        return found

    def test_ids_are_distinct(self):
        self.put("03001627/a.obj", "chair/a.obj", "Chair/A.obj")
        self.assertEqual(len(self.ids()), 3)
        self.put("Mug/a.obj", "mug/a.obj", "m\u00fcg/x.obj", "mu\u0308g/x.obj")
        ids = self.ids()
        self.assertEqual(len(ids), 7)
        self.assertEqual(len({synset for synset, _ in ids}), 3)  # one category a name
        self.put("bowl/a_b.obj", "bowl/a/b.obj", "bowl/a/b/model.obj", "bowl/A_B.OBJ", "bowl/a/b.ply")
        self.assertEqual(len(self.ids()), 12)
        self.assertEqual(self.ids(), ids | self.ids(synsets=["bowl"]))

    def test_long_ids_are_cut_and_stay_distinct(self):
        self.put(f"mug/{'ü' * 60}/{'b' * 200}/a.obj", f"mug/{'ü' * 60}/{'b' * 200}/c.obj")
        ids = self.ids()
        self.assertEqual(len(ids), 2)
        self.assertLess(max(len(model.encode()) for _, model in ids), 160)

    def test_links_are_followed(self):
        elsewhere = self.root.parent / "elsewhere"
        (elsewhere / "one").mkdir(parents=True)
        (elsewhere / "one" / "model.obj").touch()
        self.put("table/b.obj")
        (self.root / "chair").symlink_to(elsewhere)
        (self.root / "table" / "two").symlink_to(elsewhere / "one")
        (self.root / "table" / "three.obj").symlink_to(elsewhere / "one" / "model.obj")
        self.assertEqual(self.ids(), {("03001627", "one"), ("04379243", "b"), ("04379243", "two"),
                                      ("04379243", "three")})  # fmt: skip

    def test_links_in_a_circle_end(self):
        self.put("chair/a.obj")
        (self.root / "chair" / "again").symlink_to(self.root)
        (self.root / "chair" / "self").symlink_to("self")
        with self.assertRaisesRegex(UserError, "self is a link to a folder that is not there"):
            self.ids()
        (self.root / "chair" / "self").unlink()
        self.assertEqual(self.ids(), {("03001627", "a")})

    def test_links_to_nothing_are_not_passed_over(self):
        self.put("chair/a.obj")
        (self.root / "chair" / "b.obj").symlink_to("gone.obj")
        self.assertEqual(self.ids(), {("03001627", "a"), ("03001627", "b")})
        (self.root / "table").symlink_to(self.root / "gone")
        with self.assertRaisesRegex(UserError, "table is a link to a folder that is not there"):
            self.ids()

    def test_categories_by_name(self):
        self.put("chair/a.obj", "02691156/b.obj", "My mugs/c.obj")
        for names, expected in (
            (["chair"], {"a"}), (["03001627", "plane"], {"a", "b"}), (["my mugs"], {"c"}),
        ):  # fmt: skip
            self.assertEqual({model for _, model in self.ids(synsets=names)}, expected)
        with self.assertRaisesRegex(UserError, "no table .*it has airplane .*My mugs"):
            self.ids(synsets=["table"])
        with self.assertRaisesRegex(UserError, "there is no category 'unicorn'"):
            self.ids(synsets=["unicorn"])

    def test_names_that_cannot_be_shown_are_refused(self):
        for name in (b"chair\x1b[2J", b"m\xfcg", b"a\nb"):
            folder = os.path.join(os.fsencode(self.root), name)
            os.mkdir(folder)
            Path(os.fsdecode(folder), "a.obj").touch()
            with self.assertRaisesRegex(UserError, "has characters that cannot be shown"):
                self.ids()
            Path(os.fsdecode(folder)).rename(self.root / ".hidden")
            self.put("chair/a.obj")
            self.assertEqual(len(self.ids()), 1)
            for path in sorted(self.root.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()


if __name__ == "__main__":
    unittest.main()
