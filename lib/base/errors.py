"""Errors that a user can cause, said in one sentence with a remedy."""
import importlib
import os
import re
import sys
import unicodedata
from pathlib import Path

HIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories: control characters, lone halves, line ends
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # make text run the other way


class UserError(Exception):
    """Something the user can mend; the message is one sentence that says how."""


def need(module, extra):
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


def run_tool(main):
    """Run a command line's ``main`` and turn a user's errors into one line and exit status 2."""
    try:
        sys.exit(main())
    except UserError as error:
        _fail(f"error: {error}", 2)
    except BrokenPipeError:
        # The reader of our output has gone (``| head``); closing stdout again would warn.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        names = [str(name) for name in (error.filename, error.filename2) if name]
        where = f" ({' to '.join(names)})" if names else ""
        _fail(f"error: {error.strerror or error}{where}", 2)
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def program():
    """Return the name of the program that runs, for its messages."""
    return Path(sys.argv[0]).stem


def escaped(text):
    """Return a text with escapes for what would garble a terminal, a list or a picture."""
    return "".join(
        ascii(letter)[1:-1] if TURNING.match(letter) or unicodedata.category(letter) in HIDDEN
        else letter for letter in str(text)
    )  # fmt: skip


def _fail(message, status):
    print(f"{program()}: {escaped(message)}", file=sys.stderr)
    sys.exit(status)
