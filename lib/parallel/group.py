"""The processes that do one job: this one alone, or those that mpirun started."""

import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Self, TextIO

import numpy as np

from ..base.errors import UserError, in_one_line, need, program
from ..base.launcher import one_of_several, started
from ..base.progress import say
from . import watch

PATIENCE = 30.0  # seconds of waiting after which it is said what is waited for, doubled each time
LIMIT = 600.0  # seconds after which a process that has not come to the sum of a step is given up
SPINS, PAUSE = 200, 0.0002  # looks without a pause, and the seconds between later ones
AGREEING = 2.0  # seconds in which an error that all processes meet is met by all


class Alone:
    """One process that does the whole job.

    Attributes
    ----------
    rank, size : int
        The number of this process from 0, and how many there are.
    local_rank : int
        The number among those of this machine.
    waited, exchanged : float
        Seconds spent in waiting for the others, and in exchanging numbers with them.
    """

    rank, size, local_rank = 0, 1, 0
    waited = exchanged = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def about(self) -> str:
        """Return a sentence on the group; none of one process."""
        return ""

    def stream(self) -> TextIO:
        """Return where this process shows how far it is: of several, the first one alone does."""
        return sys.stderr

    def device(self, name: str | None) -> str | None:
        """Return the device that this process is to use, of the kind that the command names."""
        return name

    def part(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return this process's part of a sequence; the parts in order are the whole."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def share(self, value: Any = None) -> Any:
        """Return the value that the first process gives."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return every process's value, in their order."""
        return [value]

    def check_same(self, facts: Mapping[str, object], remedy: str) -> None:
        """Compare facts, which have names, with those of the first process.

        Raises
        ------
        UserError
            In every process, where one has other facts; it ends with the remedy.
        """

    def add(self, numbers: np.ndarray) -> None:
        """Put the sum over the processes in the place of an array of float32."""

    def meet(self, limit: float = float("inf")) -> None:
        """Wait until every process is here; UserError when one has not come for ``limit`` seconds."""

    def in_turn(self, make: Callable[[], Any]) -> Any:
        """Return what ``make`` returns, which finds in the caches what an earlier process left there."""
        return make()


ALONE = Alone()


class Ranks(Alone):
    """Several processes; what is asked of the group, all ask in the same order.

    Use as a context manager. An error in one process ends all: where every process meets the
    same one, the first says it, and otherwise the one that met it.

    Parameters
    ----------
    mpi : module
        ``mpi4py.MPI``.
    """

    def __init__(self, mpi: Any) -> None:
        self._mpi = mpi
        self._world, self._errors = mpi.COMM_WORLD, mpi.COMM_WORLD.Dup()
        self.rank, self.size = self._world.rank, self._world.size
        here = self._world.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self._on_host = here.rank, here.size
        self.waited = self.exchanged = 0.0
        self._names = self._world.allgather(f"process {os.getpid()} on {socket.gethostname()}")
        self._silence = open(os.devnull, "w", encoding="utf-8")
        self._watch = watch.start(self.rank)

    def __exit__(self, *raised: Any) -> None:
        error = raised[1]
        if error and not self._met_by_all():
            self._tell(error)
            self._world.Abort(2)
        self._watch.kill()
        self._watch.wait()
        if error and not self.first:
            sys.exit(2)

    def about(self) -> str:
        hosts = len({name.partition(" on ")[2] for name in self._names})
        return f"{self.size} processes on {hosts} machine(s) divide every batch, over {_name(self._mpi)}"

    def stream(self) -> TextIO:
        return sys.stderr if self.first else self._silence

    def device(self, name: str | None) -> str | None:
        return f"cuda{self.local_rank}" if name == "cuda" else name

    def share(self, value: Any = None) -> Any:
        self.meet()
        return self._world.bcast(value)

    def gather(self, value: Any) -> list[Any]:
        self.meet()
        return self._world.allgather(value)

    def check_same(self, facts: Mapping[str, object], remedy: str) -> None:
        first, *others = self.gather(dict(facts))
        for rank, other in enumerate(others, 1):
            for name in [*first, *other]:
                ours, theirs = first.get(name), other.get(name)
                if ours != theirs:
                    raise UserError(
                        f"{name} is {ours!s:.100} for rank 0 and {theirs!s:.100} for rank {rank}"
                        f" ({self._names[rank]}); {remedy}"
                    )

    def add(self, numbers: np.ndarray) -> None:
        self.meet(LIMIT)
        start = time.monotonic()
        self._world.Allreduce(self._mpi.IN_PLACE, numbers)
        self.exchanged += time.monotonic() - start

    def in_turn(self, make: Callable[[], Any]) -> Any:
        made = None if self.local_rank else make()
        self.meet()
        return make() if self.local_rank else made

    def meet(self, limit: float = float("inf")) -> None:
        """Wait until every process is here, without keeping a core busy.

        Raises
        ------
        UserError
            When a process has not come for ``limit`` seconds.
        """
        # The others give up a little later, so that the first one can say for whom all wait.
        start, patience = time.monotonic(), min(PATIENCE, limit) if self.first else 1.1 * limit
        # Empty messages tell the first process who is here; the barrier tells all that all are.
        if self.first:
            messages = {rank: self._world.Irecv(bytearray(), rank) for rank in range(1, self.size)}
        else:
            messages = {0: self._world.Isend(bytearray(), 0)}
        barrier = self._world.Ibarrier()
        for looks in count():
            if barrier.Test():
                break
            if looks > SPINS:
                time.sleep(PAUSE)
            if time.monotonic() - start > patience:
                late = [rank for rank, message in messages.items() if not (self.first and message.Test())]
                self._complain(late, patience)
                if patience >= limit:
                    raise UserError(
                        f"the others waited for {limit:.0f} seconds; go on from the last checkpoint"
                    )
                patience = min(2 * patience, limit)
        self._mpi.Request.Waitall(list(messages.values()))
        self.waited += time.monotonic() - start

    def _complain(self, late, patience):
        names = ", ".join(f"rank {rank} ({self._names[rank]})" for rank in late)
        say(f"note: waiting for {patience:.0f} seconds for {names or 'the network'}")

    def _met_by_all(self):
        """Return whether every process has ended by an error, within a moment."""
        barrier, start = self._errors.Ibarrier(), time.monotonic()
        while not barrier.Test():
            if time.monotonic() - start > AGREEING:
                return False
            time.sleep(PAUSE)
        return True

    def _tell(self, error):
        """Say the error of this process alone."""
        if not isinstance(error, (UserError, MemoryError, OSError, KeyboardInterrupt)):
            traceback.print_exception(error)
        else:
            where = "" if self.first else f" (rank {self.rank}, {self._names[self.rank]})"
            say(f"{program()}: {in_one_line(error)[0]}{where}")
        sys.stderr.flush()


def join() -> Alone:
    """Return the processes that this one was started with.

    Without mpirun, mpi4py is not imported.

    Raises
    ------
    UserError
        When there are several and MPI cannot be had.
    """
    if not one_of_several():
        return Alone()
    mpi4py = need("mpi4py", "mpi")
    mpi4py.rc.thread_level = "funneled"  # one thread alone speaks to the others
    try:
        mpi = need("mpi4py.MPI", "mpi")
    except (RuntimeError, ImportError) as error:
        raise UserError(
            "mpirun started several processes, but mpi4py finds no MPI library"
            f" ({' '.join(str(error).split())}); install the one of mpirun (Debian: apt install openmpi-bin)"
        ) from error
    size = mpi.COMM_WORLD.size
    if size == 1 < started():
        raise UserError(
            f"{started()} processes were started together, but MPI does not join them; use the mpirun of"
            f" {_name(mpi)}, or srun --mpi=pmix"
        )
    return Ranks(mpi) if size > 1 else Alone()


def _name(mpi):
    return mpi.Get_library_version().partition(",")[0].strip()
