"""The tool that tests a network: what it writes, what it prints, what it refuses."""

import contextlib
import csv
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox
from voxlstm.lib.data.views import load_views
from voxlstm.lib.evaluation import metrics
from voxlstm.lib.evaluation.predictions import TOLERANCE
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.checkpoint import Checkpoint, load_network, save
from voxlstm.tools import test_net

from ..evaluation.example import CHAIR, LAMP, make_data

# Nose2 would take the module's functions for tests.
test_net.__test__ = False
ROOT = Path(__file__).resolve().parents[2]
TINY = NetworkConfig(
    image=127,
    encoder_widths=(2, 2, 2, 2, 3, 3),
    encoder_kernels=(7, 3, 3, 3, 3, 3),
    features=6,
    grid=4,
    channels=3,
    kernel=3,
    decoder_widths=(3, 3, 2, 2),
    unpoolings=3,
)


def save_network(path, config, seed=0):
    """Write the checkpoint of an untrained network whose output is near the threshold."""
    network = Network(config, seed)
    weights = network.get_weights()
    last = [name for name in weights if name.startswith("decoder")][-1]
    weights[last] = np.array([0.2, -0.2], np.float32)
    save(path, Checkpoint(weights=weights, network=config.to_dict(), iteration=7))


def run(*arguments):
    """Run the tool in this process; return what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        status = test_net.main([str(argument) for argument in arguments])
    assert status == 0
    return printed.getvalue()


def read(path):
    """Return the lines of a CSV file as dicts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Example:
    """One run of the tool, with saved predictions, and one that scores these again."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.data = make_data(self.root / "set", {CHAIR: 10, LAMP: 7}, views=3)
        self.weights = self.root / "run" / "best.npz"
        self.weights.parent.mkdir()
        save_network(self.weights, TINY)
        (self.weights.parent / "curves.csv").write_text(
            "iteration,loss,rate,validation_iou,validation_cross_entropy\n1,0.7,0.1,,\n2,0.6,0.1,0.2,0.65\n",
            encoding="utf-8",
        )
        self.out, self.again = self.root / "out", self.root / "again"
        self.saved = self.root / "saved.npz"
        self.printed = run(
            "--weights",
            self.weights,
            "--data",
            self.data,
            "--views",
            "3,1",
            "--out",
            self.out,
            "--save-predictions",
            self.saved,
            "--batch",
            3,
            "--workers",
            1,
        )
        self.rescored = run("--predictions", self.saved, "--out", self.again)


def setUpModule():
    """Run the tool once for all tests."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


