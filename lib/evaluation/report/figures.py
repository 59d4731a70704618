"""Pictures of voxels and the sheets made of them.

Grids are indexed (x, y, z) with y up, as in ShapeNet. They are drawn without perspective from a
camera above the horizon::

            y
            |      camera at azimuth a (from +z towards +x) and elevation e
            |     /
            o---- x
           /
          z
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...data.views import as_float
from .. import style
from ..metrics import occupied
from ..rows import Row

PREDICTION = (74, 126, 209)
TRUTH = (146, 152, 162)
MISSED = (240, 173, 60)
FALSE = (214, 69, 80)
AZIMUTH, ELEVATION = 35.0, 24.0
SAMPLES = 3
RANKS = ("best", "median", "worst")
LIGHT = (0.82, 1.0, 0.68)  # of faces across x, y (the top) and z
FOLD = 0.38  # the share of it that is lost where all neighbours are occupied


@dataclass(frozen=True)
class Case:
    """One object to show.

    Attributes
    ----------
    rank : str
        One of `RANKS`, in its category; or, where it is none of these, another word on it.
    rows : list of Row
        Its scores, one a number of views.
    voxels : ndarray bool (d, d, d)
    occupancy : ndarray float32 (counts, d, d, d)
        Predictions for the numbers of views of ``rows``.
    pictures : ndarray uint8 (V, h, w, 3), optional
        The views that were shown, in order.
    gates : dict, optional
        Name -> (V, channels, g, g, g), what the recurrent cells did at each view.
    """

    rank: str
    rows: list[Row]
    voxels: np.ndarray
    occupancy: np.ndarray
    pictures: np.ndarray | None = None
    gates: dict[str, np.ndarray] | None = None


def camera(azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> np.ndarray:
    """Return the unit vectors right, up and towards the camera, ``(3, 3)`` in (x, y, z)."""
    a, e = np.radians([azimuth, elevation])
    right = [np.cos(a), 0.0, -np.sin(a)]
    up = [-np.sin(e) * np.sin(a), np.cos(e), -np.sin(e) * np.cos(a)]
    back = [np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)]
    return np.array([right, up, back])


def draw_voxels(
    grid: np.ndarray,
    size: int = 256,
    colour: Sequence[int] = PREDICTION,
    paint: np.ndarray | None = None,
    background: Sequence[int] = (255, 255, 255),
    azimuth: float = AZIMUTH,
    elevation: float = ELEVATION,
    zoom: float = 1.0,
) -> np.ndarray:
    """Draw the occupied voxels of a grid as shaded cubes.

    Parameters
    ----------
    grid : ndarray (d, d, d)
        Anything above 0.5 is occupied.
    size : int
        Pixels a side of the picture.
    colour : tuple of int
        RGB of the voxels.
    paint : ndarray uint8 (d, d, d, 3), optional
        RGB of each voxel, instead of ``colour``.
    background : tuple of int
    azimuth, elevation : float
        Direction of the camera in degrees; the elevation above 0 and below 90.
    zoom : float
        At 1 the box of the whole grid just fits; see `fitting_zoom`.

    Returns
    -------
    ndarray uint8 (size, size, 3)
    """
    grid = np.asarray(grid) > 0.5
    if grid.ndim != 3:
        raise ValueError(f"a grid has three axes, not {grid.ndim}")
    axes = camera(azimuth, elevation)
    corners, shade, cells = _faces(grid, axes[2])
    base = np.asarray(colour, float) if paint is None else paint[tuple(cells.T)].astype(float)
    colours = np.clip(base * shade[:, None], 0, 255).astype(int)
    points = _project(corners, grid.shape, axes, size * SAMPLES, zoom)
    picture = Image.new("RGB", (size * SAMPLES, size * SAMPLES), tuple(background))
    pen = ImageDraw.Draw(picture)
    edges = (colours * 0.9).astype(int)
    for outline, fill, edge in zip(points.tolist(), colours.tolist(), edges.tolist()):
        pen.polygon([tuple(p) for p in outline], fill=tuple(fill), outline=tuple(edge))
    return np.asarray(picture.reduce(SAMPLES))


def fitting_zoom(*grids: np.ndarray, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> float:
    """Return the largest zoom, 1 to 2.5, at which `draw_voxels` shows all of each of the grids."""
    filled = np.any(np.asarray(grids) > 0.5, axis=0)
    if not filled.any():
        return 1.0
    axes = camera(azimuth, elevation)
    corners = (np.argwhere(filled)[:, None] + list(np.ndindex(2, 2, 2))).reshape(-1, 3)
    reach = np.abs(_project(corners, filled.shape, axes, 2.0, 1.0) - 1).max()
    return float(np.clip(0.95 / reach, 1.0, 2.5))


def difference_paint(predicted: np.ndarray, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the union of two grids and its paint: agreed, false and missed voxels.

    Returns
    -------
    grid : ndarray bool (d, d, d)
    paint : ndarray uint8 (d, d, d, 3)
    """
    predicted, voxels = np.asarray(predicted) > 0.5, np.asarray(voxels) > 0.5
    paint = np.empty(voxels.shape + (3,), np.uint8)
    paint[...] = TRUTH
    paint[predicted & ~voxels] = FALSE
    paint[voxels & ~predicted] = MISSED
    return predicted | voxels, paint


