"""Our ops for CUDA devices, on the simulated device and its cuDNN, against the CPU."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.process import run_python

from . import every_way, simulation
from .every_way import worst

TOLERANCE = 2e-6  # of the largest value: sums of at most some thousand float32 products
OURS = {
    "GpuConvolve",
    "GpuTranspose",
    "GpuKernelGradient",
    "GpuMaxPool",
    "GpuMaxPoolGradient",
    "GpuLeakyGradient",
    "GpuMaxPoolLeakyGradient",
    "GpuRecurrence",
    "GpuRecurrenceGradient",
    "GpuSum",
    "GpuChannelSums",
    "GpuSGDStep",
}
NOT_OURS = {"GpuCorrMM", "GpuCorr3dMM", "GpuPool", "GpuMaxPoolGrad", "Scan"}


def compute(device, folder, *more, variables=None):
    """Run `ops_on_device` with compiled code and algorithms in a folder; return values and words."""
    environment = {}
    if device != "cpu":
        # Algorithms in the folder of the test, compiled code where it is found again.
        environment = {**simulation.environment(simulation.build()), "VOXLSTM_CACHE": str(folder)}
        # Without a cache of memory the simulated device guards the end of each array.
        environment["THEANO_FLAGS"] += ",gpuarray.preallocate=-1"
    environment.update(variables or {})
    return every_way.compute(device, Path(folder, "result.npz"), *more, variables=environment)


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
        for way in every_way.WAYS["float32"]:
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
                self.assertEqual(values["counts"]["forward"] > 10, way in every_way.CUDNN)
                self.assertEqual(values["counts"]["without_stream"], 0)

    def test_tf32_rounds_and_float32_does_not(self):
        values, _, (kept,) = self.on_cuda("tf32", "channels last", "convolution")
        difference, name = worst(self.cpu, values)
        self.assertGreater(difference, 1e-4)
        self.assertLess(difference, every_way.BOUNDS["tf32"], name)
        self.assertTrue(all("tf32" in key for key in kept))

    def test_tensor_cores_agree_with_cudnn(self):
        cudnn, *_ = self.on_cuda("tf32", "channels last", "convolution")
        for way in every_way.TENSOR_CORES:
            with self.subTest(way):
                values, _, (kept,) = self.on_cuda("tf32", way, "convolution")
                # Factors are rounded alike, but for those that a sum in another order brings across.
                difference, name = worst(cudnn, values)
                self.assertLess(difference, 1e-4, name)
                of_y = way.endswith("of y")
                for key, choice in kept.items():
                    other = json.loads(key)[0] == ("Forward" if of_y else "BackwardData")
                    serves = not other and not (of_y and is_strided(key))
                    self.assertEqual(choice["way"][0], way if serves else "channels last")

    def test_a_way_that_disagrees_is_left_out(self):
        for way in ("constant", "idle", "undefined"):
            with self.subTest(way):
                _, ran, (kept,) = self.on_cuda("tf32", way, "convolution/plain")
                self.assertEqual(
                    {name for choice in kept.values() for name in choice["milliseconds"]}, {"product"}
                )
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
class EveryWay(unittest.TestCase):
    """The program that compares all ways on a real GPU."""

    def test_it_compares_each_way_of_each_precision(self):
        command = [sys.executable, "-m", "tests.cuda.every_way", "cuda", "float32,tf32", "convolution/plain"]
        with tempfile.TemporaryDirectory() as folder:
            environment = {**simulation.environment(simulation.build()), "VOXLSTM_CACHE": folder}
            ran = subprocess.run(command, cwd=every_way.ROOT, env=environment, capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr[-2000:])
        results = json.loads(ran.stdout)
        ways = {f"{precision} {way}" for precision, ways in every_way.WAYS.items() for way in ways}
        self.assertEqual(set(results), ways)
        self.assertTrue(all(0 < entry["difference"] and entry["agrees"] for entry in results.values()))
        self.assertGreater(results["tf32 tensor cores"]["difference"], 1e-5)


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
        ways = ["channels last", 3, 3, 0], ["channels last"], ["tensor cores"], 5
        wrong = [*({"way": way} for way in ways), {"ways": []}, "nonsense"]
        kept.update(zip(keys, wrong))
        self.path.write_text(json.dumps(kept))
        second, words, again = self.searches()
        self.assertEqual(second, len(wrong))
        self.assertEqual(words.count("is made anew"), len(wrong))
        self.assertTrue(all(choice["way"][1] == 1 for choice in again.values()))
        self.path.write_text("{")
        third, words, _ = self.searches()
        self.assertEqual(third, first)
        self.assertIn("cannot be used", words)

    def test_two_processes_keep_what_each_has_chosen(self):
        program = """
from voxlstm.lib.backend.door import use_device
use_device("cuda")
from voxlstm.lib.ops.gpu import plans
plans._keep("first", 1)
plans._path().write_text('{"first": 0, "of another": 2}')
plans._keep("second", 3)
"""
        environment = {**simulation.environment(simulation.build()), "VOXLSTM_CACHE": str(self.folder)}
        ran = run_python(program, **environment)
        self.assertEqual(ran.returncode, 0, ran.stderr[-2000:])
        (path,) = Path(self.folder, "cudnn").glob("*.json")
        self.assertEqual(json.loads(path.read_text()), {"first": 1, "of another": 2, "second": 3})


if __name__ == "__main__":
    unittest.main()