class ResultsTest(unittest.TestCase):
    def test_every_held_out_object_has_a_row_for_each_number_of_views(self):
        found = [(r["category"], r["model"], r["views"]) for r in read(example.out / "rows.csv")]
        expected = [
            (name, f"model{k:03d}", views)
            for name, first, count in (("chair", 8, 10), ("lamp", 5, 7))
            for k in range(first, count)
            for views in ("1", "3")
        ]
        self.assertEqual(sorted(found), sorted(expected))

    def test_the_scores_are_those_of_the_first_renderings(self):
        predictor = Predictor(load_network(example.weights)[0])
        for row in read(example.out / "rows.csv"):
            synset = {"chair": CHAIR, "lamp": LAMP}[row["category"]]
            folder = example.data / "ShapeNetRendering" / synset / row["model"] / "rendering"
            views = load_views([folder / f"{k:02d}.png" for k in range(int(row["views"]))])
            voxels = binvox.read(example.data / "ShapeNetVox32" / synset / row["model"] / "model.binvox")[
                None
            ]
            occupancy = predictor.predict(views[:, None])
            self.assertAlmostEqual(float(row["iou"]), metrics.iou(occupancy, voxels)[0], places=3)
            self.assertAlmostEqual(
                float(row["cross_entropy"]), metrics.cross_entropy(occupancy, voxels)[0], places=5
            )

    def test_the_tables_follow_from_the_rows(self):
        results = json.loads((example.out / "results.json").read_text(encoding="utf-8"))
        rows = read(example.out / "rows.csv")
        for part in results["by_views"]:
            values = [float(r["iou"]) for r in rows if int(r["views"]) == part["views"]]
            self.assertAlmostEqual(part["iou"], np.mean(values), places=12)
            self.assertIn(f"{part['iou']:.3f}", example.printed)
        sweep = read(example.out / "sweep_rows.csv")
        self.assertEqual([r["iou@0.4"] for r in sweep], [r["iou"] for r in rows])
        base = read(example.out / "baseline_rows.csv")
        values = [float(r["iou"]) for r in base if r["method"] == "mean shape"]
        self.assertEqual(len(values), 4)
        self.assertAlmostEqual(results["baseline"]["mean shape"]["iou"], np.mean(values), places=12)

    def test_the_baseline_is_made_of_the_training_part_alone(self):
        grids = [
            binvox.read(example.data / "ShapeNetVox32" / synset / f"model{k:03d}" / "model.binvox")
            for synset, count in ((CHAIR, 8), (LAMP, 5))
            for k in range(count)
        ]
        with np.load(example.saved, allow_pickle=False) as arrays:
            mean = arrays["mean_shape.0"]
        np.testing.assert_allclose(mean, (np.sum(grids, axis=0) + 1) / 15, rtol=1e-6)

    def test_the_paper_stands_beside_and_the_data_are_named(self):
        lines = example.printed.splitlines()
        paper = [line.split() for line in lines if line.startswith("paper ")]
        self.assertEqual(
            [(line[1], line[-2], line[-1]) for line in paper],
            [("1x1x1", "0.499", "0.116"), ("3x3x3", "0.539", "0.106")],
        )
        self.assertIn("'set' (17 objects, not recognised)", example.printed)
        self.assertIn("is other data", example.printed)

    def test_the_report_shows_the_training_curves_and_the_pictures(self):
        text = (example.out / "report.html").read_text(encoding="utf-8")
        for part in ('id="training"', 'id="gates"', 'data-view="0"', 'data-view="2"'):
            self.assertIn(part, text)

    def test_the_scores_do_not_depend_on_the_batch(self):
        out = example.root / "batch"
        run(
            "--weights",
            example.weights,
            "--data",
            example.data,
            "--views",
            "1,3",
            "--out",
            out,
            "--batch",
            4,
            "--workers",
            0,
        )
        for one, other in zip(read(out / "rows.csv"), read(example.out / "rows.csv"), strict=True):
            self.assertEqual((one["model"], one["views"]), (other["model"], other["views"]))
            self.assertAlmostEqual(float(one["iou"]), float(other["iou"]), places=3)
            self.assertAlmostEqual(float(one["cross_entropy"]), float(other["cross_entropy"]), 5)


class SavedPredictionsTest(unittest.TestCase):
    def test_the_scores_come_out_the_same(self):
        first, again = read(example.out / "rows.csv"), read(example.again / "rows.csv")
        for one, other in zip(first, again, strict=True):
            for name in ("category", "model", "views", "iou", "f_score"):
                self.assertEqual(one[name], other[name])
            for name in ("cross_entropy", "average_precision"):
                self.assertAlmostEqual(float(one[name]), float(other[name]), delta=TOLERANCE)
        for name in ("baseline_rows.csv", "sweep_rows.csv"):
            self.assertEqual((example.out / name).read_bytes(), (example.again / name).read_bytes())

    def test_what_was_evaluated_is_remembered(self):
        first, again = (
            json.loads((folder / "results.json").read_text(encoding="utf-8"))
            for folder in (example.out, example.again)
        )
        for name in ("data", "network", "weights", "views", "objects"):
            self.assertEqual(first[name], again[name])

    def test_fewer_views_can_be_chosen_and_others_are_refused(self):
        out = example.root / "one"
        run("--predictions", example.saved, "--views", "3", "--out", out, "--data", example.data)
        kept = [row["iou"] for row in read(example.out / "rows.csv") if row["views"] == "3"]
        self.assertEqual([row["iou"] for row in read(out / "rows.csv")], kept)
        self.assertIn('data-view="2"', (out / "report.html").read_text(encoding="utf-8"))
        with self.assertRaisesRegex(UserError, "from 1, 3 views, not from 2"):
            run("--predictions", example.saved, "--views", "2")

    def test_another_run_can_stand_beside(self):
        printed = run("--predictions", example.saved, "--beside", example.out / "results.json")
        self.assertEqual(printed.count("custom network"), 3)


