"""binvox: the axis order, the bytes, and every way in which a file can be wrong."""
import tempfile
import tracemalloc
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox

HEADER = b"#binvox 1\ndim 2 2 2\ntranslate -0.5 -0.5 -0.5\nscale 1\ndata\n"


class BinvoxCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.binvox"

    def written(self, data):
        self.path.write_bytes(data)
        return self.path


class TestLayout(BinvoxCase):
    def test_published_header_and_runs(self):
        grid = np.zeros((2, 2, 2), bool)
        grid[0, 1, 0] = True  # y is the fastest axis: linear index 1
        grid[1] = True
        self.assertEqual(binvox.encode(grid), HEADER + bytes([0, 1, 1, 1, 0, 2, 1, 4]))

    def test_linear_index_runs_x_z_y(self):
        for x, y, z in np.ndindex(3, 3, 3):
            grid = np.zeros((3, 3, 3), bool)
            grid[x, y, z] = True
            before = 9 * x + 3 * z + y
            runs = [(0, before), (1, 1), (0, 26 - before)]
            payload = bytes(byte for run in runs if run[1] for byte in run)
            header = HEADER.replace(b"2 2 2", b"3 3 3")
            np.testing.assert_array_equal(binvox.read(self.written(header + payload)), grid)

    def test_long_runs_are_cut_at_255(self):
        data = binvox.encode(np.ones((8, 8, 8), np.uint8))
        self.assertEqual(data.split(b"data\n", 1)[1], bytes([1, 255, 1, 255, 1, 2]))

    def test_noncanonical_runs_are_read(self):
        grid = binvox.read(self.written(HEADER + bytes([1, 1, 1, 3, 0, 2, 0, 2])))
        np.testing.assert_array_equal(grid, [np.ones((2, 2)), np.zeros((2, 2))])


    def test_comments_blank_lines_and_any_order(self):
        header = (b"#binvox 1\n\n# ok let's add some comments!\n  translate 1 2 3 # this is a value?\n"
                  b"#hmm\nscale 0.5\n\n\t dim 2 2\t2  \ndata\n")
        loaded = binvox.load(self.written(header + bytes([0, 1, 1, 1, 0, 2, 1, 4])))
        self.assertEqual((loaded.translate, loaded.scale), ((1, 2, 3), 0.5))
        self.assertTrue(loaded.grid[0, 1, 0] and loaded.grid[1].all() and loaded.grid.sum() == 5)


class TestRoundTrip(BinvoxCase):
    def test_grid_survives(self):
        rng = np.random.default_rng(0)
        for edge, share in ((1, 0.5), (2, 0.5), (7, 0.1), (32, 0.0), (32, 0.3), (32, 1.0)):
            grid = rng.random((edge, edge, edge)) < share
            binvox.write(self.path, grid)
            back = binvox.read(self.path)
            self.assertEqual(back.dtype, bool)
            np.testing.assert_array_equal(back, grid)

    def test_bytes_survive(self):
        rng = np.random.default_rng(1)
        places = [((-0.5, -0.5, -0.5), 1.0), ((0.1, -1 / 3, 2e-7), 6.6), ((1, 2, 3), 12)]
        for translate, scale in places:
            data = binvox.encode(rng.random((16, 16, 16)) < 0.2, translate, scale)
            loaded = binvox.load(self.written(data))
            self.assertEqual((loaded.translate, loaded.scale), (translate, scale))
            self.assertEqual(binvox.encode(*loaded), data)

    def test_refuses_to_write_what_it_could_not_read(self):
        cube = np.zeros((2, 2, 2))
        for grid in (np.zeros((2, 2, 3)), np.zeros((2, 2)), np.zeros((0, 0, 0)),
                     cube + 0.5, cube + 2, cube - 1, cube + 256, cube * np.nan):
            with self.assertRaises(ValueError):
                binvox.write(self.path, grid)
        for place in (((0, 0), 1), ((0, 0, np.nan), 1), ((0, 0, 0), 0), ((0, 0, 0), np.inf)):
            with self.assertRaises(ValueError):
                binvox.write(self.path, cube, *place)
        self.assertFalse(self.path.exists())


