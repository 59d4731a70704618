"""What a training begins or goes on with: definitions and objects, and that they fit together."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..backend import door
from ..backend.precision import FLOAT32
from ..base.config import build, load_yaml, override
from ..base.errors import UserError
from ..base.hints import StrPath
from ..base.progress import say
from ..data import marker
from ..data.names import listed
from ..data.sizes import check_resolution
from ..data.split_files import ENCODING
from ..data.splits import ALL, Split, open_split
from ..ops.library import check_precision
from ...models.network import NetworkConfig, check_weights
from ...solvers import checkpoint
from ...solvers.recipe import Recipe, current_form
from ...solvers.training import LAST
from .run_folder import SPLIT, RunFolder, shipped

# What may change between two parts of a run and leaves the weights at every iteration alone.
HARMLESS = {"iterations", "checkpoint_every", "validate_every", "log_every"}


@dataclass(frozen=True)
class Asked:
    """What a command asks of a training, None where it does not say.

    Attributes
    ----------
    model, solver : str
        Files with the definitions of the network and of the recipe.
    settings : sequence of str
        ``KEY=VALUE`` of the recipe, or with ``network.`` before it of the network.
    data : str
        Root of the data set.
    categories : sequence of str
        Those to train on, by name or synset.
    split : str
        As `splits.choose` takes it.
    weights : str
        Checkpoint whose weights a new run starts from.
    skip_damaged : bool
        Leave damaged objects out, where they would be an error.
    workers : int
        Processes that read pictures.
    device, precision : str
        As `door.use_device` takes them.
    processes : int
        Those that divide every batch.
    """

    model: str | None = None
    solver: str | None = None
    settings: Sequence[str] = ()
    data: str | None = None
    categories: Sequence[str] | None = None
    split: str | None = None
    weights: str | None = None
    skip_damaged: bool = False
    workers: int | None = None
    device: str | None = None
    precision: str | None = None
    processes: int = 1


@dataclass(frozen=True)
class Start:
    """All that a training needs to start, found right.

    Attributes
    ----------
    asked : Asked
        With what the run's first start was given, where it is resumed.
    data : path-like
        Root of the data set.
    network : NetworkConfig
    recipe : Recipe
    parts : Split
    saved : Checkpoint or None
        Where to go on.
    """

    asked: Asked
    data: StrPath
    network: NetworkConfig
    recipe: Recipe
    parts: Split
    saved: checkpoint.Checkpoint | None = None


def begin(asked: Asked) -> Start:
    """Take the device up and return the start of a new run; UserError for anything that is wrong."""
    door.use_device(asked.device, asked.precision or FLOAT32)
    check_precision()
    for name in ("model", "solver", "data"):
        if getattr(asked, name) is None:
            raise UserError(f"--{name} is missing; only --resume does without it")
    network, recipe = _definitions(asked.model, asked.solver, asked.settings)
    if asked.weights:
        weights = checkpoint.load(asked.weights).weights
        check_weights(network, weights, f"the weights in {asked.weights}")
    return Start(asked, str(asked.data), network, recipe, open_data(str(asked.data), asked, network, recipe))


def resume(folder: RunFolder, asked: Asked) -> Start:
    """Take the device up and return where the run in a folder stands.

    Raises
    ------
    UserError
        When what is asked would change the run, or its data set has changed.
    """
    network, recipe = resumed_definitions(folder, asked)
    first = folder.first_start("data", "categories")
    if asked.split:
        raise UserError("--split would change the run that is resumed; leave it out")
    data = first["data"] if asked.data is None else asked.data
    asked = replace(
        asked,
        categories=asked.categories or listed(first["categories"]),
        precision=asked.precision or first.get("precision"),
        split=str(folder / SPLIT) if (folder / SPLIT).exists() else None,
    )
    door.use_device(asked.device, asked.precision or FLOAT32)
    check_precision()
    parts = open_data(data, asked, network, recipe)
    begun = first.get("split", {})
    # Under the name that it had, not that of the run's own list.
    parts = parts._replace(**{name: begun[name] for name in ("form", "name") if name in begun})
    saved = checkpoint.load(folder / LAST) if (folder / LAST).exists() else None
    check_same_data(folder, parts, data)
    return Start(asked, data, network, recipe, parts, saved)


def resumed_definitions(folder: RunFolder, asked: Asked) -> tuple[NetworkConfig, Recipe]:
    """Return the definitions of the run in a folder, with what may change changed."""
    network, recipe = folder.read_definitions()
    given = override({}, asked.settings)
    harmful = sorted(set(given) - HARMLESS)
    if harmful:
        raise UserError(
            f"--set {harmful[0]} would change the run that is resumed; only"
            f" {', '.join(sorted(HARMLESS))} may change, or start a new run with --weights"
        )
    config = build(NetworkConfig, network, str(folder / "network.yaml"))
    before = Recipe.from_dict(recipe, str(folder / "recipe.yaml"))
    if asked.model:
        other = build(NetworkConfig, load_yaml(shipped(asked.model)), asked.model)
        if other != config:
            raise UserError(f"{folder.path} holds a run of another network than {asked.model}")
    return config, build(Recipe, {**before.to_dict(), **given}, str(folder / "recipe.yaml"))


def open_data(data: StrPath, asked: Asked, network: NetworkConfig, recipe: Recipe) -> Split:
    """Return the split of the data set, with enough of it to train and to validate."""
    if asked.split == ALL:
        raise UserError("--split all leaves nothing to train on; it is for tools/test_net.py")
    _, parts = open_split(
        data, asked.split, recipe.validation, asked.categories, asked.skip_damaged, asked.workers
    )
    for note in parts.notes:
        say(f"note: {note}")
    if not parts.train or not parts.validation:
        raise UserError(
            f"{data} has {len(parts.train)} objects to train on and {len(parts.validation)}"
            " to validate on: a set needs at least 3 complete objects of one category, and"
            " --set validation above 0"
        )
    if recipe.batch < asked.processes:
        raise UserError(
            f"a batch of {recipe.batch} objects cannot be divided over {asked.processes} processes; start"
            f" {recipe.batch} of them or fewer, or use --set batch={asked.processes}"
        )
    used = parts.train + parts.validation
    check_resolution(used, network.resolution)
    fewest = min(item.views for item in used)
    if fewest < recipe.views[1]:
        raise UserError(
            f"the recipe wants up to {recipe.views[1]} views of an object, but {data} has"
            f" objects with {fewest}; use --set 'views=[1, {fewest}]'"
        )
    return parts


def check_same_data(folder: RunFolder, parts: Split, root: StrPath) -> None:
    """Refuse to go on with other objects than the run began with, or with other grids of them."""
    first, now = folder.first_start("data_digest", "objects"), data_facts(parts, root)
    if first["data_digest"] != now["data_digest"]:
        raise UserError(
            f"the data set is not the one that the run in {folder.path} began with:"
            f" {first['objects']} then, {now['objects']} now, or other names"
        )
    made = now["data_format"]
    # Runs of the first version do not say; what they were trained on had that version's grids.
    if first.get("data_format", made and 1) != made:
        raise UserError(
            f"{root} was made anew, with other grids than the run in {folder.path} began with;"
            " start a new run, with --weights if its weights are to be kept"
        )


def data_facts(parts: Split, root: StrPath) -> dict[str, Any]:
    """Return what ``run.json`` says of the data, to know them again."""
    names = "\n".join(item.name for item in [*parts.train, *parts.validation])
    made = marker.read(root)
    return {
        "objects": {"train": len(parts.train), "validation": len(parts.validation)},
        "data_digest": hashlib.sha256(f"{len(parts.train)}\n{names}".encode(*ENCODING)).hexdigest(),
        # None for a data set that this project has not made.
        "data_format": made["version"] if made else None,
    }


def _definitions(model, solver, settings):
    """Return the network's and the recipe's definition of a new run."""
    marked = [text for text in settings if text.strip().startswith("network.")]
    rest = [text for text in settings if text not in marked]
    changed = [text.strip().removeprefix("network.") for text in marked]
    network = build(NetworkConfig, override(load_yaml(shipped(model)), changed), model)
    recipe = override(current_form(load_yaml(shipped(solver))), rest)
    return network, build(Recipe, recipe, solver)
