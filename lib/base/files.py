"""Files that appear whole or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import CLOSED, UserError, why
from .hints import StrPath
from .inputs import decode, regular

TEMPORARY = ".tmp-"


@contextmanager
def atomic_path(path: StrPath, mode: int = 0o666) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block succeeds.

    The content is on the disk (fsync) before the rename, so that a reader, also after a crash,
    finds the old file or the new one and never a part. On failure the temporary file is removed.
    The temporary name keeps the suffix, since writers choose their format by it. The file's ``mode``
    is what the umask leaves of the one given.
    """
    path = Path(path)
    _check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
    except OSError as error:
        error.filename = str(path)  # whose name is no news to the user
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        with named(path):
            yield temporary
            _sync(temporary)
            os.chmod(temporary, mode & ~_umask())
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def named(path: StrPath) -> Iterator[None]:
    """Give a system's error in the block the name ``path``: a write that finds no room does not say where."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_bytes(path: StrPath, data: bytes, mode: int = 0o666) -> None:
    """Write ``data`` to ``path`` atomically."""
    with atomic_path(path, mode) as temporary:
        temporary.write_bytes(data)


def write_text(path: StrPath, text: str, mode: int = 0o666) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    write_bytes(path, text.encode("utf-8"), mode)


def read_json(path: StrPath) -> Any:
    """Return the value in a JSON file; ValueError for everything else in it."""
    try:
        return json.loads(decode(regular(path).read_bytes()))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def sha256(path: StrPath) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with open(regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(folder: StrPath) -> None:
    """Remove what `atomic_path` left in a folder when its process was killed.

    Only for a folder in which nobody writes now.
    """
    for path in Path(folder).glob(TEMPORARY + "*"):
        if path.is_file() and not path.is_symlink():
            path.unlink(missing_ok=True)


def write_json(path: StrPath, value: object) -> None:
    """Write ``value`` to ``path`` atomically, as indented JSON; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def check_apart(outputs: Mapping[str, StrPath | None], inputs: Iterable[StrPath | None] = ()) -> None:
    """Refuse, before any work, outputs that would overwrite an input or one another.

    Parameters
    ----------
    outputs : dict
        Option to path; None where it is not given.
    inputs : iterable of path
        Files that the command reads, and folders all of whose files it may read.

    Raises
    ------
    UserError
        Naming the option and the file.
    """
    read = [Path(path) for path in inputs if path]
    taken = {_place(path): f"the input {path}" for path in read}
    folders = [path.resolve() for path in read if path.is_dir()]
    for option, path in outputs.items():
        if path is None:
            continue
        place = _place(path)
        if place in taken:
            raise UserError(f"{option} {path} would overwrite {taken[place]}: give another name")
        target = Path(path).resolve()
        if any(target.is_relative_to(folder) for folder in folders) and target.is_file():
            raise UserError(f"{option} {path} would overwrite a file of an input: give another name")
        taken[place] = f"{option} {path}"


def check_writable(*paths: StrPath | None) -> None:
    """Make sure, before any work, that files can be made at paths but None; UserError otherwise."""
    for path in (Path(path) for path in paths if path is not None):
        try:
            _check_place(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(prefix=TEMPORARY, dir=path.parent):
                pass
        except OSError as error:
            raise UserError(f"cannot write {path}: {why(error, otherwise=CLOSED)}") from error


def _check_place(path):
    """Raise OSError where a file would take the place of a folder, a pipe or a device."""
    if path.exists():
        regular(path)


def _place(path):
    """Return what tells two names of one file: the file itself, or where it would be."""
    path = Path(path)
    try:
        found = path.stat()
        return found.st_dev, found.st_ino
    except OSError:
        # A file system may fold case: names that differ by it alone count as one.
        return os.path.realpath(path.parent), path.name.casefold()


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask():
    # The mask can only be read by setting it; mkstemp would leave the file private otherwise.
    mask = os.umask(0)
    os.umask(mask)
    return mask
