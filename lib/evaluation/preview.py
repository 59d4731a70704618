"""One picture of what went in and what came out."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .report import figures

TILE, MARGIN, LINE = 190, 10, 18
COLUMNS = 6
AZIMUTHS = (35.0, 125.0, 215.0)


def preview(views: np.ndarray, names: Sequence[str], occupancy: np.ndarray, threshold: float) -> np.ndarray:
    """Draw the views that the network was given and the reconstruction from three sides.

    Parameters
    ----------
    views : ndarray (n, 3, h, w)
        In [0, 1].
    names : sequence of str
        Of the pictures.
    occupancy : ndarray (d, d, d)
    threshold : float

    Returns
    -------
    ndarray uint8 (h, w, 3)
    """
    pictures = figures.pictures_of(views)
    tiles = [
        (np.asarray(Image.fromarray(picture).resize((TILE, TILE), Image.Resampling.LANCZOS)), name)
        for picture, name in zip(pictures, names)
    ]
    filled = occupancy > threshold
    shapes = [
        (figures.draw_voxels(filled, TILE, azimuth=azimuth), f"reconstruction, {angle}")
        for azimuth, angle in zip(AZIMUTHS, ("front right", "back right", "back left"))
    ]
    rows = [tiles[first : first + COLUMNS] for first in range(0, len(tiles), COLUMNS)] + [shapes]
    wide = MARGIN + max(map(len, rows)) * (TILE + MARGIN)
    sheet = Image.new("RGB", (wide, MARGIN + len(rows) * (TILE + LINE + MARGIN)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for row, line in enumerate(rows):
        for column, (tile, name) in enumerate(line):
            x = MARGIN + column * (TILE + MARGIN)
            y = MARGIN + row * (TILE + LINE + MARGIN)
            sheet.paste(Image.fromarray(tile), (x, y))
            # The built-in font may know Western letters only.
            text = name[:32].encode("latin-1", "replace").decode("latin-1")
            pen.text((x, y + TILE + 3), text, (60, 60, 60), font)
    return np.asarray(sheet)
