"""Train a network on a data set, to be stopped and gone on with at any moment."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxlstm.lib.backend import door
from voxlstm.lib.backend.gpu import PRECISIONS
from voxlstm.lib.base.config import build, load_yaml, override
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import write_bytes
from voxlstm.lib.base.hints import StrPath
from voxlstm.lib.base.progress import say
from voxlstm.lib.base.signals import StopRequest
from voxlstm.lib.data import marker
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.check import leave_out_damaged
from voxlstm.lib.data.names import listed
from voxlstm.lib.data.shapenet import CATEGORIES, Index
from voxlstm.lib.data.sizes import check_resolution
from voxlstm.lib.data.split_files import ENCODING, with_earlier
from voxlstm.lib.data.splits import ALL, RATIO, Split, choose
from voxlstm.lib.evaluation import paper
from voxlstm.lib.runs.curves import Curves, Row
from voxlstm.lib.runs.monitor import Monitor
from voxlstm.lib.runs.run_folder import SPLIT, RunFolder, shipped
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.solvers.initial import fit_initial_weights
from voxlstm.solvers.recipe import Recipe, current_form
from voxlstm.solvers.solver import Solver
from voxlstm.solvers.training import LAST, Training, score

# What may change between two parts of a run and leaves the weights at every iteration alone.
HARMLESS = {"iterations", "checkpoint_every", "validate_every", "log_every"}
FITTED_TO = 32  # objects that initial weights are fitted to


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", metavar="YAML", help="network definition, such as models/lstm_3x3x3.yaml")
    add("--solver", metavar="YAML", help="training recipe, such as solvers/sgd.yaml")
    add("--data", metavar="DIR", help="folder with ShapeNetRendering and ShapeNetVox32")
    add("--out", metavar="DIR", required=True, help="folder of the run: checkpoints, curves")
    add("--device", help="cpu, cuda, cuda0, ... or opencl0:0; default: THEANO_FLAGS', else cpu")
    add(
        "--precision",
        choices=PRECISIONS,
        help="of products on a CUDA device; tf32 is faster and rounds factors to 10 bits; default: float32",
    )
    add(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="change a value of the recipe, or with network.KEY=VALUE of the network; repeatable",
    )
    add(
        "--categories",
        metavar="NAME",
        nargs="+",
        help="only these, by name or synset, with commas or blanks between",
    )
    add(
        "--split",
        metavar="SPLIT",
        help="which objects to train, validate and test on: 'ratio' (the"
        " first 80 %% of each category are trained on; the default) or a file of voxlstm, Pix2Vox or"
        " pytorch3d, or a folder of occupancy_networks' .lst files",
    )
    add("--weights", metavar="NPZ", help="start from the weights of this checkpoint")
    add(
        "--skip-damaged",
        action="store_true",
        help="read every file first and leave out, count and"
        " list the objects with one that is damaged; default: stop at the first",
    )
    add("--workers", metavar="N", type=int, help="processes that read pictures; default: the cores")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --out exactly where it stopped; --model, --solver"
        " and --data are then known and may be left out",
    )
    group.add_argument("--overwrite", action="store_true", help="replace the run in --out")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Train; return 0, or the usual status of the signal that stopped it."""
    options = parse_arguments(argv)
    # Everything that can be wrong with the command is found before the folder is touched.
    if not options.resume:
        door.use_device(options.device, options.precision or PRECISIONS[0])
        network, recipe = read_definitions(options)
        parts = open_data(options, network, recipe)
    with RunFolder(options.out, options.resume, options.overwrite) as folder:
        saved = None
        if options.resume:
            network, recipe = resumed_definitions(options, folder)
            options = resumed_options(options, folder)
            door.use_device(options.device, options.precision)
            parts = resumed_data(options, folder, network, recipe)
            saved = checkpoint.load(folder / LAST) if (folder / LAST).exists() else None
        check_same_data(folder, parts, options.data)
        solver = Solver(Network(network, seed=recipe.seed), recipe)
        learnt = saved.split if saved else parts.text()
        if options.weights and saved is None:
            start = checkpoint.load(options.weights)
            solver.network.set_weights(start.weights, f"the weights in {options.weights}")
            learnt = with_earlier(learnt, start.split)
        elif recipe.fit_initial and saved is None:
            fit_to_first_views(solver.network, parts, recipe)
        folder.write_definitions(network.to_dict(), recipe.to_dict())
        if not (folder / SPLIT).exists():
            write_bytes(folder / SPLIT, parts.text().encode(*ENCODING))
        folder.note_start(**facts(options, recipe, parts, solver, saved))
        return train(folder, solver, parts, saved, options, learnt or parts.text())


