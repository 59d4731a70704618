"""Meshes of known shape for the tests."""

import numpy as np
import trimesh

from voxlstm.lib.geometry.mesh import Mesh


def mesh_of(body, colour=(0.8, 0.2, 0.1)):
    """Return a `Mesh` of a ``trimesh.Trimesh`` as it is, in one colour."""
    return Mesh(
        np.array(body.vertices, dtype=float),
        np.array(body.faces, dtype=np.int64),
        np.array([colour], dtype=float),
        np.zeros(len(body.faces), dtype=np.int64),
    )


def box(x, y, z, at=(0, 0, 0)):
    """Return a box of edges x, y, z about ``at``."""
    body = trimesh.creation.box((x, y, z))
    body.apply_translation(at)
    return mesh_of(body)


def centres(resolution=32):
    """Return the centres (n, n, n, 3) of the voxels of the cube [-0.5, 0.5]^3."""
    line = (np.arange(resolution) + 0.5) / resolution - 0.5
    return np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1)


def nearest(resolution=32, at=(0, 0, 0)):
    """Return the distance (n, n, n) from ``at`` to the nearest point of each voxel."""
    offset = np.abs(centres(resolution) - at) - 0.5 / resolution
    return np.linalg.norm(np.maximum(offset, 0), axis=-1)


def iou(first, second):
    """Return the intersection over union of two masks."""
    return (first & second).sum() / (first | second).sum()
