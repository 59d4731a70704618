"""Batches of views and voxels, read ahead by worker processes."""

import mmap
import os
import pickle
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Pipe, wait
from typing import Any, NamedTuple, Self

import numpy as np

from ..base.cores import usable_cores
from ..base.errors import UserError
from ..base.processes import ONE_THREAD, doing
from ..base.progress import say
from ..base.signals import Interrupted
from .plan import RESOLUTION, Plan
from .shapenet import Item
from .views import SIZE
from .worker import NAME, Answer, Task, place, told

_AHEAD = 2  # tasks that wait at each worker, so that none is idle while the caller computes
EARLIER = {"vary": False}  # settings that older versions' checkpoints do not hold
PATIENCE = 4.0  # seconds of waiting after which it is said what is waited for, doubled each time
_LOOK = 0.2  # seconds between looks at the wish to stop
_HELD = 2  # batches that the caller may hold before it gets copies


class Batch(NamedTuple):
    """One batch.

    Attributes
    ----------
    views : ndarray of uint8, (views, batch, 3, image, image)
        See `views.as_float`.
    voxels : ndarray of uint8, (batch, resolution, resolution, resolution)
        Occupancy 0 or 1 in (x, y, z).
    objects : list of Item
        What the rows are.
    """

    views: np.ndarray
    voxels: np.ndarray
    objects: list[Item]


class WorkerError(RuntimeError):
    """An exception in a worker process; the message is its traceback."""


class Batches:
    """An iterator over the batches of a set of objects.

    What a batch holds depends on the seed, the epoch and the position alone, not on the number of
    workers. The arrays may be kept: their memory is used again only when nobody refers to it.

    Parameters
    ----------
    objects : sequence of Item
    batch : int
        Objects in a batch.
    views : int or (int, int)
        Views of each object, or the least and the greatest number, drawn for each batch.
    seed : int
        Of the order, of the views drawn and of their augmentation.
    augment : bool
        True: views drawn at random without replacement, background, crop and flip at random.
        False: the first renderings, as at test time.
    vary : bool
        Whether augmented views also differ in what users' own pictures do; see `variation`.
    shuffle : bool
        Go through the objects in a new order in every epoch; else in their own.
    epochs : int, optional
        End after so many, with a partial batch if it must be; None goes on for ever.
    workers : int, optional
        Worker processes; 0 reads in this process. By default one for each core, 4 at most.
    state : dict, optional
        What `state` returned: go on from there. All else must be as it was.
    image, resolution : int
        Pixels of a view's side and voxels of a grid's side, as the network has them.
    stop : object
        True when waiting for a batch is to be given up.

    Attributes
    ----------
    waited : float
        Seconds that the caller has waited for batches.

    Raises
    ------
    UserError
        When an object has fewer renderings than asked for, a file cannot be read, a worker was
        killed, or ``state`` belongs to other objects or settings.
    WorkerError
        For any other exception in a worker, with its traceback.
    Interrupted
        When ``stop`` came true in a wait; the batch is still to come.

    Notes
    -----
    Use as a context manager, or call `close`. The workers' memory has no name, so nothing is left
    of it once the processes are gone, however they end; and the workers end with this process.
    It has room for ``2 * workers + 2`` batches of the largest size.
    """

    def __init__(
        self,
        objects: Sequence[Item],
        batch: int,
        views: int | tuple[int, int],
        seed: int = 0,
        augment: bool = True,
        shuffle: bool = True,
        epochs: int | None = None,
        workers: int | None = None,
        state: dict[str, Any] | None = None,
        image: int = SIZE,
        resolution: int = RESOLUTION,
        vary: bool = False,
        stop: object = False,
    ) -> None:
        fewest, most = (views, views) if isinstance(views, (int, np.integer)) else views
        self._plan = Plan(
            tuple(objects), batch, (fewest, most), seed, augment, vary, shuffle, epochs, image, resolution
        )
        self._next = 0 if state is None else self._resume(state)
        self.waited = 0.0
        workers = _default_workers() if workers is None else workers
        if workers < 0:
            raise UserError(f"the number of workers must be 0 or more, not {workers}")
        self._pool = _Pool(self._plan, self._next, workers, stop) if workers else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __len__(self) -> int:
        """Number of batches from the first to the last, whatever has been consumed."""
        if self._plan.batches is None:
            raise TypeError("batches without an end have no length")
        return self._plan.batches

    def __next__(self) -> Batch:
        number = self._next
        if self._plan.batches is not None and number >= self._plan.batches:
            self.close()
            raise StopIteration
        start = time.monotonic()
        try:
            views, voxels = self._pool.take(number) if self._pool else self._read(number)
        finally:
            self.waited += time.monotonic() - start
        self._next = number + 1
        return Batch(views, voxels, self._plan.members(number))

    def state(self) -> dict[str, Any]:
        """Return where the caller is, as a dict for JSON: batches read ahead do not count."""
        return {**self._settings(), "next": self._next}

    def close(self) -> None:
        """End the workers; arrays already handed out stay valid."""
        if self._pool:
            self._pool.close()

    def _read(self, number):
        views, voxels = (np.empty(shape, np.uint8) for shape in self._plan.shapes(number))
        self._plan.fill(number, views, voxels)
        return views, voxels

    def _settings(self):
        plan = self._plan
        return {
            "objects": len(plan.objects),
            "digest": plan.digest(),
            "batch": plan.batch,
            "views": list(plan.views),
            "seed": plan.seed,
            "augment": plan.augment,
            "vary": plan.vary,
            "shuffle": plan.shuffle,
            "epochs": plan.epochs,
        }

    def _resume(self, state):
        state = {**EARLIER, **state}
        for name, value in self._settings().items():
            if state.get(name) != value:
                raise UserError(
                    f"the data cannot be resumed: '{name}' was {state.get(name)} and "
                    f"is {value} now; use the same data set and settings"
                )
        return int(state["next"])


