"""The binvox format: a cube of voxels as an ASCII header and run-length pairs.

The header of a published file::

    #binvox 1
    dim 32 32 32
    translate -0.166964 -0.154552 -0.445238
    scale 0.890476
    data

is followed by pairs of bytes (value 0 or 1, count 1..255). The linear index of the runs goes
x, z, y with y fastest. Other programs write comments (#), blank lines, another order of the three
lines and lines of other names, or leave translate and scale out, all of which binvox's own reader
accepts. Format: P. Min, https://www.patrickmin.com/binvox/binvox.html.
"""

import math
import os
from collections.abc import Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ..base.errors import UserError, is_of_the_machine, why
from ..base.files import write_bytes
from ..base.hints import StrPath
from ..base.inputs import regular
from . import matlab

MAX_DIMENSION = 1024  # the largest grid that binvox itself makes
_KEYS = {"dim": (3, int), "translate": (3, float), "scale": (1, float)}
_OPTIONAL = {"translate": (0.0, 0.0, 0.0), "scale": (1.0,)}
_MAX_HEADER = 1 << 16  # bytes; the published headers have about 80, others a command line


class Voxels(NamedTuple):
    """A grid and its place: ``world = scale * (index + 0.5) / d + translate``.

    In ShapeNet's files ``translate`` is the low corner of the model's bounding box instead, and
    the grid is centred on that box: see `voxlstm.lib.geometry.frame`.
    """

    grid: np.ndarray
    translate: tuple[float, ...]
    scale: float


def read(path: StrPath, wanted: int | None = None) -> np.ndarray:
    """Read the grid of a binvox file, or of a ``.mat`` file.

    Parameters
    ----------
    path : path-like
    wanted : int, optional
        Voxels a side that the network has; a file of another size is refused by its header.

    Returns
    -------
    ndarray of bool, (d, d, d)
        Occupancy in (x, y, z).

    Raises
    ------
    UserError
        When the file cannot be read or is not exactly what its header promises. The sizes are
        checked before memory is taken for the grid.
    """
    return load(path, wanted).grid


def edge(path: StrPath) -> int:
    """Return the voxels a side of a file by its header alone; errors as in `read`."""
    if _is_matlabs(path):
        return matlab.edge(path)
    with _opened(path) as file:
        return _read_header(file)[0]


def misfit(path: StrPath, found: int, resolution: int) -> str:
    """Return the sentence that says that a grid does not fit the network, and what to do."""
    return (
        f"{path} holds {found}^3 voxels, not the {resolution}^3 of the network: take a network of"
        f" {found} voxels a side (grid * 2^unpoolings), or make the data set with --resolution"
        f" {resolution}"
    )


def load(path: StrPath, wanted: int | None = None) -> Voxels:
    """Read a binvox file with its place in the model's space; errors as in `read`.

    Returns
    -------
    Voxels
        The grid, bool (d, d, d) in (x, y, z), and the header's ``translate`` and ``scale``.
    """
    if _is_matlabs(path):
        dimension = matlab.edge(path)
        if wanted not in (None, dimension):
            raise UserError(misfit(path, dimension, wanted))
        return Voxels(matlab.read(path), _OPTIONAL["translate"], _OPTIONAL["scale"][0])
    with _opened(path) as file:
        dimension, translate, scale = _read_header(file)
        if wanted not in (None, dimension):
            raise UserError(misfit(path, dimension, wanted))
        return Voxels(_decode(_read_payload(file, dimension), dimension), translate, scale)


def _is_matlabs(path):
    return os.fspath(path).lower().endswith(".mat")


@contextmanager
def _opened(path):
    """Open a file; what is wrong with it is a UserError with its name."""
    try:
        with open(regular(path), "rb") as file:
            yield file
    except OSError as error:
        if is_of_the_machine(error):
            raise
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except _Malformed as error:
        raise UserError(f"{path} is not a valid binvox file: {error}") from error


def write(
    path: StrPath, grid: np.ndarray, translate: Sequence[float] = (-0.5, -0.5, -0.5), scale: float = 1.0
) -> None:
    """Write a grid as a binvox file, atomically.

    Parameters
    ----------
    path : path-like
    grid : array of bool or of 0 and 1, (d, d, d)
        Occupancy in (x, y, z).
    translate : three floats
        Lowest corner of the grid in the model's space.
    scale : float
        Edge of the grid in the model's space.

    Raises
    ------
    ValueError
        When the grid is not a cube of zeros and ones, or the place is not finite.
    """
    write_bytes(path, encode(grid, translate, scale))


