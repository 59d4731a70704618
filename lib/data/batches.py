"""Batches of views and voxels, read ahead by worker processes."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from ..base.cores import usable_cores
from ..base.errors import UserError
from .plan import RESOLUTION, Plan
from .pool import Pool
from .shapenet import Item
from .views import SIZE

EARLIER = {"vary": False}  # settings that older versions' checkpoints do not hold


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
    part : (int, int)
        Give this part of each batch alone: its number, from 0, and how many there are.

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
        part: tuple[int, int] = (0, 1),
    ) -> None:
        fewest, most = (views, views) if isinstance(views, (int, np.integer)) else views
        self._plan = Plan(
            tuple(objects),
            batch,
            (fewest, most),
            seed,
            augment,
            vary,
            shuffle,
            epochs,
            image,
            resolution,
            part,
        )
        self._next = 0 if state is None else self._resume(state)
        self.waited = 0.0
        workers = _default_workers() if workers is None else workers
        if workers < 0:
            raise UserError(f"the number of workers must be 0 or more, not {workers}")
        self._pool = Pool(self._plan, self._next, workers, stop) if workers else None

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
