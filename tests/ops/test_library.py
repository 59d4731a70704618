"""The native library is loaded as it was described, or refused with the reason."""

import ctypes
import shutil
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from tests.ops.test_convolution import SHAPES
from voxlstm.lib.backend.blas import cpu_flags
from voxlstm.lib.backend.precision import MULTIPLIES_BFLOAT16
from voxlstm.lib.ops import available, convolution, layout, library


@unittest.skipUnless(*available())
class Sizes(unittest.TestCase):
    def test_another_size_of_a_structure_is_refused(self):
        class Convolution(ctypes.Structure):
            _fields_ = [("operand", ctypes.c_int32)]

        with mock.patch.object(library, "Convolution", Convolution):
            with self.assertRaisesRegex(library.Unavailable, r"bytes for a Convolution, not 4"):
                library.load.__wrapped__()
        self.assertIs(library.load(), library.load())


@unittest.skipUnless(*available())
class Ways(unittest.TestCase):
    """How convolutions of blocked maps are computed, by the names of ``lib/ops/README.rst``."""

    def test_few_channels(self):
        for op in (convolution.Convolve, convolution.Transpose, convolution.KernelGradient):
            self.assertEqual(self.way("few channels", op), "narrow")

    @unittest.skipUnless(MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
    def test_few_channels_in_bfloat16(self):
        for op in (convolution.Convolve, convolution.Transpose):
            self.assertEqual(self.way("few channels", op, "bfloat16"), "narrow pairs")
        self.assertEqual(self.way("few channels", convolution.KernelGradient, "bfloat16"), "narrow")
        way = self.way("two classes", convolution.Transpose, "bfloat16")
        self.assertEqual("amx" in way, "amx_bf16" in cpu_flags())
        self.assertEqual(way == "narrow pairs", "amx_bf16" not in cpu_flags())

    @unittest.skipUnless(MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
    def test_pictures(self):
        for channels in ({}, {"x_channels": None}):
            way = self.way("picture", convolution.Convolve, "bfloat16", **channels)
            self.assertEqual(way == "pictures", bool(channels))
        self.assertNotEqual(self.way("picture", convolution.Convolve, x_channels=None), "pictures")

    def test_enlarging(self):
        for name in SHAPES:
            if name.startswith("enlarging"):
                with self.subTest(name):
                    way = self.way(name, convolution.Transpose)
                    self.assertEqual(way == "strided", layout.block() == 8)

    def test_pairs_of_cells(self):
        for op in (convolution.Convolve, convolution.Transpose):
            for name in SHAPES:
                if name.startswith("pairs"):
                    with self.subTest(name, op=op.__name__):
                        self.assertEqual(self.way(name, op), "winograd")
        self.assertNotEqual(self.way("pairs of cells", convolution.KernelGradient), "winograd")
        for name in SHAPES:
            if name.startswith("many pairs"):
                with self.subTest(name):
                    way = self.way(name, convolution.KernelGradient)
                    self.assertEqual(way == "winograd", layout.block() == 8 or "long rows" in name)
        self.assertNotEqual(self.way("recurrent", convolution.Convolve), "winograd")

    @unittest.skipUnless(MULTIPLIES_BFLOAT16 & cpu_flags(), "no bfloat16 here")
    def test_every_convolution_has_a_kernel_for_bfloat16(self):
        for name in SHAPES:
            for op in (convolution.Convolve, convolution.Transpose, convolution.KernelGradient):
                with self.subTest(name, op=op.__name__):
                    way = self.way(name, op, "bfloat16")
                    self.assertFalse("ref" in way or "winograd" in way)

    def test_every_convolution_has_a_kernel(self):
        for name in SHAPES:
            for op in (convolution.Convolve, convolution.Transpose, convolution.KernelGradient):
                with self.subTest(name, op=op.__name__):
                    self.assertNotIn("ref", self.way(name, op))

    def way(self, name, op, precision="float32", **changes):
        images, x_channels, y_channels, space, kernel, border, stride, dilation = SHAPES[name]
        sizes = len(space), border, stride, dilation, False, x_channels, y_channels
        geometry = replace(convolution.Geometry(*sizes, precision), **changes)
        kind = geometry.blocked_dtype
        y_space = geometry.y_space(space, kernel)
        x, y = (
            np.zeros(layout.blocked_shape(images, channels, cells, kind), kind)
            for channels, cells in ((x_channels, space), (y_channels, y_space))
        )
        w = np.zeros((y_channels, x_channels, *kernel), "float32")
        if geometry.x_channels is None:
            x = np.zeros((images, x_channels, *space), "float32")
        with mock.patch.object(library, "call") as call:
            op(geometry)._run(x, w, y)
        return library.way(call.call_args.args[1])


@unittest.skipUnless(*available())
class DoesNotLoad(unittest.TestCase):
    def test_a_damaged_library_is_the_reason(self):
        with mock.patch.object(library.ctypes, "CDLL", side_effect=OSError("invalid ELF header")):
            with self.assertRaisesRegex(library.Unavailable, "does not load: invalid ELF header"):
                library.load.__wrapped__()

    def test_what_was_kept_and_is_of_no_use_is_built_anew(self):
        kept = Path(library.load()._name)

        def build(command):
            if "-shared" in command:
                shutil.copy(kept, command[-1])

        for content, mode in (
            (b"", 0o700),
            (b"ELF", 0o700),
            (kept.read_bytes()[:999], 0o700),
            (kept.read_bytes(), 0o777),
        ):
            # A folder for each: a library is not loaded again from the same path.
            folder = self.enterContext(tempfile.TemporaryDirectory())
            place = Path(folder, "onednn", kept.name)
            place.parent.mkdir(mode=0o700)
            place.write_bytes(content)
            place.chmod(mode)
            with (
                mock.patch.dict("os.environ", VOXLSTM_CACHE=folder),
                mock.patch.object(library, "_run", build),
            ):
                library.load.__wrapped__()
            self.assertEqual(place.read_bytes(), kept.read_bytes())
            self.assertEqual(place.stat().st_mode & 0o777, 0o700)
            self.assertEqual({path.name for path in place.parent.iterdir()}, {kept.name, ".lock"})

    def test_the_switch(self):
        with mock.patch.dict("os.environ", {library.SWITCH: "0"}):
            with self.assertRaisesRegex(library.Unavailable, "switches it off"):
                library.load.__wrapped__()


if __name__ == "__main__":
    unittest.main()
