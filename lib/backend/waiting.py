"""How long OpenMP's threads spin for each other, by whether other programs want the cores.

libgomp's threads spin for milliseconds before they sleep, which is fastest on a quiet machine. Where
another program has the core of one of them, all spin in vain, and a step takes many times as long.
libgomp itself spins a thousandth of that while it counts more threads than there are cores. So while
the threads of this process have to stand in line for a core, a crowd of sleeping threads is kept.
"""

import os
import threading
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path

from ..base.hints import StrPath

CHOSEN_BY_USER = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}
SPINS = "1000"  # where the system does not say how long threads stand in line
PERIOD = 0.25  # seconds between two looks
# Seconds in line, of all threads, for each second: a quiet machine has 0.01, one process beside us 0.5.
BUSY, QUIET = 0.1, 0.05
PATIENCE = 20  # quiet looks before the crowd goes


def choose_waiting(
    environment: MutableMapping[str, str] = os.environ, tasks: StrPath = "/proc/self/task"
) -> None:
    """Let libgomp spin briefly always, where `watch` cannot tell when it should.

    libgomp reads this when it is loaded. A user's own choice stays.
    """
    if not CHOSEN_BY_USER & set(environment) and in_line(tasks) is None:
        environment["GOMP_SPINCOUNT"] = SPINS


def in_line(tasks: StrPath = "/proc/self/task") -> float | None:
    """Return the seconds that this process's threads have stood in line for a core.

    None where the system does not tell.
    """
    total = None
    for file in Path(tasks).glob("*/schedstat"):
        try:
            total = (total or 0.0) + int(file.read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            continue  # the thread has ended
    return total


class Crowd:
    """Keeps sleeping threads in libgomp's books, or not.

    Parameters
    ----------
    enter : callable
        Makes libgomp count more threads than there are cores for as long as the thread that calls it
        lives.
    """

    def __init__(self, enter: Callable[[], object]) -> None:
        self._enter = enter
        self._leave: threading.Event | None = None
        self._quiet = 0

    @property
    def there(self) -> bool:
        """Whether the crowd is there."""
        return self._leave is not None

    def look(self, share: float) -> None:
        """Call the crowd or send it away.

        Parameters
        ----------
        share : float
            Seconds that threads stood in line in each second since the last look.
        """
        self._quiet = self._quiet + 1 if share < QUIET else 0
        if share > BUSY and not self._leave:
            self._leave = threading.Event()
            threading.Thread(target=self._stay, args=(self._leave,), daemon=True).start()
        elif self._leave and self._quiet >= PATIENCE:
            self._leave.set()
            self._leave = None

    def _stay(self, leave):
        self._enter()
        leave.wait()


def watch(enter: Callable[[], object], environment: MutableMapping[str, str] = os.environ) -> None:
    """Look from now on, in a thread of its own, whether other programs want the cores.

    Nothing is done where the user, or `choose_waiting`, has chosen how to wait.

    Parameters
    ----------
    enter : callable
        As `Crowd` takes it.
    """
    if not CHOSEN_BY_USER & set(environment):
        threading.Thread(target=_look_on, args=(Crowd(enter),), daemon=True).start()


def _look_on(crowd):
    before, then = in_line(), time.monotonic()
    while before is not None:
        time.sleep(PERIOD)
        now, at = in_line(), time.monotonic()
        if now is not None:  # less where a thread has ended
            crowd.look(max(0.0, now - before) / (at - then))
        before, then = now, at