def read_definitions(options: argparse.Namespace) -> tuple[NetworkConfig, Recipe]:
    """Return the network's and the recipe's definition, overrides applied."""
    for name in ("model", "solver", "data"):
        if getattr(options, name) is None:
            raise UserError(f"--{name} is missing; only --resume does without it")
    marked = [text for text in options.settings if text.strip().startswith("network.")]
    rest = [text for text in options.settings if text not in marked]
    changed = [text.strip().removeprefix("network.") for text in marked]
    network = build(NetworkConfig, override(load_yaml(shipped(options.model)), changed), options.model)
    settings = override(current_form(load_yaml(shipped(options.solver))), rest)
    recipe = build(Recipe, settings, options.solver)
    return network, recipe


def resumed_definitions(options: argparse.Namespace, folder: RunFolder) -> tuple[NetworkConfig, Recipe]:
    """Return the definitions of the run in the folder, with what may change changed."""
    network, recipe = folder.read_definitions()
    given = override({}, options.settings)
    harmful = sorted(set(given) - HARMLESS)
    if harmful:
        raise UserError(
            f"--set {harmful[0]} would change the run that is resumed; only"
            f" {', '.join(sorted(HARMLESS))} may change, or start a new run with --weights"
        )
    config = build(NetworkConfig, network, str(folder / "network.yaml"))
    before = Recipe.from_dict(recipe, str(folder / "recipe.yaml"))
    if options.model:
        asked = build(NetworkConfig, load_yaml(shipped(options.model)), options.model)
        if asked != config:
            raise UserError(f"{folder.path} holds a run of another network than {options.model}")
    return config, build(Recipe, {**before.to_dict(), **given}, str(folder / "recipe.yaml"))


def resumed_options(options: argparse.Namespace, folder: RunFolder) -> argparse.Namespace:
    """Return the options with what the first start of the run was given."""
    first = first_start(folder, "data", "categories")
    for name in ("data", "categories"):
        if getattr(options, name) is None:
            setattr(options, name, first[name])
    options.precision = options.precision or first.get("precision", PRECISIONS[0])
    if options.split:
        raise UserError("--split would change the run that is resumed; leave it out")
    if (folder / SPLIT).exists():
        options.split = str(folder / SPLIT)
    return options


def first_start(folder: RunFolder, *names: str) -> dict[str, Any]:
    """Return what ``run.json`` says of the first start, which must have the names given."""
    first = next(iter(folder.starts()), {})
    missing = [name for name in names if name not in first]
    if missing:
        raise UserError(
            f"{folder / 'run.json'} is damaged: it has no {missing[0]!r}; restore it or start"
            " anew with --overwrite"
        )
    return first


def resumed_data(
    options: argparse.Namespace, folder: RunFolder, network: NetworkConfig, recipe: Recipe
) -> Split:
    """Return the split that the run in the folder began with, under the name that it had."""
    parts = open_data(options, network, recipe)
    begun = first_start(folder).get("split", {})
    return parts._replace(**{name: begun[name] for name in ("form", "name") if name in begun})


def open_data(options: argparse.Namespace, network: NetworkConfig, recipe: Recipe) -> Split:
    """Return the split of the data set, with enough of it to train and to validate."""
    if options.split == ALL:
        raise UserError("--split all leaves nothing to train on; it is for tools/test_net.py")
    wanted = listed(options.categories)
    index = Index.open(options.data, wanted)
    if options.skip_damaged:
        index = leave_out_damaged(index, options.workers)
    parts = choose(index, options.split or RATIO, recipe.validation, wanted)
    for note in parts.notes:
        say(f"note: {note}")
    if not parts.train or not parts.validation:
        raise UserError(
            f"{options.data} has {len(parts.train)} objects to train on and {len(parts.validation)}"
            " to validate on: a set needs at least 3 complete objects of one category, and"
            " --set validation above 0"
        )
    used = parts.train + parts.validation
    check_resolution(used, network.resolution)
    fewest = min(item.views for item in used)
    if fewest < recipe.views[1]:
        raise UserError(
            f"the recipe wants up to {recipe.views[1]} views of an object, but {options.data} has"
            f" objects with {fewest}; use --set 'views=[1, {fewest}]'"
        )
    return parts


def check_same_data(folder: RunFolder, parts: Split, root: StrPath) -> None:
    """Refuse to go on with other objects than the run began with, or with other grids of them."""
    if not folder.starts():
        return
    first, made = first_start(folder, "data_digest", "objects"), data_format(root)
    if first["data_digest"] != digest(parts):
        raise UserError(
            f"the data set is not the one that the run in {folder.path} began with:"
            f" {first['objects']} then, {sizes(parts)} now, or other names"
        )
    # Runs of the first version do not say; what they were trained on had that version's grids.
    if first.get("data_format", made and 1) != made:
        raise UserError(
            f"{root} was made anew, with other grids than the run in {folder.path} began with;"
            " start a new run, with --weights if its weights are to be kept"
        )


def data_format(root: StrPath) -> int | None:
    """Return the version of a data set that this project made, None for any other."""
    made = marker.read(root)
    return made["version"] if made else None


