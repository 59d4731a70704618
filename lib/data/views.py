"""Views of an object as the network takes them: composited, cropped, flipped, scaled.

The values are 3D-R2N2's (Choy et al., ECCV 2016). In training every view gets a random light
background, a random crop and a random flip; at test time grey 240, the centre, no flip. A rendering
of 137 pixels a side is cropped to the 127 that the network takes; others, and other networks, keep
that proportion. Views are kept and moved as bytes; `as_float` is what they mean to the network.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..base.errors import UserError
from ..base.hints import StrPath
from .decoding import opened, reduced
from .depth import restore
from .variation import FRAMED, varied_rendering, varied_view

RENDERED = 137  # pixels of a rendering's side
SIZE = 127  # pixels of the side that the network takes
TEST_BACKGROUND = 240
FORMATS = ("PNG", "JPEG")
# The values of light backgrounds: lowest, and highest, exclusive.
_LIGHT = (225, 256)


def rendered_size(size: int = SIZE) -> int:
    """Return the side in pixels from which a view of ``size`` pixels a side is cropped."""
    return round(size * RENDERED / SIZE)


def load_views(
    paths: Sequence[StrPath],
    rng: np.random.Generator | None = None,
    out: np.ndarray | None = None,
    size: int = SIZE,
    vary: bool = False,
) -> np.ndarray:
    """Read the views of one object.

    Parameters
    ----------
    paths : sequence of path-like
        Pictures of any size, with alpha where the background is to be replaced.
    rng : numpy.random.Generator, optional
        Draws the augmentation, independently for each view; None means test time.
    out : ndarray of uint8, (n, 3, size, size), optional
        Where to put the result.
    size : int
        Pixels of the side that the network takes.
    vary : bool
        Whether ``rng`` also draws what users' own pictures differ in; see `variation`.

    Returns
    -------
    ndarray of uint8, (n, 3, size, size)
        Channels red, green, blue.

    Raises
    ------
    UserError
        Naming the file that cannot be read.
    """
    if out is None:
        out = np.empty((len(paths), 3, size, size), np.uint8)
    varied = rng if vary else None
    framed = varied is not None and varied.random() < FRAMED
    for path, view in zip(paths, out, strict=True):
        rendering = read_rendering(path, rendered_size(size))
        if varied is not None:
            prepare(varied_rendering(rendering, varied, framed), varied, view)
            view[...] = varied_view(view, varied)
        else:
            prepare(rendering, rng, view)
    return out


def read_rendering(path: StrPath, side: int | None = None) -> np.ndarray:
    """Read a picture as uint8 (side, side, 4): red, green, blue, alpha; errors as `load_views`.

    What is not square gets transparent borders, and what is not ``side`` pixels wide is resampled;
    None leaves it as it is.
    """
    with opened(path, "view", FORMATS) as image:
        if image.mode not in ("RGBA", "RGB", "P", "PA", "LA", "L", "1", "CMYK", "YCbCr"):
            raise UserError(f"{path} has pixels of mode {image.mode}, not 8-bit RGBA")
        restore(path, image)
        turn = image.format != "PNG"  # a camera says in other files how it was held
        if side is not None:
            return np.asarray(_fit(reduced(image, side, _with_alpha, turn), side))
        return np.asarray(_with_alpha(ImageOps.exif_transpose(image) if turn else image))


def prepare(
    rendering: np.ndarray, rng: np.random.Generator | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Make a view of a rendering.

    Parameters
    ----------
    rendering : ndarray of uint8, (side, side, 4)
        Colour that is not multiplied by alpha, and alpha.
    rng : numpy.random.Generator, optional
        As in `load_views`.
    out : ndarray of uint8, (3, size, size), optional
        Where to put the result; its size is the crop's. By default 127 of 137 pixels.

    Returns
    -------
    ndarray of uint8, (3, size, size)
        ``alpha * colour + (1 - alpha) * background`` with alpha in [0, 1], rounded to nearest.
    """
    if out is None:
        size = round(len(rendering) * SIZE / RENDERED)
        out = np.empty((3, size, size), np.uint8)
    size = out.shape[-1]
    margin = len(rendering) - size
    if rng is None:
        background, left, top, flip = [TEST_BACKGROUND] * 3, margin // 2, margin // 2, 0
    else:
        low, high = _LIGHT
        *background, left, top, flip = rng.integers(
            [low, low, low, 0, 0, 0], [high, high, high, margin + 1, margin + 1, 2]
        )
    window = rendering[top : top + size, left : left + size]
    if flip:
        window = window[:, ::-1]
    # 255 * 255 + 127 fits 16 bits, so the blend is exact up to the one division that rounds it.
    planes = window.transpose(2, 0, 1).astype(np.uint16, order="C")
    colour, alpha = planes[:3], planes[3]
    colour *= alpha
    colour += np.array(background, np.uint16)[:, None, None] * (255 - alpha)
    colour += 127  # rounds to nearest; 255 is odd, so nothing is halfway
    return np.floor_divide(colour, np.uint16(255), out=out)


def as_float(views: Any) -> Any:
    """Return views as the network computes with them: float32 in [0, 1].

    Parameters
    ----------
    views : ndarray or symbolic tensor
        Of uint8; others are returned as they are.
    """
    return views.astype("float32") / np.float32(255) if views.dtype == "uint8" else views


def _with_alpha(image):
    return image if image.mode == "RGBA" else image.convert("RGBA")


def _fit(image, side):
    """Return a picture in the middle of a transparent square, as large as it goes in there."""
    if image.size == (side, side):
        return image
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square