def pictures_of(views: np.ndarray) -> np.ndarray:
    """Return views ``(V, 3, h, w)``, uint8 or of [0, 1], as pictures ``(V, h, w, 3)`` uint8."""
    return np.rint(np.clip(as_float(views), 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)


def result_sheet(
    cases: Sequence[Case], threshold: float, shown_views: int = 3, size: int = 150
) -> np.ndarray:
    """Compose the picture of the paper's figure 6: views, truth and prediction, a row an object.

    Parameters
    ----------
    cases : sequence of Case
    threshold : float
        Where the predictions are cut.
    shown_views : int
        Pictures of each object, at most.
    size : int
        Pixels a side of a tile.

    Returns
    -------
    ndarray uint8 (h, w, 3)
    """
    columns = shown_views + 2
    margin, head = 12, 26
    wide = 170 + columns * (size + margin)
    sheet = Image.new("RGB", (wide, head + len(cases) * (size + margin)), (255, 255, 255))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    titles = [f"view {k + 1}" for k in range(shown_views)] + ["ground truth", "prediction"]
    for column, title in enumerate(titles):
        pen.text((170 + column * (size + margin), 8), title, (90, 90, 90), font)
    for number, case in enumerate(cases):
        top = head + number * (size + margin)
        last = case.rows[-1]
        ranked = [f"{case.rank} of its category"] if case.rank in RANKS else []
        lines = [style.shortened(last.category, 25), *ranked, f"{last.views} views", f"IoU {last.iou:.3f}"]
        pen.multiline_text((10, top + 30), "\n".join(lines), (30, 30, 30), font, spacing=6)
        predicted = occupied(case.occupancy[-1], threshold)
        tiles = _tiles(case.pictures, case.voxels, predicted, shown_views, size)
        for column, tile in enumerate(tiles):
            if tile is not None:
                sheet.paste(Image.fromarray(tile), (170 + column * (size + margin), top))
    return np.asarray(sheet)


def strip(views: np.ndarray, voxels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Draw one object in a row: up to three views, the true grid, the predicted one.

    Parameters
    ----------
    views : ndarray (V, 3, h, w)
        uint8, or float32 in [0, 1].
    voxels, predicted : ndarray bool (d, d, d)

    Returns
    -------
    ndarray uint8 (h, w, 3)
    """
    tiles = list(_tiles(pictures_of(views[:3]), voxels, predicted, len(views[:3]), 127))
    return np.concatenate([np.pad(tile, ((0, 0), (0, 6), (0, 0)), constant_values=255) for tile in tiles], 1)


def png(picture: np.ndarray) -> bytes:
    """Return an uint8 picture ``(h, w, 3)`` as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _tiles(pictures, voxels, predicted, shown_views, size):
    shown = [] if pictures is None else list(pictures[:shown_views])
    for picture in shown:
        yield np.asarray(Image.fromarray(picture).resize((size, size), Image.LANCZOS))
    for _ in range(shown_views - len(shown)):
        yield None
    zoom = fitting_zoom(voxels, predicted)
    yield draw_voxels(voxels, size, TRUTH, zoom=zoom)
    yield draw_voxels(predicted, size, PREDICTION, zoom=zoom)


def _faces(grid, back):
    """Return the faces that can be seen, the farthest first.

    Returns
    -------
    corners : (n, 4, 3) float, in cells
    shade : (n,) in (0, 1]
    cells : (n, 3) int
    """
    found = []
    padded = np.pad(grid, 1)
    for axis in range(3):
        step = 1 if back[axis] >= 0 else -1
        ahead = np.roll(padded, -step, axis)
        cells = np.argwhere((padded & ~ahead)[1:-1, 1:-1, 1:-1])
        shade = LIGHT[axis] * (1 - FOLD * _crowding(ahead, axis)[tuple(cells.T)])
        found.append((cells[:, None] + _square(axis, step), shade, cells))
    corners, shade, cells = (np.concatenate(parts) for parts in zip(*found))
    # Seen along ``back``, a cell with a larger signed index on the first axis on which two differ
    # is never behind the other: the plane between them parts them.
    signs = np.where(back >= 0, 1, -1)
    order = np.lexsort((cells * signs)[:, ::-1].T)
    return corners[order], shade[order], cells[order]


def _crowding(ahead, axis):
    """Share of the eight cells around the one in front of a face that are occupied.

    Faces in corners and folds are darkened by it, as less light falls there.
    """
    total = np.zeros(ahead.shape, np.int32)
    first, second = [other for other in range(3) if other != axis]
    for du in (-1, 0, 1):
        for dv in (-1, 0, 1):
            if (du, dv) != (0, 0):
                total += np.roll(ahead, (du, dv), (first, second))
    return total[1:-1, 1:-1, 1:-1] / 8


def _square(axis, step):
    """Corners of the face of a unit cell across ``axis``, ``(4, 3)``."""
    corners = np.zeros((4, 3))
    first, second = [other for other in range(3) if other != axis]
    corners[:, axis] = (1 + step) / 2
    corners[[1, 2], first] = 1
    corners[[2, 3], second] = 1
    return corners


def _project(points, shape, axes, size, zoom):
    """Return points in cells as pixels ``(..., 2)``, the box of the grid fitting at zoom 1."""
    centre = np.asarray(shape) / 2
    box = np.array(list(np.ndindex(2, 2, 2))) * shape - centre
    half = np.abs(box @ axes[:2].T).max()
    flat = (points - centre) @ axes[:2].T * (zoom * 0.98 * size / 2 / half)
    return np.stack([size / 2 + flat[..., 0], size / 2 - flat[..., 1]], axis=-1)
