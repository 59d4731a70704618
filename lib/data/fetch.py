"""Fetching the 3D-R2N2 release: archives that are not there yet are downloaded and unpacked."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..base.errors import UserError
from ..base.files import sha256
from ..base.hints import StrPath
from ..base.progress import say
from .layout import RENDERINGS, VOXELS
from .transfer import download, part_of, remote_size
from .unpacking import unpack

MIRRORS = ("http://cvgl.stanford.edu/data2/", "http://ftp.cs.stanford.edu/cs/cvgl/")


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
        path, part = out / archive.name, part_of(out / archive.name)
        size = path.stat().st_size if path.exists() else remote_size(archive.name, mirrors)
        here = next((file.stat().st_size for file in (path, part) if file.exists()), 0)
        need += max(0, size - here) + int(size * archive.expansion)
    free = shutil.disk_usage(out).free
    if need > free:
        raise UserError(
            f"{out} needs {_gigabytes(need)} for the archives and their content, but "
            f"the disk has {_gigabytes(free)} free; make room or choose another --out"
        )


def check_digest(path: Path, wanted: str | None = None) -> None:
    """Say an archive's SHA-256, and raise UserError where it is not the one that is wanted."""
    found = sha256(path)
    say(f"{path.name}: SHA-256 {found}" + ("" if wanted else " (not compared: its publisher gives none)"))
    if wanted and found != wanted.lower():
        raise UserError(
            f"{path} has the SHA-256 {found}, not the one of --sha256; it was not unpacked: remove"
            " it and run again, or correct --sha256"
        )


def _gigabytes(size):
    return f"{size / 1e9:.1f} GB"
