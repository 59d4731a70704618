"""Grids in MATLAB's files stand in the place of binvox files."""

import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.data.tree import make_tree
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.geometry import export


class Matlab(unittest.TestCase):
    def setUp(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.root / "model.mat"
        self.grid = np.random.default_rng(0).random((8, 8, 8)) < 0.3

    def test_every_kind_of_number_and_name(self):
        for kind in ("bool", "u1", "i4", "f4", "f8"):
            for name in ("instance", "whatever", "vox", "grid", "abcdefgh"):
                for packed in (False, True):
                    more = {
                        "camera": np.eye(4),
                        "text": "chair",
                        "s": {"a": 1},
                        "z": self.grid * 1j,
                        "c": [{}, "b"],
                    }
                    savemat(self.path, {**more, name: self.grid.astype(kind)}, do_compression=packed)
                    np.testing.assert_array_equal(binvox.read(self.path, 8), self.grid)
                    self.assertEqual(binvox.edge(self.path), 8)

    def test_what_reconstruct_writes_is_read(self):
        export.write(self.path, np.where(self.grid, 0.9, 0.2), 0.5)
        np.testing.assert_array_equal(binvox.read(self.path), self.grid)

    def test_it_counts_as_an_objects_grid(self):
        make_tree(self.root / "set", {"03001627": 2}, views=2)
        old = next((self.root / "set").rglob("model.binvox"))
        wanted = binvox.read(old)
        savemat(old.with_suffix(".mat"), {"voxels": wanted})
        old.unlink()
        items = Index.open(self.root / "set", cache=False).items
        self.assertEqual(len(items), 2)
        self.assertEqual([item.voxels_path.endswith(".mat") for item in items].count(True), 1)
        for item in items:
            np.testing.assert_array_equal(binvox.read(item.voxels_path).shape, wanted.shape)

    def refused(self, words, **options):
        with self.assertRaisesRegex(UserError, f"{self.path} ?{words}"):
            binvox.read(self.path, **options)

    def test_what_is_no_grid_is_one_sentence(self):
        for arrays, words in (
            ({"a": self.grid * 0.5}, "holds values in a that are neither"),
            ({"a": self.grid, "b": self.grid}, "holds 2 cubes"),
            ({"a": np.zeros((8, 8, 4))}, "holds no cubes"),
            ({"a": "text"}, "holds no cubes"),
        ):
            savemat(self.path, arrays)
            self.refused(words)
        savemat(self.path, {"voxels": self.grid})
        self.refused("holds 8.3 voxels, not the 32.3", wanted=32)
        whole = self.path.read_bytes()
        for data in (b"", b"hello", whole[:200], whole[:-100], bytes(500), os.urandom(300)):
            self.path.write_bytes(data)
            with self.assertRaisesRegex(UserError, f"{self.path}"):
                binvox.read(self.path)
        self.path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF" + bytes(500))
        self.refused("is a MATLAB file of another version .*-v7")
