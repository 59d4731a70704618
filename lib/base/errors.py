"""Errors that a user can cause, said in one sentence with a remedy."""

import errno
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from .launcher import one_of_several
from .progress import say


_CLOSED = "; choose another place, or let this user read and write there"
_FULL = "; make room and run it again"
NO_MEMORY = "error: there is not enough memory; close other programs, or ask for less at a time"
NO_THREAD = "can't start new thread"  # Python's words where there is none for its stack
REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CLOSED),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
}


class UserError(Exception):
    """Something the user can mend; the message is one sentence that says how."""


def need(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Dotted name, such as ``"trimesh"``.
    extra : str
        The extra of this package that installs it.

    Raises
    ------
    UserError
        When the module is not installed, naming the extra.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed; install it with: pip install 'voxlstm[{extra}]'"
        ) from error


def run_tool(main: Callable[[], int | None], together: bool = False) -> NoReturn:
    """Run a command line's ``main`` and turn a user's errors into one line and exit status 2.

    Parameters
    ----------
    main : callable
        Returns the exit status; None for 0.
    together : bool
        Whether mpirun may start it as several processes; otherwise each would do all of it.
    """
    _open_standard_streams()
    try:
        if one_of_several() and not together:
            raise UserError(f"{program()} is for one process; start it without mpirun")
        sys.exit(main())
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        say(f"{program()}: {NO_MEMORY}")
        sys.stdout.flush()
        os._exit(2)  # libraries would wait at the end for threads that never began
    except BrokenPipeError:
        # The reader of our output has gone (``| head``); closing stdout again would warn.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (UserError, MemoryError, OSError, KeyboardInterrupt) as error:
        message, status = in_one_line(error)
        say(f"{program()}: {message}")
        sys.exit(status)


def in_one_line(error: UserError | MemoryError | OSError | KeyboardInterrupt) -> tuple[str, int]:
    """Return what is said of an error that needs no traceback, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, MemoryError):
        return NO_MEMORY, 2
    if isinstance(error, UserError):
        return f"error: {error}", 2
    names = [str(name) for name in (error.filename, error.filename2) if name]
    where = f" ({' to '.join(names)})" if names else ""
    return f"error: {error.strerror or error}{where}{REMEDIES.get(error.errno or 0, '')}", 2


def program() -> str:
    """Return the name of the program that runs, for its messages."""
    return Path(sys.argv[0]).stem


def _open_standard_streams():
    """Open what was closed (``2>&-``), so that no file of ours takes its number and gets its text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
