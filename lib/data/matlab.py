"""Voxel grids in MATLAB's files, versions 5 to 7: a cube of zeros and ones, in (x, y, z).

SciPy's reader ends the whole process at some damaged files. The format is MathWorks' "MAT-File
Format": after a header of 128 bytes come elements, each with a tag of its type and size; an array is
an element of its flags, sides, name and numbers, and may be compressed.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..base.errors import UserError, is_of_the_machine, why
from ..base.hints import StrPath
from ..base.inputs import regular

LARGEST = 256  # voxels a side: numbers of eight bytes take 134 MB
HEADER, HEAD = 128, 1 << 16  # bytes of a file's header; of an array's flags, sides and name at most
ARRAY, COMPRESSED, REAL_CLASSES = 14, 15, range(6, 16)
COMPLEX = 0x800
KINDS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# Where a file has several cubes, as those that reconstruct writes; others call it ...
USUAL = "voxels", "voxel", "instance", "occupied", "grid", "vox", "data"


class _Cube(NamedTuple):
    """A cube of numbers, the bytes of its element, whether they are packed, and where its numbers are."""

    name: str
    side: int
    data: bytes
    packed: bool
    at: int


def edge(path: StrPath) -> int:
    """Return the voxels a side by the headers of a file; errors as in `read`."""
    return _grid_of(path)[0].side


def read(path: StrPath) -> np.ndarray:
    """Return the grid of a file, bool (d, d, d).

    Raises
    ------
    UserError
        When it cannot be read, or it is not clear which of its arrays is the grid, or that is none
        of zeros and ones.
    """
    cube, order = _grid_of(path)
    try:
        grid = _numbers(cube, order)
    except (ValueError, struct.error, zlib.error, LookupError) as error:
        raise _damaged(path, error) from error
    if not np.isin(grid, (0, 1)).all():
        raise UserError(f"{path} holds values in {cube.name} that are neither 0 nor 1: save what is occupied")
    return grid.astype(bool)


def _grid_of(path):
    """Return the only `_Cube` of a file, or that of a usual name, and the order of its bytes."""
    try:
        with open(regular(path), "rb") as file:
            data = file.read()
        order = {b"IM": "<", b"MI": ">"}[data[126:HEADER]]
        if struct.unpack(f"{order}H", data[124:126])[0] != 0x0100:
            raise UserError(f"{path} is a MATLAB file of another version than 5 to 7: save it with -v7")
        cubes = {cube.name: cube for cube in _cubes(data, order)}
    except OSError as error:
        if is_of_the_machine(error):
            raise
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except (ValueError, struct.error, zlib.error, LookupError) as error:
        raise _damaged(path, error) from error
    name = next((name for name in (*USUAL, *cubes) if name in cubes), None)
    if name is None or len(cubes) > 1 and name not in USUAL:
        raise UserError(
            f"{path} holds {len(cubes) or 'no'} cubes of numbers with at most {LARGEST} a side: save one"
            " of zeros and ones, as voxels"
        )
    return cubes[name], order


def _damaged(path, error):
    said = str(error) if type(error) is ValueError else "it is cut short or damaged"
    return UserError(f"{path} is not a valid MATLAB file: {said}")


def _cubes(data: bytes, order: str) -> Iterator[_Cube]:
    at = HEADER
    while at < len(data):
        kind, size, start = _tag(data, at, order)
        at = start + size
        if at > len(data):
            raise ValueError("it is cut short")
        content = data[start:at]
        if kind == COMPRESSED:
            head = zlib.decompressobj().decompress(content, HEAD)
            kind, _, begin = _tag(head, 0, order)
        else:
            at += -at % 8
            head, begin = content, 0
        cube = _cube(head, begin, order) if kind == ARRAY else None
        if cube is not None:
            name, side, numbers = cube
            yield _Cube(name, side, content, head is not content, numbers)


def _cube(head, at, order):
    """Return the name, the side and the numbers' place of an array; None where it is no cube of numbers."""
    _, _, start = _tag(head, at, order)
    flags, _ = struct.unpack(f"{order}II", head[start : start + 8])
    if flags & 0xFF not in REAL_CLASSES or flags & COMPLEX:
        return None
    _, size, start = _tag(head, start + 8, order)
    sides = np.frombuffer(head[start : start + size], f"{order}i4").tolist()
    _, length, begin = _tag(head, start + size + -size % 8, order)
    name = head[begin : begin + length].decode("latin-1")
    if len(sides) != 3 or len(set(sides)) != 1 or not 0 < sides[0] <= LARGEST:
        return None
    # A name of up to four letters stands in its tag.
    return name, sides[0], begin + (4 if begin % 8 else length + -length % 8)


def _numbers(cube, order):
    most = cube.at + 8 + 8 * cube.side**3
    data = zlib.decompressobj().decompress(cube.data, most) if cube.packed else cube.data
    kind, size, start = _tag(data, cube.at, order)
    found = np.frombuffer(data[start : start + size], order + KINDS[kind])
    if found.size != cube.side**3:
        raise ValueError("it holds fewer or more numbers than its sides say")
    return found.reshape((cube.side,) * 3, order="F")


def _tag(data, at, order):
    """Return the type and the size of an element, and where its content begins."""
    first, size = struct.unpack(f"{order}II", data[at : at + 8])
    if first >> 16:  # a small element: both in four bytes, the content in the other four
        return first & 0xFFFF, first >> 16, at + 4
    return first, size, at + 8
