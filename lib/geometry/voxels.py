"""Solid voxel grids of meshes of any quality, by the rule of ShapeNet's (see `frame`).

A voxel is occupied when the surface touches it or encloses it. binvox, which made the published
grids, counts a voxel as touched when the surface comes within a hundredth of its side: with this
reach, and with no other, all 1932 voxels of a grid that binvox itself made come out, and none more.
"""

import numpy as np
from scipy import ndimage

from ..base.errors import need
from .mesh import Mesh

RESOLUTION = 32
REACH = 0.01  # of a voxel's side: as near to a voxel the surface touches it, as binvox has it
PAIRS = 1 << 19  # triangles and voxels that are compared at a time
VOTES = 5  # of six rays, for the inside of an open mesh


def voxelise(mesh: Mesh, resolution: int = RESOLUTION) -> np.ndarray:
    """Return the solid occupancy of a mesh as bool (resolution,) * 3 in (x, y, z).

    The mesh may be open, non-manifold, self-intersecting, with faces of any orientation. What
    cannot be reached from outside without crossing a touched voxel is enclosed. In a mesh with
    holes a voxel also counts as enclosed when five of six rays from its centre say so: a body
    that lacks a side is solid, a tube or a shade open at both ends is not.

    Parameters
    ----------
    mesh : voxlstm.lib.geometry.mesh.Mesh
        Within the cube [-0.5, 0.5]^3, which is the grid: see `frame.in_grid`.
    resolution : int
    """
    corners = mesh.vertices[mesh.faces]
    surface = touched(corners, resolution)
    if not is_closed(mesh):
        surface |= ray_vote(corners, resolution)
    return enclosed(surface)


def touched(corners: np.ndarray, size: int) -> np.ndarray:
    """Return the voxels that triangles touch.

    A triangle and a box are apart when some axis separates them: an axis of the box, the normal
    of the triangle, or one at right angles to an edge of each (Akenine-Moeller, "Fast 3D
    triangle-box overlap testing", 2001).

    Parameters
    ----------
    corners : (m, 3, 3) float
        Triangles in the cube [-0.5, 0.5]^3.
    size : int
        Voxels along each side of the cube.

    Returns
    -------
    (size, size, size) bool
    """
    grid = np.zeros((size, size, size), dtype=bool)
    corners = (np.asarray(corners, dtype=np.float64) + 0.5) * size
    low, high = (
        np.clip(np.floor(ends), 0, size - 1).astype(np.int64)
        for ends in (corners.min(axis=1) - REACH, corners.max(axis=1) + REACH)
    )
    spans = high - low + 1
    last = np.cumsum(spans.prod(axis=1))
    start = 0
    while start < len(corners):
        # A single triangle may span more voxels than are compared at a time otherwise.
        done = last[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(last, done + PAIRS, side="right")))
        part = np.s_[start:stop]
        triangles, voxels = _candidates(low[part], spans[part])
        near = _overlap(corners[part][triangles] - (voxels + 0.5)[:, None])
        grid[tuple(voxels[near].T)] = True
        start = stop
    return grid


def enclosed(surface: np.ndarray) -> np.ndarray:
    """Return the voxels, those of the surface included, that cannot be reached from outside."""
    padded = np.pad(~surface, 1, constant_values=True)
    regions, _ = ndimage.label(padded)
    return (regions != regions[0, 0, 0])[1:-1, 1:-1, 1:-1]


