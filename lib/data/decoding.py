"""Opening pictures of any origin: memory is bounded, and a decoder's every fault is one sentence."""

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ..base.errors import UserError, is_of_the_machine
from ..base.hints import StrPath
from ..base.inputs import regular

LARGE = 20_000_000  # pixels; more are reduced while or before they are converted
MOST = 100_000_000  # pixels that are decoded whole
MOST_JPEG = 500_000_000  # JPEG is decoded at an eighth of its size
BAND = 64  # rows of the reduced picture that are converted together
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
ORIENTATION = 0x0112  # EXIF's tag
FEW = 1 << 20  # bytes that are read unasked


class _File(io.BufferedReader):
    """A file of which no more is asked than it holds: a damaged length would take gigabytes first."""

    def read(self, size=-1):
        """Return bytes, as every file does."""
        if size is not None and size > FEW:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


@contextmanager
def opened(
    path: StrPath, what: str = "picture", formats: tuple[str, ...] | None = None
) -> Iterator[ImageFile.ImageFile]:
    """Open a picture file and check its size; it is decoded when its pixels are asked for.

    Parameters
    ----------
    path : path-like
    what : str
        What it is called in messages.
    formats : tuple of str, optional
        Those of Pillow's that are read; default: all.

    Raises
    ------
    UserError
        For any fault, here or in the block, naming the file.
    """
    try:
        with warnings.catch_warnings(), _without_pillows_limit():
            warnings.simplefilter("ignore")  # of damaged metadata and of size, checked below
            with _File(io.FileIO(regular(path))) as file, Image.open(file, formats=formats) as image:
                _check_size(path, image)
                yield image
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"the {what} {path} is missing") from error
    except MemoryError as error:
        raise UserError(f"{path} needs more memory than there is: reduce it first") from error
    except Exception as error:  # decoders fail in as many ways as files are broken
        if is_of_the_machine(error):
            raise
        raise UserError(_heic(path) or f"cannot read the {what} {path}: {_said(error)}") from error


def reduced(
    image: Image.Image, side: int, convert: Callable[[Image.Image], Image.Image], turn: bool = True
) -> Image.Image:
    """Return a picture as ``convert`` makes it, turned, if asked to, as its EXIF data say.

    One of more than `LARGE` pixels becomes smaller first, though no smaller than twice ``side``,
    so that memory is taken for the decoded pixels alone.
    """
    if image.width * image.height > LARGE:
        image.draft(None, (2 * side, 2 * side))
    image.load()
    factor = max(image.size) // (2 * side)
    if image.width * image.height <= LARGE or factor < 2:
        return convert(ImageOps.exif_transpose(image) if turn else image)
    small = [-(-length // factor) for length in image.size]
    result: Any = None  # a picture once the first band is there
    for top in range(0, small[1], BAND):
        box = 0, top * factor, image.width, min((top + BAND) * factor, image.height)
        band = convert(image.crop(box)).reduce(factor)
        result = result or Image.new(band.mode, small)
        result.paste(band, (0, top))
    if turn:
        result.getexif()[ORIENTATION] = image.getexif().get(ORIENTATION, 1)
    return ImageOps.exif_transpose(result)


@contextmanager
def _without_pillows_limit():
    """Lift Pillow's limit on pixels, which is the same for pictures that are reduced on the way."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _check_size(path, image):
    most = MOST_JPEG if image.format == "JPEG" else MOST
    pixels = image.width * image.height
    if pixels > most:
        raise UserError(
            f"{path} has {pixels / 1e6:,.0f} million pixels, more than {most / 1e6:.0f}: reduce it first"
        )


def _said(error):
    """Return what a decoder's error says, in one line."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture of a known format"
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:200] or type(error).__name__


def _heic(path):
    """Return a sentence for a telephone's HEIC picture that has no reader; "" for any other."""
    if READS_HEIC:
        return ""
    try:
        with open(regular(path), "rb") as file:
            head = file.read(12)
    except OSError:
        return ""
    if head[4:8] != b"ftyp" or head[8:12] not in HEIC:
        return ""
    return (
        f"{path} is a HEIC picture, as telephones take them: save it as JPEG, or install its"
        " reader with: pip install 'voxlstm[heic]'"
    )


def register_heic() -> bool:
    """Let Pillow read HEIC where the extra is installed; return whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


READS_HEIC = register_heic()
