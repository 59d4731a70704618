"""How good a network in training is on the objects held back."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np

from ..lib.base.signals import Interrupted
from ..lib.data.batches import Batch
from ..lib.evaluation.metrics import best_threshold, iou, sweep
from ..models.predictor import Predictor
from .examples import Example, Examples


class Scores(NamedTuple):
    """How good a network is on the validation objects.

    Attributes
    ----------
    iou, cross_entropy : float
        Of the most views, the IoU at threshold 0.4.
    threshold : float
        The one with the highest IoU over the fewest and the most views.
    examples : sequence of Example
        A few of the objects, from the most views, cut at the threshold.
    """

    iou: float
    cross_entropy: float
    threshold: float
    examples: Sequence[Example] = ()


class Measures(NamedTuple):
    """What `Scores` are made of.

    Attributes
    ----------
    tables : list of ndarray
        IoU by object and threshold.
    ious, losses : list of ndarray
        By object, of the most views.
    examples : Examples
    """

    tables: list[np.ndarray]
    ious: list[np.ndarray]
    losses: list[np.ndarray]
    examples: Examples

    @classmethod
    def none(cls) -> Self:
        """Return those of no objects."""
        return cls([], [], [], Examples())


def score(solver: Predictor, batches: Iterable[Batch], fewest: int, stop: object = False) -> Scores | None:
    """Return the `Scores` of the objects in some batches.

    Parameters
    ----------
    solver : Predictor
    batches : iterable of Batch
        With the most views.
    fewest : int
        Fewest views.
    stop : object
        None is returned as soon as this is true.
    """
    measures = measure(solver, batches, fewest, stop)
    return measures and scores_of([measures])


def measure(
    solver: Predictor, batches: Iterable[Batch], fewest: int, stop: object = False
) -> Measures | None:
    """Return the `Measures` of the objects in some batches; see `score`."""
    found = Measures.none()
    for batch in _until_interrupted(batches):
        if stop or batch is None:
            return None
        for count in sorted({fewest, len(batch.views)}):
            occupancy, entropy = solver.validate(batch.views[:count], batch.voxels)
            found.tables.append(sweep(occupancy, batch.voxels))
        found.ious.append(iou(occupancy, batch.voxels))
        found.losses.append(entropy)
        found.examples.add(batch, occupancy)
    return found


def scores_of(parts: Iterable[Measures]) -> Scores:
    """Return the `Scores` of all objects, measured in one or more parts."""
    whole = Measures.none()
    for part in parts:
        for ours, theirs in zip(whole[:3], part[:3]):
            ours.extend(theirs)
        whole.examples.add_all(part.examples)
    threshold, _ = best_threshold(np.concatenate(whole.tables))
    return Scores(_mean(whole.ious), _mean(whole.losses), threshold, whole.examples.at(threshold))


def _until_interrupted(batches):
    """Yield the batches, and None where waiting for one is given up."""
    try:
        yield from batches
    except Interrupted:
        yield None


def _mean(parts):
    return float(np.concatenate(parts).mean(dtype=float))
