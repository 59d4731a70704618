"""A published split, other sizes than the paper's, and test sets of one's own, from end to end."""

import contextlib
import io
import json
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.tools import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.split_files import parts_of
from voxlstm.lib.data.splits import choose
from voxlstm.lib.evaluation import output
from voxlstm.solvers import checkpoint
from voxlstm.tools import test_net, train_net

# Nose2 would take the module's functions for tests.
test_net.__test__ = False
SIZES = {"image": 64, "unpoolings": 2}  # 16 voxels a side


def run(tool, *arguments):
    """Run a tool in this process; return what it prints, its messages too."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = tool.main([str(argument) for argument in arguments])
    assert status == 0, printed.getvalue()
    return printed.getvalue()


class SplitCase(unittest.TestCase):
    """A small network of 16 voxels a side and 64 pixels, trained by a split of Pix2Vox's form."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.data = tiny.make_data(cls.root / "data", objects=7, size=16)
        # Other objects than the first four fifths: the ids run backwards.
        ids = [f"{number:04d}" for number in reversed(range(7))]
        content = [
            {"taxonomy_id": synset, "train": ids[:4], "val": ids[4:5], "test": [*ids[5:6], "lost"]}
            for synset in tiny.SYNSETS
        ]
        cls.split = cls.root / "ShapeNet.json"
        cls.split.write_text(json.dumps(content))
        cls.model, cls.recipe = tiny.write_definitions(cls.root, SIZES, {"iterations": 4})
        cls.out = cls.root / "run"
        cls.printed = run(
            train_net,
            "--model",
            cls.model,
            "--solver",
            cls.recipe,
            "--data",
            cls.data,
            "--out",
            cls.out,
            "--split",
            cls.split,
            "--workers",
            1,
        )
        cls.weights = cls.out / "last.npz"

    def score(self, *arguments):
        return run(test_net, "--weights", self.weights, "--views", "1,2", *arguments)

    def results(self, name):
        return output.read_results(self.root / name / "results.json")


class TrainingTest(SplitCase):
    def test_what_split_and_disk_do_not_share_is_said(self):
        self.assertIn("2 objects of the split", self.printed)
        self.assertIn("2 objects in", self.printed)

    def test_the_run_folder_and_every_checkpoint_hold_the_split(self):
        parts = choose(Index.open(self.data), str(self.split))
        (start,) = json.loads((self.out / "run.json").read_text())["starts"]
        self.assertEqual(start["objects"], {"train": 8, "validation": 2})
        self.assertEqual((self.out / "split.txt").read_text(), parts.text())
        expected = {"name": "ShapeNet.json", "form": "pix2vox", "digest": parts.digest()}
        self.assertEqual(start["split"], expected)
        for name in ("last.npz", "best.npz"):
            saved = checkpoint.load(self.out / name)
            self.assertEqual(saved.extra["split"], expected)
            self.assertEqual(saved.split, parts.text())
            self.assertIn("8 objects", saved.extra["trained_on"])
            with np.load(self.out / name) as file:  # readable with NumPy alone
                lines = file["split"].tobytes().decode().splitlines()
            self.assertEqual(sum(line.startswith("train\t") for line in lines), 8)

    def test_it_goes_on_by_the_split_that_it_began_with(self):
        out = self.root / "resumed"
        shutil.copytree(self.out, out)
        moved = self.root / "moved.json"
        self.split.rename(moved)
        try:
            run(train_net, "--out", out, "--resume", "--set", "iterations=5", "--workers", 1)
        finally:
            moved.rename(self.split)
        first, second = json.loads((out / "run.json").read_text())["starts"]
        self.assertEqual(second["split"], first["split"])
        saved = checkpoint.load(out / "last.npz")
        self.assertEqual((saved.iteration, saved.split), (5, (out / "split.txt").read_text()))
        with self.assertRaisesRegex(UserError, "--split would change the run"):
            train_net.main(["--out", str(out), "--resume", "--split", "ratio"])

    def test_what_the_first_weights_learnt_from_is_not_forgotten(self):
        other = tiny.make_data(self.root / "other", objects=6, size=16, seed=9, first=4)
        out = self.root / "finetuned"
        run(
            train_net,
            "--model",
            self.model,
            "--solver",
            self.recipe,
            "--data",
            other,
            "--out",
            out,
            "--weights",
            self.weights,
            "--workers",
            1,
            "--set",
            "iterations=1",
        )
        part_of = parts_of(checkpoint.load(out / "last.npz").split)
        # Trained first: 6, 5, 4, 3 and 2 to validate; now 4 to 7, of which 6 validates; 8, 9 test.
        chair = {name[-1]: part for name, part in part_of.items() if tiny.SYNSETS[1] in name}
        self.assertEqual({model for model, part in chair.items() if part == "test"}, {"8", "9"})
        self.assertEqual({model for model, part in chair.items() if part != "test"}, set("234567"))
        own = (out / "split.txt").read_text()
        self.assertNotIn("0003", own)


