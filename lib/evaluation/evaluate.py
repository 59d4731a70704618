"""The evaluation itself: predictions in, rows and results out.

Predictions come one object after another, from a network (`predict_objects`) or from a file
(`predictions.Predictions`), and are scored by the same code. Nothing here knows Theano: the
network is a function from pictures to log-odds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..base.progress import Progress
from ..data.batches import Batch
from . import metrics
from .baseline import MeanShape
from .predictions import Prediction, PredictionWriter
from .rows import METRICS, Row, SweepRow, categories, mean, select, view_counts

FORMAT = "voxlstm results 1"


@dataclass(frozen=True)
class Evaluation:
    """Scores of one network (or file of predictions) on the test part of a data set.

    Attributes
    ----------
    rows : list of Row
        One an object and number of views.
    sweep : list of SweepRow
        The same objects at every threshold of ``thresholds``.
    baselines : dict
        Baseline name -> list of Row with ``views = 0``.
    threshold : float
        Where voxels count as occupied in ``rows``.
    thresholds : tuple of float
    resolution : int
        Voxels a side of the grids.
    """

    rows: list[Row]
    sweep: list[SweepRow]
    baselines: dict[str, list[Row]]
    threshold: float
    thresholds: tuple[float, ...]
    resolution: int


def thresholds_with(threshold: float) -> tuple[float, ...]:
    """Return the thresholds of the sweep with ``threshold`` among them, in rising order.

    Thresholds of the sweep nearer to it than 0.02 make room for it.
    """
    others = [other for other in metrics.SWEEP if abs(other - threshold) >= 0.02]
    return tuple(sorted([*others, float(threshold)]))


def predict_objects(
    batches: Iterable[Batch],
    predict: Callable[[np.ndarray, Sequence[int]], np.ndarray],
    counts: Sequence[int],
) -> Iterator[Prediction]:
    """Give the network's prediction of each object in turn.

    Parameters
    ----------
    batches : iterable of Batch
        Each with ``views`` (V, B, 3, h, w), the first renderings in order, ``voxels``
        (B, d, d, d) and ``objects`` (B with ``category`` and ``model``); V >= max(counts).
    predict : callable
        ``predict(views, counts) -> (len(counts), B, d, d, d)`` float32 log-odds, entry k made from
        the first ``counts[k]`` views.
    counts : sequence of int
        Numbers of views.

    Yields
    ------
    Prediction
    """
    for batch in batches:
        log_odds = np.asarray(predict(batch.views, counts), dtype=np.float32)
        for number, item in enumerate(batch.objects):
            yield Prediction(
                item.category, item.model, np.asarray(batch.voxels[number]) > 0.5, log_odds[:, number]
            )


def save_passing(predictions: Iterable[Prediction], writer: PredictionWriter) -> Iterator[Prediction]:
    """Hand predictions on and write each to an open file on the way."""
    for prediction in predictions:
        writer.add(prediction.category, prediction.model, prediction.voxels, prediction.log_odds)
        yield prediction


def evaluate(
    predictions: Iterable[Prediction],
    counts: Sequence[int],
    threshold: float = metrics.THRESHOLD,
    shapes: dict[str, Callable[[str], MeanShape]] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score predictions object by object.

    Parameters
    ----------
    predictions : iterable of Prediction
        ``log_odds[k]`` belongs to ``counts[k]`` views.
    counts : sequence of int
        Numbers of views.
    threshold : float
        Where voxels count as occupied.
    shapes : dict, optional
        Baseline name -> function from a category to a `baseline.MeanShape`.
    progress : lib.base.progress.Progress, optional
        Told of every object.

    Returns
    -------
    Evaluation
    """
    thresholds = thresholds_with(threshold)
    baselines: dict[str, list[Row]] = {name: [] for name in shapes or {}}
    rows, sweep, resolution = [], [], 0
    for item in predictions:
        resolution = len(item.voxels)
        voxels = np.broadcast_to(item.voxels, item.log_odds.shape)
        occupancy = metrics.sigmoid(item.log_odds)
        entropy = metrics.cross_entropy_of_log_odds(item.log_odds, voxels)
        names = [(item.category, item.model, int(count)) for count in counts]
        rows += _rows(names, occupancy, voxels, entropy, threshold)
        table = metrics.sweep(occupancy, voxels, thresholds)
        sweep += [SweepRow(*name, tuple(line)) for name, line in zip(names, table.tolist())]
        for name, choose in (shapes or {}).items():
            baselines[name] += score_mean_shape(choose(item.category), item)
        if progress is not None:
            progress.update()
    return Evaluation(rows, sweep, baselines, float(threshold), thresholds, resolution)


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Return the evaluation of all objects, of those of their parts in order."""
    return replace(
        parts[0],
        rows=[row for part in parts for row in part.rows],
        sweep=[row for part in parts for row in part.sweep],
        baselines={
            name: [row for part in parts for row in part.baselines[name]] for name in parts[0].baselines
        },
        resolution=max(part.resolution for part in parts),
    )


def score_mean_shape(shape: MeanShape, item: Prediction) -> list[Row]:
    """Return the row (in a list) of a mean shape offered as prediction of an object."""
    occupancy, voxels = shape.occupancy[None], item.voxels[None]
    entropy = metrics.cross_entropy(occupancy, voxels)
    return _rows([(item.category, item.model, 0)], occupancy, voxels, entropy, shape.threshold)


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """Return the tables of an evaluation as plain lists and dicts, all derived from its rows."""
    rows = evaluation.rows
    return {
        "format": FORMAT,
        "threshold": evaluation.threshold,
        "resolution": evaluation.resolution,
        "views": view_counts(rows),
        "objects": len({(row.category, row.model) for row in rows}),
        "by_views": by_views(rows),
        "by_category": {name: by_views(select(rows, category=name)) for name in categories(rows)},
        "baseline": {name: _baseline(lines) for name, lines in evaluation.baselines.items()},
        "thresholds": list(evaluation.thresholds),
        "sweep": [
            {"views": count, "iou": np.mean([row.iou for row in lines], axis=0).tolist()}
            for count in view_counts(rows)
            for lines in [select(evaluation.sweep, views=count)]
        ],
    }


def by_views(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one dict a number of views: views, objects and the mean of every metric."""
    return [{"views": count, **_means(select(rows, views=count))} for count in view_counts(rows)]


