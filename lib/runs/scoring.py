"""What a test scores, a network on a data set or saved predictions, and what its results say of it."""

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..backend import door
from ..backend.precision import FLOAT32
from ..base.errors import UserError
from ..base.files import sha256
from ..base.hints import StrPath
from ..base.program import ROOT
from ..base.progress import say
from ..data import binvox
from ..data.shapenet import Index, Item
from ..data.sizes import check_resolution
from ..data.split_files import parts_of
from ..data.splits import ALL, Split, open_split
from ..evaluation import paper
from ..evaluation.baseline import MeanShape, shapes_of
from ..evaluation.evaluate import Evaluation, summary
from ..evaluation.predictions import Predictions
from ..evaluation.subject import NetworkSubject, SavedSubject, describe_shapes, load_shapes
from ..ops.library import check_precision
from ...models.network import Network, NetworkConfig
from ...models.predictor import Predictor
from ...solvers.checkpoint import Checkpoint, load_network
from .run_folder import SPLIT, git_revision, versions

MeanShapes = tuple[MeanShape | None, dict[str, MeanShape]]  # of all objects, and of each category
USUAL_VIEWS = [1, 2, 3, 4, 5]
KEPT = ("data", "network", "weights", "split", "trained_objects", "notes")  # of what is said of predictions


@dataclass(frozen=True)
class Asked:
    """What a command asks of the test of a network.

    Attributes
    ----------
    weights : path-like
        Checkpoint.
    data : path-like
        Root of the data set.
    views : sequence of int, optional
        Numbers of views, rising.
    categories : sequence of str, optional
        Those to test on, by name or synset.
    split : str, optional
        As `splits.choose` takes it.
    allow_trained : bool
        Test on objects that the network was trained on too.
    skip_damaged : bool
        Leave damaged objects out, where they would be an error.
    batch : int
        Objects to look at together.
    workers : int, optional
        Processes that read pictures.
    device, precision : str, optional
        As `door.use_device` takes them.
    """

    weights: StrPath
    data: StrPath
    views: Sequence[int] | None = None
    categories: Sequence[str] | None = None
    split: str | None = None
    allow_trained: bool = False
    skip_damaged: bool = False
    batch: int = 8
    workers: int | None = None
    device: str | None = None
    precision: str = FLOAT32


class Prepared(NamedTuple):
    """A test that is ready to begin.

    Attributes
    ----------
    counts : sequence of int
        Numbers of views.
    subject : NetworkSubject or SavedSubject
    shapes : callable
        Makes the mean shape and those of the categories; (None, {}) where there can be none.
    about : dict
        What the results say of data, network and weights.
    """

    counts: Sequence[int]
    subject: NetworkSubject | SavedSubject
    shapes: Callable[[], MeanShapes]
    about: dict[str, Any]

    def known_by(self) -> dict[str, str]:
        """Return digests of what is tested, by their names."""
        digests = {"weights": "sha256", "split": "digest"}
        return {
            f"the digest of the {name}": self.about.get(name, {}).get(key) for name, key in digests.items()
        }


def of_network(asked: Asked) -> Prepared:
    """Prepare the test of a network on the test part of a data set.

    Raises
    ------
    UserError
        When the data do not fit the network or the command, or were trained on unasked.
    """
    counts = asked.views or USUAL_VIEWS
    index, parts = _open_data(asked, counts[-1])
    door.use_device(asked.device, asked.precision)
    check_precision()
    network, saved = load_network(asked.weights)
    check_resolution(parts.train + parts.test, network.config.resolution)
    trained = _count_trained(asked, parts, saved)
    known, notes = _training_objects(parts, saved)
    if not saved.split:
        notes.append(
            "An older version wrote the weights: they do not say which objects they were"
            " trained on, and the data that it made had other grids than ShapeNet's."
        )
    about = {
        "data": {
            **paper.describe_items(asked.data, index).to_dict(),
            "training_objects": len(parts.train) + len(parts.validation),
            "test_objects": len(parts.test),
        },
        "split": _split_facts(parts),
        "trained_objects": trained,
        "notes": [*parts.notes, *notes],
        "network": _network_facts(network),
        "weights": _weights_facts(asked.weights, saved),
    }
    config = network.config
    subject = NetworkSubject(
        parts.test, Predictor(network), asked.batch, asked.workers, config.image, config.resolution
    )
    return Prepared(counts, subject, lambda: shapes_of(known), about)


