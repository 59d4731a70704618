"""reproduce: which commands it runs, what it reuses, what it concludes."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock


from tests.tools import tiny
from voxlstm.lib.base.config import build
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.evaluation import output
from voxlstm.lib.runs import phases
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.tools import reproduce


def results(kernel, ious):
    """Return what test_net writes, as far as it is used here."""
    by_views = [
        {"views": k + 1, "objects": 3, "iou": iou, "cross_entropy": 0.1} for k, iou in enumerate(ious)
    ]
    shape = {"objects": 3, "iou": 0.3, "cross_entropy": 0.2}
    return {
        "format": "voxlstm results 1",
        "threshold": 0.4,
        "views": [1, 2],
        "objects": 3,
        "resolution": 32,
        "split": {"name": "ratio", "form": "ratio", "digest": "00"},
        "by_views": by_views,
        "by_category": {},
        "baseline": {"mean shape": shape},
        "data": {"name": "procedural set", "papers_data": False, "folder": "here"},
        "network": {"name": f"small_{kernel}", "kernel": kernel, "parameters": 9},
    }


class World:
    """Stands in for the tools: writes what they would, and dies where it is told to."""

    def __init__(self, ious):
        self.ious, self.commands, self.splits, self.deaths = ious, [], [], {}

    def __call__(self, command):
        name = Path(command[1]).stem
        kernel = "3x3x3" if "3x3x3" in command[command.index("--out") + 1] else "1x1x1"
        self.commands.append((name, kernel, "--resume" in command))
        self.splits.append(command[command.index("--split") + 1] if "--split" in command else None)
        out = Path(command[command.index("--out") + 1])
        out.mkdir(parents=True, exist_ok=True)
        if name == "train_net":
            (out / "run.json").write_text("{}")
            self.die(name)
            self.save_network(out / "best.npz")
        elif name == "test_net":
            self.die(name)
            (out / output.FIGURES).mkdir(exist_ok=True)
            (out / output.FIGURES / "a.svg").write_text("<svg/>")
            (out / output.REPORT).write_text(f"report {kernel}")
            (out / output.RESULTS).write_text(json.dumps(results(kernel, self.ious)))
        else:
            self.die(name)
        return 0

    def die(self, name):
        if self.deaths.get(name, 0):
            self.deaths[name] -= 1
            raise KeyboardInterrupt  # not caught anywhere, as a kill is not

    @staticmethod
    def save_network(path):
        network = Network(build(NetworkConfig, tiny.NETWORK))
        saved = checkpoint.Checkpoint(
            network.get_weights(),
            network=tiny.NETWORK,
            extra={"trained_on": "boxes", "data": "/home/somebody"},
            split="train\tboxes\ta\n",
        )
        checkpoint.save(path, saved)


class ReproduceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name) / "reproduce"
        self.world = World([0.4, 0.5])

    def reproduce(self, *arguments):
        text = io.StringIO()
        with (
            mock.patch.object(phases, "execute", self.world),
            contextlib.redirect_stdout(text),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            status = reproduce.main(["--out", str(self.out), *map(str, arguments)])
        return status, text.getvalue()

    ALL = [
        ("make_dataset", "1x1x1", False),
        ("train_net", "1x1x1", False),
        ("train_net", "3x3x3", False),
        ("test_net", "1x1x1", False),
        ("test_net", "3x3x3", False),
    ]

    def test_it_runs_everything_once_and_reuses_it(self):
        status, text = self.reproduce()
        self.assertEqual(status, 0)
        self.assertEqual(self.world.commands, self.ALL)
        self.assertEqual(self.reproduce()[0], 0)
        self.assertEqual(self.world.commands, self.ALL)
        self.assertIn("0.499", text)  # the paper's row beside ours
        self.assertIn("other data", text)

    def test_what_it_leaves(self):
        self.reproduce()
        self.assertEqual((self.out / "report.html").read_text(), "report 3x3x3")
        self.assertTrue((self.out / "figures/a.svg").exists())
        found = json.loads((self.out / "results.json").read_text())
        self.assertEqual(found["networks"].keys(), {"1x1x1", "3x3x3"})
        self.assertEqual(found["beats_mean_shape"], {"1x1x1": True, "3x3x3": True})
        self.assertEqual(len(found["seconds"]), 5)

    def test_killed_in_any_phase_it_goes_on(self):
        for name in ("make_dataset", "train_net", "test_net"):
            self.world.deaths[name] = 1
            with self.assertRaises(KeyboardInterrupt):
                self.reproduce()
            self.world.deaths.clear()
        self.assertEqual(self.reproduce()[0], 0)
        resumed = [command for command in self.world.commands if command[2]]
        self.assertEqual(resumed, [("train_net", "1x1x1", True)])
        self.assertEqual(len(self.world.commands), len(self.ALL) + 3)

    def test_other_settings_train_and_test_again(self):
        self.reproduce()
        del self.world.commands[:]
        self.reproduce("--set", "iterations=5")
        self.assertEqual(self.world.commands, self.ALL[1:])

    def test_a_split_is_trained_and_tested_by(self):
        self.reproduce("--split", "ShapeNet.json")
        self.assertEqual(self.world.splits, [None, *4 * ["ShapeNet.json"]])
        with self.assertRaisesRegex(UserError, "leaves nothing to train on"):
            self.reproduce("--split", "all")

    def test_a_network_that_does_not_beat_the_mean_shape_is_not_passed_over(self):
        self.world.ious = [0.29, 0.5]
        status, text = self.reproduce()
        self.assertEqual(status, 1)
        self.assertIn("DOES NOT BEAT", text)

    def test_too_few_objects_are_refused(self):
        with self.assertRaisesRegex(UserError, "take 5 or more"):
            self.reproduce("--objects", 2)
        self.assertFalse(self.out.exists())
