"""Progress with time left: a bar on a terminal, a line now and then elsewhere."""

import math
import os
import re
import sys
import time
import unicodedata
from typing import Self, TextIO

COLUMNS = 80  # of a terminal that does not say
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # Unicode categories: control characters, lone halves, line ends
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # make text run the other way


class Progress:
    """Show how far a job is.

    Parameters
    ----------
    total : int
        Number of units in the whole job.
    label : str
        What is being done.
    unit : str
        Name of one unit, for the rate.
    every : float
        Seconds between lines where ``stream`` is not a terminal.
    initial : int
        Units done by an earlier run; they do not count towards the rate.
    stream : file
        Where to write.

    Use as a context manager and call `update` for every unit done.
    """

    def __init__(
        self,
        total: int,
        label: str,
        unit: str = "it",
        every: float = 10.0,
        initial: int = 0,
        stream: TextIO | None = None,
    ) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.stream = stream or sys.stderr
        self.terminal = is_terminal(self.stream)
        self.every = 0.1 if self.terminal else every
        self.initial, self.done = initial, initial
        self.postfix: dict[str, float | str] = {}
        self.start = self.shown = time.monotonic()
        self.width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._show()
        if self.terminal:
            write(self.stream, "\n")

    def update(self, n: int = 1, **postfix: float | str) -> None:
        """Count ``n`` more units; keyword arguments are shown behind the bar."""
        self.done += n
        self.postfix.update(postfix)
        if time.monotonic() - self.shown >= self.every:
            self._show()

    def message(self, columns: float = math.inf) -> str:
        """Return the line that is shown: label, count, rate, time left, extra values.

        On few ``columns`` the time so far and the rate are left out, then values that find no place.
        """
        elapsed = time.monotonic() - self.start
        rate = (self.done - self.initial) / elapsed if elapsed > 0 else 0.0
        left = clock((self.total - self.done) / rate) if rate > 0 else "?"
        share = self.done / self.total if self.total else 1.0
        begin = f"{self.label}: {100 * share:3.0f} % {self.done}/{self.total}"
        extra = [f"{key} {_short(value)}" for key, value in self.postfix.items()]
        whole = (
            f"{begin} [{clock(elapsed)}, {left} left, {rate:.3g} {self.unit}/s] {', '.join(extra)}".rstrip()
        )
        if cells(whole) <= columns:
            return whole
        line, between = f"{begin} [{left} left]", " "
        for text in extra:
            if cells(line + between + text) <= columns:
                line, between = line + between + text, ", "
        while cells(line) > columns:
            line = line[:-1]
        return line

    def _show(self):
        self.shown = time.monotonic()
        if self.terminal:
            text = self.message(_columns(self.stream) - 1)  # a full line would begin the next
            padding = " " * max(0, self.width - cells(text))
            self.width = cells(text)
            write(self.stream, "\r" + text + padding)
        else:
            write(self.stream, self.message() + "\n")


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal; None and a closed one are none."""
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def printable(text: object, lines: bool = True) -> str:
    """Return a text with escapes for what would garble a terminal: names come from files of others.

    ``lines`` says whether the text may have several lines, and so ends of lines and tabulators.
    """
    kept = "\n\t" if lines else ""
    return "".join(
        ascii(letter)[1:-1] if letter not in kept and _garbles(letter) else letter for letter in str(text)
    )


def _garbles(letter):
    return unicodedata.category(letter) in HIDDEN or TURNING.match(letter)


def say(text: object, stream: TextIO | None = None) -> None:
    """Write a line for the user; where nobody can read it any more, the job goes on without."""
    write(stream or sys.stderr, printable(text) + "\n")


def write(stream: TextIO, text: str) -> None:
    """Write text at once; what cannot be written is dropped: words are no reason to end a job."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError, AttributeError):  # no reader, a full disk, a closed stream, none
        _drop(stream)


def _drop(stream):
    """Turn a stream that cannot be written into one that swallows all, so that its end does not fail."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        return  # it has no file of its own


def clock(seconds: float) -> str:
    """Return a duration in seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, seconds = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _columns(stream):
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS


def cells(text: str) -> int:
    """Return how many columns a text takes: letters of East Asia take two, marks above letters none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
