"""How benchmarks/check_gpu.py trains, and what it says of a part that fails."""

import importlib
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]


def load(name):
    """Import a module of the folder ``benchmarks``, whose scripts are no package."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


check_gpu = load("check_gpu")


class Checking(unittest.TestCase):
    """The check's command line and the trainings that it starts."""

    def options(self, *arguments):
        return check_gpu.parse_arguments(["--out", "anywhere", *arguments])

    def drops(self, iterations):
        """Return the learning rate's drops in a training of so many steps."""
        recipe = str(ROOT / "solvers/small.yaml")
        settings = check_gpu.settings(self.options("--solver", recipe, "--iterations", str(iterations)))
        (drops,) = (part for part in settings if part.startswith("rate_drops="))
        return json.loads(drops.partition("=")[2])

    def test_the_recipe_s_drops_come_at_the_same_share_of_a_shorter_training(self):
        self.assertEqual(self.drops(2400), [[1200, 0.5], [1800, 0.4], [2200, 0.4]])
        self.assertEqual(self.drops(240), [[120, 0.5], [180, 0.4], [220, 0.4]])

    def test_drops_that_fall_on_one_step_become_one(self):
        ((step, factor),) = self.drops(2)
        self.assertEqual(step, 1)
        self.assertAlmostEqual(factor, 0.08)

    def test_a_part_that_fails_and_an_unknown_one_are_a_sentence(self):
        for arguments, status, sentence in [
            (
                ["--parts", "parity", "--networks", "none"],
                2,
                "the parity part ended, as tests.parity.on_device failed",
            ),
            (["--parts", "parrot"], 2, "--parts has parrot; take some of ops, parity, speed, profile, train"),
        ]:
            with self.subTest(arguments), tempfile.TemporaryDirectory() as folder:
                command = [
                    sys.executable,
                    ROOT / "benchmarks/check_gpu.py",
                    "--out",
                    folder,
                    "--device",
                    "cpu",
                ]
                done = subprocess.run([*map(str, command), *arguments], capture_output=True, text=True)
                self.assertEqual(done.returncode, status)
                self.assertIn(f"error: {sentence}", done.stderr.splitlines()[-1])
                self.assertNotIn("Traceback", done.stderr)
