"""Damaged files for every reader: each is read or refused in one sentence, soon and in little memory."""

import resource
import shutil
import signal
import time
import traceback
import warnings
from collections import Counter

from voxlstm.lib.base.errors import UserError

from .mutations import generator_of

LIMIT = 5  # seconds for one file
MEMORY = 2 << 30  # bytes beyond those of the start


class TooSlow(BaseException):
    """A file was not read in time."""


def try_reader(name, reader, folder, seconds, seed=0):
    """Damage files until the time is over.

    Returns
    -------
    dict
        How many were ``read``, ``refused``, ``too slow`` or ended in something ``unexpected``, and
        the ``findings``: kinds of unexpected ends with the number of the first try.
    """
    counts, findings = Counter(), {}
    path = folder / reader.name
    end, number = time.monotonic() + seconds, seed
    while time.monotonic() < end:
        generator = generator_of(name, number)
        try:
            path.write_bytes(generator.choice(reader.ways)(generator.choice(reader.good), generator))
        except (ValueError, OverflowError, TypeError):  # this damage does not fit this file
            number += 1
            continue
        outcome, why = _attempt(reader, path)
        counts[outcome] += 1
        if why:
            findings.setdefault(why, number)
        shutil.rmtree(folder / "ShapeNetVox32", ignore_errors=True)
        number += 1
    return {**counts, "findings": findings, "first": seed, "largest_mb": _peak()}


def _attempt(reader, path):
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        reader.read(path)
        return "read", None
    except UserError:
        return "refused", None
    except TooSlow as error:
        return "too slow", _place(error)
    except Exception as error:
        return "unexpected", _place(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _place(error):
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.filename.rpartition('/')[2]}:{last.name}"


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def guard():
    """Make this process give up slow files and large arrays."""
    warnings.simplefilter("ignore")

    def alarm(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, alarm)
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY,) * 2)
