"""Errors that a user can cause, said in one sentence with a remedy."""

import errno
import importlib
import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from .launcher import one_of_several
from .progress import say
from .signals import end_at_once, raise_interrupt

NO_MEMORY = "error: there is not enough memory; close other programs, or ask for less at a time"
NO_THREAD = (
    "can't start new thread"  # Python's words where there is no memory for its stack, or too many are there
)
_STACK = 8 << 20  # bytes that a thread's stack takes, as Linux has it
CLOSED = "choose another place, or let this user read and write there"
_PROCESSES = (
    "the limit on processes and threads is reached: raise it (ulimit -u, a container's --pids-limit), or"
    " ask for fewer --workers"
)
REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM), CLOSED),
    errno.EROFS: "choose another place, or mount this one for writing",
    errno.ENOSPC: "make room and run it again",
    errno.EDQUOT: "make room within this user's quota, or have it raised, and run it again",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f unlimited), or choose a file system for larger ones",
    errno.EMFILE: "raise the limit on open files (ulimit -n 1024) and run it again",
    errno.ENFILE: "close other programs, for the whole machine has too many files open",
    errno.EAGAIN: _PROCESSES,
    errno.ENOMEM: "close other programs, or ask for less at a time",
    errno.EIO: "the disk, or the way to it, does not work: see the system's log",
    errno.ESTALE: "a network's disk was lost: mount it again",
    **dict.fromkeys(
        (errno.EEXIST, errno.ENOTDIR), "choose another place, for a file is there where a folder is wanted"
    ),
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ESPIPE: "give the name of a file",
    errno.ELOOP: "a link leads in a circle: remove it",
}
# What compilers and the system's linker say instead of the system's own words.
_SAID_BY_COMPILERS = {
    "File size limit exceeded": errno.EFBIG,
    "out of file descriptors": errno.EMFILE,
    "out of memory": errno.ENOMEM,
    "memory exhausted": errno.ENOMEM,
    "Killed": errno.ENOMEM,
    "failed to map segment from shared object": errno.ENOMEM,
}
_OF_THE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT}


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
        raise_interrupt()
        _check_arguments()
        if one_of_several() and not together:
            raise UserError(f"{program()} is for one process; start it without mpirun")
        status = main()
        end_at_once()
        sys.exit(status)
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        say(f"{program()}: {_no_thread()}")
        sys.stdout.flush()
        os._exit(2)  # libraries would wait at the end for threads that never began
    except BrokenPipeError:
        # The reader of our output has gone (``| head``); closing stdout again would warn.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (UserError, MemoryError, OSError, ImportError, SystemError, KeyboardInterrupt) as error:
        end_at_once()  # a second Ctrl-C
        if isinstance(error, (ImportError, SystemError)) and not _of_memory(error) and not cause(str(error)):
            raise
        message, status = in_one_line(error)
        say(f"{program()}: {message}")
        sys.exit(status)


def _check_arguments():
    """Refuse empty arguments: ``--out "$FOLDER"`` would be this folder, and ``--categories ""`` all."""
    for argument in sys.argv[1:]:
        name, equals, value = argument.partition("=")
        if not value and (not argument or equals and name.startswith("--")):
            after = f" ({argument})" if argument else ""
            raise UserError(
                f"an argument is empty{after}, perhaps a variable of the shell that is not set: give it a"
                " value or leave it out"
            )


def tell_import_errors() -> None:
    """Have a user's errors end this process in one line while a command still imports its modules."""
    sys.excepthook = _tell


def _tell(kind, error, trace):
    if not isinstance(error, (UserError, OSError)) and not _of_memory(error) and not cause(str(error)):
        return sys.__excepthook__(kind, error, trace)
    message, status = in_one_line(error)
    say(f"{program()}: {message}")
    os._exit(status)


def in_one_line(error: BaseException) -> tuple[str, int]:
    """Return what is said of an error that needs no traceback, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if _of_memory(error):
        return NO_MEMORY, 2
    if isinstance(error, UserError):
        return f"error: {error}", 2
    if not isinstance(error, OSError):  # a library that could not be loaded, say
        return f"error: voxlstm cannot start: {cause(str(error))}", 2
    names = [str(name) for name in (error.filename, error.filename2) if name]
    return f"error: {why(error, ' to '.join(names))}", 2


def why(error: OSError, where: str = "", otherwise: str = "") -> str:
    """Return what the system says of an error, ``where``, and the remedy; ``otherwise`` where none is known."""
    place = f" ({where})" if where else ""
    remedy = REMEDIES.get(error.errno or 0, otherwise)
    return f"{error.strerror or error}{place}{remedy and '; '}{remedy}"


def program() -> str:
    """Return the name of the program that runs, for its messages."""
    return Path(sys.argv[0]).stem


def is_of_the_machine(error: BaseException) -> bool:
    """Return whether an error says nothing about the file that was being read."""
    return isinstance(error, OSError) and error.errno in _OF_THE_MACHINE


def cause(output: str) -> str | None:
    """Return what of the machine made another program fail, and the remedy; None where it was something else."""
    words = {**{os.strerror(number): number for number in REMEDIES}, **_SAID_BY_COMPILERS}
    # The longest: one error's words begin with another's.
    found = max((said for said in words if said in output), key=len, default=None)
    return found and f"{found}; {REMEDIES[words[found]]}"


def _of_memory(error):
    """Return whether memory was wanting; C code that finds none may fail without saying why."""
    unsaid = isinstance(error, SystemError) and "without" in str(error)
    return unsaid or isinstance(error, MemoryError)


def _no_thread():
    """Return which of the two causes a thread could not be started for."""
    try:
        mmap.mmap(-1, _STACK).close()
    except (OSError, MemoryError):
        return NO_MEMORY
    return f"error: no thread can be started; {_PROCESSES}"


def _open_standard_streams():
    """Open what was closed (``2>&-``), so that no file of ours takes its number and gets its text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
