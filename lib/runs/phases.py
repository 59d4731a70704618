"""A long job as a row of commands, each done once, however often the job is interrupted."""

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import Self

from ..base.errors import UserError, why
from ..base.files import read_json, sweep, write_json
from ..base.hints import StrPath
from ..base.processes import die_with_parent
from ..base.progress import clock, say
from ..base.signals import StopRequest
from .run_folder import lock


class Stopped(Exception):
    """A signal came; ``status`` is the exit status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Phases:
    """Commands whose state is kept in a folder, so that the same job goes on after any stop.

    Parameters
    ----------
    folder : path-like
        Gets ``phases.json``: for each phase its command, when it was finished and the seconds it
        took. It is locked as long as the context lasts.

    Raises
    ------
    UserError
        When another process uses the folder.
    """

    def __init__(self, folder: StrPath) -> None:
        self._path = Path(folder) / "phases.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = lock(folder)
        sweep(folder)
        self._known = _read(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def run(
        self,
        name: str,
        command: Sequence[object],
        produces: StrPath,
        needs: Iterable[str] = (),
        again: Sequence[object] = (),
    ) -> bool:
        """Run a phase unless it is done: same command, same inputs, and its product is there.

        Parameters
        ----------
        name : str
        command : list
            Program and arguments, for the first start.
        produces : path-like
            What is there when the phase is done.
        needs : sequence of str
            Earlier phases whose products go in; done anew, they make this one due again.
        again : list
            The command to use instead when this one was begun before and not finished.

        Returns
        -------
        bool
            Whether anything had to be run.

        Raises
        ------
        Stopped
            When this process is asked to stop; the command was asked too and has ended.
        UserError
            When the command fails; it has said why.
        """
        key: dict[str, Any] = {
            "command": [str(part) for part in command],
            "inputs": {need: self._known[need]["finished"] for need in needs},
        }
        entry = self._known.get(name, {})
        same = all(entry.get(part) == value for part, value in key.items())
        if same and entry["finished"] and Path(produces).exists():
            say(f"{name}: done before, reused")
            return False
        begun = same and not entry["finished"]
        spent = entry["seconds"] if begun else 0.0
        self._note(name, **key, finished=None, seconds=spent)
        say(f"{name} ...")
        start = time.monotonic()
        status = execute([str(part) for part in again] if begun and again else key["command"])
        seconds = round(spent + time.monotonic() - start, 1)
        finished = datetime.now().isoformat() if status == 0 else None
        self._note(name, **key, finished=finished, seconds=seconds)
        if status:
            raise UserError(f"the phase '{name}' ended with status {status}; see its message above")
        say(f"{name}: done in {clock(seconds)}")
        return True

    def seconds(self) -> dict[str, float]:
        """Return the seconds that each phase took, by name."""
        return {name: entry["seconds"] for name, entry in self._known.items()}

    def _note(self, name, **entry):
        self._known[name] = entry
        write_json(self._path, self._known)


def execute(command: Sequence[str]) -> int:
    """Run a command to its end, hand on signals, and let it die with this process.

    Returns
    -------
    int
        Its exit status, as a shell counts it.

    Raises
    ------
    Stopped
        When a signal came.
    """
    with StopRequest() as stop:
        # In a group of its own Ctrl-C does not reach it twice: once is from here. After a kill -9
        # of this process, a command that went on alone would stand in the next start's way.
        process = subprocess.Popen(command, process_group=0, preexec_fn=die_with_parent)
        told = False
        while process.poll() is None:
            if stop.signal and not told:
                process.send_signal(stop.signal)
                told = True
            try:
                process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
        if stop:
            raise Stopped(stop.status)
        return process.returncode if process.returncode >= 0 else 128 - process.returncode


def tool(name: str, *arguments: object) -> list[str]:
    """Return the command that runs a file of ``tools/`` with this Python."""
    folder = Path(__file__).resolve().parents[2] / "tools"
    return [sys.executable, str(folder / f"{name}.py"), *map(str, arguments)]


def _read(path):
    if not path.exists():
        return {}
    try:
        known = read_json(path)
        if all(
            isinstance(entry["command"], list)
            and isinstance(entry["inputs"], dict)
            and isinstance(entry["finished"], (str, type(None)))
            and entry["seconds"] + 0.0 >= 0
            for entry in known.values()
        ):
            return known
        raise TypeError
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged; remove it to start anew") from error
