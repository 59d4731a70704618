"""The page's smooth surface beside that of lib/geometry/surface.py."""

import unittest

import numpy as np
import trimesh
from scipy.ndimage import gaussian_filter

from voxlstm.lib.geometry import surface

from .made import PageCase

SCRIPT = """
  const fields = {};
  for (const file of await given(%s)) {
    const { places, faces, normals } = smoothOf(new Float32Array(await file.arrayBuffer()), 0.5);
    fields[file.name] = { places, faces, normals };
  }
  return fields;"""


def fields():
    """Return grids of 32 voxels a side by name, from smooth to pure noise."""
    random = np.random.default_rng(0)
    x, y, z = np.mgrid[-1:1:32j, -1:1:32j, -1:1:32j]
    ball = 1.1 - np.sqrt(x**2 + y**2 + 0.6 * z**2)
    noise = random.random((32, 32, 32))
    soft = gaussian_filter(noise, 2.5)
    soft = (soft - soft.min()) / np.ptp(soft)
    edge = np.where(np.abs(x) + np.abs(y) < 0.9, 0.8, 0.0)
    edge[4:9, 4:9, 4:9] = 0.5  # on the threshold itself
    return {
        name: field.astype(np.float32)
        for name, field in (("ball", ball), ("noise", noise), ("soft", soft), ("edge", edge))
    }


class SurfaceTest(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fields = fields()

    def test_it_is_watertight_and_the_one_that_reconstruct_writes(self):
        names = ", ".join(f'"{name}"' for name in self.fields)
        found = self.visit(SCRIPT % names, {name: field.tobytes() for name, field in self.fields.items()})
        for name, field in self.fields.items():
            with self.subTest(name):
                made = found[name]
                mesh = trimesh.Trimesh(np.array(made["places"]) / 32, made["faces"], process=False)
                expected = surface.smooth(field, 0.5)
                edges, counts = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
                self.assertEqual(set(counts.tolist()), {2})
                self.assertTrue(mesh.is_winding_consistent)
                np.testing.assert_allclose(mesh.bounds, expected.bounds, atol=1e-6)
                # In noise the two choose otherwise where a cell can be cut in two ways.
                self.assertAlmostEqual(
                    mesh.volume / expected.volume, 1, delta=0.15 if name == "noise" else 2e-3
                )
                turned = (np.array(made["normals"]) * mesh.vertex_normals).sum(axis=1)
                self.assertGreater(turned.mean(), 0.6 if name == "noise" else 0.9)


if __name__ == "__main__":
    unittest.main()
