"""Solid voxel grids of meshes of any quality.

The grid covers the cube [-0.5, 0.5]^3 of the data set's frame (see `camera`), for every model the
same: voxel (i, j, k) is the cell with its centre at ((i, j, k) + 0.5) / 32 - 0.5. In binvox terms
that is ``translate -0.5 -0.5 -0.5`` and ``scale 1``, and a model of unit diagonal always fits. So
voxels, renderings and meshes share one frame, and nothing else is needed to line them up.
"""

import numpy as np
from scipy import ndimage

from ..runtime.errors import need

RESOLUTION = 32
FINE = 4  # cells along each side of a voxel
STEP = 0.8  # of a cell: the spacing of marks on the surface
LATTICES = (1, 2, 4, 8)  # steps along an edge
TRANSLATE = (-0.5, -0.5, -0.5)
SCALE = 1.0


def voxelise(mesh, resolution=RESOLUTION):
    """Return the solid occupancy of a mesh as bool (resolution,) * 3 in (x, y, z).

    The mesh may be open, non-manifold, self-intersecting, with faces of any orientation. On a
    grid four times as fine, what cannot be reached from outside without crossing a surface is
    solid; where the mesh is open, cells that a vote of rays finds inside are solid as well. A voxel
    is occupied when at least half of it is solid. Parts thinner than that are kept: see
    `thin_parts`.

    Parameters
    ----------
    mesh : voxlstm.lib.geometry.mesh.Mesh
        Within the cube [-0.5, 0.5]^3.
    resolution : int
    """
    size = resolution * FINE
    corners = mesh.vertices[mesh.faces]
    surface = rasterise(corners, size)
    solid = enclosed(surface)
    if not is_closed(mesh):
        solid |= _grow(ray_vote(corners, size // 2), 2)
    # A cell that the surface crosses is about half solid.
    share = np.where(surface, np.float32(0.5), solid.astype(np.float32))
    share = share.reshape(resolution, FINE, resolution, FINE, resolution, FINE).mean(axis=(1, 3, 5))
    return (share >= 0.5) | thin_parts(surface | solid, share)


def rasterise(corners, size):
    """Mark the cells that a surface passes through.

    Triangles (m, 3, 3) are halved across their longest edge until it is no longer than the
    largest lattice allows; then each is marked at the points of a lattice finer than 0.8 of a
    cell. So every point of the surface is within half a cell of a marked point, and no two cells
    that share a side lie unmarked on opposite sides of the surface.

    Returns
    -------
    (size, size, size) bool
    """
    grid = np.zeros(size**3, dtype=bool)
    pending = (np.asarray(corners, dtype=np.float32) + np.float32(0.5)) * np.float32(size)
    while len(pending):
        edges = pending - np.roll(pending, -1, axis=1)
        lengths = np.sqrt(np.einsum("mci,mci->mc", edges, edges))
        longest = lengths.max(axis=1)
        done = -1.0
        for steps in LATTICES:
            chosen = (longest > done) & (longest <= STEP * steps)
            _mark(grid, size, pending[chosen], steps)
            done = STEP * steps
        large = longest > done
        pending = _halve(pending[large], lengths[large])
    return grid.reshape(size, size, size)


def enclosed(surface):
    """Return the cells, surface included, that cannot be reached from outside the grid."""
    padded = np.pad(~surface, 1, constant_values=True)
    regions, _ = ndimage.label(padded)
    return (regions != regions[0, 0, 0])[1:-1, 1:-1, 1:-1]


def is_closed(mesh):
    """Tell whether every edge has an even number of faces, vertices being matched by position."""
    _, number = np.unique(np.round(mesh.vertices, 6), axis=0, return_inverse=True)
    faces = number[mesh.faces]
    distinct = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    edges = np.sort(faces[distinct][:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return bool((counts % 2 == 0).all())


def ray_vote(corners, size):
    """Return the cells whose centre is inside an open mesh, by a vote of six rays.

    From a centre a ray goes along each axis, both ways. A ray that crosses the surface an odd
    number of times says inside, whatever the orientation of the faces; at least four must.

    Returns
    -------
    (size, size, size) bool
    """
    votes = np.zeros((size, size, size), dtype=np.int8)
    for axis in range(3):
        crossings = _crossings(np.roll(corners, -axis, axis=2), size)
        before = np.cumsum(crossings, axis=0)
        after = before[-1] - before
        inside = (before % 2).astype(np.int8) + (after % 2).astype(np.int8)
        votes += np.moveaxis(inside, (0, 1, 2), (axis, (axis + 1) % 3, (axis + 2) % 3))
    return votes >= 4


def thin_parts(solid, share):
    """Return the voxels that keep parts too thin to fill half of any voxel.

    Parameters
    ----------
    solid : (4n, 4n, 4n) bool
        Cells.
    share : (n, n, n) float
        The part of each voxel that is solid.

    Returns
    -------
    (n, n, n) bool
        The centres of eight neighbouring voxels are the corners of a block of cells. Of each
        block with solid cells it holds the fullest of the eight voxels; and where solid cells
        lie on both sides of the face of two blocks, the fullest of the four voxels at that
        face, so that what hangs together in cells does so in voxels.
    """
    count, half = len(share), FINE // 2
    padded = np.pad(share, 1, constant_values=-1.0)
    cells = np.pad(solid, half)
    kept = np.zeros_like(padded, dtype=bool)
    blocks = cells.reshape((count + 1, FINE) * 3).any(axis=(1, 3, 5))
    _keep_fullest(kept, padded, blocks, (2, 2, 2))
    for axis in range(3):
        sides = np.moveaxis(cells, axis, 0)
        sides = sides.reshape(count + 1, FINE, count + 1, FINE, count + 1, FINE).any(axis=(3, 5))
        crossed = np.zeros((count + 2, count + 1, count + 1), dtype=bool)
        crossed[1:-1] = sides[:-1, -1] & sides[1:, 0]
        shape = [1 if other == axis else 2 for other in range(3)]
        _keep_fullest(kept, padded, np.moveaxis(crossed, 0, axis), shape)
    return kept[1:-1, 1:-1, 1:-1]


def _keep_fullest(kept, share, wanted, shape):
    """Set in ``kept`` the fullest voxel of each wanted window; [x, y, z] is a window's first."""
    ends = [size - length + 1 for size, length in zip(share.shape, shape)]
    offsets = np.argwhere(np.ones(shape, dtype=bool))
    windows = [share[x : x + ends[0], y : y + ends[1], z : z + ends[2]] for x, y, z in offsets]
    best = np.argmax(windows, axis=0)[wanted]
    places = np.argwhere(wanted) + offsets[best]
    kept[tuple(places.T)] = True


def _mark(grid, size, triangles, steps):
    """Mark the cells of the lattice points that divide each edge into ``steps`` parts."""
    u, v = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    u, v = u[u + v <= steps], v[u + v <= steps]
    weights = np.stack([steps - u - v, u, v], axis=1).astype(np.float32) / np.float32(steps)
    cells = np.einsum("pc,mci->imp", weights, triangles, optimize=True)
    x, y, z = np.clip(cells, 0, size - 1).astype(np.int32)
    grid[(x * size + y) * size + z] = True


def _halve(triangles, lengths):
    """Split triangles (m, 3, 3) across their longest edge; edge c joins corners c and c + 1."""
    start = lengths.argmax(axis=1)
    order = (start[:, None] + np.arange(3)) % 3
    a, b, c = np.moveaxis(np.take_along_axis(triangles, order[..., None], axis=1), 1, 0)
    middle = (a + b) / 2
    return np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])


def _crossings(corners, size):
    """Count the crossings of the surface in each cell of lines along the first axis.

    Returns
    -------
    (size, size, size) int16
        [i, j, k] counts those on line (j, k) between the centres of cells i - 1 and i.
    """
    scene = need("embreex.rtcore_scene", "data").EmbreeScene()
    buffer = np.ascontiguousarray(corners, dtype=np.float32)
    need("embreex.mesh_construction", "data").TriangleMesh(scene, buffer)
    # Lines a little off the centres do not run along the edges of meshes made on a grid.
    y, z = np.meshgrid(
        *[(np.arange(size) + 0.5 + off) / size - 0.5 for off in (0.0131, 0.0173)], indexing="ij"
    )
    origins = np.stack([np.full(size * size, -1.0), y.ravel(), z.ravel()], axis=1).astype(
        np.float32
    )
    directions = np.tile(np.float32([1.0, 0.0, 0.0]), (size * size, 1))
    counts = np.zeros((size, size * size), dtype=np.int16)
    lines = np.arange(size * size)
    for _ in range(200):
        hits = scene.run(origins[lines], directions[lines], output=1)
        struck = hits["primID"] >= 0
        if not struck.any():
            break
        lines = lines[struck]
        place = origins[lines, 0] + hits["tfar"][struck]
        cell = np.ceil((place + 0.5) * size - 0.5).astype(np.int64)
        inside = cell < size
        np.add.at(counts, (np.maximum(cell[inside], 0), lines[inside]), 1)
        origins[lines, 0] = place + 1e-5
    return counts.reshape(size, size, size)


def _grow(grid, factor):
    for axis in range(3):
        grid = np.repeat(grid, factor, axis=axis)
    return grid
