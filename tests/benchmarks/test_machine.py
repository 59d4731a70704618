"""What benchmarks/machine.py calls a CPU, and benchmarks/others.py does to it."""

import unittest

from .test_check_gpu import load

machine = load("machine")
others = load("others")

AVX512 = "avx2 fma avx512f avx512cd avx512bw avx512dq avx512vl"
CPUINFO = """processor\t: 0
vendor_id\t: {}
model name\t: Some CPU @ 2.00GHz
flags\t\t: fpu sse2 {}

processor\t: 1
vendor_id\t: Another
flags\t\t: amx_bf16
"""


class Kinds(unittest.TestCase):
    """The slug of a CPU, from the text of /proc/cpuinfo."""

    def test_kinds(self):
        for vendor, flags, kind, bfloat16 in [
            ("AuthenticAMD", "avx2 fma", "amd-avx2", False),
            ("AuthenticAMD", f"{AVX512} avx512_bf16", "amd-avx512-bf16", True),
            ("GenuineIntel", AVX512, "intel-avx512", False),
            ("GenuineIntel", f"{AVX512} avx512_bf16 amx_bf16", "intel-avx512-amx", True),
            ("GenuineIntel", "avx2 fma avx512f", "intel-avx2", False),
            ("GenuineIntel", "avx", "intel-plain", False),
            ("  Shanghai/X  ", "avx2 fma", "shanghai-x-avx2", False),
        ]:
            with self.subTest(kind):
                text = CPUINFO.format(vendor, flags)
                self.assertEqual(machine.kind_of(text), kind)
                self.assertEqual(machine.has_bfloat16(text), bfloat16)

    def test_a_cpu_that_says_nothing_has_a_kind_too(self):
        arm = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
        self.assertEqual([machine.kind_of(text) for text in (arm, "")], ["other-plain"] * 2)

    def test_the_machine_of_a_result(self):
        about = machine.describe(CPUINFO.format("AuthenticAMD", "avx2 fma"))
        self.assertEqual((about["kind"], about["model"]), ("amd-avx2", "Some CPU @ 2.00GHz"))
        self.assertGreaterEqual(about["cores"], 1)
        self.assertEqual(len(about["load_before"]), 3)


class Busy(unittest.TestCase):
    """Processes that want the cores."""

    def test_they_end_with_the_context_whatever_ends_it(self):
        with self.assertRaises(KeyError):
            with others.beside(2) as started:
                self.assertEqual([process.poll() for process in started], [None, None])
                raise KeyError
        self.assertEqual([process.poll() for process in started], [-9, -9])
