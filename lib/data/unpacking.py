"""Unpacking archives of unknown origin: plain files and folders, nothing outside, no more than fits."""

import contextlib
import errno
import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from ..base.errors import UserError
from ..base.files import named
from ..base.hints import StrPath
from ..base.inputs import regular
from ..base.progress import Progress

GZIP = b"\x1f\x8b"
_CHUNK = 1 << 18
_MB = 10**6
_BLOCK = 4096  # bytes that the smallest file takes on a disk
_SLACK = 16 * _MB  # that any archive may unpack to
_DEEPEST = 30  # folders within folders
_ABOUT = 1 << 16  # bytes of a member's name and attributes

# What tarfile and gzip raise for what is damaged or made up.
_DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    ValueError,
    OverflowError,
    RecursionError,
    LookupError,
)


def unpack(
    path: StrPath, folder: str, out: StrPath, brought: bool = True, expansion: float = 30.0
) -> list[str]:
    """Unpack the folder of an archive into ``out``, where it appears when it is complete.

    Nothing but plain files and folders is made, with plain permissions, and nothing outside of
    ``out``. An archive that was ``brought`` and is damaged is deleted, since a transfer that
    resumes would keep the damage; any other one stays. Twice the ``expansion`` that is expected is
    more than there can be.

    Returns
    -------
    list of str
        The members left out: links, devices, pipes.

    Raises
    ------
    UserError
        When the archive is damaged, a member's path leads elsewhere, it holds more than it may, or
        the folder is not in it.
    """
    staging = Path(out) / f".unpacking-{folder}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        left_out = _unpack_members(path, staging, _SLACK + int(2 * expansion * Path(path).stat().st_size))
        if not (staging / folder).is_dir():
            raise UserError(
                f"{path} holds no folder {folder}, so it is not the archive wanted; remove it and run again"
            )
        os.replace(staging / folder, Path(out) / folder)
        return left_out
    except _DAMAGE as error:
        if not brought:
            raise UserError(
                f"{path}, which was there before, is cut short or damaged ({error}) and stays as it"
                " is; move it away and run again to download it"
            ) from error
        Path(path).unlink()
        raise UserError(
            f"{path} was damaged ({error}) and has been removed; run again to download it anew"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def safe_path(name: str, path: StrPath) -> PurePosixPath:
    """Return a member's path, relative and without ``..``; raise UserError for any other."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name or len(pure.parts) > _DEEPEST:
        raise UserError(
            f"{path} is not safe to unpack: its member {name[:200]!r} leads out of the "
            "target folder, or too deep; nothing was unpacked"
        )
    return pure


class _Member(tarfile.TarInfo):
    """A member whose description takes little memory and whose content is all in the archive."""

    def _proc_member(self, archive):
        described = self.type in (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )
        if described and self.size > _ABOUT:
            raise tarfile.ReadError("the name of a member is too long")
        return super()._proc_member(archive)


def _unpack_members(path, staging, limit):
    """Unpack all; what gzip says about the content is checked to the last byte."""
    left_out, total, size = [], 0, path.stat().st_size
    with (
        open(regular(path), "rb") as file,
        _content(file) as content,
        tarfile.open(fileobj=content, mode="r|", tarinfo=_Member) as archive,
        Progress(size // _MB, f"unpacking {path.name}", "MB") as shown,
    ):
        while member := archive.next():
            total += _BLOCK + max(0, member.size if member.isreg() else 0)
            if total > limit or member.issparse():
                raise UserError(
                    f"{path} is not safe to unpack: its content is far larger than an archive of its"
                    " size can hold; nothing was unpacked"
                )
            if not _unpack_member(archive, member, staging, path):
                left_out.append(f"{path.name}: {member.name}")
            archive.members.clear()  # a million of them would be kept
            shown.update(file.tell() // _MB - shown.done)
        while chunk := content.read(_CHUNK):
            total += len(chunk)
            if total > limit + 2 * tarfile.RECORDSIZE:
                raise tarfile.ReadError("it does not end")
    return left_out


def _content(file):
    """Return what is in an archive, which a browser may have taken out of gzip."""
    start = file.read(2)
    file.seek(0)
    return contextlib.nullcontext(file) if start and start != GZIP else gzip.GzipFile(fileobj=file)


def _unpack_member(archive, member, staging, path):
    """Make one file or folder; return False for anything else, which is left out."""
    target = staging / safe_path(member.name, path)
    try:
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(parents=True, exist_ok=True)
            with named(target), archive.extractfile(member) as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file)
        else:
            return False
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EILSEQ):
            raise
        raise UserError(
            f"{path} cannot be unpacked: its member {member.name[:200]!r} has a name that is too long,"
            " or that of a folder; nothing was unpacked"
        ) from error
    return True
