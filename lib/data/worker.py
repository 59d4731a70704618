"""A process that reads batches into shared memory.

It is told the numbers of batches over a connection and answers over it. It writes no file and owns
nothing that outlives it, so it may be killed at any time; it ends with its parent, also when a read
keeps it for ever.
"""

import mmap
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np

from ..base.errors import UserError, why
from .plan import Plan

NAME = 4096  # bytes of the shared memory in which each worker says what it reads


class Task(NamedTuple):
    """Batch ``number``, to be put at byte ``offset`` of the shared memory."""

    number: int
    offset: int


class Answer(NamedTuple):
    """A batch is read, or could not be: ``error`` is a user's error, ``trace`` any traceback."""

    number: int
    error: str = ""
    trace: str = ""


def place(
    memory: mmap.mmap, offset: int, shapes: Sequence[tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the arrays of a batch in shared memory, and the array that both are views of.

    Parameters
    ----------
    memory : mmap
    offset : int
        Where the batch begins, in bytes.
    shapes : two tuples of int
        Shapes of the views and of the voxels, see `Plan.shapes`.

    Returns
    -------
    tuple of ndarray of uint8
        Views, voxels, and their common base, which lives as long as any view of it.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    base = np.frombuffer(memory, np.uint8, sum(sizes), offset)
    views, voxels = np.split(base, sizes[:1])
    return views.reshape(shapes[0]), voxels.reshape(shapes[1]), base


def read_batch(
    plan: Plan, task: Task, memory: mmap.mmap, tell: Callable[[str], str] = lambda path: path
) -> Answer:
    """Read a batch into its place and return the `Answer`."""
    try:
        views, voxels, _ = place(memory, task.offset, plan.shapes(task.number))
        plan.fill(task.number, views, voxels, tell)
        return Answer(task.number)
    except UserError as error:
        return Answer(task.number, str(error), traceback.format_exc())
    except OSError as error:
        return Answer(task.number, why(error, str(error.filename or "")), traceback.format_exc())
    except Exception:  # every one is raised again in the parent
        return Answer(task.number, "", traceback.format_exc())


def told(memory: mmap.mmap, place: int) -> str:
    """Return the path that a worker says it reads, at byte ``place`` of the shared memory."""
    return os.fsdecode(memory[place : place + NAME].partition(b"\0")[0])


def serve(plan_file: int, memory_file: int, connection: Connection, place: int) -> None:
    """Answer tasks until there are no more; the files are open descriptors."""
    # Inherited descriptors share one offset among all the workers: read without moving it.
    plan = pickle.loads(os.pread(plan_file, os.fstat(plan_file).st_size, 0))
    memory = mmap.mmap(memory_file, 0)

    def tell(path):
        memory[place : place + NAME] = os.fsencode(path)[: NAME - 1].ljust(NAME, b"\0")
        return path

    while True:
        try:
            connection.send(read_batch(plan, connection.recv(), memory, tell))
        except (EOFError, ConnectionError):
            return  # the parent has gone


def main() -> None:
    """Serve as the process whose arguments are, behind its parent, descriptors and the place of the name."""
    plan_file, memory_file, socket, place = map(int, sys.argv[2:])
    # A cluster sends them to every process of a job: the parent ends its workers when it can.
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    serve(plan_file, memory_file, Connection(socket), place)
