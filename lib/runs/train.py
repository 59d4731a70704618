"""A training in its folder, from the first batch to where it ends or is stopped."""

from pathlib import Path

from ..backend import door
from ..backend.precision import FLOAT32
from ..base.files import write_bytes
from ..base.progress import say
from ..base.signals import StopRequest
from ..data.batches import Batches
from ..data.split_files import ENCODING, with_earlier
from ..evaluation import paper
from ..ops.library import check_precision
from ..parallel.group import ALONE, Alone
from ...models.network import Network
from ...solvers import checkpoint
from ...solvers.divided import DividedSolver, DividedTraining
from ...solvers.initial import fit_initial_weights
from ...solvers.solver import Solver
from ...solvers.training import Training
from ...solvers.validation import Measures, measure, score
from .alike import check_data
from .curves import Curves, Row
from .monitor import Monitor
from .run_folder import SPLIT, RunFolder
from .start import Start, data_facts

FITTED_TO = 32  # objects that initial weights are fitted to


def train(folder: RunFolder, start: Start, group: Alone = ALONE) -> tuple[Training, StopRequest]:
    """Train until the recipe is done or a signal comes; return the training and whether one came.

    Of several processes the first one calls it, and the others `follow`.
    """
    network = Network(start.network, seed=start.recipe.seed)
    learnt = _prepare_weights(network, start) or start.parts.text()
    folder.write_definitions(start.network.to_dict(), start.recipe.to_dict())
    if not (folder / SPLIT).exists():
        write_bytes(folder / SPLIT, start.parts.text().encode(*ENCODING))
    folder.note_start(**_facts(start, network, group))
    if group.size > 1:
        say(f"note: {group.about()}")
        group.share((start, network.get_weights()))
        check_data(group, start.parts.train)
    return _run(start, network, group, folder, learnt)


def follow(group: Alone, device: str | None) -> tuple[Training, StopRequest]:
    """Train as the first process says, on the device given."""
    start, weights = group.share()
    check_data(group, start.parts.train)
    door.use_device(device, start.asked.precision or FLOAT32)
    check_precision()
    network = Network(start.network, seed=start.recipe.seed)
    network.set_weights(weights)
    return _run(start, network, group)


def _prepare_weights(network, start):
    """Give a new run its initial weights; return the text of what was and will be learnt from."""
    if start.saved:
        return start.saved.split
    text = start.parts.text()
    if start.asked.weights:
        earlier = checkpoint.load(start.asked.weights)
        network.set_weights(earlier.weights, f"the weights in {start.asked.weights}")
        return with_earlier(text, earlier.split)
    if start.recipe.fit_initial:
        recipe = start.recipe
        settings = dict(seed=recipe.seed, augment=recipe.augment, vary=recipe.vary_pictures, workers=1)
        with _batches(start, start.parts.train, 1, batch=FITTED_TO, **settings) as batches:
            batch = next(batches)
            fit_initial_weights(network, batch.views, batch.voxels)
    return text


def _run(start, network, group, folder=None, learnt=""):
    """Train; without a folder, as one whose steps another process records."""
    recipe, saved = start.recipe, start.saved
    with (
        StopRequest(patient=group.size > 1) as stop,
        _batches(
            start,
            start.parts.train,
            recipe.views,
            seed=recipe.seed,
            augment=recipe.augment,
            vary=recipe.vary_pictures,
            state=saved.random if saved else None,
            stop=stop,
            part=(group.rank, group.size),
        ) as batches,
    ):
        make = _divided if group.size > 1 else _whole
        training = make(start, network, batches, stop, group, folder, learnt)
        if saved:
            training.restore(saved)
        if folder:
            _recorded(training, folder, batches)
        else:
            training.run(*3 * [_nothing])
    return training, stop


def _recorded(training, folder, batches):
    """Run a training, its steps recorded in a folder and shown."""
    solver, recipe = training.solver, training.solver.recipe
    with (
        Monitor(
            recipe.iterations, solver.iteration, recipe.batch, recipe.log_every, lambda: batches.waited
        ) as monitor,
        Curves(folder.path, training.recorded) as curves,
    ):
        say("\n".join([*curves.missing, "compiling; the first time on a machine takes minutes"]))

        def record(step):
            examples = step.scores.examples if step.scores else ()
            curves.add(Row(step.iteration, step.loss, step.rate, *(step.scores or ())[:2]), examples)
            monitor.show(step.iteration, step.loss, step.scores)

        training.run(record, before_save=curves.flush, after_save=curves.draw)


def _nothing(*_: object) -> None:
    """Record nothing."""


def _whole(start, network, batches, stop, group, folder, learnt):
    """Return the training of one process."""
    solver = Solver(network, start.recipe)
    fewest = start.recipe.views[0]

    def validate():
        with _held_back(start, start.parts.validation, stop) as held_back:
            return score(solver, held_back, fewest, stop)

    return Training(solver, batches, validate, folder.path, stop, _about(start), learnt)


def _divided(start, network, batches, stop, group, folder, learnt):
    """Return the training of one of several processes."""
    solver = DividedSolver(network, start.recipe, group, stop)
    items, fewest = group.part(start.parts.validation), start.recipe.views[0]
    batch = -(-start.recipe.batch // group.size)  # as many as a step of this process holds

    def validate():
        if not items:
            return Measures.none()
        with _held_back(start, items, stop, batch=batch) as held_back:
            return measure(solver, held_back, fewest, stop)

    if folder:
        say(f"note: gradients are summed {solver.exchange.name}")
    solver.compile()
    about, path = (_about(start), folder.path) if folder else ({}, "")
    return DividedTraining(solver, batches, validate, path, about, learnt)


def _held_back(start, items, stop, **settings):
    """Return batches of objects to validate on."""
    settings = dict(augment=False, shuffle=False, epochs=1, stop=stop, **settings)
    return _batches(start, items, start.recipe.views[1], **settings)


def _batches(start, items, views, **settings):
    """Return batches of objects as the network takes them, by the recipe where no setting says otherwise."""
    usual = {"batch": start.recipe.batch, "workers": start.asked.workers}
    sizes = {"image": start.network.image, "resolution": start.network.resolution}
    return Batches(items, views=views, **sizes, **{**usual, **settings})


def _facts(start, network, group):
    """Return what ``run.json`` says of a start, beside command and versions."""
    about = _about(start)
    return {
        "device": door.device(),
        "precision": door.precision(),
        "processes": group.size,
        "seed": start.recipe.seed,
        "parameters": network.count(),
        "from_iteration": _iteration(start.saved),
        "weights": start.asked.weights,
        "data": about["data"],
        "categories": ",".join(start.asked.categories or ()) or None,
        "split": about["split"],
        **data_facts(start.parts, start.data),
    }


def _about(start):
    """Return what the checkpoints say of the training."""
    parts = start.parts
    name = paper.describe_items(start.data, parts.train + parts.validation + parts.test).name
    return {
        "trained_on": f"{len(parts.train)} objects of the {name}",
        "data": str(Path(start.data).resolve()),
        "precision": door.precision(),
        "split": {"name": parts.name, "form": parts.form, "digest": parts.digest()},
    }


def _iteration(saved):
    return saved.iteration if saved else 0
