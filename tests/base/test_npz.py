"""Reading .npz: what NumPy writes, as NumPy reads it, and nothing else."""

import resource
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

import numpy as np

from tests.base import hostile
from voxlstm.lib.base.npz import Damaged, NpzFile


class NpzCase(unittest.TestCase):
    def setUp(self):
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory()), "a.npz")


class Good(NpzCase):
    def test_every_kind_of_array_as_numpy_reads_it(self):
        random = np.random.default_rng(0)
        arrays = {
            "floats": random.random((2, 3, 4)).astype("float32"),
            "half": np.float16([1.5]),
            "order": np.asfortranarray(random.random((3, 5))),
            "big": np.arange(4, dtype=">i4"),
            "text": np.array("täxt \U0001f600"),
            "bools": np.array([[True], [False]]),
            "none": np.empty((0, 7)),
            "scalar": np.float64(3.25),
            "a/b": np.arange(3, dtype="uint8"),
            "empty text": np.array(""),
        }
        for write in (np.savez, np.savez_compressed):
            write(self.path, **arrays)
            with NpzFile(self.path) as file:
                self.assertEqual(file.names, list(arrays))
                for name, value in arrays.items():
                    got = file.read(name)
                    self.assertEqual((got.dtype, got.shape), (np.asarray(value).dtype, np.shape(value)))
                    np.testing.assert_array_equal(got, value)
                with self.assertRaises(KeyError):
                    file.read("other")


class Bad(NpzCase):
    def read_all(self):
        with NpzFile(self.path) as file:
            for name in file.names:
                file.read(name)

    def test_each_is_damaged(self):
        good = [("a.npy", hostile.npy()), ("b.npy", hostile.npy())]
        self.path.write_bytes(hostile.archive(good))
        self.read_all()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of a name given twice
            for what, data in hostile.spoiled(good, "b.npy"):
                self.path.write_bytes(data)
                with self.subTest(what), self.assertRaises(Damaged):
                    self.read_all()

    def test_a_header_of_many_brackets_is_damaged(self):
        header = b"(" * 5000
        entry = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        self.path.write_bytes(hostile.archive([("a.npy", entry)]))
        with self.assertRaises(Damaged):
            self.read_all()

    def test_a_whole_file_that_memory_does_not_hold_is_not_damaged(self):
        self.path.write_bytes(hostile.archive([("a.npy", hostile.npy())]))
        with mock.patch("voxlstm.lib.base.npz.bytearray", side_effect=MemoryError, create=True):
            with self.assertRaises(MemoryError):
                self.read_all()

    def test_a_small_file_takes_little_memory(self):
        self.path.write_bytes(hostile.bomb())
        self.assertLess(self.path.stat().st_size, 1 << 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with self.assertRaisesRegex(Damaged, "would unpack to more"):
            self.read_all()
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 50_000)


if __name__ == "__main__":
    unittest.main()
