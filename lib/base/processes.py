"""Worker processes of which none is left behind, however their parent ends."""

import ctypes
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path

from .errors import UserError

# With a process for each core, threads of the linear algebra library would only compete.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
STATES = {
    "T": "is stopped",
    "t": "is stopped by a debugger",
    "D": "waits for a disk or a network",
    "S": "waits",
    "R": "works",
}
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@contextmanager
def pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give a ``ProcessPoolExecutor`` of fresh processes of one thread each.

    Ctrl-C reaches the parent alone. At the end of the block what is being done is finished, and
    what waits is dropped.

    Raises
    ------
    UserError
        When a process was killed, as the system does where the memory runs out.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    resource_tracker.ensure_running()  # its start would let Ctrl-C in again while a worker starts
    # Spawned, not forked: the caller may have threads.
    executor = ProcessPoolExecutor(count, _Context(), _start)
    try:
        yield executor
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process was killed, perhaps for want of memory: run the same command again,"
            " with fewer --workers"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent is gone, however that or this one is held up.

    With the parent's number, end at once where it was killed while this process started.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def doing(number: int) -> str:
    """Return what keeps a process busy, as far as the system tells: ``is stopped``, ``works``, ..."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        state = ""
    return STATES.get(state, "has not answered")


class _Process(SpawnProcess):
    """Deaf to Ctrl-C from its first moment: that reaches the whole group, and the parent ends the workers."""

    def start(self):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process


def _start():
    die_with_parent(parent_process().pid)
