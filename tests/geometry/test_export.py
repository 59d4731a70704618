"""Reconstructions as files: every ending, read back."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import trimesh
from scipy.io import loadmat

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox
from voxlstm.lib.geometry import export


def two_boxes():
    """Return occupancy of two boxes that touch in an edge alone, soft around 0.5."""
    occupancy = np.full((32, 32, 32), 0.02, np.float32)
    occupancy[8:16, 8:16, 4:28] = 0.9
    occupancy[16:24, 16:24, 4:28] = 0.7
    return occupancy


class NameTest(unittest.TestCase):
    def test_a_writer_that_is_not_installed_is_missed_before_the_work(self):
        for module, fine in (("trimesh", ["x.npy", "x.mat", "x.binvox"]), ("skimage", ["x.npy"])):
            with mock.patch.dict(sys.modules, {module: None}):
                for name in fine:
                    export.check_name(name)
                with self.assertRaisesRegex(UserError, f"{module} is not installed; .*report"):
                    export.check_name("x.obj")
        with mock.patch.dict(sys.modules, {"skimage": None}):
            export.check_name("x.obj", "blocks")


class ExportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_mat(self):
        occupancy = two_boxes()
        export.write(self.folder / "a.mat", occupancy, 0.8)
        found = loadmat(self.folder / "a.mat")
        np.testing.assert_array_equal(found["occupancy"], occupancy)
        np.testing.assert_array_equal(found["voxels"], occupancy > 0.8)
        self.assertEqual(found["voxels"].dtype, np.uint8)

    def test_meshes_are_watertight_in_every_format_and_fill_the_unit(self):
        occupancy = two_boxes()
        unit = 24 / 32  # the object's longest side, of the grid's
        volume = (occupancy > 0.4).mean() / unit**3
        for kind in export.SURFACES:
            for ending in export.MESHES:
                with self.subTest(kind=kind, ending=ending):
                    path = self.folder / f"{kind}{ending}"
                    export.write(path, occupancy, 0.4, kind)
                    mesh = trimesh.load(path, force="mesh")
                    mesh.merge_vertices()  # STL and GLB may store corners a face
                    self.assertTrue(mesh.is_watertight)
                    self.assertAlmostEqual(mesh.volume, volume, delta=0.15 * volume)
                    np.testing.assert_allclose(mesh.bounds.sum(axis=0), 0, atol=1e-6)
                    self.assertAlmostEqual(mesh.extents[2], 1, places=6)
                    np.testing.assert_allclose(mesh.extents[:2], 16 / 24, atol=0.02)

    def test_an_object_off_the_middle_is_centred_and_not_turned(self):
        occupancy = np.zeros((32, 32, 32))
        occupancy[3:9, 4:20, 5:6] = 1
        occupancy[3:5, 4:6, 5:9] = 1  # a corner that tells the axes and their directions apart
        for ending in export.MESHES:
            export.write(self.folder / f"blocks{ending}", occupancy, 0.4, "blocks")
            mesh = trimesh.load(self.folder / f"blocks{ending}", force="mesh")
            half = np.array([6, 16, 4]) / 32
            np.testing.assert_allclose(mesh.bounds, [-half, half], atol=1e-6)
            self.assertAlmostEqual(mesh.volume, occupancy.sum() / 16**3, places=6)
            self.assertTrue((mesh.center_mass < [0.001, 0.001, -0.01]).all())

    def test_grids_come_back(self):
        occupancy = two_boxes()
        export.write(self.folder / "grid.npy", occupancy, 0.4)
        np.testing.assert_array_equal(np.load(self.folder / "grid.npy"), occupancy)
        export.write(self.folder / "grid.binvox", occupancy, 0.8)
        np.testing.assert_array_equal(binvox.read(self.folder / "grid.binvox"), occupancy > 0.8)

    def test_another_reader_finds_the_voxels_where_the_blocks_are(self):
        occupancy = np.zeros((32, 32, 32))
        occupancy[3:9, 4:20, 5:7] = 1
        export.write(self.folder / "grid.binvox", occupancy, 0.4)
        export.write(self.folder / "grid.ply", occupancy, 0.4, "blocks")
        voxels = trimesh.load(self.folder / "grid.binvox")
        mesh = trimesh.load(self.folder / "grid.ply")
        place = binvox.load(self.folder / "grid.binvox")
        # trimesh puts the centre of the first voxel at ``translate``, the format its corner.
        filled = np.argwhere(place.grid)
        corners = np.array([filled.min(axis=0), filled.max(axis=0) + 1])
        found = corners / 32 * place.scale + place.translate
        np.testing.assert_allclose(found, mesh.bounds, atol=1e-6)
        np.testing.assert_array_equal(voxels.matrix, place.grid)

    def test_unknown_endings_and_empty_grids_are_refused_and_nothing_is_written(self):
        for name, words in [
            ("a.xyz", "must end in"),
            ("a", "must end in"),
            ("a.obj", "threshold"),
            ("a.binvox", "threshold"),
        ]:
            with self.assertRaisesRegex(UserError, words):
                export.write(self.folder / name, np.zeros((32, 32, 32)), 0.4)
        self.assertEqual(list(self.folder.iterdir()), [])
