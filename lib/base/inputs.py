"""Opening what a user, or a folder, names as a file: pipes that nobody writes to hold nobody up."""

import codecs
import errno
import os
import select
import stat
import time
from pathlib import Path

from .hints import StrPath

_KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}
_PATIENCE = 5.0  # seconds for a pipe's writer to come
_CHUNK = 1 << 16
# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def regular(path: StrPath) -> Path:
    """Return the path of a file, which can be opened without waiting.

    Raises
    ------
    OSError
        Where there is none, or it is a folder, a pipe, a socket or a device.
    """
    kind = _kind(path)
    if kind == stat.S_IFDIR:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    other = _KINDS.get(kind)
    if other:
        raise OSError(errno.ESPIPE, f"it is not a file but a {other}", str(path))
    return Path(path)


def read_given(path: StrPath, most: int = -1) -> bytes:
    """Return the first bytes of a file that a user names, or of a pipe, such as a shell's ``<(...)``.

    Raises
    ------
    OSError
        As `regular`, and where nobody writes to the pipe.
    """
    if _kind(path) == stat.S_IFIFO:
        return _through_pipe(path, most)
    with open(regular(path), "rb") as file:
        return file.read(most)


def encoding_of(data: bytes) -> tuple[str, int]:
    """Return a text's encoding and the length of its byte-order mark; UTF-8 where nothing tells another.

    A mark tells, or zeros at every other byte.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        sample = data[first:200:2]
        if len(sample) > 3 and sample.count(0) > 0.9 * len(sample) and any(data[:200]):
            return encoding, 0
    return "utf-8", 0


def decode(data: bytes, errors: str = "strict") -> str:
    """Return the text of bytes, without a byte-order mark and with plain ends of lines; ValueError for none."""
    encoding, start = encoding_of(data)
    return data[start:].decode(encoding, errors).replace("\r\n", "\n").replace("\r", "\n")


def _kind(path):
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except ValueError as error:  # a name with a null, which none can have
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), ascii(path)) from error


def _through_pipe(path, most):
    data, end = b"", time.monotonic() + _PATIENCE
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        while most < 0 or len(data) < most:
            chunk = pipe.read(_CHUNK)
            if chunk is None:  # its writer thinks
                select.select([pipe], [], [])
            elif not chunk and (data or time.monotonic() > end):
                break
            elif not chunk:
                time.sleep(0.02)  # its writer has not come
            else:
                data += chunk
    if not data:
        raise OSError(errno.ESPIPE, "nobody writes to this pipe", str(path))
    return data if most < 0 else data[:most]