def encode(grid: np.ndarray, translate: Sequence[float] = (-0.5, -0.5, -0.5), scale: float = 1.0) -> bytes:
    """Return the bytes of a binvox file; parameters and errors as in `write`."""
    grid = np.asarray(grid)
    if grid.ndim != 3 or len(set(grid.shape)) != 1 or not 1 <= len(grid) <= MAX_DIMENSION:
        raise ValueError(f"a binvox grid is a cube of edge 1..{MAX_DIMENSION}, not {grid.shape}")
    flat = grid.transpose(0, 2, 1).reshape(-1)
    values = flat.astype(np.uint8)
    if not (np.array_equal(values, flat) and values.max() <= 1):
        raise ValueError("a binvox grid holds nothing but 0 and 1")
    place = [float(number) for number in (*translate, scale)]
    if len(place) != 4 or not all(map(math.isfinite, place)) or place[3] <= 0:
        raise ValueError("translate is three finite numbers and scale is a positive one")
    x, y, z, edge = map(_number, place)
    d = len(grid)
    header = f"#binvox 1\ndim {d} {d} {d}\ntranslate {x} {y} {z}\nscale {edge}\ndata\n"
    return header.encode("ascii") + _run_lengths(values).tobytes()


class _Malformed(Exception):
    """What is wrong with the file, without its name."""


def _read_header(file):
    """Return dimension, translate and scale; the file then stands at its first run."""
    if _line(file).rstrip() != b"#binvox 1":
        raise _Malformed("the first line is not '#binvox 1'")
    found = {}
    while (line := _line(file)).strip() != b"data":
        key, *fields = line.split(b"#")[0].decode("ascii", "replace").split() or [""]
        if key in found:
            raise _Malformed(f"it has a second line {key!r}")
        if key in _KEYS:
            found[key] = _numbers(key, fields, line)
        elif key and not (key.isidentifier() and key.isascii()):
            raise _Malformed(f"the header line {_shown(line)} is not of the binvox form")
    if "dim" not in found:
        raise _Malformed("its header has no line 'dim'")
    found = {**_OPTIONAL, **found}
    dimensions, (scale,) = found["dim"], found["scale"]
    if len(set(dimensions)) != 1 or not 1 <= dimensions[0] <= MAX_DIMENSION:
        text = " ".join(map(str, dimensions))
        raise _Malformed(f"its dimensions are {text}, not a cube of edge 1..{MAX_DIMENSION}")
    if scale <= 0:
        raise _Malformed(f"its scale is {scale}, not positive")
    return dimensions[0], found["translate"], scale


def _line(file):
    line = file.readline(max(0, _MAX_HEADER - file.tell()))
    if not line.endswith(b"\n"):
        whole = file.tell() >= _MAX_HEADER
        raise _Malformed(
            "its header is not text of the binvox form"
            if whole
            else "its header is cut off: the line 'data' is missing"
        )
    return line[:-1]


def _numbers(key, fields, line):
    """Return the numbers of a header line ``key a b ...``."""
    count, kind = _KEYS[key]
    if len(fields) != count:
        raise _Malformed(f"the header line {_shown(line)} is not '{key}' with {count} number(s)")
    try:
        numbers = tuple(kind(field) for field in fields)
    except ValueError as error:
        raise _Malformed(f"the header line {_shown(line)} holds no {kind.__name__}") from error
    if not all(-1e9 < number < 1e9 for number in numbers):  # also refuses NaN
        raise _Malformed(f"the header line {_shown(line)} holds an absurd number")
    return numbers


def _shown(line):
    return repr(line[:60].decode("ascii", "replace"))


def _read_payload(file, dimension):
    """Return the run-length bytes; a file too long for its grid is refused unread."""
    size = os.fstat(file.fileno()).st_size - file.tell()
    if size > 2 * dimension**3:
        raise _Malformed(f"{size} bytes of runs are too many for {dimension}^3 voxels")
    payload = file.read(size)  # read() takes all the memory it is asked for
    if len(payload) % 2:
        raise _Malformed("it ends in the middle of a run (truncated, or a trailing byte)")
    return payload


def _decode(payload, dimension):
    values, counts = np.frombuffer(payload, np.uint8).reshape(-1, 2).T
    total, expected = int(counts.sum(dtype=np.int64)), dimension**3
    if total != expected:
        kind = "truncated" if total < expected else "too long"
        raise _Malformed(f"its runs cover {total} voxels instead of {expected} ({kind})")
    if len(counts) and counts.min() == 0:
        raise _Malformed("it holds a run of length 0")
    if len(values) and values.max() > 1:
        raise _Malformed(f"it holds the voxel value {values.max()}, which is not 0 or 1")
    flat = np.repeat(values.astype(bool), counts)
    grid = flat.reshape(dimension, dimension, dimension).transpose(0, 2, 1)
    return np.ascontiguousarray(grid)


def _run_lengths(values):
    """Return (value, count) pairs, uint8 (n, 2): maximal runs, each cut into pieces of 255."""
    starts = np.flatnonzero(np.diff(values, prepend=values[0] ^ 1))
    lengths = np.diff(starts, append=values.size)
    pieces = -(-lengths // 255)
    counts = np.full(pieces.sum(), 255, np.uint8)
    counts[np.cumsum(pieces) - 1] = lengths - 255 * (pieces - 1)
    return np.stack([np.repeat(values[starts], pieces), counts], axis=1)


def _number(value):
    """Return the shortest text that reads back as ``value``, an integer without its ``.0``."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text
