"""The BLAS that is linked and the kernel it runs."""

import tempfile
import unittest
from pathlib import Path

from tests.process import run_python
from voxlstm.lib.backend import blas
from voxlstm.lib.base.errors import UserError

AVX512 = {"avx2", "fma", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


class CoreType(unittest.TestCase):
    def test_newest_kernel_whose_instructions_the_cpu_has(self):
        self.assertEqual(blas.core_type(AVX512), "SKYLAKEX")
        self.assertEqual(blas.core_type(AVX512 - {"avx512vl"}), "HASWELL")
        self.assertEqual(blas.core_type({"avx2"}), None)
        self.assertEqual(blas.core_type(set()), None)

    def test_the_users_choice_stays(self):
        environment = {"OPENBLAS_CORETYPE": "Nehalem"}
        blas.choose_core_type(environment)
        self.assertEqual(environment, {"OPENBLAS_CORETYPE": "Nehalem"})

    def test_flags_are_read_from_cpuinfo(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "cpuinfo")
            path.write_text("processor\t: 0\nflags\t\t: fpu avx2 fma\n")
            self.assertEqual(blas.cpu_flags(path), {"fpu", "avx2", "fma"})
            kind = blas.cpu_kind(path)
            path.write_text("flags : avx2 fma fpu\n")
            self.assertEqual(blas.cpu_kind(path), kind)
            path.write_text("flags : avx2 fpu\n")
            self.assertNotEqual(blas.cpu_kind(path), kind)
        self.assertEqual(blas.cpu_flags("/nowhere/cpuinfo"), set())

    def test_no_loaded_library_runs_old_kernels_on_a_cpu_that_has_newer(self):
        # Without the choice, this OpenBLAS takes CPUs newer than itself for a Prescott.
        if blas.core_type(blas.cpu_flags()) is None:
            self.skipTest("this CPU has neither AVX2 nor AVX-512")
        answer = run_python(
            "import voxlstm\n"
            "import numpy, scipy.linalg\n"
            "from voxlstm.lib.backend import blas\n"
            "for entry in blas.loaded_libraries(): print(entry['core'].lower())",
            without=["OPENBLAS_CORETYPE"],
        )
        cores = answer.stdout.split()
        self.assertGreaterEqual(len(cores), 2, answer.stderr)
        self.assertFalse(set(cores) & blas.OLD_KERNELS, cores)


# NumPy's library is made to run given kernels, and the variable then is as if nobody had set it.
NUMPY_FIRST = """
import os, sys
os.environ["OPENBLAS_CORETYPE"] = sys.argv[1]
import numpy
del os.environ["OPENBLAS_CORETYPE"]
import voxlstm
import voxlstm.models.network
"""


class ImportOrder(unittest.TestCase):
    def setUp(self):
        self.chosen = blas.core_type(blas.cpu_flags())
        if self.chosen is None:
            self.skipTest("this CPU has neither AVX2 nor AVX-512")

    def run_python(self, code, *arguments):
        return run_python(code, *arguments, without=["OPENBLAS_CORETYPE"])

    def test_importing_the_package_chooses_the_kernels_and_loads_no_numpy(self):
        for package in ("voxlstm", "voxlstm.lib", "voxlstm.models"):
            answer = self.run_python(
                f"import os, sys, {package}\nprint(os.environ['OPENBLAS_CORETYPE'], 'numpy' in sys.modules)"
            )
            self.assertEqual(answer.stdout.split(), [self.chosen, "False"], answer.stderr)
            self.assertEqual(answer.stderr, "")

    def test_numpy_first_with_old_kernels_is_told_once_with_the_remedy(self):
        answer = self.run_python(NUMPY_FIRST, "Prescott")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        (line,) = answer.stderr.splitlines()
        self.assertRegex(line, r"NumPy was imported before voxlstm .* old kernels \(Prescott\)")
        self.assertIn(f"import voxlstm first or set OPENBLAS_CORETYPE={self.chosen}", line)

    def test_numpy_first_with_new_kernels_is_no_matter(self):
        answer = self.run_python(NUMPY_FIRST, self.chosen)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))

    def test_the_users_own_choice_is_not_talked_about(self):
        code = "import numpy, voxlstm, os; print(os.environ['OPENBLAS_CORETYPE'])"
        answer = run_python(code, OPENBLAS_CORETYPE="Prescott")
        self.assertEqual((answer.stdout, answer.stderr), ("Prescott\n", ""))


class LinkFlags(unittest.TestCase):
    def test_library_of_the_wheel_is_found_and_named(self):
        library = blas.find_scipy_openblas()
        self.assertTrue(library.is_file())
        folder, name, rpath = blas.link_flags("/a/libopenblas-1.2.so", "/tmp").split()
        self.assertEqual(folder, "-L/a")
        self.assertEqual(name, "-lopenblas-1.2")
        self.assertEqual(rpath, "-Wl,-rpath,/a")

    def test_no_library(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(blas.find_scipy_openblas(folder))

    def test_blank_in_the_folder_is_gone_around(self):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder, "my project", "libopenblas.so")
            library.parent.mkdir()
            library.touch()
            for _ in range(2):  # the link of an earlier run is used again
                flags = blas.link_flags(library, Path(folder, "links"))
                self.assertEqual(flags.split()[0], f"-L{folder}/links")
            self.assertEqual(Path(folder, "links", "libopenblas.so").resolve(), library.resolve())
            with self.assertRaisesRegex(UserError, "VOXLSTM_CACHE"):
                blas.link_flags(library, Path(folder, "no good"))
