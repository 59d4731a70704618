"""Where the voxels of an object lie: the grid of the 3D-R2N2 release of ShapeNet.

A model stands in ShapeNetCore.v1's frame: the centre of its bounding box at the origin, the diagonal
of the box of length 1 (see `camera` for its axes). The grid of a model is the cube about the same
centre whose side is the **longest side of the bounding box**. So every model fills its grid along
its longest axis, from index 0 to n - 1, and lies about the middle along the two others::

        +-----------------------+  (scale/2, scale/2)       scale      longest side of the box
        |                       |                           translate  low corner of the box
        |#######################|
        |#######  box  #########|      point = (((i, j, k) + 0.5) / n - 0.5) * scale
        |#######################|
     t >|                       |      t marks ``translate``: the corner of the box,
        +-----------------------+      and not that of the grid, which is -scale/2
     (-scale/2, -scale/2)

``scale`` and ``translate`` are the two numbers of a ``model.binvox`` header. A reader of the release
needs the first alone, since its models are centred on the origin.

A voxel is occupied when the surface touches it or encloses it (see `voxels`).

The **frame of the grid** has that cube as [-0.5, 0.5]^3: the unit is the longest side of the
object's bounding box. Renderings tell nothing of an object's size, so what is reconstructed is in
this frame.

Measured on seven objects of the release: seen by the published camera (`camera`), their voxels cover
0.997 to 1 of each silhouette. ``benchmarks/silhouettes.py`` repeats this.
"""

from dataclasses import replace

import numpy as np

from .mesh import Mesh


def bounds(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Return the low and the high corner (3,) of the vertices that faces use."""
    used = mesh.vertices[mesh.faces].reshape(-1, 3)
    return used.min(axis=0), used.max(axis=0)


def normalised(mesh: Mesh) -> Mesh:
    """Return ``mesh`` in ShapeNetCore.v1's frame: box centred on the origin, diagonal 1.

    Coordinates are rounded to the 6 decimals that `mesh.write_obj` writes, so that a mesh and its
    file are the same shape.
    """
    low, high = bounds(mesh)
    return _moved(mesh, (low + high) / 2, np.linalg.norm(high - low), decimals=6)


def in_grid(mesh: Mesh) -> Mesh:
    """Return ``mesh`` in the frame of its grid: box centred on the origin, longest side 1."""
    low, high = bounds(mesh)
    return _moved(mesh, (low + high) / 2, (high - low).max())


def header(mesh: Mesh) -> tuple[tuple[float, ...], float]:
    """Return ``translate`` (3,) and ``scale`` of the mesh's ``model.binvox``, to 6 decimals."""
    low, high = bounds(mesh)
    translate = tuple(float(value) for value in np.round(low, 6) + 0.0)
    return translate, float(np.round((high - low).max(), 6))


def _moved(mesh, centre, unit, decimals=None):
    vertices = (mesh.vertices - centre) / unit
    return replace(mesh, vertices=vertices if decimals is None else np.round(vertices, decimals))
