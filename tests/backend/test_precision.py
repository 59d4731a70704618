"""Which precision of products is had where."""

import unittest
from unittest import mock

from voxlstm.lib.backend import precision
from voxlstm.lib.base.errors import UserError


class PrecisionTest(unittest.TestCase):
    def check(self, asked, device="cpu", flags=("avx2",)):
        with mock.patch.object(precision, "cpu_flags", lambda: set(flags)):
            precision.check(asked, device)

    def test_float32_everywhere(self):
        for device in ("cpu", "cuda", "cuda1", "opencl0:0"):
            self.check("float32", device)

    def test_tf32_on_cuda(self):
        self.check("tf32", "cuda0")
        for device in ("cpu", "opencl0:0"):
            with self.assertRaisesRegex(UserError, "tf32 needs a CUDA device"):
                self.check("tf32", device)

    def test_bfloat16_on_a_cpu_that_multiplies_it(self):
        for flag in ("avx512_bf16", "amx_bf16"):
            self.check("bfloat16", flags=["avx2", flag])
        with self.assertRaisesRegex(UserError, "multiplies no bfloat16.*take --precision float32"):
            self.check("bfloat16", flags=["avx2", "avx512f", "amx_tile"])
        with self.assertRaisesRegex(UserError, "bfloat16 is for the CPU; take --precision tf32"):
            self.check("bfloat16", "cuda", flags=["avx512_bf16"])

    def test_an_unknown_one(self):
        with self.assertRaisesRegex(UserError, "unknown precision 'half'; use float32, tf32, bfloat16"):
            self.check("half")


if __name__ == "__main__":
    unittest.main()