class TestMalformed(BinvoxCase):
    def refused(self, data, offence):
        with self.assertRaises(UserError) as caught:
            binvox.read(self.written(data))
        self.assertIn(str(self.path), str(caught.exception))
        self.assertIn(offence, str(caught.exception))

    def test_header(self):
        runs = bytes([1, 8])
        self.refused(b"", "header is cut off")
        self.refused(b"\x1f\x8b" + bytes(5000), "not text")
        self.refused(HEADER.replace(b"#binvox 1", b"#binvox 2") + runs, "#binvox 1")
        self.refused(HEADER.replace(b"dim 2 2 2", b"dim 2 2") + runs, "'dim' with 3")
        self.refused(HEADER.replace(b"dim 2 2 2", b"size 2 2 2") + runs, "none of dim, translate")
        self.refused(HEADER.replace(b"dim 2 2 2\n", b"") + runs, "no line 'dim'")
        self.refused(HEADER.replace(b"scale 1\n", b"scale 1\nscale 1\n") + runs, "second line")
        self.refused(HEADER.replace(b"scale 1", b"# " + b"x" * 5000) + runs, "not text")
        self.refused(HEADER.replace(b"2 2 2", b"2 2 two") + runs, "holds no int")
        self.refused(HEADER.replace(b"scale 1", b"scale one") + runs, "holds no float")
        self.refused(HEADER.replace(b"scale 1", b"scale nan") + runs, "absurd number")
        self.refused(HEADER.replace(b"scale 1", b"scale -1") + runs, "not positive")
        self.refused(HEADER.replace(b"translate", b"move") + runs, "none of dim, translate")
        self.refused(HEADER.replace(b"data\n", b"date\n") + runs, "none of dim, translate")
        self.refused(HEADER.replace(b"\n", b"\r\n") + runs, "#binvox 1")
        self.refused(HEADER[:30], "header is cut off")

    def test_dimensions(self):
        for text in (b"2 2 3", b"0 0 0", b"-2 -2 -2", b"1025 1025 1025"):
            self.refused(HEADER.replace(b"2 2 2", text) + bytes([1, 8]), "not a cube")
        huge = b" ".join([b"9" * 30] * 3)
        self.refused(HEADER.replace(b"2 2 2", huge) + bytes([1, 8]), "absurd number")

    def test_runs(self):
        self.refused(HEADER, "cover 0 voxels instead of 8 (truncated)")
        self.refused(HEADER + bytes([1, 7]), "cover 7 voxels instead of 8 (truncated)")
        self.refused(HEADER + bytes([1, 9]), "cover 9 voxels instead of 8 (too long)")
        self.refused(HEADER + bytes([1, 8, 0]), "middle of a run")
        self.refused(HEADER + bytes([1, 8, 0, 1]), "cover 9 voxels")
        self.refused(HEADER + bytes([1, 8, 0, 0]), "length 0")
        self.refused(HEADER + bytes([2, 8]), "value 2")
        self.refused(HEADER + bytes([1, 1] * 9), "18 bytes of runs are too many")

    def test_unreadable(self):
        with self.assertRaises(UserError) as caught:
            binvox.read(self.path)
        self.assertIn(f"cannot read {self.path}: No such file", str(caught.exception))

    def test_memory_is_not_taken_for_a_wrong_file(self):
        # The header promises a gigabyte of voxels, the runs hold eight.
        path = self.written(HEADER.replace(b"2 2 2", b"1024 1024 1024") + bytes([1, 8]))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        with self.assertRaises(UserError):
            binvox.read(path)
        self.assertLess(tracemalloc.get_traced_memory()[1], 1 << 20)
