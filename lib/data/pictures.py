"""A user's own pictures, cut out and framed as the network saw its training views."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from ..base.errors import UserError
from ..base.hints import StrPath
from . import depth
from .decoding import opened, reduced
from .views import SIZE, TEST_BACKGROUND

BACKGROUND = TEST_BACKGROUND / 255
# Medians over 1,500 renderings: the longer side of an object as a share of the view, and how far
# its middle lies below the view's, since the camera looks down and what is near looks larger.
EXTENT = 0.69
BELOW = 3  # of 127 pixels
WORKING_SIDE = 768  # larger pictures are reduced first: a view has 127 pixels
CORNERS = 0.1  # share of a picture that rounded corners take at most
PLAIN_NOISE = 0.05  # a plain background strays this little from a smooth surface of colour
PLAIN_SHARE = 0.6  # ... over at least this share of the picture's border


@dataclass(frozen=True)
class Picture:
    """One picture, ready for the network.

    Attributes
    ----------
    name : str
        The file's name.
    view : ndarray, float32 (3, size, size)
        Colours in [0, 1], the object centred on grey.
    cut : str
        How the object was found: ``"alpha"``, ``"plain background"`` or ``"not cut out"``.
    """

    name: str
    view: np.ndarray
    cut: str


def load_picture(path: StrPath, size: int = SIZE) -> Picture:
    """Read one picture of any size and mode and frame its object as in training.

    Alpha is used where there is any; otherwise a plain (also smoothly shaded) background is
    removed; otherwise the middle square of the picture is taken as it is.

    Parameters
    ----------
    path : path-like
    size : int
        Pixels a side of the view that the network takes.

    Returns
    -------
    Picture

    Raises
    ------
    UserError
        When the file is no readable picture or shows nothing but background.
    """
    pixels = _read(path)
    colour, alpha = pixels[..., :3], pixels[..., 3]
    cut = "alpha"
    if 0 < alpha.max() <= 0.5:  # a faint object, such as glass
        alpha = alpha / alpha.max()
    if alpha.min() > 0.5 or _only_corners_cut(alpha):
        colour = _filled(colour, alpha > 0.5)
        alpha = plain_background(colour)
        cut = "plain background"
    if alpha is None:
        return Picture(Path(path).name, _as_it_is(colour, size), "not cut out")
    alpha = _without_specks(alpha)
    if not (alpha > 0.5).any():
        raise UserError(f"{path} shows no object, only background; take another picture")
    return Picture(Path(path).name, frame(colour, alpha, size), cut)


def load_pictures(paths: Iterable[StrPath], size: int = SIZE) -> tuple[list[Picture], np.ndarray]:
    """Read pictures in order.

    Returns
    -------
    pictures : list of Picture
    views : ndarray, float32 (n, 3, size, size)
    """
    pictures = [load_picture(path, size) for path in paths]
    if not pictures:
        raise UserError("give at least one picture")
    return pictures, np.stack([picture.view for picture in pictures])


def plain_background(colour: np.ndarray) -> np.ndarray | None:
    """Tell an object from a plain background.

    The background is a smooth surface of colour, quadratic in the position, fitted robustly to
    the border of the picture; a pixel belongs to the object as far as it strays from it.

    Parameters
    ----------
    colour : ndarray (height, width, 3)
        In [0, 1].

    Returns
    -------
    ndarray (height, width) or None
        Opacity in [0, 1]; None when the border is not plain.
    """
    terms = _quadratic_terms(*colour.shape[:2])
    border = _border(*colour.shape[:2])
    coefficients, noise, share = _robust_fit(terms[border], colour[border])
    if noise > PLAIN_NOISE or share < PLAIN_SHARE:
        return None
    distance = np.abs(colour - terms @ coefficients).max(axis=-1)
    low = max(0.04, 4 * noise)
    return np.clip((distance - low) / 0.06, 0, 1)


def frame(colour: np.ndarray, alpha: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Put an object on grey, as large and where the training views show theirs.

    Parameters
    ----------
    colour : ndarray (height, width, 3)
    alpha : ndarray (height, width)
        Opacity; at least one value above 0.5.
    size : int

    Returns
    -------
    ndarray, float32 (3, size, size)
    """
    rows, columns = np.nonzero(alpha > 0.5)
    top, bottom = rows.min(), rows.max() + 1
    left, right = columns.min(), columns.max() + 1
    scale = EXTENT * size / max(bottom - top, right - left)
    height = max(1, round((bottom - top) * scale))
    width = max(1, round((right - left) * scale))
    box = np.s_[top:bottom, left:right]
    # Colours are weighted by opacity while resizing, so that no background bleeds in.
    opacity = _resize(alpha[box], height, width)
    premultiplied = _resize(colour[box] * alpha[box][..., None], height, width)
    view = np.full((size, size, 3), BACKGROUND)
    y, x = (size - height) // 2 + round(BELOW * size / SIZE), (size - width) // 2
    place = np.s_[y : y + height, x : x + width]
    view[place] = premultiplied + (1 - opacity[..., None]) * BACKGROUND
    return _planes(view)


