"""A training in its folder, from the first batch to where it ends or is stopped."""

from pathlib import Path

from ..backend import door
from ..base.files import write_bytes
from ..base.progress import say
from ..base.signals import StopRequest
from ..data.batches import Batches
from ..data.split_files import ENCODING, with_earlier
from ..evaluation import paper
from ...models.network import Network
from ...solvers import checkpoint
from ...solvers.initial import fit_initial_weights
from ...solvers.solver import Solver
from ...solvers.training import Training, score
from .curves import Curves, Row
from .monitor import Monitor
from .run_folder import SPLIT, RunFolder
from .start import Start, data_facts

FITTED_TO = 32  # objects that initial weights are fitted to


def train(folder: RunFolder, start: Start) -> tuple[Training, StopRequest]:
    """Train until the recipe is done or a signal comes; return the training and whether one came."""
    solver = Solver(Network(start.network, seed=start.recipe.seed), start.recipe)
    learnt = _prepare_weights(solver, start)
    folder.write_definitions(start.network.to_dict(), start.recipe.to_dict())
    if not (folder / SPLIT).exists():
        write_bytes(folder / SPLIT, start.parts.text().encode(*ENCODING))
    folder.note_start(**_facts(start, solver))
    return _run(folder, start, solver, learnt or start.parts.text())


def _prepare_weights(solver, start):
    """Give a new run its initial weights; return the text of what was and will be learnt from."""
    if start.saved:
        return start.saved.split
    text = start.parts.text()
    if start.asked.weights:
        earlier = checkpoint.load(start.asked.weights)
        solver.network.set_weights(earlier.weights, f"the weights in {start.asked.weights}")
        return with_earlier(text, earlier.split)
    if start.recipe.fit_initial:
        recipe = start.recipe
        settings = dict(seed=recipe.seed, augment=recipe.augment, vary=recipe.vary_pictures, workers=1)
        with _batches(start, start.parts.train, 1, batch=FITTED_TO, **settings) as batches:
            batch = next(batches)
            fit_initial_weights(solver.network, batch.views, batch.voxels)
    return text


def _run(folder, start, solver, learnt):
    recipe, saved = start.recipe, start.saved
    with (
        StopRequest() as stop,
        _batches(
            start,
            start.parts.train,
            recipe.views,
            seed=recipe.seed,
            augment=recipe.augment,
            vary=recipe.vary_pictures,
            state=saved.random if saved else None,
            stop=stop,
        ) as batches,
        Monitor(
            recipe.iterations, _iteration(saved), recipe.batch, recipe.log_every, lambda: batches.waited
        ) as monitor,
    ):
        validate = _validation(start, solver, stop)
        training = Training(solver, batches, validate, folder.path, stop, _about(start), learnt)
        if saved:
            training.restore(saved)
        with Curves(folder.path, training.recorded) as curves:
            say("\n".join([*curves.missing, "compiling; the first time on a machine takes minutes"]))

            def record(step):
                curves.add(Row(step.iteration, step.loss, step.rate, *(step.scores or ())[:2]))
                monitor.show(step.iteration, step.loss, step.scores)

            training.run(record, before_save=curves.flush, after_save=curves.draw)
    return training, stop


def _validation(start, solver, stop):
    """Return a function that scores the network on the objects held back."""
    fewest, most = start.recipe.views

    def validate():
        settings = dict(augment=False, shuffle=False, epochs=1, stop=stop)
        with _batches(start, start.parts.validation, most, **settings) as held_back:
            return score(solver, held_back, fewest, stop)

    return validate


def _batches(start, items, views, **settings):
    """Return batches of objects as the network takes them, by the recipe where no setting says otherwise."""
    usual = {"batch": start.recipe.batch, "workers": start.asked.workers}
    sizes = {"image": start.network.image, "resolution": start.network.resolution}
    return Batches(items, views=views, **sizes, **{**usual, **settings})


def _facts(start, solver):
    """Return what ``run.json`` says of a start, beside command and versions."""
    about = _about(start)
    return {
        "device": door.device(),
        "precision": door.precision(),
        "seed": start.recipe.seed,
        "parameters": solver.network.count(),
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