class BadInputTest(unittest.TestCase):
    def refuse(self, pattern, *arguments):
        with self.assertRaisesRegex(UserError, pattern) as caught:
            run(*arguments)
        self.assertNotIn("\n", str(caught.exception))

    def test_options_that_do_not_go_together(self):
        good = ("--weights", example.weights, "--data", example.data)
        self.refuse("--weights is missing", "--data", example.data)
        self.refuse("--data is missing", "--weights", example.weights)
        self.refuse("leave --weights out", "--predictions", example.saved, *good)
        self.refuse("between 0 and 1", *good, "--threshold", "1.5")
        self.refuse("between 0 and 1", *good, "--threshold", "nan")
        self.refuse("--batch", *good, "--batch", "0")
        for views in ("0", "25", "1,99"):
            self.refuse("between 1 and 24", *good, "--views", views)
        for views in ("", "a", "1;2"):
            self.refuse("numbers separated by commas", *good, "--views", views)
        self.refuse("ends in .npz", *good, "--save-predictions", example.root / "p.txt")

    def test_data_that_cannot_be_used(self):
        good = ("--weights", example.weights)
        empty = example.root / "empty"
        empty.mkdir(exist_ok=True)
        self.refuse("no folder", *good, "--data", example.root / "nowhere")
        self.refuse("no ShapeNetRendering", *good, "--data", empty)
        self.refuse("spoon", *good, "--data", example.data, "--categories", "spoon")
        self.refuse("3 renderings, fewer than the 4", *good, "--data", example.data, "--views", "4")

    def test_weights_that_cannot_be_used(self):
        good = ("--data", example.data, "--views", "3")
        text = example.root / "text.npz"
        text.write_text("no weights", encoding="utf-8")
        self.refuse("missing.npz", *good, "--weights", example.root / "missing.npz")
        self.refuse("text.npz", *good, "--weights", text)
        other = example.root / "other.npz"
        network = Network(TINY)
        weights = network.get_weights()
        weights["lstm.forget.U"] = weights["lstm.forget.U"][..., :1]
        save(other, Checkpoint(weights=weights, network=TINY.to_dict()))
        self.refuse("another network", *good, "--weights", other)
        coarse = example.root / "coarse.npz"
        save_network(coarse, NetworkConfig(**{**TINY.to_dict(), "unpoolings": 2}))
        out = example.root / "not_made"
        self.refuse(
            r"holds 32\^3 voxels, not the 16\^3 of the network", *good, "--weights", coarse, "--out", out
        )
        self.assertFalse(out.exists())

    def test_places_that_cannot_be_written(self):
        good = ("--weights", example.weights, "--data", example.data, "--views", "1")
        self.refuse("--overwrite", *good, "--out", example.out)
        self.refuse("not a folder", *good, "--out", example.weights)
        self.refuse("cannot write", *good, "--out", example.weights / "below")
        self.refuse("cannot write", *good, "--save-predictions", example.weights / "p.npz")

    def test_files_that_are_something_else(self):
        self.refuse("saved predictions", "--predictions", example.weights)
        self.refuse("cannot read", "--predictions", example.root / "missing.npz")
        self.refuse("results.json", "--predictions", example.saved, "--beside", example.saved)

    def test_the_command_line_says_one_line_and_ends_with_2(self):
        command = [
            sys.executable,
            ROOT / "tools" / "test_net.py",
            "--weights",
            "missing.npz",
            "--data",
            example.data,
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("test_net: error: "), done.stderr)

    def test_a_reader_that_has_gone_costs_no_results(self):
        out = example.root / "unread"
        tool = [sys.executable, ROOT / "tools" / "test_net.py", "--predictions", example.saved, "--out", out]
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "w", encoding="utf-8") as pipe:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # so that the first word is one too many
            done = subprocess.run(
                tool, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, env=environment
            )
        self.assertEqual(done.returncode, 141, done.stderr)
        self.assertNotRegex(done.stderr, "Traceback|error|Broken")
        self.assertLessEqual(
            {"report.html", "results.json", "rows.csv"}, {path.name for path in out.iterdir()}
        )

    def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing_half_written(self):
        out = example.root / "full"
        command = [
            sys.executable,
            ROOT / "tools" / "test_net.py",
            "--predictions",
            example.saved,
            "--out",
            out,
        ]
        # A limit on the size of files stands for the full disk: the report is larger.
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)),
        )
        self.assertEqual(done.returncode, 2)
        last = done.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("test_net: error: "), done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("mean shape", done.stdout)  # the scores are told all the same
        names = [path.name for path in out.rglob("*") if path.is_file()]
        self.assertIn("rows.csv", names)
        self.assertFalse([n for n in names if n.startswith(".tmp") or n == "report.html"], names)


if __name__ == "__main__":
    unittest.main()
