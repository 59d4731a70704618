"""Pictures of 16 bits a channel, brought to 8; many are from cameras of 10, 12 or 14 bits."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageFile

from ..base.hints import StrPath
from .decoding import BAND, opened

CAMERA_BITS = 10, 12, 14  # that 16-bit pictures may hold
# Pillow keeps the upper bytes of these; read in the other order of bytes, the lower ones.
_DEEP = re.compile("(RGB|RGBA|RGBX|RGBa|LA);16([BLN])")
_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def top(image: Image.Image) -> float | None:
    """Return the value of white in grey pictures of more than 8 bits: of a camera's, or of 16; or None."""
    if image.mode[0] not in "IF":
        return None
    highest: Any = image.getextrema()[1]
    if image.mode[0] == "F":
        return highest if 0 < highest < np.inf else 1.0
    return 2 ** _bits(highest) - 1


def eight_bits(image: Image.Image, white: float | None) -> Image.Image:
    """Return a picture, or a part of one, with ``white`` at 255; None leaves it as it is."""
    if white is None:
        return image
    values = np.nan_to_num(np.asarray(image, dtype=np.float32) / np.float32(white))
    return Image.fromarray(np.uint8(np.clip(values, 0, 1) * 255 + 0.5))


def restore(path: StrPath, image: ImageFile.ImageFile) -> None:
    """Give an opened picture of 48 or 64 bits that a camera of fewer filled its brightness back.

    Pillow keeps the upper byte of each channel, of which such a camera uses but a few bits.
    """
    swapped = [_swapped(tile) for tile in image.tile]
    if not swapped or None in swapped:
        return
    grey = "LA" in str(image.tile[0].args)
    image.load()
    extrema: Any = image.getextrema()
    highest = [high << 8 | 255 for _, high in extrema]
    bits = [_bits(max(highest[:3]))] * 3 + [_bits(high) for high in highest[3:]]  # alpha apart
    if min(bits) == 16:
        return
    shifted = [value << 16 - deep & 255 for deep in bits for value in range(256)]
    lowered = [value >> deep - 8 for deep in bits for value in range(256)]
    with opened(Path(path)) as lower:
        lower.tile = swapped
        for start in range(0, image.height, BAND):
            box = 0, start, image.width, min(start + BAND, image.height)
            part = lower.crop(box)
            if grey:  # its two bytes of grey and two of alpha stand in the four channels
                _, light, _, alpha = part.split()
                part = Image.merge("RGBA", [light, light, light, alpha])
            image.paste(ImageChops.add(image.crop(box).point(shifted), part.point(lowered)), box)


def _bits(highest):
    return next((bits for bits in CAMERA_BITS if highest < 2**bits), 16)


def _swapped(tile):
    """Return what reads the lower bytes of a part of a picture; None where it has no 16 bits a channel."""
    args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    found = _DEEP.fullmatch(str(args[0]))
    if not found:
        return None
    mode = "RGBA" if found[1] == "LA" else f"{found[1]};16{_OTHER[found[2]]}"
    return tile._replace(args=(mode, *args[1:]) if isinstance(tile.args, tuple) else mode)
