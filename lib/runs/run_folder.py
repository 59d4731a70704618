"""The folder of a training run: taken by one process, never overwritten unasked, well labelled.

It holds ``network.yaml`` and ``recipe.yaml`` (the definitions as trained, overrides applied),
``split.txt`` (which objects are trained, validated and to be tested on) and ``run.json`` (what was
run, where and with which versions; an entry for each start), beside what others write into it.
"""

import fcntl
import platform
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Self, TextIO

import yaml

from ..base.config import load_yaml
from ..base.errors import UserError, why
from ..base.files import read_json, sweep, write_json, write_text
from ..base.hints import StrPath
from ..base.program import ROOT

PACKAGES = ("voxlstm", "Theano-PyMC", "numpy", "scipy", "Pillow")
SPLIT = "split.txt"
CONTENT = (
    "last.npz",
    "best.npz",
    "run.json",
    "network.yaml",
    "recipe.yaml",
    "curves.csv",
    "curves.png",
    "events",
    SPLIT,
)
STARTING = ".starting"  # there from a run's first file to its run.json
SHIPPED = ROOT / "models/pretrained.npz"  # the weights that come along


class RunFolder:
    """A run's folder, locked as long as the context lasts.

    Parameters
    ----------
    path : path-like
        Made where it is not there.
    resume : bool
        Go on with the run that is there.
    overwrite : bool
        Remove the run that is there; files that are none of a run's stay.

    Attributes
    ----------
    path : Path

    Raises
    ------
    UserError
        When another process uses the folder, when there is a run and it was said neither to
        resume nor to overwrite it, and when there is none to resume.
    """

    def __init__(self, path: StrPath, resume: bool = False, overwrite: bool = False) -> None:
        self.path = Path(path)
        if resume and not (self.path / "run.json").exists():
            raise UserError(
                f"there is no run to resume in {path}, for want of a run.json; leave --resume out"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self.path)
        try:
            sweep(self.path)
            self._check(resume, overwrite)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_definitions(self, network: dict[str, Any], recipe: dict[str, Any]) -> None:
        """Write the two definitions (mappings), so that the run can be understood and repeated."""
        if not (self / "run.json").exists():
            (self / STARTING).touch()
        for name, value in [("network.yaml", network), ("recipe.yaml", recipe)]:
            write_text(self / name, yaml.safe_dump(value, sort_keys=False))

    def read_definitions(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the mappings that `write_definitions` wrote: network and recipe."""
        return load_yaml(self / "network.yaml"), load_yaml(self / "recipe.yaml")

    def note_start(self, **facts: object) -> None:
        """Add an entry to ``run.json``: command, time, versions, git revision and ``facts``."""
        starts = self.starts()
        starts.append(
            {
                "command": sys.orig_argv,
                "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "versions": versions(),
                "git_revision": git_revision(ROOT),
                **facts,
            }
        )
        write_json(self / "run.json", {"starts": starts})
        (self / STARTING).unlink(missing_ok=True)

    def starts(self) -> list[dict[str, Any]]:
        """Return the entries of ``run.json``, first start first."""
        path = self / "run.json"
        if not path.exists():
            return []
        try:
            starts = read_json(path)["starts"]
            if not isinstance(starts, list) or not all(map(_is_start, starts)):
                raise TypeError
            return starts
        except OSError as error:
            raise UserError(f"cannot read {path}: {why(error)}") from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise UserError(f"{path} is damaged; restore it or start anew with --overwrite") from error

    def first_start(self, *names: str) -> dict[str, Any]:
        """Return what ``run.json`` says of the run's first start, which must have these entries."""
        first = next(iter(self.starts()), {})
        missing = [name for name in names if name not in first]
        if missing:
            raise UserError(
                f"{self / 'run.json'} is damaged: it has no {missing[0]!r}; restore it or start"
                " anew with --overwrite"
            )
        return first

    def _check(self, resume, overwrite):
        begun = (self.path / "run.json").exists()
        # A start that was killed before its run.json has trained nothing: it is begun anew.
        if overwrite or (self.path / STARTING).exists() and not begun:
            self._clear()
        elif not resume and any((self.path / name).exists() for name in CONTENT):
            remedy = (
                "--resume to go on with it, --overwrite to replace it"
                if begun
                else ("--overwrite to replace it (its run.json is missing, so that it cannot be resumed)")
            )
            raise UserError(f"{self.path} holds a run already; give {remedy}, or another --out")

    def _clear(self):
        for name in (*CONTENT, STARTING):
            target = self.path / name
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)


def _is_start(entry):
    """Return whether an entry of run.json can be one of `RunFolder.note_start`."""
    kinds = {"data": str, "data_digest": str, "objects": dict, "split": dict, "precision": str}
    return isinstance(entry, dict) and all(
        isinstance(entry[name], kind) for name, kind in kinds.items() if name in entry
    )


def shipped(path: StrPath) -> StrPath:
    """Return the path, or where nothing is there the package's file of that name, if it has one.

    ``models/lstm_3x3x3.yaml`` is thus there for those who have no checkout, too.
    """
    return ROOT / path if not Path(path).exists() and (ROOT / path).is_file() else path


def lock(folder: StrPath) -> TextIO:
    """Take a folder for this process, until the returned file is closed or the process ends.

    Raises
    ------
    UserError
        When another process has it.
    """
    file = open(Path(folder) / ".lock", "w", encoding="utf-8")
    try:
        # The kernel lets go of it when the process ends, however it ends.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UserError(f"another run is writing to {folder}; wait for it or choose another --out") from error
    return file


def versions() -> dict[str, str | None]:
    """Return the versions of Python, the platform and the packages that results depend on."""
    found: dict[str, str | None] = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def git_revision(root: StrPath) -> str | None:
    """Return the commit that is checked out in ``root``, with ``+changes``; None outside or without git."""
    if not (Path(root) / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        changed = _git(root, "status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if changed else "")


def _git(root, *arguments):
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
