"""Where compiled code and indexes are kept between runs, and what in there may be loaded.

Code of the cache runs with this user's rights, so nothing is loaded that another user owns or could
have written. In a folder that everybody may write to (sticky, as ``/tmp``) each user has a part of
his own.
"""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError
from .hints import StrPath

REMEDY = "set VOXLSTM_CACHE to a folder of your own"
NEEDED = 1 << 20  # bytes; less is a full disk
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder(*names: str) -> Path:
    """Return the folder for files that can be made again, or one inside it; made where missing.

    ``VOXLSTM_CACHE``, else ``XDG_CACHE_HOME/voxlstm``, else ``~/.cache/voxlstm``.

    Raises
    ------
    UserError
        When there can be no such folder, or others could put code into it.
    """
    folder = _chosen()
    try:
        _make(folder)
        link, folder = folder, folder.resolve()
        _check_owner(link.lstat(), link)
        facts = folder.stat()
        if facts.st_mode & stat.S_ISVTX and facts.st_mode & OTHERS_WRITE:
            _check_owner(facts, folder)
            names = (f"user-{os.geteuid()}", *names)
        else:
            _check(facts, folder)
        for name in names:
            folder = folder / name
            _make(folder)
            _check(folder.lstat(), folder)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"the cache {folder} cannot be used ({reason}); {REMEDY}") from error
    return folder


def check_usable(folder: StrPath) -> None:
    """Raise UserError where compiled code cannot be written to a folder, or not run from there."""
    # os.access goes by the real user, and root may write what is mounted for reading alone.
    facts = os.statvfs(folder)
    if facts.f_flag & os.ST_RDONLY or not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        reason = "it cannot be written"
    elif facts.f_flag & os.ST_NOEXEC:
        reason = "it is mounted noexec, so that compiled code cannot run from there"
    elif facts.f_bavail * facts.f_frsize < NEEDED or facts.f_files and not facts.f_favail:
        reason = "its disk is full"
    else:
        return
    raise UserError(f"the cache {folder} cannot be used ({reason}); make it usable or {REMEDY}")


def check_content(folder: Path) -> None:
    """Raise UserError when anything below a folder of the cache could be another user's."""
    closed = not folder.stat().st_mode & 0o077  # nobody else comes in, so inner modes do not count
    pending: list[StrPath] = [folder]
    while pending:
        with suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if _may_hold_more(entry, closed):
                    pending.append(entry.path)


def is_ours(path: StrPath) -> bool:
    """Return whether ``path`` is a plain file that only this user can have written."""
    facts = os.lstat(path)
    return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and _private(facts)


@contextmanager
def scratch_folder(*names: str) -> Iterator[Path]:
    """Give a folder inside the cache for the length of a block; those of killed processes go."""
    parent = cache_folder(*names)
    with open(parent / ".lock", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        for left in parent.glob("scratch-*"):
            _remove_unused(left)
        folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=parent))
        # The kernel lets go of it when the process ends, however it ends.
        held = _locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def trim(folder: StrPath, ending: str, kept: int) -> None:
    """Remove the oldest of a folder's files ``<name>-<16 hex><ending>``; other files stay."""
    own = re.compile(rf"[\w.-]+-[0-9a-f]{{16}}{re.escape(ending)}")
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if own.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # another process has removed it since
                    found.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
    for _, path in sorted(found, reverse=True)[kept:]:
        Path(path).unlink(missing_ok=True)


def _remove_unused(folder):
    try:
        os.close(_locked(folder))
    except OSError:
        return  # its process works in it
    shutil.rmtree(folder, ignore_errors=True)


def _locked(folder):
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _chosen():
    own = os.environ.get("VOXLSTM_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME")
    try:
        if own:
            return Path(own).expanduser().absolute()
        return Path(shared or Path.home() / ".cache").expanduser().absolute() / "voxlstm"
    except (RuntimeError, OSError) as error:
        raise UserError(f"there is no cache: {error}; {REMEDY}") from error


def _make(folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def _check(facts, folder):
    """Raise UserError unless a folder is one, is this user's and is closed to other writers."""
    if not stat.S_ISDIR(facts.st_mode):
        raise UserError(f"{folder} in the cache is no folder; remove it or {REMEDY}")
    if facts.st_uid != os.geteuid() or not _private(facts):
        raise _unsafe(folder, facts)


def _check_owner(facts, path):
    if facts.st_uid not in (0, os.geteuid()):
        raise _unsafe(path, facts)


def _may_hold_more(entry, closed):
    """Return whether an entry of the cache is a folder, if it is safe."""
    try:
        facts = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False  # another process has removed it since
    if facts.st_uid != os.geteuid() or not (closed or _private(facts)):
        raise _unsafe(entry.path, facts)
    return stat.S_ISDIR(facts.st_mode)


def _private(facts):
    # What everybody may do to a link is of no meaning: its mode is always 777.
    return stat.S_ISLNK(facts.st_mode) or not facts.st_mode & OTHERS_WRITE


def _unsafe(path, facts):
    if facts.st_uid != os.geteuid():
        return UserError(
            f"the cache is not safe to load code from: {path} belongs to another user"
            f" (uid {facts.st_uid}); {REMEDY}"
        )
    return UserError(
        f"the cache is not safe to load code from: others may write to {path}; remove"
        f" it and close its folder with chmod 700, or {REMEDY}"
    )
