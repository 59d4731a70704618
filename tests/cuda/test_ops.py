"""Our ops for CUDA devices, on the simulated device and its cuDNN, against the CPU."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np


from . import simulation

ROOT = Path(__file__).parents[2]
CUDNN = "channels last", "channels first"
WAYS = *CUDNN, "product", "product of y"
TENSOR_CORES = "tensor cores", "tensor cores of y"  # for gradients of kernels in TF32
TOLERANCE = 2e-6  # of the largest value: sums of at most some thousand float32 products
TF32_TOLERANCE = 5e-3  # factors of 10 bits
KERNEL = "BackwardFilter"
OURS = {
    "GpuConvolve",
    "GpuTranspose",
    "GpuKernelGradient",
    "GpuMaxPool",
    "GpuMaxPoolGradient",
    "GpuLeakyGradient",
    "GpuRecurrence",
    "GpuRecurrenceGradient",
    "GpuSum",
    "GpuChannelSums",
    "GpuSGDStep",
}
NOT_OURS = {"GpuCorrMM", "GpuCorr3dMM", "GpuPool", "GpuMaxPoolGrad", "Scan"}


def compute(device, folder, *more, variables=None):
    """Run `ops_on_device` with compiled code and algorithms in a folder; return values and words."""
    result = Path(folder, "result.npz")
    environment = dict(os.environ)
    if device != "cpu":
        environment = simulation.environment(simulation.build())
        # Algorithms in the folder of the test, compiled code where it is found again.
        environment["VOXLSTM_CACHE"] = str(folder)
    environment.update(variables or {})
    command = [sys.executable, "-m", "tests.cuda.ops_on_device", device, str(result), *more]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    values = {}
    if ran.returncode == 0:
        with np.load(result) as archive:
            values = dict(archive)
        values["counts"] = json.loads(str(values["counts"]))
    return values, ran


def worst(expected, found):
    """Return the largest difference as a part of the largest value, and where it is."""
    differences = {
        name: np.abs(value - found[name]).max() / (np.abs(value).max() or 1.0)
        for name, value in expected.items()
        if name not in ("ops", "counts") and name in found
    }
    name = max(differences, key=differences.get)
    return differences[name], name


def is_strided(key):
    """Return whether a choice is of a convolution with a stride."""
    return set(json.loads(key)[5]) != {1}


@unittest.skipIf(*simulation.pygpu_is_missing())
class OpsOnCuda(unittest.TestCase):
    """Convolutions, pooling, the recurrence, sums and all their gradients."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.cpu, ran = compute("cpu", folder)
        if not cls.cpu:
            raise AssertionError(ran.stderr[-2000:])

    def on_cuda(self, *more, **changes):
        with tempfile.TemporaryDirectory() as folder:
            values, ran = compute("cuda", folder, *more, **changes)
            self.assertTrue(values, ran.stderr[-2000:])
            kept = [json.loads(p.read_text()) for p in Path(folder, "cudnn").glob("*.json")]
        return values, ran, kept

    def test_every_way_agrees_with_the_cpu(self):
        for way in WAYS:
            with self.subTest(way):
                values, _, (kept,) = self.on_cuda("float32", way)
                self.assertEqual(set(values), set(self.cpu))
                difference, name = worst(self.cpu, values)
                self.assertLess(difference, TOLERANCE, name)
                for key, choice in kept.items():
                    none = way == "product of y" and is_strided(key)
                    self.assertEqual(choice["way"][0], "product" if none else way)
                self.assertLessEqual(OURS, set(values["ops"]))
                self.assertFalse(NOT_OURS & set(values["ops"]))
                self.assertEqual(values["counts"]["forward"] > 10, way in CUDNN)
                self.assertEqual(values["counts"]["without_stream"], 0)

    def test_tf32_rounds_and_float32_does_not(self):
        values, _, (kept,) = self.on_cuda("tf32", "channels last", "convolution")
        difference, name = worst(self.cpu, values)
        self.assertGreater(difference, 1e-4)
        self.assertLess(difference, TF32_TOLERANCE, name)
        self.assertTrue(all("tf32" in key for key in kept))

    def test_tensor_cores_make_gradients_of_kernels(self):
        cudnn, *_ = self.on_cuda("tf32", "channels last", "convolution")
        for way in TENSOR_CORES:
            with self.subTest(way):
                values, _, (kept,) = self.on_cuda("tf32", way, "convolution")
                difference, name = worst(cudnn, values)  # which rounds factors alike
                self.assertLess(difference, TOLERANCE, name)
                for key, choice in kept.items():
                    serves = json.loads(key)[0] == KERNEL and not (way.endswith("y") and is_strided(key))
                    self.assertEqual(choice["way"][0], way if serves else "channels last")

    def test_a_way_that_disagrees_is_left_out(self):
        values, ran, (kept,) = self.on_cuda("tf32", "wrong", "convolution/plain")
        self.assertEqual({choice["way"][0] for choice in kept.values()}, {"product"})
        self.assertIn("tensor cores is left out for a convolution: its result differs", ran.stderr)

    def test_a_failing_search_leaves_the_product(self):
        for call in ("FindConvolutionForwardAlgorithmEx", "CreateTensorDescriptor", "ConvolutionForward"):
            with self.subTest(call):
                failing = {"SIMULATED_DNN_FAIL": f"cudnn{call}"}
                values, ran, (kept,) = self.on_cuda("float32", "all", "convolution", variables=failing)
                self.assertLess(worst(self.cpu, values)[0], TOLERANCE)
                forward = [c["way"][0] for key, c in kept.items() if json.loads(key)[0] == "Forward"]
                self.assertLessEqual(set(forward), {"product", "product of y"})
                self.assertIn(f"cudnn{call}", ran.stderr)


@unittest.skipIf(*simulation.pygpu_is_missing())
class Choices(unittest.TestCase):
    """Algorithms are measured once for a shape and kept."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def searches(self):
        """Return how many searches a run makes, its warnings and what is kept after it."""
        values, ran = compute("cuda", self.folder, "float32", "channels last", "convolution")
        self.assertTrue(values, ran.stderr[-2000:])
        (self.path,) = Path(self.folder, "cudnn").glob("*.json")
        return values["counts"]["finds"], ran.stderr, json.loads(self.path.read_text())

    def test_a_second_run_searches_nothing(self):
        first, _, kept = self.searches()
        self.assertEqual(first, len(kept))
        self.assertTrue(all(choice["way"][1] == 1 for choice in kept.values()))  # 0 is not deterministic
        second, _, again = self.searches()
        self.assertEqual(second, 0)
        self.assertEqual(kept, again)

    def test_what_does_not_work_any_more_is_searched_again(self):
        first, _, kept = self.searches()
        keys = list(kept)
        for key, choice in zip(
            keys, ({"way": ["channels last", 3, 3, 0]}, {"way": ["channels last"]}, "nonsense")
        ):
            kept[key] = choice
        self.path.write_text(json.dumps(kept))
        second, words, again = self.searches()
        self.assertEqual(second, 3)
        self.assertEqual(words.count("is made anew"), 3)
        self.assertTrue(all(choice["way"][1] == 1 for choice in again.values()))
        self.path.write_text("{")
        third, words, _ = self.searches()
        self.assertEqual(third, first)
        self.assertIn("cannot be used", words)


if __name__ == "__main__":
    unittest.main()
