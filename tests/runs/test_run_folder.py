"""Run folders: locked, labelled, never overwritten unasked."""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.program import ROOT
from voxlstm.lib.runs.run_folder import RunFolder, git_revision, shipped, versions


class RunFolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "run"

    def begin(self):
        with RunFolder(self.path) as folder:
            folder.write_definitions({"kernel": 3}, {"rate": 0.1, "views": [1, 5]})
            folder.note_start(seed=4)

    def test_definitions_and_starts_come_back(self):
        self.begin()
        with RunFolder(self.path, resume=True) as folder:
            definitions = ({"kernel": 3}, {"rate": 0.1, "views": [1, 5]})
            self.assertEqual(folder.read_definitions(), definitions)
            folder.note_start(seed=4)
            self.assertEqual([start["seed"] for start in folder.starts()], [4, 4])
        self.assertIn("python", json.loads((self.path / "run.json").read_text())["starts"][0]["versions"])

    def test_a_run_is_kept_unless_asked(self):
        self.begin()
        with self.assertRaisesRegex(UserError, "holds a run already"):
            RunFolder(self.path)
        with RunFolder(self.path, overwrite=True) as folder:
            self.assertEqual(folder.starts(), [])

    def test_there_must_be_a_run_to_resume(self):
        with self.assertRaisesRegex(UserError, "no run to resume"):
            RunFolder(self.path, resume=True)
        self.assertFalse(self.path.exists())

    def test_one_process_at_a_time_and_a_dead_one_does_not_count(self):
        code = (
            "import sys, time\n"
            "from voxlstm.lib.runs.run_folder import RunFolder\n"
            "folder = RunFolder(sys.argv[1])\n"
            "print('in', flush=True)\n"
            "time.sleep(60)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.path)], text=True, stdout=subprocess.PIPE
        )
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline(), "in\n")
        with self.assertRaisesRegex(UserError, "another run is writing"):
            RunFolder(self.path)
        process.kill()
        process.wait()
        with RunFolder(self.path):
            pass

    def test_a_refused_folder_is_free_again(self):
        self.begin()
        with self.assertRaises(UserError):
            RunFolder(self.path)
        with RunFolder(self.path, resume=True):
            pass

    def test_a_start_killed_at_any_file_is_begun_anew(self):
        """Each rename of a new file may be the last thing that a process does."""
        for last in range(1, 6):
            shutil.rmtree(self.path, ignore_errors=True)
            count, replace = itertools.count(1), os.replace

            def killed(source, target):
                if next(count) == last:
                    raise KeyboardInterrupt
                replace(source, target)

            with self.subTest(last), mock.patch.object(os, "replace", killed):
                with contextlib.suppress(KeyboardInterrupt):
                    self.begin()
            resume = (self.path / "run.json").exists()
            self.assertEqual(resume, last > 3)
            with RunFolder(self.path, resume=resume) as folder:
                folder.write_definitions({"kernel": 1}, {"rate": 0.2})
                folder.note_start(seed=5)
                self.assertEqual(folder.starts()[-1]["seed"], 5)
            names = {"run.json", "network.yaml", "recipe.yaml", ".lock"}
            self.assertEqual({path.name for path in self.path.iterdir()}, names)

    def test_files_that_no_start_left_are_kept_and_the_remedy_works(self):
        self.path.mkdir()
        (self.path / "recipe.yaml").write_text("mine")
        with self.assertRaisesRegex(UserError, "give --overwrite to replace it"):
            RunFolder(self.path)
        self.assertEqual((self.path / "recipe.yaml").read_text(), "mine")
        with RunFolder(self.path, overwrite=True):
            self.assertFalse((self.path / "recipe.yaml").exists())

    def test_temporary_files_of_a_killed_run_go_and_links_stay(self):
        self.begin()
        (self.path / ".tmp-abc.npz").write_bytes(b"half a checkpoint")
        (self.path / ".tmp-link").symlink_to(self.path / "run.json")
        with RunFolder(self.path, resume=True):
            left = [path.name for path in self.path.glob(".tmp-*")]
        self.assertEqual(left, [".tmp-link"])

    def test_a_damaged_label_is_one_sentence(self):
        self.begin()
        for text in (
            "{",
            "[]",
            "null",
            '{"starts": 3}',
            '{"starts": [3]}',
            '{"starts": [{"data": 7}]}',
            '{"starts": [{"split": []}]}',
            "[" * 100_000,
            "\xff",
            '{"starts": [{"objects": "x"}]}',
        ):
            (self.path / "run.json").write_text(text, encoding="latin-1")
            with self.subTest(text[:40]), RunFolder(self.path, resume=True) as folder:
                with self.assertRaisesRegex(UserError, "run.json is damaged"):
                    folder.starts()


class LabelTest(unittest.TestCase):
    def git(self, root, *arguments):
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", root, *name, *arguments], check=True, capture_output=True)

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_the_revision_and_whether_anything_is_changed(self):
        with tempfile.TemporaryDirectory() as root:
            self.assertIsNone(git_revision(root))
            self.git(root, "init", "-q")
            (Path(root) / "file").write_text("a")
            self.git(root, "add", "file")
            self.git(root, "commit", "-q", "-m", "First")
            revision = git_revision(root)
            self.assertRegex(revision, r"\A[0-9a-f]{40}\Z")
            (Path(root) / "file").write_text("b")
            self.assertEqual(git_revision(root), revision + "+changes")

    def test_versions_name_what_results_depend_on(self):
        found = versions()
        self.assertEqual(found["numpy"], "1.23.5")
        self.assertTrue(found["python"].startswith("3."))


class ShippedTest(unittest.TestCase):
    def test_the_packages_file_stands_in_for_one_that_is_not_there(self):
        name = "models/lstm_3x3x3.yaml"
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            self.assertEqual(shipped(name), ROOT / name)
            self.assertEqual(shipped("models/none.yaml"), "models/none.yaml")
            self.assertEqual(shipped("models"), "models")
            Path("models").mkdir()
            Path(name).touch()
            self.assertEqual(shipped(name), name)
