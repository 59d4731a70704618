"""Views of an object as the network takes them: composited, cropped, flipped, scaled.

The values are 3D-R2N2's (Choy et al., ECCV 2016). In training every view gets a random light
background, a random crop and a random flip; at test time grey 240, the centre, no flip.
"""
import struct
import zlib

import numpy as np
from PIL import Image

from ..runtime.errors import UserError

RENDERED = 137  # pixels of a rendering's side
SIZE = 127  # pixels of the side that the network takes
MARGIN = RENDERED - SIZE
TEST_BACKGROUND = 240
# Background red, green, blue; left and top edge of the crop; flip or not: low and high, exclusive.
_LOW = np.array([225, 225, 225, 0, 0, 0])
_HIGH = np.array([256, 256, 256, MARGIN + 1, MARGIN + 1, 2])
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def load_views(paths, rng=None, out=None):
    """Read the views of one object.

    Parameters
    ----------
    paths : sequence of path-like
        Renderings, 137x137 with alpha.
    rng : numpy.random.Generator, optional
        Draws the augmentation, independently for each view; None means test time.
    out : ndarray of float32, (n, 3, 127, 127), optional
        Where to put the result.

    Returns
    -------
    ndarray of float32, (n, 3, 127, 127)
        Colours in [0, 1], channels red, green, blue.

    Raises
    ------
    UserError
        Naming the file that cannot be read or is not a 137x137 picture.
    """
    if out is None:
        out = np.empty((len(paths), 3, SIZE, SIZE), np.float32)
    for path, view in zip(paths, out, strict=True):
        prepare(read_rendering(path), rng, view)
    return out


def read_rendering(path):
    """Read a rendering as uint8 (137, 137, 4): red, green, blue, alpha; errors as `load_views`."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.size != (RENDERED, RENDERED):
                width, height = image.size
                raise UserError(f"{path} is {width}x{height}, not {RENDERED}x{RENDERED} pixels")
            if image.mode not in ("RGBA", "RGB", "P", "LA", "L"):
                raise UserError(f"{path} has pixels of mode {image.mode}, not 8-bit RGBA")
            return np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
    except FileNotFoundError as error:
        raise UserError(f"the view {path} is missing") from error
    except _DAMAGE as error:
        raise UserError(f"cannot read the view {path}: {error}") from error


def prepare(rendering, rng=None, out=None):
    """Make a view of a rendering.

    Parameters
    ----------
    rendering : ndarray of uint8, (137, 137, 4)
        Colour that is not multiplied by alpha, and alpha.
    rng, out
        As in `load_views`; ``out`` is (3, 127, 127).

    Returns
    -------
    ndarray of float32, (3, 127, 127)
        ``(alpha * colour + (1 - alpha) * background) / 255`` with alpha in [0, 1].
    """
    if rng is None:
        background, left, top, flip = [TEST_BACKGROUND] * 3, MARGIN // 2, MARGIN // 2, 0
    else:
        *background, left, top, flip = rng.integers(_LOW, _HIGH)
    window = rendering[top:top + SIZE, left:left + SIZE]
    if flip:
        window = window[:, ::-1]
    # 255 * 255 fits 16 bits, so the blend is exact up to the one division that scales it.
    planes = window.transpose(2, 0, 1).astype(np.uint16, order="C")
    colour, alpha = planes[:3], planes[3]
    colour *= alpha
    colour += np.array(background, np.uint16)[:, None, None] * (255 - alpha)
    if out is None:
        out = np.empty((3, SIZE, SIZE), np.float32)
    return np.divide(colour, np.float32(255 * 255), out=out)
