"""The BLAS that is linked and the kernel it runs."""
import tempfile
import unittest
from pathlib import Path

from tests.process import run_python
from voxlstm.lib.runtime import blas
from voxlstm.lib.runtime.errors import UserError
from voxlstm.lib.runtime.setup_check import OLD_KERNELS

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
        self.assertEqual(blas.cpu_flags("/nowhere/cpuinfo"), set())

    def test_no_loaded_library_runs_old_kernels_on_a_cpu_that_has_newer(self):
        # Without the choice, this OpenBLAS takes CPUs newer than itself for a Prescott.
        if blas.core_type(blas.cpu_flags()) is None:
            self.skipTest("this CPU has neither AVX2 nor AVX-512")
        answer = run_python(
            "from voxlstm.lib.runtime import blas\n"
            "import numpy, scipy.linalg\n"
            "for entry in blas.loaded_libraries(): print(entry['core'].lower())",
            without=["OPENBLAS_CORETYPE"],
        )
        cores = answer.stdout.split()
        self.assertGreaterEqual(len(cores), 2, answer.stderr)
        self.assertFalse(set(cores) & OLD_KERNELS, cores)


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