def is_closed(mesh: Mesh) -> bool:
    """Tell whether every edge has an even number of faces, vertices being matched by position."""
    _, number = np.unique(np.round(mesh.vertices, 6), axis=0, return_inverse=True)
    faces = number[mesh.faces]
    distinct = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    edges = np.sort(faces[distinct][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return bool((counts % 2 == 0).all())


def ray_vote(corners: np.ndarray, size: int) -> np.ndarray:
    """Return the voxels whose centre is inside an open mesh, by a vote of six rays.

    From a centre a ray goes along each axis, both ways. A ray that crosses the surface an odd
    number of times says inside, whatever the orientation of the faces; at least five must.

    Returns
    -------
    (size, size, size) bool
    """
    votes = np.zeros((size, size, size), dtype=np.int8)
    for axis in range(3):
        crossings = _crossings(np.roll(corners, -axis, axis=2), size)
        before = np.cumsum(crossings, axis=0)
        before, after = before[:-1], before[-1] - before[:-1]
        inside = (before % 2).astype(np.int8) + (after % 2).astype(np.int8)
        votes += np.moveaxis(inside, (0, 1, 2), (axis, (axis + 1) % 3, (axis + 2) % 3))
    return votes >= VOTES


def _candidates(low, spans):
    """Return numbers of triangles (k,) and voxels (k, 3): those in each triangle's bounding box."""
    counts = spans.prod(axis=1)
    triangles = np.repeat(np.arange(len(low)), counts)
    place = np.arange(counts.sum()) - (np.cumsum(counts) - counts)[triangles]
    _, rows, columns = spans[triangles].T
    steps = np.stack([place // (rows * columns), place // columns % rows, place % columns], axis=1)
    return triangles, low[triangles] + steps


def _overlap(corners):
    """Tell which triangles (k, 3, 3) touch the voxel about the origin.

    The axes of the voxel are not tried: the bounding boxes are known to meet.
    """
    half = 0.5 + REACH
    edges = np.roll(corners, -1, axis=1) - corners
    normals = np.cross(edges[:, 0], edges[:, 1])
    distance = np.abs(np.einsum("ki,ki->k", normals, corners[:, 0]))
    meet = distance <= half * np.abs(normals).sum(axis=1)
    for axis in range(3):
        # Across an edge (x, y, z) and the first axis stands (0, -z, y), and so on in turn.
        first, second = (axis + 1) % 3, (axis + 2) % 3
        for edge in range(3):
            a, b = -edges[:, edge, second], edges[:, edge, first]
            reached = corners[:, :, first] * a[:, None] + corners[:, :, second] * b[:, None]
            span = half * (np.abs(a) + np.abs(b))
            meet &= (reached.min(axis=1) <= span) & (reached.max(axis=1) >= -span)
    return meet


def _crossings(corners, size):
    """Count the crossings of the surface in each cell of lines along the first axis.

    Returns
    -------
    (size + 1, size, size) int16
        [i, j, k] counts those on line (j, k) between the centres of cells i - 1 and i, the first
        and the last those before and after all centres.
    """
    scene = need("embreex.rtcore_scene", "data").EmbreeScene()
    buffer = np.ascontiguousarray(corners, dtype=np.float32)
    need("embreex.mesh_construction", "data").TriangleMesh(scene, buffer)
    # Lines a little off the centres do not run along the edges of meshes made on a grid.
    y, z = np.meshgrid(
        *[(np.arange(size) + 0.5 + off) / size - 0.5 for off in (0.0131, 0.0173)], indexing="ij"
    )
    origins = np.stack([np.full(size * size, -1.0), y.ravel(), z.ravel()], axis=1).astype(np.float32)
    directions = np.tile(np.float32([1.0, 0.0, 0.0]), (size * size, 1))
    counts = np.zeros((size + 1, size * size), dtype=np.int16)
    lines = np.arange(size * size)
    for _ in range(200):
        hits = scene.run(origins[lines], directions[lines], output=1)
        struck = hits["primID"] >= 0
        if not struck.any():
            break
        lines = lines[struck]
        place = origins[lines, 0] + hits["tfar"][struck]
        cell = np.ceil((place + 0.5) * size - 0.5).astype(np.int64)
        np.add.at(counts, (np.clip(cell, 0, size), lines), 1)
        origins[lines, 0] = place + 1e-5
    return counts.reshape(size + 1, size, size)
