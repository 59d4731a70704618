"""The listing of a data set, kept between runs in the user's cache folder."""

import hashlib
import json
import os
import time
from pathlib import Path

from ..base.cache import cache_folder
from ..base.errors import UserError
from ..base.files import write_text
from ..base.hints import StrPath

VERSION = 3
Entry = tuple[int, int, tuple[str, ...], str]
_SETTLED = 2_000_000_000  # nanoseconds; coarser than any file system's clock


class IndexCache:
    """A file of entries ``{name: (stamp, stamp, files, problem)}`` for the data set at ``root``.

    The stamps are the folders' modification times: an entry counts only while they are the same.
    The cache is a convenience: one that is damaged, foreign or cannot be written is ignored.
    """

    def __init__(self, root: StrPath) -> None:
        self.root = os.path.realpath(root)
        try:
            self.path: Path | None = cache_folder() / f"index-{_digest(self.root)}.json"
        except UserError:
            self.path = None

    def load(self) -> dict[str, Entry]:
        """Return the entries, none when there is no usable cache."""
        if self.path is None:
            return {}
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content["version"] != VERSION or content["root"] != self.root:
                return {}
            kinds = [tuple(map(str, files)) for files in content["files"]]
            return {str(name): _entry(kinds, *row) for name, row in content["entries"].items()}
        except Exception:  # damaged in any way
            return {}

    def save(self, entries: dict[str, Entry]) -> None:
        """Write the entries atomically, but those that may still be changing unseen.

        A folder changed twice within a tick of the file system's clock keeps its time, so an entry
        is trusted only if its folders were at rest for a while when they were listed.
        """
        if self.path is None:
            return
        rest = time.time_ns() - _SETTLED
        settled = {name: row for name, row in entries.items() if max(row[:2]) < rest}
        # Nearly all models have the same files, so each kind of list is written once.
        kinds = {files: number for number, files in enumerate({row[2] for row in settled.values()})}
        rows = {name: [*row[:2], kinds[row[2]], row[3]] for name, row in settled.items()}
        content = {"version": VERSION, "root": self.root, "files": list(kinds), "entries": rows}
        try:
            write_text(self.path, json.dumps(content, separators=(",", ":")))
        except OSError:
            return  # nowhere to write; the next run lists the folders again


def _entry(kinds, rendering_stamp, voxels_stamp, kind, problem):
    return int(rendering_stamp), int(voxels_stamp), kinds[kind], str(problem)


def _digest(text):
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:16]
