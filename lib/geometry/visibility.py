"""Which voxels of a solid are seen from a viewpoint."""

import numpy as np
from scipy import ndimage

from .camera import Viewpoint

STEP = 0.25  # of a voxel's side, between two points that are looked at along a line of sight


def surface(grid: np.ndarray) -> np.ndarray:
    """Return the occupied voxels that have an empty one beside one of their six sides."""
    inside = ndimage.binary_erosion(grid, border_value=0)
    return grid & ~inside


def visible(grid: np.ndarray, viewpoint: Viewpoint, scale: float) -> np.ndarray:
    """Return the voxels that the camera sees.

    A voxel is seen when one of its faces is: it is turned to the camera, and the line of sight
    from its middle to the camera meets no occupied voxel.

    Parameters
    ----------
    grid : bool (d, d, d)
        In (x, y, z).
    viewpoint : Viewpoint
    scale : float
        The grid's side in the model's frame (see `frame`), as its binvox header says.

    Returns
    -------
    bool (d, d, d)
    """
    camera = (viewpoint.axes()[0] / scale + 0.5) * len(grid)  # in voxels from the grid's corner
    shell = np.argwhere(surface(grid))
    seen = np.zeros_like(grid)
    for normal in np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)]):
        starts = shell + 0.5 + (0.5 + 1e-6) * normal
        facing = (camera - starts) @ normal > 0
        free = facing.copy()
        free[facing] = _reaches(grid, starts[facing], camera)
        seen[tuple(shell[free].T)] = True
    return seen


def _reaches(grid, starts, camera):
    """Return for each point (n, 3) whether nothing is between it and the camera."""
    lines = camera - starts
    directions = lines / np.linalg.norm(lines, axis=1, keepdims=True)
    free = np.ones(len(starts), bool)
    # From within the grid a line has left it after its diagonal, and the camera is outside.
    for distance in np.arange(0, np.sqrt(3) * len(grid), STEP):
        cells = np.floor(starts + distance * directions).astype(int)
        inside = ((cells >= 0) & (cells < len(grid))).all(axis=1)
        free[inside] &= ~grid[tuple(cells[inside].T)]
    return free
