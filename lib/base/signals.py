"""Stopping a long job at a point where nothing is lost."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, Self

# Clusters send one of the last two ahead of a time limit; Open MPI hands the last one on and kills nobody after it.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
TOOLS = Path(__file__).parents[2] / "tools"


class Interrupted(Exception):
    """A wait was given up because a stop was asked for; nothing was begun that is lost."""


class StopRequest:
    """Turns Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2 into a flag that a job looks at when it can stop.

    Use as a context manager, in the main thread. The first signal sets the flag; a second one
    acts as if this were not here, so that a job that hangs can still be ended. Processes forked
    from this one keep the signals' usual effect.

    Parameters
    ----------
    patient : bool
        Let no further signal end the job, as where a cluster sends the same one by two ways.

    Attributes
    ----------
    signal : int or None
        The signal that came.
    """

    def __init__(self, patient: bool = False) -> None:
        self.signal: int | None = None
        self._patient = patient
        self._process = os.getpid()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def __bool__(self) -> bool:
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status that tells a shell of the signal; 0 when none came."""
        return 128 + self.signal if self.signal else 0

    def _note(self, number, _):
        if not self._patient or os.getpid() != self._process:
            self._restore()
        if os.getpid() != self._process:
            os.kill(os.getpid(), number)
        self.signal = number

    def _restore(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)


def runs_a_command() -> bool:
    """Return whether this process is a command of this package, not a program that imports it."""
    start = Path(sys.argv[0]) if getattr(sys, "argv", None) else Path()
    if start.name == "-m":  # the module is still being found
        return any(word.startswith("voxlstm.tools") for word in sys.orig_argv)
    own = start.absolute().parent.name == TOOLS.name and (TOOLS / start.name).is_file()
    return own or start.name.split(" ")[0] == "voxlstm"


def end_at_once() -> None:
    """Have Ctrl-C end the process without a word where it would raise KeyboardInterrupt.

    For a command's imports and its exit, where nobody catches that and nothing is to be tidied up.
    """
    _replace(signal.default_int_handler, _end)


def raise_interrupt() -> None:
    """Undo `end_at_once`."""
    _replace(_end, signal.default_int_handler)


def _end(number, _):
    os._exit(128 + number)


def _replace(before, after):
    if signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, after)
