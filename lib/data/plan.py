"""What each batch holds: a pure function of the seed, the epoch and the position in it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..base.errors import UserError
from . import binvox
from .shapenet import Item
from .views import SIZE, load_views

RESOLUTION = 32  # voxels of a grid's side
_ORDER, _COUNT, _ROW = range(3)  # what a random stream is for


@dataclass(frozen=True)
class Plan:
    """The batches of a training or an evaluation.

    The objects form one endless line, epoch after epoch, each epoch in its own order; batch k
    takes places ``k * batch`` to ``(k + 1) * batch - 1`` of it. So a set smaller than a batch
    repeats objects, and a batch is always full but for the last one of a finite number of epochs.
    Of several processes that divide every batch, each takes its part of the places, in order.

    Attributes
    ----------
    objects : tuple of Item
    batch : int
        Objects in a batch.
    views : tuple of int
        Fewest and most views of each object; the number is drawn for each batch.
    seed : int
    augment : bool
        Draw the views without replacement and augment them; else the first ones, at test time.
    vary : bool
        Augment the views by what users' own pictures differ in too; see `variation`.
    shuffle : bool
        Order every epoch anew; else the order of ``objects``.
    epochs : int or None
        How often the objects are gone through; None for ever.
    image, resolution : int
        Pixels of a view's side, voxels of a grid's side.
    part : tuple of int
        This process's number, from 0, and how many divide each batch.
    """

    objects: tuple[Item, ...]
    batch: int
    views: tuple[int, int]
    seed: int = 0
    augment: bool = True
    vary: bool = False
    shuffle: bool = True
    epochs: int | None = None
    image: int = SIZE
    resolution: int = RESOLUTION
    part: tuple[int, int] = (0, 1)
    _orders: dict = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        fewest, most = self.views
        if not self.objects:
            raise UserError("there are no objects to make batches of")
        if self.batch < 1 or self.seed < 0 or (self.epochs is not None and self.epochs < 1):
            raise UserError("batch and epochs must be at least 1, and the seed not negative")
        if not 1 <= fewest <= most:
            raise UserError(f"the number of views must be 1 or more, not {fewest} to {most}")
        for item in self.objects:
            if item.views < most:
                raise UserError(
                    f"object {item.name} has {item.views} rendering(s) in "
                    f"{item.renderings_path}, but {most} view(s) were asked for"
                )

    @property
    def rows(self) -> int | None:
        """Number of places in the line, None when it is endless."""
        return None if self.epochs is None else self.epochs * len(self.objects)

    @property
    def batches(self) -> int | None:
        """Number of batches, None when there is no end; a partial last one counts."""
        return None if self.rows is None else -(-self.rows // self.batch)

    def size(self, number: int) -> int:
        """Return how many objects of batch ``number`` are this process's."""
        return len(self._places(number))

    def count_views(self, number: int) -> int:
        """Return how many views of each object batch ``number`` holds."""
        fewest, most = self.views
        stream = self._random(_COUNT, number * self.batch)
        return int(stream.integers(fewest, most + 1))

    def members(self, number: int) -> list[Item]:
        """Return the objects of batch ``number``."""
        return [self._at(place) for place in self._places(number)]

    def shapes(self, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the views and of the voxels of batch ``number``."""
        return self._shapes(self.count_views(number), self.size(number))

    def largest(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shapes of the views and of the voxels of the largest batch there may be."""
        return self._shapes(self.views[1], self.size(0))

    def fill(
        self,
        number: int,
        views: np.ndarray,
        voxels: np.ndarray,
        tell: Callable[[str], str] = lambda path: path,
    ) -> None:
        """Read batch ``number`` into two uint8 arrays of `shapes`.

        ``tell`` is called with each path before it is read, and returns it.

        Raises
        ------
        UserError
            Naming a file that cannot be read.
        """
        for row, place in enumerate(self._places(number)):
            item = self._at(place)
            try:
                self._fill_row(place, item, views[:, row], voxels[row], tell)
            except UserError as error:
                raise UserError(f"{error}; mend it, or leave such objects out with --skip-damaged") from error
            except Exception as error:
                error.add_note(f"while reading {item.renderings_path} and {item.voxels_path}")
                raise

    def digest(self) -> str:
        """Return a hash of the objects' names in their order."""
        names = "\n".join(item.name for item in self.objects)
        return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def _fill_row(self, place, item, views, voxels, tell):
        rng = self._random(_ROW, place) if self.augment else None
        # Drawn of all the renderings, so that the first ones are not seen more often.
        numbers = rng.permutation(item.views) if rng else range(item.views)
        paths = (tell(item.view_path(k)) for k in numbers[: len(views)])
        load_views(paths, rng, views, self.image, self.vary)
        voxels[...] = binvox.read(tell(item.voxels_path), self.resolution)

    def _places(self, number):
        """Return the places of batch ``number`` that are this process's part."""
        first = number * self.batch
        whole = self.batch if self.rows is None else min(self.batch, self.rows - first)
        rank, ranks = self.part
        return range(first + whole * rank // ranks, first + whole * (rank + 1) // ranks)

    def _at(self, place):
        epoch, position = divmod(place, len(self.objects))
        return self.objects[self._order(epoch)[position]]

    def _order(self, epoch):
        if not self.shuffle:
            return range(len(self.objects))
        if epoch not in self._orders:
            if len(self._orders) > 8:
                self._orders.clear()
            stream = self._random(_ORDER, epoch * len(self.objects))
            self._orders[epoch] = stream.permutation(len(self.objects))
        return self._orders[epoch]

    def _random(self, purpose, place):
        epoch, position = divmod(place, len(self.objects))
        return np.random.default_rng((self.seed, purpose, epoch, position))

    def _shapes(self, views, objects):
        grids = (objects, *3 * (self.resolution,))
        return (views, objects, 3, self.image, self.image), grids
