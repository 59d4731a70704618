"""The settings of the user's Theano configuration files, by Theano's own rules."""

import configparser
import os
from collections.abc import Iterable

from ..base.errors import UserError
from ..base.hints import StrPath

EXPANDED = ("USER", "LSCRATCH", "TMPDIR", "TEMP", "TMP")  # named as %(USER)s in a file


def files() -> list[str]:
    """Return the files that Theano reads: those of THEANORC, else ``~/.theanorc``."""
    names = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    return [os.path.expanduser(name) for name in names]


def read(paths: Iterable[StrPath]) -> dict[str, str]:
    """Return the settings of configuration files by the names of flags in small letters; later files win.

    Raises
    ------
    UserError
        When a file cannot be understood.
    """
    values = {name: os.environ.get(name, "") for name in EXPANDED}
    parser = configparser.ConfigParser({**values, "PID": str(os.getpid())})
    for path in paths:
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            raise UserError(
                f"Theano's settings in {path} cannot be read"
                f" ({' '.join(str(error).split())}); mend or remove the file"
            ) from error
    return {
        option if section == "global" else f"{section}.{option}": _value(parser, section, option)
        for section in parser.sections()
        for option in parser.options(section)
        if option.upper() not in values and option != "pid"
    }


def _value(parser, section, option):
    try:
        return parser.get(section, option)
    except configparser.InterpolationError:
        return parser.get(section, option, raw=True)
