"""How benchmarks/check_gpu.py times this project and PyTorch in turn."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from .test_check_gpu import check_gpu, load

CASE = {"network": "lstm_3x3x3", "views": 5, "batch": 36, "pass": "step", "precision": "float32"}

speed = load("speed")


class Fake:
    """A contender that has its answers ready and writes down who was asked."""

    def __init__(self, name, log, seconds, forms=None, first=0.7):
        self.name, self.log, self.seconds, self.forms, self.first = name, log, seconds, forms, first

    def ask(self, **request):
        self.log.append((self.name, request.get("form"), request.get("extras")))
        if "extras" in request:
            return {"forms": self.forms, "best": "channels_last"}
        return {"first": self.first, "first_seconds": 9.0, "seconds": [self.seconds] * request["steps"]}


class Turns(unittest.TestCase):
    """Two contenders and one case."""

    def options(self, *arguments):
        return check_gpu.parse_arguments(["--out", "anywhere", *arguments])

    def compared(self, case=CASE, torch_first=0.7):
        self.log = []
        forms = {
            "channels_first": {"error": "out of memory"},
            "channels_last": {"first": torch_first, "samples_per_second": 360.0},
        }
        ours, torch = Fake("ours", self.log, 0.05), Fake("torch", self.log, 0.1, forms)
        return speed.compare(ours, torch, case, self.options("--rounds", "2", "--steps", "3"))

    def test_the_best_form_takes_turns_with_ours(self):
        row = self.compared()
        compile_and_survey = [("ours", None, None), ("torch", None, ["graph", "compile", "compile+graph"])]
        turn = [("ours", None, None), ("torch", "channels_last", None)]
        self.assertEqual(self.log, compile_and_survey + 2 * turn)
        self.assertEqual(row["ratio"], 2.0)
        self.assertEqual(row["ours"]["samples_per_second"], 36 / 0.05)
        self.assertEqual(len(row["ours"]["seconds"]), 6)
        self.assertEqual(row["pytorch"]["channels_first"], {"error": "out of memory"})

    def test_compiling_is_tried_only_where_the_ratio_is_taken(self):
        for changed in ({"views": 1}, {"pass": "forward"}, {"network": "lstm_1x1x1"}):
            with self.subTest(changed):
                row = self.compared({**CASE, **changed})
                self.assertEqual(self.log[1], ("torch", None, ["graph"]))
                self.assertEqual(speed.ratios([row]), {})
        self.assertEqual(speed.ratios([self.compared()]), {"float32": 2.0})

    def test_another_loss_does_not_agree(self):
        self.assertTrue(self.compared()["agrees"])
        self.assertTrue(self.compared(torch_first=0.70001)["agrees"])
        self.assertFalse(self.compared(torch_first=0.701)["agrees"])
        self.assertFalse(self.compared(torch_first=float("nan"))["agrees"])
        self.assertTrue(self.compared({**CASE, "precision": "tf32"}, torch_first=0.701)["agrees"])

    def test_without_pytorch_ours_is_measured_alone(self):
        row = speed.compare(Fake("ours", [], 0.05), None, CASE, self.options())
        self.assertEqual((row["best"], row["agrees"]), (None, True))
        self.assertEqual(speed.ratios([row]), {"float32": None})

    def test_quick_is_the_case_of_the_ratios(self):
        options = self.options("--quick", "--views", "1")
        (case,) = speed.cases(options)
        self.assertTrue(speed.is_ratio_case({"network": options.speed_networks, **case}))
        self.assertEqual(options.precisions, "float32,tf32")

    def test_all_cases_begin_with_that_of_the_ratios(self):
        options = self.options()
        self.assertEqual(options.speed_networks, "lstm_3x3x3,lstm_1x1x1")
        cases = speed.cases(options)
        self.assertEqual(len(cases), 4)
        self.assertTrue(speed.is_ratio_case({"network": "lstm_3x3x3", **cases[0]}))


class Processes(unittest.TestCase):
    """Contenders that are processes."""

    def test_a_process_that_ends_is_an_error(self):
        script = "print('{}', flush=True); input(); raise SystemExit(3)"
        with speed.Contender([sys.executable, "-c", script], dict(os.environ)) as contender:
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                contender.ask(steps=1)
        self.assertEqual(caught.exception.returncode, 3)

    def test_ours_answers_with_the_first_loss_of_the_same_weights(self):
        with tempfile.TemporaryDirectory() as folder:
            command = check_gpu.device_side("serve_speed", "small_1x1x1", "cpu", "float32", folder, 2, 2)
            with speed.Contender(command, dict(os.environ)) as ours:
                case = {"views": 2, "batch": 2, "pass": "step", "steps": 2}
                answers = [ours.ask(**case) for _ in range(2)]
                predicted = ours.ask(**{**case, "pass": "forward", "views": 1})
            self.assertEqual(len(answers[0]["seconds"]), 2)
            self.assertAlmostEqual(answers[0]["first"], answers[1]["first"], places=6)
            self.assertTrue(0 < predicted["first"] < 1)
            with np.load(Path(folder, "batch.npz")) as batch:
                self.assertEqual((batch["views"].dtype, batch["voxels"].dtype), (np.uint8, np.uint8))
                self.assertEqual(batch["views"].shape[:2], (2, 2))
            config = json.loads(Path(folder, "network.json").read_text())
            self.assertEqual(config["kernel"], 1)
