"""train_net as a user runs it: what it leaves, signals, resuming, refusals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import yaml

from tests.runs.test_curves import read_events
from tests.tools import tiny
from voxlstm.lib.backend.blas import cpu_flags
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.base.config import build, load_yaml
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.ops import available
from voxlstm.lib.runs import curves
from voxlstm.lib.runs.run_folder import RunFolder
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.tools import train_net

TOOL = [sys.executable, str(tiny.ROOT / "tools/train_net.py")]


def run(*arguments, **options):
    """Run the tool to its end and return the finished process."""
    command = [*TOOL, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


class TrainNetCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.data = tiny.make_data(cls.root / "data")
        model, recipe = tiny.write_definitions(cls.root, recipe={"iterations": 30})
        cls.basic = ["--model", model, "--solver", recipe, "--data", cls.data]

    def assert_refused(self, process, words):
        """One line that says what is wrong, no traceback, status 2."""
        self.assertEqual(process.returncode, 2, process.stderr)
        self.assertRegex(process.stderr, r"\Atrain_net: error: [^\n]*\n\Z")
        self.assertRegex(process.stderr, words)


@unittest.skipUnless(available()[0] and MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
class Bfloat16Test(TrainNetCase):
    """Products of bfloat16: said wherever a run says what it is, and kept when it is resumed."""

    def test_a_run_and_its_scores(self):
        out, scores = self.root / "run", self.root / "scores"
        asked = ["--out", out, "--precision", "bfloat16", "--set", "checkpoint_every=10"]
        ended = run(*self.basic, *asked, "--set", "iterations=10")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        ended = run("--out", out, "--resume", "--set", "iterations=20")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        starts = json.loads((out / "run.json").read_text())["starts"]
        self.assertEqual([start["precision"] for start in starts], 2 * ["bfloat16"])
        self.assertEqual(checkpoint.load(out / "last.npz").extra["precision"], "bfloat16")
        losses = [row.loss for row in curves.read(out / "curves.csv")]
        self.assertTrue(np.isfinite(losses).all())
        command = [sys.executable, tiny.ROOT / "tools/test_net.py", "--weights", out / "last.npz"]
        command += ["--data", self.data, "--views", 2, "--out", scores, "--precision", "bfloat16"]
        ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        results = json.loads((scores / "results.json").read_text())
        self.assertEqual(results["weights"]["precision"], "bfloat16")
        self.assertEqual(results["made_by"]["precision"], "bfloat16")


class RunTest(TrainNetCase):
    """One run all the way through, and another that is interrupted in every way."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = cls.root / "whole"
        cls.process = run(*cls.basic, "--out", cls.whole, "--workers", 1)

    def interrupted(self, out, number, at, *arguments, group=False):
        """Start the tool, send it a signal once iteration ``at`` is shown; return status, output."""
        command = [*TOOL, "--out", str(out), "--workers", "1", *map(str, arguments)]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )
        lines = []
        for line in process.stderr:
            lines.append(line)
            if f" {at}/30 " in line:
                (os.killpg if group else os.kill)(process.pid, number)
                break
        lines += process.stderr.readlines()
        process.stderr.close()
        return process.wait(), "".join(lines)

    def test_the_run_leaves_what_it_promises(self):
        self.assertEqual(self.process.returncode, 0, self.process.stderr)
        names = {
            "last.npz",
            "best.npz",
            "curves.csv",
            "curves.png",
            "events",
            "network.yaml",
            "recipe.yaml",
            "run.json",
            "split.txt",
            ".lock",
        }
        self.assertEqual({path.name for path in self.whole.iterdir()}, names)
        rows = curves.read(self.whole / "curves.csv")
        self.assertEqual([row.iteration for row in rows], list(range(1, 31)))
        validated = [row for row in rows if row.validation_iou is not None]
        self.assertEqual([row.iteration for row in validated], [6, 12, 18, 24, 30])
        shown = read_events(self.whole / "events")
        self.assertEqual(list(shown["validation/airplane"]), [6, 12, 18, 24, 30])
        last = checkpoint.load(self.whole / "last.npz")
        best = checkpoint.load(self.whole / "best.npz")
        self.assertEqual(last.iteration, 30)
        self.assertEqual(last.extra["best"]["iteration"], best.iteration)
        self.assertEqual(max(row.validation_iou for row in validated), last.extra["best"]["iou"])
        self.assertLess(rows[-1].validation_cross_entropy, 0.5)

    def test_it_shows_where_it_is(self):
        lines = [line for line in self.process.stderr.splitlines() if line.startswith("train:")]
        shown = [int(line.split("/")[0].split()[-1]) for line in lines]
        self.assertEqual(shown, list(range(3, 31, 3)) + [30])
        self.assertRegex(lines[-1], r" left.*loss 0\.\d+.*objects/s \d.*waiting for data \d+ %")

    def test_the_folder_tells_how_it_was_made(self):
        (start,) = json.loads((self.whole / "run.json").read_text())["starts"]
        self.assertEqual(start["device"], "cpu")
        self.assertEqual(start["seed"], 5)
        self.assertIn("--model", start["command"])
        self.assertEqual(start["versions"]["numpy"], np.__version__)
        self.assertEqual(start["objects"], {"train": 12, "validation": 4})
        if (tiny.ROOT / ".git").exists() and shutil.which("git"):
            self.assertRegex(start["git_revision"], r"\A[0-9a-f]{40}(\+changes)?\Z")
        network = yaml.safe_load((self.whole / "network.yaml").read_text())
        self.assertEqual(network, tiny.NETWORK)
        recipe = yaml.safe_load((self.whole / "recipe.yaml").read_text())
        self.assertEqual(recipe["iterations"], 30)

    def test_interrupted_in_every_way_it_ends_with_the_same_bits(self):
        out = self.root / "interrupted"
        status, text = self.interrupted(out, signal.SIGTERM, 6, *self.basic)
        self.assertEqual(status, 143, text)
        reached = checkpoint.load(out / "last.npz").iteration
        self.assertGreaterEqual(reached, 6)
        self.assertIn(f"stopped at iteration {reached}", text)

        status, text = self.interrupted(out, signal.SIGKILL, 15, "--resume")
        self.assertEqual(status, -signal.SIGKILL)
        kept = checkpoint.load(out / "last.npz").iteration
        self.assertTrue(12 <= kept < 30 and kept % 4 == 0, kept)
        with open(out / "curves.csv", "a", encoding="utf-8") as file:
            file.write("29,0.1")  # what a kill can leave behind the last checkpoint

        # Ctrl-C in a terminal reaches every process of the group.
        status, text = self.interrupted(out, signal.SIGINT, 21, "--resume", group=True)
        self.assertEqual(status, 130, text)
        self.assertNotIn("Traceback", text)

        process = run("--out", out, "--resume", "--workers", 2)
        self.assertEqual(process.returncode, 0, process.stderr)
        for name in ("last.npz", "best.npz", "curves.csv", "recipe.yaml", "network.yaml"):
            same = (out / name).read_bytes() == (self.whole / name).read_bytes()
            self.assertTrue(same, f"{name} differs from the uninterrupted run's")
        starts = json.loads((out / "run.json").read_text())["starts"]
        self.assertEqual([start["from_iteration"] for start in starts][:2], [0, reached])
        self.assertEqual(len(starts), 4)


