"""The classical method: a visual hull, carved from silhouettes by known cameras.

The paper says that classical methods need at least ten views. Space carving from silhouettes
(Laurentini, 1994) is the plainest of them: what any view shows as background is empty. It is told the
camera of every view and the size of the object's grid, which the network is not.
"""

from collections.abc import Sequence

import numpy as np

from ..base.errors import UserError
from ..data import binvox
from ..data.shapenet import Item
from ..data.views import read_rendering
from ..geometry.camera import SIZE, Viewpoint, project, read_viewpoints
from .metrics import iou

POINTS = 3  # along each side of a voxel; with 2 the hull of 20 views scores 0.02 less, with 4 the same


def visual_hulls(
    silhouettes: Sequence[np.ndarray],
    viewpoints: Sequence[Viewpoint],
    scale: float,
    counts: Sequence[int],
    resolution: int = 32,
) -> np.ndarray:
    """Return the visual hull of an object from several numbers of views.

    A voxel is occupied when one of the POINTS^3 points in it is inside every silhouette, since a grid
    holds all voxels that the surface touches.

    Parameters
    ----------
    silhouettes : sequence of bool (137, 137)
        Where each view shows the object.
    viewpoints : sequence of Viewpoint
    scale : float
        The grid's side in the model's frame (see `lib.geometry.frame`).
    counts : sequence of int
        Numbers of views, rising; hull k is of the first ``counts[k]`` ones.
    resolution : int
        Voxels a side.

    Returns
    -------
    bool (len(counts), resolution, resolution, resolution)
        In (x, y, z).
    """
    fine = resolution * POINTS
    left = np.arange(fine**3)
    hulls = []
    for number in range(max(counts)):
        places = np.stack(np.unravel_index(left, 3 * (fine,)), axis=1)
        points = ((places + 0.5) / fine - 0.5) * scale
        left = left[_inside(silhouettes[number], project(points, viewpoints[number]))]
        if number + 1 in counts:
            hulls.append(_voxels(left, resolution))
    return np.stack(hulls)


def silhouette(rendering: np.ndarray) -> np.ndarray:
    """Return where a rendering (side, side, 4) of uint8 shows the object, or its edge."""
    return rendering[..., 3] > 0


def scores(item: Item, counts: Sequence[int]) -> np.ndarray:
    """Return the IoU of an object's visual hull for each number of views."""
    viewpoints, views = read_viewpoints(item.metadata_path), counts[-1]
    if min(item.views, len(viewpoints)) < views:
        raise UserError(
            f"{item.renderings_path} has {item.views} pictures and {len(viewpoints)}"
            f" viewpoints; {views} pictures with their viewpoints are needed"
        )
    voxels, _, scale = binvox.load(item.voxels_path)
    silhouettes = [silhouette(read_rendering(item.view_path(k), SIZE)) for k in range(views)]
    hulls = visual_hulls(silhouettes, viewpoints, scale, counts, len(voxels))
    return iou(hulls.astype(np.float32), np.broadcast_to(voxels, hulls.shape))


def _inside(silhouette, pixels):
    """Return which positions (n, 2) of column and row are on the silhouette."""
    columns, rows = np.floor(pixels).astype(int).T
    # What lies beyond the picture's edge was not seen to be empty.
    shown = (columns >= 0) & (columns < SIZE) & (rows >= 0) & (rows < SIZE)
    found = ~shown
    found[shown] = silhouette[rows[shown], columns[shown]]
    return found


def _voxels(points, resolution):
    grid = np.zeros(3 * (resolution,), bool)
    places = np.unravel_index(points, 3 * (resolution * POINTS,))
    grid[tuple(place // POINTS for place in places)] = True
    return grid
