"""What a training shows of itself while it runs."""

import math
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Self, TextIO

from ..base.progress import Progress, say

RECENT = 50  # steps over which rates are averaged


class Monitor:
    """The progress bar of a training; off a terminal, a line every so many steps.

    It shows the loss, the objects learnt from in a second, the time left and the share of the time
    that is spent waiting for data; the last two numbers are over the recent steps without
    validation.

    Parameters
    ----------
    total : int
        Steps in the whole training.
    start : int
        Steps done before.
    batch : int
        Objects in a step.
    line_every : int
        Steps between lines where the stream is not a terminal.
    waited : callable
        Returns the seconds spent waiting for data so far.
    stream : file, optional
        Standard error by default.
    """

    def __init__(
        self,
        total: int,
        start: int,
        batch: int,
        line_every: int,
        waited: Callable[[], float],
        stream: TextIO | None = None,
    ) -> None:
        self._batch, self._line_every, self._waited = batch, line_every, waited
        self._stream = stream or sys.stderr
        self._bar = Progress(total, "train", initial=start, every=math.inf, stream=self._stream)
        self._last: tuple[float, float] | None = None  # time and seconds waited at the end of the step before
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(*error)

    def show(self, iteration: int, loss: float, scores: tuple[float, ...] | None = None) -> None:
        """Show a finished step, with (IoU, cross-entropy) where it was validated."""
        now = (time.monotonic(), self._waited())
        if self._last is None:
            # The first step compiles; rates and the time left are counted from its end.
            self._bar.start, self._bar.initial = now[0], self._bar.done + 1
        elif scores is None:
            self._recent.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now
        self._bar.update(1, loss=loss, **self._rates(), **_validation(scores))
        if not self._bar.terminal and iteration % self._line_every == 0:
            say(self._bar.message(), self._stream)

    def _rates(self):
        seconds = sum(step for step, _ in self._recent)
        if seconds <= 0:
            return {}
        waiting = sum(wait for _, wait in self._recent) / seconds
        rate = len(self._recent) * self._batch / seconds
        return {"objects/s": rate, "waiting for data": f"{100 * waiting:.0f} %"}


def _validation(scores):
    return {"validation IoU": scores[0]} if scores else {}