class RefusalTest(TrainNetCase):
    def assert_says(self, arguments, words):
        with self.assertRaisesRegex(UserError, words) as caught:
            train_net.main(list(map(str, arguments)))
        self.assertNotIn("\n", str(caught.exception))

    def test_a_run_is_never_overwritten_unasked(self):
        out = self.root / "there"
        with RunFolder(out) as folder:
            folder.write_definitions({"a": 1}, {"b": 2})
            folder.note_start(data_digest="")
        before = {path: path.read_bytes() for path in out.iterdir()}
        self.assert_refused(run(*self.basic, "--out", out), "holds a run already.*--resume")
        self.assertEqual({path: path.read_bytes() for path in out.iterdir()}, before)

    def test_asked_to_it_removes_the_run_and_nothing_else(self):
        out = self.root / "replaced"
        with RunFolder(out) as folder:
            folder.note_start(data_digest="")
            (out / "last.npz").write_bytes(b"old")
            (out / "notes.txt").write_text("mine")
        with RunFolder(out, overwrite=True):
            pass
        self.assertEqual({path.name for path in out.iterdir()}, {".lock", "notes.txt"})

    def test_what_is_read_is_not_removed_and_what_cannot_be_used_removes_nothing(self):
        out = self.root / "kept"
        text = Path(self.basic[1]).read_text()
        with RunFolder(out) as folder:
            folder.note_start(data_digest="")
            (out / "network.yaml").write_text(text)
            (out / "last.npz").write_bytes(b"old")
        config = build(NetworkConfig, {**load_yaml(self.basic[1]), "kernel": 3})
        another = checkpoint.Checkpoint(Network(config).get_weights(), config.to_dict())
        checkpoint.save(self.root / "another.npz", another)
        before = {path: path.read_bytes() for path in out.iterdir()}
        for arguments, words in (
            (["--model", out / "network.yaml"], "would overwrite the input"),
            (["--weights", out / "last.npz"], "would overwrite the input"),
            (["--weights", self.root / "another.npz"], "another.npz.*shape"),
        ):
            self.assert_says([*self.basic, "--out", out, "--overwrite", *arguments], words)
        self.assertEqual({path: path.read_bytes() for path in out.iterdir()}, before)

    def test_tf32_is_refused_without_a_gpu(self):
        ended = run(*self.basic, "--out", self.root / "tf32", "--precision", "tf32")
        self.assert_refused(ended, "tf32 needs a CUDA device; add --device cuda")
        self.assertFalse((self.root / "tf32").exists())

    def test_bfloat16_is_refused_without_onednn(self):
        environment = {**os.environ, "VOXLSTM_ONEDNN": "0"}
        out = self.root / "bfloat16"
        ended = run(*self.basic, "--out", out, "--precision", "bfloat16", env=environment)
        self.assert_refused(ended, "bfloat16")
        self.assertFalse(out.exists())

    def test_a_folder_in_use_is_refused(self):
        out = self.root / "busy"
        with RunFolder(out):
            self.assert_says([*self.basic, "--out", out], "another run is writing")

    def test_bad_input_is_one_line(self):
        model, recipe, data = self.basic[1::2]
        out = ["--out", self.root / "none"]
        for arguments, words in [
            (["--model", model, "--solver", recipe, *out], "--data is missing"),
            ([*self.basic[:4], "--data", self.root / "nowhere", *out], "there is no folder"),
            ([*self.basic, *out, "--categories", "unicorn"], "no category 'unicorn'"),
            ([*self.basic, *out, "--categories", "lamp"], "has no lamp"),
            ([*self.basic, *out, "--set", "views=[1, 4]"], "up to 4 views"),
            ([*self.basic, *out, "--set", "speed=3"], "unknown key speed"),
            ([*self.basic, *out, "--set", "network.kernel=2"], "kernel must be odd"),
            ([*self.basic, *out, "--set", "validation=0.0"], "0 to validate on"),
            ([*self.basic, *out, "--resume"], "no run to resume"),
            ([*self.basic, *out, "--device", "cuda7x"], "unknown device 'cuda7x'"),
            ([*self.basic, *out, "--weights", recipe], "not a checkpoint"),
        ]:
            with self.subTest(words=words):
                self.assert_says(arguments, words)

    def test_data_that_do_not_fit_leave_no_folder(self):
        out = self.root / "not_made"
        for arguments, words in [
            (["--split", "all"], "leaves nothing to train on"),
            (["--split", "none.json"], "cannot read the split none.json"),
            (
                ["--set", "network.unpoolings=2"],
                r"holds 32\^3 voxels, not the 16\^3 of the network.*--resolution 16",
            ),
            (["--set", "network.unpoolings=4"], r"not the 64\^3"),
        ]:
            self.assert_says([*self.basic, "--out", out, *arguments], words)
            self.assertFalse(out.exists())

    def test_an_unwritable_folder_is_one_line(self):
        self.assert_refused(run(*self.basic, "--out", self.basic[3]), "File exists")
