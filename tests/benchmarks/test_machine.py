"""What benchmarks/machine.py calls a CPU, and benchmarks/others.py does to it."""

import os
import unittest
from types import SimpleNamespace
from unittest import mock

from .test_check_gpu import load

machine = load("machine")
others = load("others")

AVX512 = "avx2 fma avx512f avx512cd avx512bw avx512dq avx512vl"
CPUINFO = """processor\t: 0
vendor_id\t: {}
cpu family\t: 25
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
            ("AuthenticAMD", "avx2 fma", "amd-25-avx2", False),
            ("AuthenticAMD", f"{AVX512} avx512_bf16", "amd-25-avx512-bf16", True),
            ("GenuineIntel", AVX512, "intel-25-avx512", False),
            ("GenuineIntel", f"{AVX512} avx512_bf16 amx_bf16", "intel-25-avx512-amx", True),
            ("GenuineIntel", "avx2 fma avx512f", "intel-25-avx2", False),
            ("GenuineIntel", "avx", "intel-25-plain", False),
            ("  Shanghai/X  ", "avx2 fma", "shanghai-x-25-avx2", False),
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
        self.assertEqual((about["kind"], about["model"]), ("amd-25-avx2", "Some CPU @ 2.00GHz"))
        self.assertGreaterEqual(about["cores"], 1)
        self.assertEqual(len(about["load_before"]), 3)
        held = machine.describe(CPUINFO.format("AuthenticAMD", AVX512), held=True)
        self.assertEqual(held["kind"], "amd-25-avx512-as-avx2")


class Busy(unittest.TestCase):
    """Processes that want the cores."""

    def test_they_end_with_the_context_whatever_ends_it(self):
        with self.assertRaises(KeyError):
            with others.beside(2) as started:
                self.assertEqual([process.poll() for process in started], [None, None])
                raise KeyError
        self.assertEqual([process.poll() for process in started], [-9, -9])

    def test_who_else_used_the_cores(self):
        for elsewhere, disturbed in [(0.0, False), (0.11, False), (0.13, True)]:
            with self.subTest(elsewhere):
                times = iter([10.0, 12.0 + elsewhere]), iter([5.0, 7.0])
                side = SimpleNamespace(process=SimpleNamespace(pid=1), ask=lambda **_: {"seconds": 1.0})
                with (
                    mock.patch.multiple(others, TICK=0.01, used=lambda: next(times[0])),
                    mock.patch.object(others, "used_by", lambda _: next(times[1])),
                ):
                    self.assertEqual(others.ask(side, {}), ({"seconds": 1.0}, disturbed))

    def test_times_are_those_of_the_system(self):
        before, own = others.used(), others.used_by(os.getpid())
        spent = sum(os.times()[:2])
        self.assertAlmostEqual(own, spent, delta=0.05)
        while sum(os.times()[:2]) < spent + 0.1:
            pass
        self.assertGreaterEqual(others.used_by(os.getpid()), own + 0.05)
        self.assertGreaterEqual(others.used(), before + 0.05)
