"""What is evaluated: a network looking at a data set, or predictions saved by an earlier run.

Both give predictions object by object and show chosen objects again for the report.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from ..base.errors import UserError
from ..data.batches import Batches
from ..data.shapenet import Item
from ..data.views import load_views
from ..parallel.group import ALONE, Alone
from .baseline import MeanShape
from .evaluate import Evaluation, pick_cases, predict_objects, save_passing
from .metrics import sigmoid
from .predictions import Prediction, PredictionWriter, Predictions
from .report.figures import Case, pictures_of
from .rows import select

GLOBAL, OWN = "mean shape", "category mean shape"
GATE_VIEWS = 6
"""Views of the gate figure, at most; more would not fit a page."""
GATE_FIGURES = 3
"""How many of the medians keep what the recurrent cells did."""
Shown = tuple[Prediction, np.ndarray | None, dict[str, np.ndarray] | None]


class Looker(Protocol):
    """What a network must do to be evaluated; `models.predictor.Predictor` does."""

    def log_odds(self, views: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        """See `evaluate.predict_objects`."""

    def gates(self, views: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the recurrent cells did at each view."""


class NetworkSubject:
    """A network that looks at the first renderings of objects.

    Parameters
    ----------
    items : sequence of lib.data.shapenet.Item
        The test part.
    predictor : object
        ``log_odds(views, counts)`` as `evaluate.predict_objects` wants it and ``gates(views)``.
    batch : int
        Objects to look at together.
    workers : int, optional
        Processes that read pictures.
    image, resolution : int
        Pixels a side of the network's views, voxels a side of its grids.
    """

    def __init__(
        self,
        items: Iterable[Item],
        predictor: Looker,
        batch: int,
        workers: int | None = None,
        image: int = 127,
        resolution: int = 32,
    ) -> None:
        self.items, self.predictor = list(items), predictor
        self.batch, self.workers = batch, workers
        self.sizes = {"image": image, "resolution": resolution}

    def __len__(self) -> int:
        return len(self.items)

    def predictions(self, counts: Sequence[int], group: Alone = ALONE) -> Iterator[Prediction]:
        """Yield a `Prediction` of each object from its first views, for each number of views.

        Of a group of processes each yields those of its part of the objects.
        """
        # In whole batches: what a network makes of an object may depend on its company in the last bit.
        starts = group.part(range(0, len(self), self.batch))
        if not starts:
            return
        items = self.items[starts[0] : starts[-1] + self.batch]
        with self._batches(items, counts) as batches:
            yield from predict_objects(batches, self.predictor.log_odds, counts)

    def show(self, names: Iterable[tuple[str, str]], counts: Sequence[int]) -> Iterator[Shown]:
        """Yield (Prediction, pictures, gates) of the objects with these (category, model)."""
        places = {(item.category, item.model): item for item in self.items}
        with self._batches([places[name] for name in names], counts, batch=1) as batches:
            for batch in batches:
                seen = predict_objects([batch], self.predictor.log_odds, counts)
                gates = self.predictor.gates(batch.views[:GATE_VIEWS])
                one = {name: values[:, 0] for name, values in gates.items()}
                yield next(seen), pictures_of(batch.views[:, 0]), one

    def _batches(self, items, counts, batch=None):
        return Batches(
            items,
            batch or self.batch,
            views=max(counts),
            augment=False,
            shuffle=False,
            epochs=1,
            workers=self.workers if len(items) > 64 else 0,
            **self.sizes,
        )


class SavedSubject:
    """Predictions of an earlier run.

    Parameters
    ----------
    saved : predictions.Predictions
    items : sequence of lib.data.shapenet.Item
        Where to find the pictures; empty where the data set is not at hand.
    """

    def __init__(self, saved: Predictions, items: Iterable[Item] = ()) -> None:
        self.saved, self.items = saved, list(items)
        self._items = {(item.category, item.model): item for item in self.items}

    def __len__(self) -> int:
        return len(self.saved)

    def predictions(self, counts: Sequence[int], group: Alone = ALONE) -> Iterator[Prediction]:
        """Yield a `Prediction` of each object for each number of views; of a group, each yields its part.

        Raises
        ------
        UserError
            When a number of views was not saved.
        """
        there = self.saved.about["views"]
        missing = [count for count in counts if count not in there]
        if missing:
            raise UserError(
                f"{self.saved.path} holds predictions from {_listed(there)} views, not from {missing[0]}"
            )
        for number in group.part(range(len(self.saved))):
            yield self.saved.of_views(number, counts)

    def show(self, names: Iterable[tuple[str, str]], counts: Sequence[int]) -> Iterator[Shown]:
        """Yield (Prediction, pictures or None, None) of the objects with these names."""
        numbers = {tuple(name): k for k, name in enumerate(self.saved.about["objects"])}
        for name in names:
            yield self.saved.of_views(numbers[name], counts), self._pictures(name, max(counts)), None

    def _pictures(self, name, count):
        if name not in self._items or self._items[name].views < count:
            return None
        item = self._items[name]
        return pictures_of(load_views([item.view_path(number) for number in range(count)]))


