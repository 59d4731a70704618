"""Downloading the 3D-R2N2 release: transfers that resume, archives unpacked safely."""

import contextlib
import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..base.errors import UserError
from ..base.files import write_json
from ..base.hints import StrPath
from ..base.progress import Progress, say
from .layout import RENDERINGS, VOXELS

MIRRORS = ("http://cvgl.stanford.edu/data2/", "http://ftp.cs.stanford.edu/cs/cvgl/")
TRIES = 5  # transfers in a row that bring nothing before a mirror is given up
PAUSE = 1.0  # seconds before another try, doubled for each that brought nothing
NO_HEAD = (400, 403, 405, 406, 501)  # answers of servers that know GET alone
TIMEOUT = 60.0  # seconds without a byte
_CHUNK = 1 << 18
_MB = 10**6
_GZIP = b"\x1f\x8b"
_BLOCK = 4096  # bytes that the smallest file takes on a disk
_SLACK = 16 * _MB  # that any archive may unpack to
_DEEPEST = 30  # folders within folders
_ABOUT = 1 << 16  # bytes of a member's name and attributes


class Archive(NamedTuple):
    """One archive of the release, the folder in it, and how much larger it is on disk."""

    name: str
    folder: str
    expansion: float


# Pictures hardly compress; voxel files are far smaller than the disk blocks that they take.
ARCHIVES = (Archive(f"{VOXELS}.tgz", VOXELS, 30.0), Archive(f"{RENDERINGS}.tgz", RENDERINGS, 1.5))


def fetch(
    out: StrPath,
    mirrors: Sequence[str] = MIRRORS,
    archives: Sequence[Archive] = ARCHIVES,
    keep: bool = False,
    digests: dict[str, str] | None = None,
) -> list[str]:
    """Download and unpack the archives whose folders are not there yet.

    What an earlier run has brought is used: a folder that is there is complete, since it gets its
    name when the last file is unpacked; an archive that is there is unpacked; a part of one is
    continued.

    Parameters
    ----------
    out : path-like
        Folder of the data set.
    mirrors : sequence of str
        Addresses of folders that hold the archives, tried in this order.
    archives : sequence of Archive
    keep : bool
        Leave the downloaded archives beside the folders.
    digests : mapping of str to str, optional
        SHA-256 that an archive must have, by its name. None is published for these archives, so
        that without it what comes is only known not to be damaged; the digest is said.

    Returns
    -------
    list of str
        What was left out of an archive because it is neither a file nor a folder.

    Raises
    ------
    UserError
        When no mirror has an archive, the disk is too small, or an archive is damaged, unsafe or
        not the one with the digest. An archive that an earlier run has not brought is never removed.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    wanted = [archive for archive in archives if not (out / archive.folder).exists()]
    check_disk(out, wanted, mirrors)
    left_out = []
    for archive in wanted:
        path = out / archive.name
        brought = not path.exists()
        if brought:
            download(archive.name, path, mirrors)
        check_digest(path, (digests or {}).get(archive.name))
        left_out += unpack(path, archive.folder, out, brought, archive.expansion)
        if brought and not keep:
            path.unlink()
    return left_out


def check_disk(out: Path, archives: Sequence[Archive], mirrors: Sequence[str]) -> None:
    """Ask for the archives' sizes; raise UserError when the disk has no room for them."""
    need = 0
    for archive in archives:
        path, part = out / archive.name, _part(out / archive.name)
        size = path.stat().st_size if path.exists() else remote_size(archive.name, mirrors)
        here = next((file.stat().st_size for file in (path, part) if file.exists()), 0)
        need += max(0, size - here) + int(size * archive.expansion)
    free = shutil.disk_usage(out).free
    if need > free:
        raise UserError(
            f"{out} needs {_gigabytes(need)} for the archives and their content, but "
            f"the disk has {_gigabytes(free)} free; make room or choose another --out"
        )


def remote_size(name: str, mirrors: Sequence[str]) -> int:
    """Return the size in bytes that the first mirror to answer gives for a file."""
    reasons = []
    for url in _urls(name, mirrors):
        try:
            try:
                with _open(url, method="HEAD") as response:
                    return _length(response)
            except _NoHead:
                with _open(url) as response:
                    return _length(response)
        except (_Broken, _Refused) as error:
            reasons.append(f"{url}: {error}")
    raise UserError(
        f"no mirror offers {name} ({'; '.join(reasons)}); check the network or name another with --mirror"
    )


def download(name: str, path: Path, mirrors: Sequence[str]) -> None:
    """Download ``name`` to ``path``, resuming what is there and going from mirror to mirror.

    A broken transfer is continued where it broke, for as long as each try brings something. The
    part stays on failure, as ``path`` with ``.part`` added, for the next run.
    """
    part, reasons = _part(path), []
    for url in _urls(name, mirrors):
        failures = 0
        while failures < TRIES:
            before = _size(part)
            try:
                _transfer(url, part)
                os.replace(part, path)
                _note(part).unlink()
                return
            except _Refused as error:
                reasons.append(f"{url}: {error}")
                break
            except _Broken as error:
                failures = 0 if _size(part) > before else failures + 1
                if failures == TRIES:
                    reasons.append(f"{url}: {error}")
                else:
                    time.sleep(PAUSE * 2**failures)
    raise UserError(
        f"cannot download {name} ({'; '.join(reasons)}); run again to continue where "
        "it broke, or name another mirror with --mirror"
    )