def of_predictions(
    path: StrPath, data: StrPath | None, views: Sequence[int] | None, threshold: float
) -> Prepared:
    """Prepare scoring saved predictions again; ``data`` is where their pictures are."""
    saved = Predictions(path)
    about = {name: saved.about[name] for name in KEPT if name in saved.about}
    exact = [float(value) for value in saved.about["thresholds"]]
    if threshold not in exact:
        say(
            f"note: the predictions are rounded; their IoU is exact at {exact} and "
            f"approximate at {threshold:g}"
        )
    subject = SavedSubject(saved, Index.open(data) if data else ())
    return Prepared(views or saved.about["views"], subject, lambda: load_shapes(saved), about)


def results_of(evaluation: Evaluation, shapes: MeanShapes, about: dict[str, Any]) -> dict[str, Any]:
    """Return all that the results say, but for how they came about."""
    results = {**summary(evaluation), **about}
    for name, more in describe_shapes(*shapes).items():
        results["baseline"][name].update(more)
    return results


def made_by(command: Sequence[object]) -> dict[str, Any]:
    """Return how the results of a command came about."""
    return {
        "command": shlex.join(map(str, command)),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "device": door.device(),
        "precision": door.precision(),
        "git revision": git_revision(ROOT),
        **versions(),
    }


def _open_data(asked, views):
    """Return the index of the data set and its split, with something to test on."""
    index, parts = open_split(
        asked.data, asked.split, 0.0, asked.categories, asked.skip_damaged, asked.workers
    )
    if not parts.test:
        raise UserError(
            f"{asked.data} has no test objects by this split; test on every object"
            f" with --split {ALL}, or take another split or a larger data set"
        )
    fewest = min(parts.test, key=lambda item: item.views)
    if fewest.views < views:
        raise UserError(
            f"{fewest.name} has {fewest.views} renderings, fewer than the {views} that --views asks for"
        )
    return index, parts


def _count_trained(asked, parts, saved):
    """Return how many test objects the network was trained on; UserError where that is not allowed."""
    part_of = parts_of(saved.split)
    seen = [item for item in parts.test if part_of.get(item.name, "test") != "test"]
    if seen and not asked.allow_trained:
        raise UserError(
            f"{asked.weights} was trained on {len(seen)} of the {len(parts.test)} test objects"
            f" (first: {seen[0].name}); give --split the split of its training, such as the"
            f" {SPLIT} of its run folder, or --allow-trained to score them all the same"
        )
    return len(seen)


def _training_objects(parts: Split, saved: Checkpoint) -> tuple[list[Item], list[str]]:
    """Return the objects to make the mean shapes of, and notes on them.

    They are those of the split's training part, or, where it has none, those that the checkpoint
    says the network was trained on, as far as they are still there.
    """
    if parts.train:
        return parts.train + parts.validation, []
    part_of, folder = parts_of(saved.split), saved.extra.get("data")
    left_out = "The mean shapes, which training objects make, are left out: "
    if not part_of or not folder:
        return [], [left_out + "the weights do not say where what they were trained on is"]
    try:
        there = Index.open(folder)
        known = [item for item in there if part_of.get(item.name, "test") != "test"]
        check_resolution(known, binvox.edge(parts.test[0].voxels_path))
    except UserError as error:
        return [], [f"{left_out}{error}"]
    if not known:
        return [], [f"{left_out}none of the objects trained on is in {folder}"]
    return known, [
        f"The mean shapes are those of the {len(known)} objects that the network was trained on, in {folder}"
    ]


def _split_facts(parts):
    return {
        "name": parts.name,
        "form": parts.form,
        "digest": parts.digest(),
        **{name: len(getattr(parts, name)) for name in ("train", "validation", "test")},
    }


def _network_facts(network: Network) -> dict[str, Any]:
    """Return what the results say of a network: name of its definition, kernel, size."""
    files = sorted((ROOT / "models").glob("*.yaml"))
    names = [path.stem for path in files if NetworkConfig.from_file(path) == network.config]
    kernel = "x".join(3 * [str(network.config.kernel)])
    return {
        "name": names[0] if names else f"custom network, {kernel}",
        "kernel": kernel,
        "parameters": network.count(),
        "definition": network.config.to_dict(),
    }


def _weights_facts(path, saved):
    return {
        "file": str(path),
        "iteration": saved.iteration,
        "precision": saved.extra.get("precision", FLOAT32),
        "threshold": saved.threshold,
        "sha256": sha256(path),
    }