def make_cases(evaluation: Evaluation, subject: NetworkSubject | SavedSubject) -> list[Case]:
    """Choose objects and show them again: best, median and worst of every category.

    Parameters
    ----------
    evaluation : evaluate.Evaluation
    subject : NetworkSubject or SavedSubject

    Returns
    -------
    list of figures.Case
    """
    chosen = pick_cases(evaluation.rows)
    medians = [k for k, (rank, _) in enumerate(chosen) if rank == "median"] or [0]
    spread = np.linspace(0, len(medians) - 1, min(GATE_FIGURES, len(medians)))
    with_gates = {medians[int(round(place))] for place in spread}
    names = [(row.category, row.model) for _, row in chosen]
    counts = sorted({row.views for row in evaluation.rows})
    cases = []
    for k, (item, pictures, gates) in enumerate(subject.show(names, counts)):
        rows = select(evaluation.rows, category=item.category, model=item.model)
        cases.append(
            Case(
                chosen[k][0],
                sorted(rows, key=lambda row: row.views),
                item.voxels,
                sigmoid(item.log_odds),
                pictures,
                gates if k in with_gates else None,
            )
        )
    return cases


def shape_choosers(
    shape: MeanShape | None, parts: dict[str, MeanShape]
) -> dict[str, Callable[[str], MeanShape]]:
    """Return the baselines as `evaluate.evaluate` takes them; none where ``shape`` is None.

    A category with no training object of its own falls back on the mean of all.
    """
    if shape is None:
        return {}
    return {GLOBAL: lambda category: shape, OWN: lambda category: parts.get(category, shape)}


def describe_shapes(shape: MeanShape | None, parts: dict[str, MeanShape]) -> dict[str, Any]:
    """Return what the results say of the baselines, by name; nothing where ``shape`` is None."""
    if shape is None:
        return {}
    about = (
        "the mean of its category's training voxels, cut at that category's best threshold; "
        "it is told the category, which the network is not"
    )
    return {
        GLOBAL: {
            "threshold": shape.threshold,
            "training_iou": shape.training_iou,
            "training_objects": shape.objects,
        },
        OWN: {
            "about": about,
            "categories": {
                name: {
                    "threshold": part.threshold,
                    "training_iou": part.training_iou,
                    "training_objects": part.objects,
                }
                for name, part in parts.items()
            },
        },
    }


def save_shapes(
    writer: PredictionWriter, shape: MeanShape | None, parts: dict[str, MeanShape]
) -> dict[str, Any]:
    """Write the mean shapes into an open prediction file and return what to say of them."""
    about, shapes = {}, [] if shape is None else [("", shape), *parts.items()]
    for number, (name, part) in enumerate(shapes):
        about[name] = {k: v for k, v in asdict(part).items() if k != "occupancy"}
        writer.array(f"mean_shape.{number}", part.occupancy)
    return about


def load_shapes(saved: Predictions) -> tuple[MeanShape | None, dict[str, MeanShape]]:
    """Return the mean shape and those of the categories out of a prediction file.

    None and an empty dict where it was saved without baselines.
    """
    shapes = {}
    for number, (name, about) in enumerate(saved.about.get("mean_shapes", {}).items()):
        occupancy = saved.array(f"mean_shape.{number}")
        if occupancy.dtype != np.float32 or occupancy.ndim != 3 or len({*occupancy.shape}) != 1:
            raise saved.damaged()
        shapes[name] = MeanShape(occupancy, **about)
    return shapes.pop("", None), shapes


def saving(
    predictions: Iterable[Prediction],
    writer: PredictionWriter,
    shape: MeanShape | None,
    parts: dict[str, MeanShape],
    about: dict[str, Any],
) -> Iterator[Prediction]:
    """Hand predictions on, writing them, the baselines and ``about`` to an open file."""
    yield from save_passing(predictions, writer)
    writer.finish({**about, "mean_shapes": save_shapes(writer, shape, parts)})


def _listed(numbers):
    return ", ".join(map(str, numbers))