def check_digest(path: Path, wanted: str | None = None) -> None:
    """Say an archive's SHA-256, and raise UserError where it is not the one that is wanted."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    say(f"{path.name}: SHA-256 {found}" + ("" if wanted else " (not compared: its publisher gives none)"))
    if wanted and found != wanted.lower():
        raise UserError(
            f"{path} has the SHA-256 {found}, not the one of --sha256; it was not unpacked: remove"
            " it and run again, or correct --sha256"
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
        left_out = _unpack_members(path, staging, _SLACK + int(2 * expansion * _size(path)))
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


class _Refused(Exception):
    """A mirror that cannot give the file; trying it again is of no use."""


class _NoHead(_Refused):
    """A mirror that may give the file but does not speak of it beforehand."""


class _Broken(Exception):
    """A transfer that broke; trying again may bring the rest."""


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
    left_out, total, size = [], 0, _size(path)
    with (
        open(path, "rb") as file,
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
    return contextlib.nullcontext(file) if start and start != _GZIP else gzip.GzipFile(fileobj=file)


def _unpack_member(archive, member, staging, path):
    """Make one file or folder; return False for anything else, which is left out."""
    target = staging / safe_path(member.name, path)
    try:
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as source, open(target, "wb") as file:
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


def safe_path(name: str, path: StrPath) -> PurePosixPath:
    """Return a member's path, relative and without ``..``; raise UserError for any other."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name or len(pure.parts) > _DEEPEST:
        raise UserError(
            f"{path} is not safe to unpack: its member {name[:200]!r} leads out of the "
            "target folder, or too deep; nothing was unpacked"
        )
    return pure


def _transfer(url, part):
    """Bring ``part`` to its full size over one connection.

    Raises
    ------
    _Broken
        When the transfer broke; what came is in ``part``.
    _Refused
        When the mirror has no such file.
    """
    note = _read_note(part)
    if part.exists() and not _note(part).exists():  # a browser's, perhaps
        os.replace(part, part.with_name(f"{part.name}.{time.time_ns()}"))
    have = _size(part) if note and _size(part) <= note["size"] else 0
    if note and have == note["size"]:
        return
    with _open(url, _resume_headers(url, note, have)) as response:
        size, start = _agree(response, note, have)
        validator = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        write_json(_note(part), {"size": size, "url": url, "validator": validator})
        label = f"downloading {part.name.removesuffix('.part')}"
        with (
            open(part, "r+b" if start else "wb") as file,
            Progress(size // _MB, label, "MB", initial=start // _MB) as shown,
        ):
            file.seek(start)
            file.truncate()
            while chunk := _receive(response, min(_CHUNK, size - file.tell())):
                if file.tell() == 0 and chunk[:2] != _GZIP[: len(chunk)]:
                    raise _Refused("what it sends is not a gzip archive")
                file.write(chunk)
                file.flush()
                shown.update(file.tell() // _MB - shown.done)
            have = file.tell()
    if have < size:
        raise _Broken(f"the connection closed after {have} of {size} bytes")


def _receive(response, size):
    try:
        return response.read1(size)  # what is there, so that an interrupt loses nothing
    except (OSError, HTTPException) as error:
        raise _Broken(_reason(error)) from error


def _resume_headers(url, note, have):
    """Return the headers that ask for the rest of a file."""
    if not have:
        return {}
    headers = {"Range": f"bytes={have}-"}
    # A weak validator may not be used here; another mirror's is of no meaning to this one.
    if note["url"] == url and note["validator"] and not note["validator"].startswith("W/"):
        headers["If-Range"] = note["validator"]
    return headers


def _agree(response, note, have):
    """Return the file's size and the place at which the response begins."""
    if response.status != 206:
        return _length(response), 0  # the server ignores ranges, or its file has changed
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    if not found:
        raise _Refused("it answers a range without saying which")
    start, _, size = map(int, found.groups())
    if start != have or size != note["size"]:
        raise _Refused(
            f"its file has {size} bytes, unlike the {note['size']} begun with; "
            "remove the .part file to begin anew"
        )
    return size, start


def _open(url, headers=None, method="GET"):
    """Return the response; raise `_Refused` where the server says that it never will."""
    try:
        request = urllib.request.Request(url, headers=headers or {}, method=method)
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        passing = error.code >= 500 or error.code in (408, 429)
        kind = _NoHead if error.code in NO_HEAD and method == "HEAD" else _Broken if passing else _Refused
        raise kind(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise _Broken(_reason(error)) from error
    except ValueError as error:
        raise _Refused(f"not an address ({error})") from error


def _length(response):
    length = response.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) == 0:
        raise _NoHead("it does not tell the file's size")
    return int(length)


def _urls(name, mirrors):
    return [urllib.parse.urljoin(mirror.rstrip("/") + "/", name) for mirror in mirrors]


def _part(path):
    return path.with_name(path.name + ".part")


def _note(part):
    return part.with_name(part.name + ".json")


def _read_note(part):
    """Return what is known of a file begun, None if nothing is."""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        return {"size": int(note["size"]), "url": note["url"], "validator": note["validator"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _reason(error):
    return str(getattr(error, "reason", None) or error) or type(error).__name__


def _gigabytes(size):
    return f"{size / 1e9:.1f} GB"
