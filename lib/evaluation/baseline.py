"""The mean shape: what can be scored with no picture at all.

A network that has learnt to see must beat it. The mean of the training voxels is taken as
occupancy probabilities and cut at the threshold that is best on the training part, so that the
baseline is as strong as a constant shape can be made without looking at the test part.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.errors import UserError
from ..base.progress import Progress
from ..data import binvox
from ..data.shapenet import Item


@dataclass(frozen=True)
class MeanShape:
    """A constant prediction.

    Attributes
    ----------
    occupancy : ndarray (d, d, d) float32
        Share of the training objects that fill each voxel, (k + 1) / (n + 2) by Laplace's rule,
        so that no probability is 0 or 1 and the cross-entropy stays finite.
    threshold : float
        Where the shape is cut: no other gives a higher mean IoU on the training objects.
    training_iou : float
        That mean IoU.
    objects : int
        Number of training objects.
    """

    occupancy: np.ndarray
    threshold: float
    training_iou: float
    objects: int


def mean_shape(grids: Iterable[np.ndarray]) -> MeanShape:
    """Make the best constant prediction for a set of training grids.

    Parameters
    ----------
    grids : sequence of ndarray (d, d, d)
        0/1 or bool. It is gone through twice.

    Returns
    -------
    MeanShape
    """
    count: np.ndarray | int = 0
    objects = 0
    for grid in grids:
        count = count + (np.asarray(grid) > 0.5)
        objects += 1
    if objects == 0:
        raise UserError("there is no training object to make the mean shape of")
    occupancy = np.asarray((count + 1.0) / (objects + 2.0), np.float32)
    threshold, score = _best_threshold(occupancy, grids)
    return MeanShape(occupancy, threshold, score, objects)


def mean_shapes(
    categories: Iterable[str], grids: Iterable[np.ndarray]
) -> tuple[MeanShape, dict[str, MeanShape]]:
    """Make the mean shape of all training objects and one for each category.

    Parameters
    ----------
    categories : sequence of str
        Category of each training object.
    grids : sequence of ndarray (d, d, d)
        Their voxels; kept as bits, a ShapeNet's worth of 32 voxels a side takes 150 MB.

    Returns
    -------
    tuple of MeanShape and dict
        The global one, and category name -> MeanShape.
    """
    packed = PackedGrids()
    for grid in grids:
        packed.append(grid)
    by_category: dict[str, list[int]] = {}
    for number, category in enumerate(categories):
        by_category.setdefault(category, []).append(number)
    parts = {name: mean_shape(packed.part(numbers)) for name, numbers in by_category.items()}
    return mean_shape(packed), parts


def shapes_of(items: Sequence[Item]) -> tuple[MeanShape | None, dict[str, MeanShape]]:
    """Read the voxels of objects and make their `mean_shapes`; (None, {}) of no objects."""
    if not items:
        return None, {}

    def grids():
        with Progress(len(items), "mean shape", unit="objects") as progress:
            for item in items:
                yield binvox.read(item.voxels_path)
                progress.update()

    return mean_shapes([item.category for item in items], grids())


class PackedGrids:
    """A list of boolean grids that keeps a bit a voxel."""

    def __init__(self) -> None:
        self._items: list[tuple[np.ndarray, tuple[int, ...]]] = []

    def append(self, grid: np.ndarray) -> None:
        """Add a grid (anything above 0.5 is occupied)."""
        grid = np.asarray(grid) > 0.5
        self._items.append((np.packbits(grid), grid.shape))

    def part(self, numbers: Iterable[int]) -> "PackedGrids":
        """Return the grids of these numbers, sharing the bits."""
        other = PackedGrids()
        other._items = [self._items[number] for number in numbers]
        return other

    def __iter__(self) -> Iterator[np.ndarray]:
        for bits, shape in self._items:
            yield np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)


def _best_threshold(occupancy, grids):
    """Find the cut with the highest mean IoU over ``grids``.

    The voxels are ordered by falling probability once. Keeping the first k of them meets
    cumsum(y)[k] of an object's voxels, so every possible cut is tried at the price of one sum.
    """
    order = np.argsort(-occupancy.ravel(), kind="stable")
    ranked = occupancy.ravel()[order]
    kept = np.arange(1, ranked.size + 1)
    # A cut between two equal probabilities is not one that a threshold can make.
    possible = np.append(ranked[1:] != ranked[:-1], True)
    total, objects = np.zeros(ranked.size), 0
    for grid in grids:
        voxels = np.asarray(grid).ravel() > 0.5
        hit = np.cumsum(voxels[order])
        total += hit / (hit[-1] + kept - hit)
        objects += 1
    best = int(np.argmax(np.where(possible, total, -1.0)))
    below = ranked[best + 1] if best + 1 < ranked.size else np.float32(0)
    return float((ranked[best] + below) / 2), float(total[best] / objects)
