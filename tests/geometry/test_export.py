"""Reconstructions as files: every ending, read back."""
import tempfile
import unittest
from pathlib import Path

import numpy as np
import trimesh

from voxlstm.lib.data import binvox
from voxlstm.lib.geometry import export
from voxlstm.lib.runtime.errors import UserError


def two_boxes():
    """Return occupancy of two boxes that touch in an edge alone, soft around 0.5."""
    occupancy = np.full((32, 32, 32), 0.02, np.float32)
    occupancy[8:16, 8:16, 4:28] = 0.9
    occupancy[16:24, 16:24, 4:28] = 0.7
    return occupancy


class ExportTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_meshes_are_watertight_in_every_format_and_where_the_object_is(self):
        occupancy = two_boxes()
        volume = (occupancy > 0.4).mean()
        for kind in export.SURFACES:
            for ending in export.MESHES:
                with self.subTest(kind=kind, ending=ending):
                    path = self.folder / f"{kind}{ending}"
                    export.write(path, occupancy, 0.4, kind)
                    mesh = trimesh.load(path, force="mesh")
                    mesh.merge_vertices()  # STL and GLB may store corners a face
                    self.assertTrue(mesh.is_watertight)
                    self.assertAlmostEqual(mesh.volume, volume, delta=0.15 * volume)
                    np.testing.assert_allclose(mesh.bounds[0], [-0.25, -0.25, -0.375], atol=0.02)
                    np.testing.assert_allclose(mesh.bounds[1], [0.25, 0.25, 0.375], atol=0.02)

    def test_blocks_have_the_volume_of_the_voxels(self):
        path = self.folder / "blocks.ply"
        occupancy = np.zeros((32, 32, 32))
        occupancy[3:9, 4:20, 5:6] = 1
        export.write(path, occupancy, 0.4, "blocks")
        mesh = trimesh.load(path, force="mesh")
        self.assertAlmostEqual(mesh.volume, occupancy.mean(), places=7)

    def test_grids_come_back(self):
        occupancy = two_boxes()
        export.write(self.folder / "grid.npy", occupancy, 0.4)
        np.testing.assert_array_equal(np.load(self.folder / "grid.npy"), occupancy)
        export.write(self.folder / "grid.binvox", occupancy, 0.8)
        np.testing.assert_array_equal(binvox.read(self.folder / "grid.binvox"), occupancy > 0.8)

    def test_unknown_endings_and_empty_grids_are_refused_and_nothing_is_written(self):
        for name, words in [("a.xyz", "must end in"), ("a", "must end in"), ("a.obj", "threshold")]:
            with self.assertRaisesRegex(UserError, words):
                export.write(self.folder / name, np.zeros((32, 32, 32)), 0.4)
        self.assertEqual(list(self.folder.iterdir()), [])