class TestingTest(SplitCase):
    def test_by_the_split_of_the_training(self):
        for number, split in enumerate((self.split, self.out / "split.txt")):
            name = f"same{number}"
            printed = self.score("--data", self.data, "--split", split, "--out", self.root / name)
            results = self.results(name)
            self.assertEqual((results["objects"], results["resolution"]), (2, 16))
            self.assertEqual(results["trained_objects"], 0)
            self.assertEqual(results["baseline"]["mean shape"]["training_objects"], 10)
            self.assertIn("split", printed)
            self.assertNotIn("3D-R2N2", printed)  # the data are not ShapeNet
        self.assertEqual(self.results("same0")["split"]["digest"], self.results("same1")["split"]["digest"])

    def test_objects_that_it_was_trained_on_are_refused(self):
        out = self.root / "refused"
        for split in ("ratio", "all"):
            with self.assertRaisesRegex(UserError, "trained on .* test objects .*split.txt"):
                self.score("--data", self.data, "--split", split, "--out", out)
        self.assertFalse(out.exists())

    def test_unless_it_is_told_to_and_then_the_report_says_so(self):
        out = self.root / "allowed"
        printed = self.score("--data", self.data, "--allow-trained", "--out", out)
        results = self.results("allowed")
        self.assertEqual((results["objects"], results["trained_objects"]), (4, 4))
        self.assertRegex(printed, r"Note: .*trained on \(4 of 4\)")
        page = (out / "report.html").read_text(encoding="utf-8")
        self.assertRegex(page, r"trained on \(4 of 4\)")
        # Saved predictions keep it.
        self.score("--data", self.data, "--allow-trained", "--save-predictions", self.root / "p.npz")
        again = run(test_net, "--predictions", self.root / "p.npz")
        self.assertRegex(again, r"Note: .*trained on \(4 of 4\)")

    def test_a_set_of_one_object(self):
        other = tiny.make_data(self.root / "one", objects=1, size=16, seed=3, first=50)
        shutil.rmtree(other / "ShapeNetVox32" / tiny.SYNSETS[1])
        shutil.rmtree(other / "ShapeNetRendering" / tiny.SYNSETS[1])
        for split in ("ratio", "all"):
            printed = self.score("--data", other, "--split", split, "--out", self.root / split)
            results = self.results(split)
            self.assertEqual(results["objects"], 1)
            # The mean shapes come from what the network was trained on.
            self.assertEqual(results["baseline"]["mean shape"]["training_objects"], 10)
            self.assertIn("10 objects that the network was trained on", printed)
            self.assertTrue((self.root / split / "report.html").is_file())

    def test_without_any_training_object_the_mean_shapes_are_left_out_with_a_sentence(self):
        other = tiny.make_data(self.root / "alone", objects=1, size=16, seed=4, first=60)
        saved = checkpoint.load(self.weights)
        gone = {**saved.extra, "data": str(self.root / "gone")}
        for name, changes, words in (
            ("old", {"split": "", "extra": {}}, "do not say where what they were trained on is"),
            ("gone", {"extra": gone}, "there is no folder"),
        ):
            weights = self.root / f"{name}.npz"
            values = {field: getattr(saved, field) for field in saved.__dataclass_fields__}
            checkpoint.save(weights, checkpoint.Checkpoint(**{**values, **changes}))
            printed = run(
                test_net,
                "--weights",
                weights,
                "--data",
                other,
                "--split",
                "all",
                "--views",
                "1",
                "--out",
                self.root / f"without_{name}",
            )
            self.assertEqual(self.results(f"without_{name}")["baseline"], {})
            self.assertEqual("An older version wrote the weights" in printed, name == "old")
            self.assertRegex(printed, f"mean shapes.* left out: .*{words}")
            page = (self.root / f"without_{name}" / "report.html").read_text(encoding="utf-8")
            self.assertIn(words, page)

    def test_a_set_of_another_resolution_is_refused_before_anything_is_written(self):
        coarse = tiny.make_data(self.root / "fine", objects=2, size=64, first=70)
        out = self.root / "misfit"
        with self.assertRaisesRegex(UserError, r"holds 64\^3 voxels, not the 16\^3"):
            self.score("--data", coarse, "--split", "all", "--out", out)
        self.assertFalse(out.exists())


class FineTest(unittest.TestCase):
    def test_64_voxels_a_side_train_and_test(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            data = tiny.make_data(root / "data", objects=5, size=64)
            model, recipe = tiny.write_definitions(
                root, {"unpoolings": 4}, {"iterations": 2, "validate_every": 2, "validation": 0.3}
            )
            run(
                train_net,
                "--model",
                model,
                "--solver",
                recipe,
                "--data",
                data,
                "--out",
                root / "run",
                "--workers",
                1,
            )
            run(
                test_net,
                "--weights",
                root / "run" / "last.npz",
                "--data",
                data,
                "--views",
                "1",
                "--out",
                root / "test",
            )
            results = output.read_results(root / "test" / "results.json")
            self.assertEqual((results["resolution"], results["objects"]), (64, 2))


if __name__ == "__main__":
    unittest.main()