def fit_to_first_views(network: Network, parts: Split, recipe: Recipe) -> None:
    """Fit the initial weights to one view of each of some training objects."""
    with Batches(
        parts.train,
        FITTED_TO,
        1,
        recipe.seed,
        recipe.augment,
        workers=1,
        vary=recipe.vary_pictures,
        **sizes_of(network),
    ) as batches:
        batch = next(batches)
        fit_initial_weights(network, batch.views, batch.voxels)


def sizes_of(network: Network) -> dict[str, Any]:
    """Return the sizes of views and grids that a network takes, for `Batches`."""
    return {"image": network.config.image, "resolution": network.config.resolution}


def facts(
    options: argparse.Namespace,
    recipe: Recipe,
    parts: Split,
    solver: Solver,
    saved: checkpoint.Checkpoint | None,
) -> dict[str, Any]:
    """Return what ``run.json`` says of a start, beside command and versions."""
    return {
        "device": door.device(),
        "precision": door.precision(),
        "seed": recipe.seed,
        "parameters": solver.network.count(),
        "from_iteration": saved.iteration if saved else 0,
        "weights": options.weights,
        "data": str(Path(options.data).resolve()),
        "categories": ",".join(listed(options.categories) or ()) or None,
        "split": {"name": parts.name, "form": parts.form, "digest": parts.digest()},
        "objects": sizes(parts),
        "data_digest": digest(parts),
        "data_format": data_format(options.data),
    }


def trained_on(folder: StrPath, parts: Split) -> str:
    """Return a phrase that says on what a network was trained."""
    names = [item.category for item in parts.train + parts.validation + parts.test]
    counts = {name: names.count(name) for name in sorted(set(names))}
    published = {category.name: category.count for category in CATEGORIES}
    data = paper.describe(folder, counts, published)
    return f"{len(parts.train)} objects of the {data.name}"


def sizes(parts: Split) -> dict[str, int]:
    """Return the number of objects of each part."""
    return {"train": len(parts.train), "validation": len(parts.validation)}


def digest(parts: Split) -> str:
    """Return a digest of which objects are trained and validated on."""
    names = "\n".join(item.name for item in [*parts.train, *parts.validation])
    return hashlib.sha256(f"{len(parts.train)}\n{names}".encode(*ENCODING)).hexdigest()


def train(
    folder: RunFolder,
    solver: Solver,
    parts: Split,
    saved: checkpoint.Checkpoint | None,
    options: argparse.Namespace,
    learnt: str,
) -> int:
    """Run the training in its folder; return the exit status."""
    recipe, start = solver.recipe, saved.iteration if saved else 0
    workers = options.workers
    with (
        StopRequest() as stop,
        Batches(
            parts.train,
            recipe.batch,
            recipe.views,
            recipe.seed,
            recipe.augment,
            workers=workers,
            state=saved.random if saved else None,
            vary=recipe.vary_pictures,
            stop=stop,
            **sizes_of(solver.network),
        ) as batches,
        Monitor(recipe.iterations, start, recipe.batch, recipe.log_every, lambda: batches.waited) as monitor,
    ):

        def validate():
            with Batches(
                parts.validation,
                recipe.batch,
                recipe.views[1],
                augment=False,
                shuffle=False,
                epochs=1,
                workers=workers,
                stop=stop,
                **sizes_of(solver.network),
            ) as held_back:
                return score(solver, held_back, recipe.views[0], stop)

        about = {
            "trained_on": trained_on(options.data, parts),
            "data": str(Path(options.data).resolve()),
            "precision": door.precision(),
            "split": {"name": parts.name, "form": parts.form, "digest": parts.digest()},
        }
        training = Training(solver, batches, validate, folder.path, stop, about, learnt)
        if saved:
            training.restore(saved)
        with Curves(folder.path, training.recorded) as curves:
            notes = curves.missing + ["compiling; the first time on a machine takes minutes"]
            say("\n".join(notes))

            def record(step):
                curves.add(Row(step.iteration, step.loss, step.rate, *(step.scores or ())[:2]))
                monitor.show(step.iteration, step.loss, step.scores)

            training.run(record, before_save=curves.flush, after_save=curves.draw)
    return report(training, folder, stop)


def report(training: Training, folder: RunFolder, stop: StopRequest) -> int:
    """Say where the run stands; return the exit status."""
    best = training.best
    if best:
        print(
            f"best validation IoU {best['iou']:.4f}, cross-entropy {best['cross_entropy']:.4f}"
            f" at iteration {best['iteration']}: {folder / 'best.npz'}"
        )
    if not training.done:
        say(f"stopped at iteration {training.solver.iteration}; go on with --resume")
        return stop.status
    print(f"trained {training.solver.iteration} iterations: {folder / LAST}")
    return 0


if __name__ == "__main__":
    run_tool(main)
