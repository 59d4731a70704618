"""The native library is loaded as it was described, or refused with the reason."""
import ctypes
import unittest
from unittest import mock

from voxlstm.lib.ops import available, library


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
class DoesNotLoad(unittest.TestCase):
    def test_a_damaged_library_is_the_reason(self):
        with mock.patch.object(library.ctypes, "CDLL", side_effect=OSError("invalid ELF header")):
            with self.assertRaisesRegex(library.Unavailable, "does not load: invalid ELF header"):
                library.load.__wrapped__()

    def test_the_switch(self):
        with mock.patch.dict("os.environ", {library.SWITCH: "0"}):
            with self.assertRaisesRegex(library.Unavailable, "switches it off"):
                library.load.__wrapped__()


if __name__ == "__main__":
    unittest.main()
