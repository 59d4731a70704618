"""measure_hull and measure_claims: what they print and write, run and reuse."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock


from tests.evaluation.test_claims import HULL, cells, result
from tests.tools import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.evaluation import output
from voxlstm.lib.geometry import dataset, tasks
from voxlstm.lib.runs import phases
from voxlstm.tools import measure_claims, measure_hull


class MeasureHullTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def test_the_hull_of_rendered_objects_grows_better_with_views(self):
        found = tasks.procedural_tasks(5, 0, ["04379243"])
        dataset.make(self.root / "set", found, {"source": "procedural", "resolution": 32}, workers=1)
        with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.redirect_stderr(io.StringIO()):
            measure_hull.main(["--data", str(self.root / "set"), "--out", str(self.root / "h.json")])
        found = json.loads((self.root / "h.json").read_text())
        ious = [entry["iou"] for entry in found["by_views"]]
        self.assertEqual((found["objects"], len(ious)), (1, len(measure_hull.COUNTS)))
        self.assertLess(ious[0], 0.5 * ious[-1])
        self.assertIn(f"{ious[-1]:.4f}", text.getvalue())

    def test_too_few_views_are_refused(self):
        root = tiny.make_data(self.root, objects=5, views=4)
        with self.assertRaisesRegex(UserError, "20 pictures with their viewpoints are needed"):
            with contextlib.redirect_stderr(io.StringIO()):
                measure_hull.main(["--data", str(root)])


class MeasureClaimsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.commands = []

    def execute(self, command):
        """Stand in for the tools: 3x3x3 is better by a tenth, and better with each seed."""
        name = Path(command[1]).stem
        out = Path(command[command.index("--out") + 1])
        if name == "measure_hull":
            self.commands.append((name,))
            out.write_text(json.dumps(HULL))
            return 0
        kernel, seed = out.stem.split("_")[1:]
        self.commands.append((name, kernel, seed, f"seed={seed}" in command))
        score = 0.4 + 0.1 * (kernel == "3x3x3") + 0.01 * int(seed)
        if name == "measure_cells":
            out.write_text(json.dumps(cells(score)))
            return 0
        out.mkdir(parents=True)
        (out / "best.npz").write_bytes(b"")
        content = {**result(score, kernel), "format": "voxlstm results 1"}
        content["data"]["folder"] = "somewhere"
        (out / output.RESULTS).write_text(json.dumps(content))
        return 0

    def measure(self, *arguments):
        text = io.StringIO()
        with (
            mock.patch.object(phases, "execute", self.execute),
            contextlib.redirect_stdout(text),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            status = measure_claims.main(
                ["--data", "set", "--out", str(self.root / "claims"), *map(str, arguments)]
            )
        self.assertEqual(status, 0)
        return text.getvalue(), json.loads((self.root / "claims/claims.json").read_text())

    def test_every_seed_is_run_once_and_more_can_be_added(self):
        text, found = self.measure("--seeds", "2")
        self.assertEqual(len(self.commands), 13)
        trainings = [entry[1:] for entry in self.commands if entry[0] == "train_net"]
        expected = [(kernel, seed, True) for seed in "01" for kernel in ("1x1x1", "3x3x3")]
        self.assertEqual(trainings, expected)
        self.measure("--seeds", "3")
        self.assertEqual(len(self.commands), 19)
        self.assertEqual(found["seeds"], [0, 1])
        self.assertAlmostEqual(found["difference"]["iou"]["mean"], 0.1)
        self.assertNotIn("folder", found["data"])
        self.assertIn("2 of 2 seeds", text)
        self.assertTrue((self.root / "claims/claims.png").exists())
        self.assertFalse((self.root / "kept.json").exists())
        self.measure("--results", self.root / "kept.json")
        self.assertTrue((self.root / "kept.png").exists())

    def test_the_seed_is_not_the_users_to_set(self):
        with self.assertRaisesRegex(UserError, "use --seeds"):
            measure_claims.main(["--data", "set", "--set", "seed=3"])
