"""What check_setup finds, and when it says that training cannot run."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.process import run_python
from voxlstm.lib import ops
from voxlstm.lib.runs import setup_check as check

TOOL = Path("tools/check_setup.py")


class Findings(unittest.TestCase):
    def test_python(self):
        self.assertEqual(check.check_python((3, 11, 2)).problem, "")
        self.assertIn("Python 3.11 is needed", check.check_python((3, 12, 0)).problem)

    def test_version(self):
        self.assertEqual(check.check_version("numpy", check.NUMPY).problem, "")
        self.assertIn("numpy 9 is needed", check.check_version("numpy", "9").problem)
        self.assertIn("not installed", check.check_version("no-such-package", "1").problem)

    def test_compiler(self):
        self.assertIn("no C++ compiler", check.check_compiler("").problem)
        self.assertIn("does not run", check.check_compiler("/no/such/g++").problem)
        self.assertEqual(check.check_compiler("/usr/bin/g++").problem, "")

    def test_blas(self):
        old = [{"path": "/x/libopenblas.so", "core": "Prescott", "threads": 2}]
        new = [{"path": "/x/libopenblas.so", "core": "Haswell", "threads": 2}]
        flags = {"avx2", "fma"}
        self.assertIn("no BLAS", check.check_blas("", old, flags)[0].problem)
        self.assertIn("OPENBLAS_CORETYPE=HASWELL", check.check_blas("-l", old, flags)[1].warning)
        self.assertEqual(check.check_blas("-l", old, set())[1].warning, "")
        self.assertEqual(check.check_blas("-l", new, flags)[1].warning, "")

    def test_rate(self):
        slow = check.check_rate("x", lambda: None, {"avx2"}, 1, size=0)
        self.assertIn("slow for 1 cores", slow.warning)
        fast = check.check_rate("x", lambda: None, {"avx2"}, 1, size=10**6)
        self.assertEqual(fast.warning, "")

    def test_convolutions(self):
        for served, flags, told in (
            ((True, "oneDNN 3.2"), {"avx512_bf16"}, "oneDNN, with --precision bfloat16 too"),
            ((True, "oneDNN 3.2"), {"avx2"}, "oneDNN"),
            ((False, "no compiler"), {"avx512_bf16"}, "Theano's own (no compiler)"),
        ):
            with mock.patch.object(ops, "available", lambda: served):
                with mock.patch.object(check.blas, "cpu_flags", lambda: flags):
                    self.assertEqual(check.check_onednn().value, told)

    def test_compile_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(check.check_cache(Path(folder, "new")).problem, "")
            Path(folder, "file").touch()
            problem = check.check_cache(Path(folder, "file", "below")).problem
            self.assertIn("VOXLSTM_CACHE", problem)


class Tool(unittest.TestCase):
    def test_all_is_well(self):
        answer = run_python(TOOL)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for name in ("Python", "Theano", "numpy", "BLAS loaded", "NumPy's product", "compiler"):
            self.assertIn(name, answer.stdout)
        self.assertRegex(answer.stdout, r"Theano's product +\d+ GFLOP/s")
        self.assertTrue(answer.stdout.endswith("Training can run here.\n"))

    def test_no_compiler(self):
        answer = run_python(TOOL, THEANO_FLAGS="cxx=")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("error: there is no C++ compiler; install g++", answer.stderr)
        self.assertNotIn("can run", answer.stdout)

    def test_a_gpu_that_is_not_there(self):
        answer = run_python(TOOL, "--device", "cuda9")
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stderr, "error: .*(pygpu|cuda9)")
