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


@unittest.skipIf(*simulation.pygpu_is_missing())
class TrainingOnCuda(unittest.TestCase):
    """Ten SGD steps of a tiny network on the simulated device and on the CPU."""

    variables = {}
    our_ops = True
    launches = 50  # of a step at least, on the simulated device

    @classmethod
    def setUpClass(cls):
        libraries = simulation.build()
        on_cuda = {**simulation.environment(libraries), **cls.variables}
        with tempfile.TemporaryDirectory() as folder:
            cuda, cpu = Path(folder, "cuda.npz"), Path(folder, "cpu.npz")
            processes = [start_training("cuda", cuda, on_cuda), start_training("cpu", cpu, dict(os.environ))]
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
        self.assertEqual(self.facts["device"], "cuda")
        for before, under_way, _, _ in self.counts():
            self.assertGreater(under_way["launches"] - before["launches"], self.launches)

    def test_the_convolutions_are_ours_or_theanos(self):
        ours = any(op.startswith("GpuConvolve") for op in self.facts["ops"])
        self.assertEqual(ours, self.our_ops)
        self.assertEqual("Scan" in self.facts["ops"], not self.our_ops)

    def test_all_parameters_are_changed_by_one_op(self):
        steps = [op for op in self.facts["ops"] if op.startswith("GpuSGDStep")]
        self.assertEqual(len(steps), self.our_ops)

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

    def test_nothing_is_fetched_within_a_step(self):
        self.assertEqual(self.facts["transfers"]["to_host"], [])

    def test_only_the_rate_and_the_size_of_the_batch_are_sent_within_a_step(self):
        sent = self.facts["transfers"]["to_device"]
        self.assertEqual(sorted(sent), ["rate", "the shape of voxels", "the shape of voxels"])

    def test_nothing_is_computed_on_the_host(self):
        self.assertEqual(self.facts["transfers"]["host"], [])

    def test_the_driver_copies_the_batch_in_and_the_loss_out(self):
        numbers = 64  # bytes at most: the rate and the batch's size
        following = tiny_training.batches()[1:] + tiny_training.batches()[:1]
        numbers_of_views = {len(views) for views, _ in tiny_training.batches()}
        for step, ((views, voxels), counts) in enumerate(zip(following, self.counts())):
            before, under_way, sent, read = counts
            # The first of each number overwrites, and looks at, what several ways of each convolution make.
            if step >= len(numbers_of_views):
                self.assertEqual(self.copied(before, under_way, "to_host"), 0)
                self.assertLessEqual(self.copied(before, under_way, "to_device"), numbers)
            self.assertEqual(self.copied(under_way, sent, "to_device"), views.size + voxels.size)
            self.assertEqual(self.copied(sent, read, "to_host"), 4)
            self.assertEqual(self.copied(sent, read, "to_device"), 0)

    def test_the_next_batch_is_queued_behind_the_step_under_way(self):
        for _, under_way, sent, _ in self.counts():
            queued = sent["queued_bytes"] - under_way["queued_bytes"]
            self.assertEqual(queued, self.copied(under_way, sent, "to_device"))

    def counts(self):
        """Return the device's counters by name, four times for each step."""
        names = [name for name, _ in simulation.CudaCounters._fields_]
        found = [[dict(zip(names, look)) for look in step] for step in self.cuda["counts"].tolist()]
        self.assertEqual(len(found), tiny_training.STEPS)
        return found

    def copied(self, earlier, later, direction):
        """Return the bytes that were copied in one direction between two looks."""
        return later[f"bytes_{direction}"] - earlier[f"bytes_{direction}"]


class TrainingWithoutCuDNN(TrainingOnCuda):
    """The same with Theano's own convolutions and scan, which serve where there is no cuDNN."""

    variables = {"VOXLSTM_CUDNN": "0"}
    our_ops = False
    launches = 100
