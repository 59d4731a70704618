"""Downloading a large file: from mirror to mirror, resumed where a transfer broke."""

import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from ..base.errors import UserError
from ..base.files import named, read_json, write_json
from ..base.progress import Progress
from .unpacking import GZIP

TRIES = 5  # transfers in a row that bring nothing before a mirror is given up
PAUSE = 1.0  # seconds before another try, doubled for each that brought nothing
NO_HEAD = (400, 403, 405, 406, 501)  # answers of servers that know GET alone
TIMEOUT = 60.0  # seconds without a byte
REMEDY = "run again to continue where it broke, or name another mirror with --mirror"
_CHUNK = 1 << 18
_MB = 10**6


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


def download(name: str, path: Path, mirrors: Sequence[str], remedy: str = REMEDY) -> None:
    """Download ``name`` to ``path``, resuming what is there and going from mirror to mirror.

    A broken transfer is continued where it broke, for as long as each try brings something. The
    part stays on failure, as ``path`` with ``.part`` added, for the next run. ``remedy`` is what the
    error tells the user to do.
    """
    part, reasons = part_of(path), []
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
    raise UserError(f"cannot download {name} ({'; '.join(reasons)}); {remedy}")


def part_of(path: Path) -> Path:
    """Return where a file is until it is whole."""
    return path.with_name(path.name + ".part")


class _Refused(Exception):
    """A mirror that cannot give the file; trying it again is of no use."""


class _NoHead(_Refused):
    """A mirror that may give the file but does not speak of it beforehand."""


class _Broken(Exception):
    """A transfer that broke; trying again may bring the rest."""


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
                if file.tell() == 0 and chunk[:2] != GZIP[: len(chunk)]:
                    raise _Refused("what it sends is not a gzip archive")
                with named(part):
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


def _note(part):
    return part.with_name(part.name + ".json")


def _read_note(part):
    """Return what is known of a file begun, None if nothing is."""
    try:
        note = read_json(_note(part))
        return {"size": int(note["size"]), "url": note["url"], "validator": note["validator"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _reason(error):
    return str(getattr(error, "reason", None) or error) or type(error).__name__