def pick_cases(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    """Choose objects to show: of every category the best, the median and the worst.

    Judged by IoU at the largest number of views; ties go by model name. A category with fewer
    objects shows each of them once.

    Returns
    -------
    list of tuple
        (rank, Row), by category.
    """
    last = select(rows, views=view_counts(rows)[-1])
    cases = []
    for name in categories(last):
        ranked = sorted(select(last, category=name), key=lambda row: (-row.iou, row.model))
        place = {"best": 0, "median": (len(ranked) - 1) // 2, "worst": len(ranked) - 1}
        seen = set()
        for rank, number in place.items():
            if number not in seen:
                seen.add(number)
                cases.append((rank, ranked[number]))
    return cases


def _rows(names, occupancy, voxels, entropy, threshold):
    columns = zip(
        metrics.iou(occupancy, voxels, threshold).tolist(),
        entropy.tolist(),
        metrics.average_precision(occupancy, voxels).tolist(),
        metrics.f_score(occupancy, voxels, threshold).tolist(),
    )
    return [Row(*name, *values) for name, values in zip(names, columns)]


def _means(rows):
    return {"objects": len(rows), **{metric: mean(rows, metric) for metric in METRICS}}


def _baseline(rows):
    parts = {name: _means(select(rows, category=name)) for name in categories(rows)}
    return {**_means(rows), "by_category": parts}