def _read(path):
    """Return (height, width, 4) in [0, 1], turned as the EXIF data say."""
    with opened(path) as image:
        depth.restore(path, image)
        white = depth.top(image)
        image = reduced(image, WORKING_SIDE, lambda part: depth.eight_bits(part, white).convert("RGBA"))
        image.thumbnail((WORKING_SIDE, WORKING_SIDE))
        return np.asarray(image, dtype=np.float32) / 255


def _only_corners_cut(alpha):
    """Tell whether alpha does no more than round the corners, as in a window's screenshot."""
    sides = alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]
    middles = [side[len(side) // 5 : len(side) - len(side) // 5] for side in sides]
    return (alpha <= 0.5).mean() < CORNERS and all((part > 0.5).all() for part in middles)


def _filled(colour, known):
    """Return colours with the nearest known one where there is none."""
    if known.all():
        return colour
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return colour[rows, columns]


def _quadratic_terms(height, width):
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _border(height, width):
    depth = max(1, round(0.02 * min(height, width)))
    border = np.ones((height, width), bool)
    border[depth:-depth, depth:-depth] = False
    return border


def _robust_fit(terms, colours):
    """Fit colours (n, 3) by terms (n, 6); return the coefficients, the noise, the share that fits.

    It starts from the commonest colour, so that an object across the border is left out, and
    then takes in all that fits (a few rounds of trimmed least squares).
    """
    start = np.median(colours, axis=0)
    near = np.abs(colours - start).max(axis=-1)
    inside = near <= max(np.quantile(near, PLAIN_SHARE), 0.02)
    for _ in range(5):
        coefficients = np.linalg.lstsq(terms[inside], colours[inside], rcond=None)[0]
        strays = np.abs(colours - terms @ coefficients).max(axis=-1)
        noise = 1.48 * np.median(strays[inside])
        inside = strays <= max(3 * noise, 0.02)
    return coefficients, noise, inside.mean()


def _without_specks(alpha):
    """Clear what is small beside the largest piece: dust, sensor noise, compression."""
    pieces, count = ndimage.label(alpha > 0, structure=np.ones((3, 3)))
    if not count:
        return alpha
    sizes = ndimage.sum_labels(alpha, pieces, np.arange(1, count + 1))
    kept = np.concatenate([[False], sizes >= 0.02 * sizes.max()])
    return np.where(kept[pieces], alpha, 0)


def _as_it_is(colour, size):
    height, width = colour.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _planes(_resize(colour[top : top + side, left : left + side], size, size))


def _resize(values, height, width):
    """Resize (h, w) or (h, w, channels), averaging where it shrinks."""
    if values.ndim == 3:
        return np.stack([_resize(plane, height, width) for plane in np.moveaxis(values, 2, 0)], 2)
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def _planes(view):
    return np.ascontiguousarray(np.clip(view, 0, 1).transpose(2, 0, 1), dtype=np.float32)
