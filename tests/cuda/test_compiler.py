"""NVIDIA's own compiler, which needs no GPU, takes the CUDA kernels that the simulated device runs by g++."""

import importlib.util
import subprocess
import sys
import unittest
from pathlib import Path

from .nvrtc import WHEEL

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "lib/ops/gpu"
OLDEST, NEWEST = "sm_60", "sm_90"  # what is made for the newest serves on all that are newer


def is_missing():
    """Return whether the compiler's wheel is missing, and a sentence."""
    missing = not importlib.util.find_spec("nvidia") or not importlib.util.find_spec(WHEEL)
    return missing, "requirements-dev.txt has the wheel of NVRTC"


def compile_for(architecture, *sources):
    """Return the errors of the compiler and of the assembler, nothing where there is none."""
    command = [sys.executable, "-m", "tests.cuda.nvrtc", architecture]
    ran = subprocess.run(command, cwd=ROOT, input="".join(sources), capture_output=True, text=True)
    return ran.stdout or ran.stderr


@unittest.skipIf(*is_missing())
class Compiler(unittest.TestCase):
    """The kernels' sources, for the oldest and the newest GPU."""

    @classmethod
    def setUpClass(cls):
        cls.kernels, cls.tensor_cores = (
            (FOLDER / name).read_text() for name in ("kernels.cu", "tensor_cores.cu")
        )

    def test_the_passes_compile(self):
        for architecture in (OLDEST, NEWEST):
            with self.subTest(architecture):
                self.assertEqual(compile_for(architecture, self.kernels), "")

    def test_names_that_libgpuarray_cuts_off_are_refused(self):
        for name in ("compute_10", "compute_12"):
            self.assertIn("invalid value for --gpu-architecture", compile_for(name, self.kernels))

    def test_the_step_of_all_parameters_compiles(self):
        from voxlstm.lib.ops.gpu import update

        step = update._kernel(update.AT_ONCE)
        self.assertEqual(compile_for(OLDEST, self.kernels, step), "")

    def test_tensor_cores_compile_where_they_have_tf32(self):
        from voxlstm.lib.ops.gpu.tensor_cores import MOST, OLDEST as first, SOME

        for architecture in (f"sm_{first}", NEWEST):
            for outputs in range(SOME, MOST + 1, SOME):
                defined = f"#define kOutputs {outputs}\n"
                found = compile_for(architecture, self.kernels, defined, self.tensor_cores)
                self.assertEqual(found, "", (architecture, outputs))
        self.assertIn("sm_80", compile_for("sm_75", self.kernels, defined, self.tensor_cores))


if __name__ == "__main__":
    unittest.main()
