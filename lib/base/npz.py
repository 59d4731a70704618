"""Reading ``.npz`` files of unknown origin: every entry is checked before it takes any memory.

NumPy's own reader believes what an entry says of its shape and kind of compression, and raises a
dozen kinds of exception for what is damaged. This one reads what NumPy writes and nothing else.
"""

import ast
import math
import struct
import zipfile
import zlib
from typing import Self

import numpy as np

from .hints import StrPath
from .inputs import regular

MAGIC = b"\x93NUMPY"
LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
HEADER = 10_000  # bytes; NumPy's own limit
KINDS = "biufU"  # nothing with Python objects or fields in it
KEPT_WHOLE = 256 << 20  # bytes that any file may unpack to
EXPANSION = 100  # times a file's size that a larger one may unpack to


class Damaged(Exception):
    """Why a file is no ``.npz`` that NumPy wrote, or not whole."""


class NpzFile:
    """The arrays of a file by name; use as a context manager.

    Attributes
    ----------
    names : list of str
        Of the arrays, in the file's order.

    Raises
    ------
    Damaged
        Also by `read`.
    OSError
    MemoryError
        By `read`, for an array that is whole and larger than what is free.
    """

    def __init__(self, path: StrPath) -> None:
        try:
            self._archive = zipfile.ZipFile(regular(path))
        except (
            zipfile.BadZipFile,
            ValueError,
            struct.error,
            NotImplementedError,
            EOFError,
            OverflowError,
            LookupError,
        ) as error:
            raise Damaged(str(error)) from error
        entries = self._archive.infolist()
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in entries}
        self.names = list(self._entries)
        try:
            self._check(entries, self._archive.fp.seek(0, 2))  # type: ignore[union-attr]  # it is open
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, name: str) -> np.ndarray:
        """Return an array; KeyError where there is none of that name."""
        entry = self._entries[name]
        try:
            with self._archive.open(entry) as file:
                dtype, shape, order = _header(file, entry)
                # An array is as large as its entry, which is no larger than `_check` allows.
                data = bytearray(math.prod(shape) * dtype.itemsize)
                if file.readinto(data) < len(data) or file.read(1):  # type: ignore[attr-defined]
                    raise Damaged(f"its entry {name} is cut short")
                return np.frombuffer(data, dtype).reshape(shape, order=order)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            ValueError,
            TypeError,
            struct.error,
            OverflowError,
            SyntaxError,
            AttributeError,
        ) as error:
            raise Damaged(f"its entry {name} is damaged: {error}") from error

    def _check(self, entries, size):
        if len(entries) != len(self._entries):
            raise Damaged("an entry is there twice")
        for entry in entries:
            if entry.flag_bits & 0x61:  # encrypted, or patches
                raise Damaged(f"its entry {entry.filename} is encrypted")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Damaged(f"its entry {entry.filename} is compressed in a way that NumPy does not use")
        if sum(entry.file_size for entry in entries) > max(KEPT_WHOLE, EXPANSION * size):
            raise Damaged(f"it would unpack to more than {EXPANSION} times its size")


def _header(file, entry):
    """Return the dtype, the shape and the order of the array that a file begins with."""
    version = tuple(file.read(8).removeprefix(MAGIC))
    if version not in LENGTHS:
        raise Damaged(f"its entry {entry.filename} is no array")
    kind = LENGTHS[version]
    prefix = file.read(struct.calcsize(kind))
    (length,) = struct.unpack(kind, prefix)
    if length > HEADER:
        raise Damaged(f"its entry {entry.filename} has a header of {length} bytes")
    text = file.read(length).decode("utf-8" if version == (3, 0) else "latin-1").strip()
    try:
        about = ast.literal_eval(text)
    except MemoryError as error:  # so it says of brackets in too many brackets
        raise Damaged(f"its entry {entry.filename} has no header of NumPy's") from error
    if not isinstance(about, dict) or set(about) != {"descr", "fortran_order", "shape"}:
        raise Damaged(f"its entry {entry.filename} has no header of NumPy's")
    shape, order = about["shape"], "F" if about["fortran_order"] else "C"
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise Damaged(f"its entry {entry.filename} has the shape {str(shape)[:80]}")
    dtype = np.dtype(about["descr"]) if isinstance(about["descr"], str) else None
    if dtype is None or dtype.kind not in KINDS:
        raise Damaged(f"its entry {entry.filename} holds no plain numbers and no text")
    if len(shape) > 32 or 8 + len(prefix) + length + math.prod(shape) * dtype.itemsize != entry.file_size:
        raise Damaged(f"its entry {entry.filename} is not of the size that it says")
    return dtype, shape, order
