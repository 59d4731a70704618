"""A few validation objects, kept while all are scored, to be looked at."""

from typing import NamedTuple

import numpy as np

from ..lib.data.batches import Batch
from ..lib.evaluation.metrics import occupied

MOST = 4


class Example(NamedTuple):
    """One object and what the network makes of it.

    Attributes
    ----------
    name : str
        Its category.
    views : ndarray uint8 (views, 3, image, image)
    voxels, predicted : bool ndarray (resolution, resolution, resolution)
    """

    name: str
    views: np.ndarray
    voxels: np.ndarray
    predicted: np.ndarray


class Examples:
    """The first object of each of the first `MOST` categories."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def add(self, batch: Batch, occupancy: np.ndarray) -> None:
        """Keep what is wanted of a batch and of the probabilities that its objects got."""
        for row, item in enumerate(batch.objects):
            if len(self._kept) < MOST and item.category not in self._kept:
                # Copies: the batch's memory is used again.
                kept = batch.views[:, row].copy(), batch.voxels[row] > 0, occupancy[row].copy()
                self._kept[item.category] = kept

    def add_all(self, others: "Examples") -> None:
        """Keep what is wanted of what was kept of later objects."""
        for category, kept in others._kept.items():
            if len(self._kept) < MOST:
                self._kept.setdefault(category, kept)

    def at(self, threshold: float) -> list[Example]:
        """Return the objects kept, their probabilities cut at a threshold."""
        return [
            Example(name, views, voxels, occupied(occupancy, threshold))
            for name, (views, voxels, occupancy) in self._kept.items()
        ]
