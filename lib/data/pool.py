"""Worker processes that read batches ahead into one shared memory."""

import mmap
import os
import pickle
import signal
import subprocess
import sys
import time
import weakref
from multiprocessing.connection import Pipe, wait

import numpy as np

from ..base.errors import UserError, why
from ..base.processes import ONE_THREAD, die_with_parent, doing
from ..base.progress import say
from ..base.signals import Interrupted
from .plan import Plan
from .worker import NAME, Answer, Task, place, told

_AHEAD = 2  # tasks that wait at each worker, so that none is idle while the caller computes
PATIENCE = 4.0  # seconds of waiting after which it is said what is waited for, doubled each time
_LOOK = 0.2  # seconds between looks at the wish to stop
_HELD = 2  # batches that the caller may hold before it gets copies


class WorkerError(RuntimeError):
    """An exception in a worker process; the message is its traceback."""


class Pool:
    """Worker processes that fill slots of one shared memory.

    Parameters
    ----------
    plan : Plan
    first : int
        The first batch that will be taken.
    workers : int
        Processes.
    stop_wanted : object
        True when waiting for a batch is to be given up.
    """

    def __init__(self, plan: Plan, first: int, workers: int, stop_wanted: object) -> None:
        self.plan, self.stop_wanted = plan, stop_wanted
        self.unsent = first  # the next batch to be given to a worker
        self.slots: dict[int, int] = {}  # number: offset, for batches given to a worker and not yet taken
        self.answers: dict[int, Answer] = {}  # number: Answer, for those of them that are read
        size = sum(int(np.prod(shape)) for shape in plan.largest())
        slot = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self.free = [slot * k for k in range(_AHEAD * workers + _HELD)]
        # Weak references to the memory of the caller's batches, and their offsets.
        self.held: list[tuple[weakref.ref, int]] = []
        self.memory, self.workers = _start(plan, slot * len(self.free), workers)
        self.stop = weakref.finalize(self, _kill, self.workers, os.getpid())
        self._hand_out()

    def take(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the views and the voxels of the next batch, waiting for it if need be."""
        if not self.stop.alive:
            raise ValueError("the batches are closed")
        self._hand_out()
        self._receive(timeout=0)
        self._wait_for(number)
        answer = self.answers[number]
        if answer.error:
            raise UserError(answer.error) from WorkerError(answer.trace)
        if answer.trace:
            raise WorkerError(f"in a data worker:\n{answer.trace}")
        del self.answers[number]
        return self._arrays(number, self.slots.pop(number))

    def close(self) -> None:
        """End the processes."""
        self.stop()

    def _hand_out(self):
        """Give batches to the least busy workers while there are free slots."""
        self._reclaim()
        while self.free and self.unsent != self.plan.batches:
            worker = min(self.workers, key=lambda one: one.busy)
            if worker.busy == _AHEAD:
                return
            self.slots[self.unsent] = self.free.pop()
            worker.send(Task(self.unsent, self.slots[self.unsent]))
            self.unsent += 1

    def _wait_for(self, number):
        """Wait for an answer; say what is waited for, and give up when a stop is wanted."""
        start, patience = time.monotonic(), PATIENCE
        while number not in self.answers:
            if self.stop_wanted:
                raise Interrupted
            self._receive(timeout=_LOOK)
            if time.monotonic() - start > patience and number not in self.answers:
                worker = next(one for one in self.workers if number in one.tasks)
                place = told(self.memory, worker.name) or "its start"
                say(
                    f"note: waiting for data for {patience:.0f} seconds: the data worker with process id"
                    f" {worker.process.pid} {doing(worker.process.pid)} at {place}"
                )
                patience *= 2

    def _arrays(self, number, offset):
        """Return a batch's arrays; its slot is free again when nobody refers to them."""
        views, voxels, base = place(self.memory, offset, self.plan.shapes(number))
        self._reclaim()
        if len(self.held) == _HELD:
            # The caller keeps so many batches that the workers would run out of slots.
            views, voxels = views.copy(), voxels.copy()
            self.free.append(offset)
        else:
            self.held.append((weakref.ref(base), offset))
        return views, voxels

    def _reclaim(self):
        """Free the slots whose arrays are gone."""
        # Asked for, not done in a callback: an interrupt within one would be lost.
        self.free += [offset for memory, offset in self.held if memory() is None]
        self.held = [(memory, offset) for memory, offset in self.held if memory() is not None]

    def _receive(self, timeout):
        """Take the answers that are there, or wait for one, and hand out new tasks."""
        for worker in wait(self.workers, timeout):
            answer = worker.receive()
            self.answers[answer.number] = answer
        self._hand_out()


class _Worker:
    """One process and the connection to it."""

    def __init__(self, plan_file: int, memory_file: int, name: int) -> None:
        self.connection, theirs = Pipe()
        self.name = name  # where in the memory it says what it reads
        files = (plan_file, memory_file, theirs.fileno())
        # What the worker imports takes a second or more, in which the caller may be killed.
        program = (
            f"import sys; from {die_with_parent.__module__} import die_with_parent; die_with_parent(int(sys.argv[1]));"
            f" from {__package__}.worker import main; main()"
        )
        # A new program, not a fork: the caller may have threads and a GPU. A group of its own:
        # Ctrl-C goes to the caller alone, who ends the workers. -P: the folder is not searched.
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", program, *map(str, (os.getpid(), *files, name))],
                stdin=subprocess.DEVNULL,
                pass_fds=files,
                process_group=0,
                env={**os.environ, **ONE_THREAD},
            )
        self.tasks: list[int] = []  # numbers of the batches that it has not yet answered

    @property
    def busy(self):
        """Number of tasks not yet answered."""
        return len(self.tasks)

    def fileno(self):
        """Return the descriptor to wait at."""
        return self.connection.fileno()

    def send(self, task):
        """Give the process a task."""
        try:
            self.connection.send(task)
        except OSError:
            raise self.death() from None
        self.tasks.append(task.number)

    def receive(self):
        """Return one answer."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            raise self.death() from None
        self.tasks.remove(answer.number)
        return answer

    def death(self):
        """Return the error that says how the process ended."""
        status = self.process.wait()
        if status >= 0:
            return WorkerError(f"a data worker ended with status {status}; see its messages above")
        name = signal.Signals(-status).name
        return UserError(
            f"a data worker was killed by {name}; if the memory ran out, use a smaller batch or fewer workers"
        )


def _start(plan, size, count):
    """Start the workers on a new shared memory; return the memory and the workers.

    The memory and the plan are anonymous files, gone with the last process that has them open.
    """
    if size > os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
        raise UserError(
            f"{count} data worker(s) would need {size >> 20} MiB, more than this "
            "machine's memory; use a smaller batch or fewer workers"
        )
    plan_file, memory_file = os.memfd_create("plan"), os.memfd_create("batches")
    workers = []
    try:
        with open(plan_file, "wb", closefd=False) as file:
            pickle.dump(plan, file)
        os.ftruncate(memory_file, size + count * NAME)
        memory = mmap.mmap(memory_file, size + count * NAME)
        for number in range(count):
            workers.append(_Worker(plan_file, memory_file, size + number * NAME))
        return memory, workers
    except OSError as error:
        _kill(workers, os.getpid())
        reason = why(error, otherwise="use a smaller batch or fewer workers")
        raise UserError(
            f"cannot start {count} data worker(s) with {size >> 20} MiB of memory: {reason}"
        ) from error
    finally:
        os.close(plan_file)
        os.close(memory_file)


def _kill(workers, owner):
    """End the processes of this one; they own nothing that would need an orderly end."""
    if os.getpid() != owner:
        return  # a fork of the owner, in which the workers are not its children
    for worker in workers:
        worker.process.kill()
        worker.connection.close()
    for worker in workers:
        worker.process.wait()
