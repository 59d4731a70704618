"""The whole training step on ``cuda``, on the simulated device, against the CPU."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from . import simulation, tiny_training

ROOT = Path(__file__).parents[2]
# Float32 rounds to 6e-8; the longest sums here have a few thousand terms.
GRADIENT_TOLERANCE = 1e-5  # of the largest component
TEN_STEPS_TOLERANCE = 1e-5  # of the largest value of a parameter; errors feed on themselves
LOSS_TOLERANCE = 1e-6


def start_training(device, path, environment):
    """Start a process that trains on a device; its results will be at ``path``."""
    command = [sys.executable, "-m", "tests.cuda.tiny_training", device, str(path)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def read_results(path):
    """Return the results of `tiny_training`, arrays by name, and its facts."""
    with np.load(path) as archive:
        results = dict(archive)
    return results, json.loads(str(results.pop("facts")))


class TrainingOnCuda(unittest.TestCase):
    """Ten SGD steps of a tiny network on the simulated device and on the CPU."""

    @classmethod
    def setUpClass(cls):
        libraries = simulation.build()
        on_cuda = simulation.environment(libraries)
        with tempfile.TemporaryDirectory() as folder:
            cuda, cpu = Path(folder, "cuda.npz"), Path(folder, "cpu.npz")
            processes = [
                start_training("cuda", cuda, on_cuda),
                start_training("cpu", cpu, dict(os.environ)),
            ]
            codes = [process.wait() for process in processes]
            if any(codes):
                raise AssertionError(f"training on cuda and on cpu ended with {codes}")
            cls.cuda, cls.facts = read_results(cuda)
            cls.cpu, _ = read_results(cpu)

    def names(self, kind):
        """Return the keys of one kind, one for each parameter of the network."""
        found = [key for key in self.cpu if key.startswith(kind + "/")]
        self.assertEqual(len(found), len({key.partition("/")[2] for key in self.cpu if "/" in key}))
        return found

    def assert_close(self, name, tolerance):
        """Assert that two arrays differ by less than a part of their largest value."""
        expected = self.cpu[name]
        scale = np.abs(expected).max()
        self.assertGreater(scale, 0, name)
        worst = np.abs(self.cuda[name] - expected).max() / scale
        self.assertLess(worst, tolerance, name)

    def test_it_ran_on_the_device(self):
        launches = self.cuda["copies"][:, 0]
        self.assertEqual(self.facts["device"], "cuda")
        self.assertTrue((launches > 100).all(), launches)

    def test_losses_agree(self):
        self.assertEqual(len(self.cpu["losses"]), tiny_training.STEPS)
        difference = np.abs(self.cuda["losses"] - self.cpu["losses"])
        self.assertLess(difference.max(), LOSS_TOLERANCE)

    def test_every_gradient_agrees(self):
        for name in self.names("gradient"):
            self.assert_close(name, GRADIENT_TOLERANCE)

    def test_parameters_agree_after_ten_steps(self):
        for name in self.names("after"):
            self.assert_close(name, TEN_STEPS_TOLERANCE)
            before = self.cpu[name.replace("after", "before")]
            moved = np.abs(self.cpu[name] - before).max()
            self.assertGreater(moved, 10 * TEN_STEPS_TOLERANCE * np.abs(before).max(), name)

    def test_predictions_agree(self):
        self.assert_close("occupancy", TEN_STEPS_TOLERANCE)

    def test_parameters_and_optimiser_state_live_on_the_device(self):
        self.assertEqual(self.facts["on_host"], [])

    def test_only_the_loss_is_fetched(self):
        self.assertEqual(self.facts["transfers"]["to_host"], ["output"])

    def test_only_the_batch_and_the_rate_are_sent(self):
        sent = self.facts["transfers"]["to_device"]
        self.assertEqual({name for item in sent for name in item.split()}, {"views", "voxels", "rate"})

    def test_nothing_is_computed_on_the_host(self):
        host = self.facts["transfers"]["host"]
        self.assertEqual([text for text in host if not text.startswith("Reshape{4}(views")], [])

    def test_the_driver_copies_the_batch_in_and_the_loss_out(self):
        sizes = 64  # bytes; the batch's size and the rate are sent as numbers
        for (views, voxels), counts in zip(tiny_training.batches(), self.cuda["copies"]):
            _, _, to_device, copies_to_host, to_host = counts
            self.assertEqual((copies_to_host, to_host), (1, 4))
            self.assertGreaterEqual(to_device, views.nbytes + voxels.nbytes)
            self.assertLessEqual(to_device, views.nbytes + voxels.nbytes + sizes)