def _default_workers():
    return min(4, usable_cores())


class _Pool:
    """Worker processes that fill slots of one shared memory."""

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
        self.hand_out()

    def hand_out(self):
        """Give batches to the least busy workers while there are free slots."""
        self.reclaim()
        while self.free and self.unsent != self.plan.batches:
            worker = min(self.workers, key=lambda one: one.busy)
            if worker.busy == _AHEAD:
                return
            self.slots[self.unsent] = self.free.pop()
            worker.send(Task(self.unsent, self.slots[self.unsent]))
            self.unsent += 1

    def take(self, number):
        """Return the views and the voxels of the next batch, waiting for it if need be."""
        if not self.stop.alive:
            raise ValueError("the batches are closed")
        self.hand_out()
        self.receive(timeout=0)
        self.wait_for(number)
        answer = self.answers[number]
        if answer.error:
            raise UserError(answer.error) from WorkerError(answer.trace)
        if answer.trace:
            raise WorkerError(f"in a data worker:\n{answer.trace}")
        del self.answers[number]
        return self.arrays(number, self.slots.pop(number))

    def wait_for(self, number):
        """Wait for an answer; say what is waited for, and give up when a stop is wanted."""
        start, patience = time.monotonic(), PATIENCE
        while number not in self.answers:
            if self.stop_wanted:
                raise Interrupted
            self.receive(timeout=_LOOK)
            if time.monotonic() - start > patience and number not in self.answers:
                worker = next(one for one in self.workers if number in one.tasks)
                place = told(self.memory, worker.name) or "its start"
                say(
                    f"note: waiting for data for {patience:.0f} seconds: the data worker with process id"
                    f" {worker.process.pid} {doing(worker.process.pid)} at {place}"
                )
                patience *= 2

    def arrays(self, number, offset):
        """Return a batch's arrays; its slot is free again when nobody refers to them."""
        views, voxels, base = place(self.memory, offset, self.plan.shapes(number))
        self.reclaim()
        if len(self.held) == _HELD:
            # The caller keeps so many batches that the workers would run out of slots.
            views, voxels = views.copy(), voxels.copy()
            self.free.append(offset)
        else:
            self.held.append((weakref.ref(base), offset))
        return views, voxels

    def reclaim(self):
        """Free the slots whose arrays are gone."""
        # Asked for, not done in a callback: an interrupt within one would be lost.
        self.free += [offset for memory, offset in self.held if memory() is None]
        self.held = [(memory, offset) for memory, offset in self.held if memory() is not None]

    def receive(self, timeout):
        """Take the answers that are there, or wait for one, and hand out new tasks."""
        for worker in wait(self.workers, timeout):
            answer = worker.receive()
            self.answers[answer.number] = answer
        self.hand_out()

    def close(self):
        """End the processes."""
        self.stop()


class _Worker:
    """One process and the connection to it."""

    def __init__(self, plan_file: int, memory_file: int, name: int) -> None:
        self.connection, theirs = Pipe()
        self.name = name  # where in the memory it says what it reads
        files = (plan_file, memory_file, theirs.fileno())
        program = f"from {__package__}.worker import main; main()"
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
        raise UserError(
            f"cannot start {count} data worker(s) with {size >> 20} MiB of memory: "
            f"{error.strerror}; use a smaller batch or fewer workers"
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
