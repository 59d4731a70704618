"""Watertight meshes of voxel grids, in the frame of the grid (see `frame`).

Voxel (i, j, k) of a grid of n fills the cell from (i, j, k) / n - 0.5 to (i + 1, j + 1, k + 1) / n
- 0.5, so that a mesh lies where the model lies whose voxels it shows.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..base.errors import UserError, need

if TYPE_CHECKING:
    import trimesh

INSET = 0.02  # of a voxel: keeps apart the surfaces of two voxels that share no more than an edge


def blocks(grid: np.ndarray) -> "trimesh.Trimesh":
    """Return the surface of the occupied voxels, as they are.

    Parameters
    ----------
    grid : (n, n, n) array of bool or 0/1

    Returns
    -------
    trimesh.Trimesh
        Every edge has exactly two faces. Where two voxels share an edge and nothing else, each
        gets its own copy of the edge's middle, 2 % of a voxel inside, which keeps this true for
        programs that merge points of one place.

    Raises
    ------
    UserError
        When no voxel is occupied.
    """
    trimesh = need("trimesh", "report")
    grid = np.asarray(grid).astype(bool)
    if not grid.any():
        raise UserError("there is no occupied voxel to make a mesh of: lower the threshold")
    quads, owners = _quads(grid)
    edge = len(grid) + 1
    keys, faces = np.unique(quads @ (edge * edge, edge, 1), return_inverse=True)
    numbers = np.stack([keys // edge**2, keys // edge % edge, keys % edge], axis=1)
    faces = faces.reshape(-1, 4)
    crossed = _crossed_edges(faces)
    plain = ~crossed.any(axis=1)
    triangles = [faces[plain][:, [0, 1, 2]], faces[plain][:, [0, 2, 3]]]
    points, fans = _split(numbers, faces[~plain], crossed[~plain], owners[~plain])
    triangles.append(fans)
    vertices = np.concatenate([numbers.astype(np.float64), points])
    return trimesh.Trimesh(vertices / len(grid) - 0.5, np.concatenate(triangles), process=False)


def smooth(occupancy: np.ndarray, threshold: float) -> "trimesh.Trimesh":
    """Return the smooth surface where the occupancy equals the threshold, by marching cubes.

    Parameters
    ----------
    occupancy : (n, n, n) array of float
        Probabilities, taken to be those at the voxels' centres and 0 outside the grid.
    threshold : float
        Between 0 and 1, both excluded.

    Returns
    -------
    trimesh.Trimesh

    Raises
    ------
    UserError
        When no voxel is above the threshold, or the threshold is not between 0 and 1.
    """
    trimesh = need("trimesh", "report")
    measure = need("skimage.measure", "report")
    if not 0 < threshold < 1:
        raise UserError(f"the threshold is {threshold}; it must lie between 0 and 1")
    values = np.pad(np.asarray(occupancy, dtype=np.float64), 1)
    # A value on the threshold itself would give triangles without area, and so holes.
    values[np.abs(values - threshold) < 1e-6] = threshold - 1e-6
    if not (values > threshold).any():
        raise UserError(f"no voxel is above the threshold {threshold}: lower it")
    points, faces, _, _ = measure.marching_cubes(values, threshold)
    vertices = (points.astype(np.float64) - 0.5) / (len(values) - 2) - 0.5
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    if mesh.volume < 0:
        mesh.invert()
    return mesh


def _quads(grid):
    """Return the exposed sides (m, 4, 3) as integer corners, seen anticlockwise from outside.

    The second value holds the voxel (m, 3) that each side belongs to.
    """
    padded = np.pad(grid, 1)
    quads, owners = [], []
    for axis in range(3):
        first, second = np.eye(3, dtype=int)[[(axis + 1) % 3, (axis + 2) % 3]]
        square = np.array([0 * first, first, first + second, second])
        for side in (0, 1):
            beyond = np.roll(padded, 1 - 2 * side, axis=axis)[1:-1, 1:-1, 1:-1]
            voxels = np.argwhere(grid & ~beyond)
            corners = square if side else square[::-1]
            quads.append(voxels[:, None, :] + corners + side * np.eye(3, dtype=int)[axis])
            owners.append(voxels)
    return np.concatenate(quads), np.concatenate(owners)


def _crossed_edges(faces):
    """Tell for each edge of each side (m, 4) whether four sides meet there."""
    following = np.roll(faces, -1, axis=1)
    low, high = np.minimum(faces, following), np.maximum(faces, following)
    keys = low.astype(np.int64) * (faces.max() + 1) + high
    _, number, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return (counts[number] > 2).reshape(faces.shape)


def _split(corners, faces, crossed, owners):
    """Return new points (p, 3) and triangles of sides with edges where four faces meet.

    Each side becomes a fan about its centre. A crossed edge gets a middle point for each voxel
    that has it, so that its halves belong to two faces each.
    """
    points, known, triangles = [], {}, []

    def number(key, place):
        if key not in known:
            known[key] = len(corners) + len(points)
            points.append(place)
        return known[key]

    for face, edges, owner in zip(faces.tolist(), crossed.tolist(), owners):
        loop = []
        for corner, following, split in zip(face, face[1:] + face[:1], edges):
            loop.append(corner)
            if split:
                middle = (corners[corner] + corners[following]) / 2
                inwards = INSET * (owner + 0.5 - middle)
                key = (*sorted((corner, following)), *owner)
                loop.append(number(key, middle + inwards))
        centre = number((*face, *owner), corners[face].mean(axis=0))
        triangles += [(centre, a, b) for a, b in zip(loop, loop[1:] + loop[:1])]
    return np.array(points).reshape(-1, 3), np.array(triangles, dtype=np.int64).reshape(-1, 3)
