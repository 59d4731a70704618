"""Steps of a divided solver beside those of one process; the first rank prints the differences."""

import json

import numpy as np

from tests.solvers import boxes
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.signals import Interrupted
from voxlstm.lib.parallel.group import join
from voxlstm.solvers.divided import DividedSolver, check_equal
from voxlstm.solvers.optimisers import Adam, Optimiser
from voxlstm.solvers.solver import Solver

STEPS = 50
RECIPES = {
    "sgd": {"rate": 0.02, "clip_norm": 0.0},
    "everything": {"layer_rates": True, "rate": 1e-3, "centred_gradients": True, "clip_norm": 0.05},
    # With a smaller epsilon, Adam makes full steps of gradients that are nothing but rounding.
    "adam": {"optimiser": Optimiser(adam=Adam(5e-5, epsilon=1e-4)), "rate": 1e-4, "clip_norm": 0.0},
}


def batches():
    """Yield other objects of the boxes for each step."""
    views, voxels = boxes.make_batch()
    for step in range(STEPS):
        order = np.random.default_rng(step).permutation(boxes.OBJECTS)
        yield views[: 1 + step % boxes.VIEWS, order], voxels[order]


def alone(recipe):
    """Return the weights after the steps of one process, how far they went, and the losses."""
    solver = Solver(boxes.make_network(), recipe)
    before = solver.network.get_weights()
    losses = [solver.step(*batch) for batch in batches()]
    after = solver.network.get_weights()
    return after, max(float(np.abs(after[name] - before[name]).max()) for name in after), losses


def divided(ranks, recipe):
    solver = DividedSolver(boxes.make_network(), recipe, ranks)
    solver.compile()
    losses = []
    for views, voxels in batches():
        rows = ranks.part(list(range(boxes.OBJECTS)))
        losses.append(solver.step(np.ascontiguousarray(views[:, rows]), voxels[rows]))
    check_equal(ranks, solver.state().weights, STEPS)
    return solver, losses


def compared(ranks, recipe):
    solver, losses = divided(ranks, recipe)
    if not ranks.first:
        return None
    weights, far, wanted = alone(recipe)
    found = solver.network.get_weights()
    apart = max(float(np.abs(found[name] - weights[name]).max()) for name in weights)
    return {
        "weights": apart / far,
        "losses": max(abs(a - b) for a, b in zip(losses, wanted)),
        "first loss": abs(losses[0] - wanted[0]),
        "rows": len(ranks.part(list(range(boxes.OBJECTS)))),
    }


def one_sits_out(ranks):
    """Rank 1 has no batch: nobody makes the step."""
    solver = DividedSolver(boxes.make_network(), boxes.make_recipe(), ranks, stop=ranks.rank == 1)
    before = solver.network.get_weights()
    views, voxels = boxes.make_batch()
    try:
        solver.sit_out() if ranks.rank == 1 else solver.step(views, voxels)
        return ["made"]
    except Interrupted:
        same = all((before[n] == v).all() for n, v in solver.network.get_weights().items())
        return ["not made", solver.iteration, same]


def one_wishes_to_stop(ranks):
    """Rank 2 wishes it; all know after the step."""
    solver = DividedSolver(boxes.make_network(), boxes.make_recipe(), ranks, stop=ranks.rank == 2)
    views, voxels = boxes.make_batch()
    solver.step(views[:, :2], voxels[:2])
    return [solver.stopping, solver.iteration]


def one_differs(ranks):
    """Rank 1 holds another bit than the others."""
    value = np.ones(3, "float32")
    if ranks.rank == 1:
        value[1] = np.nextafter(value[1], np.float32(2))
    try:
        check_equal(ranks, {"w": value}, 7)
        return ""
    except UserError as error:
        return str(error)


def main():
    with join() as ranks:
        found = {name: compared(ranks, boxes.make_recipe(**changes)) for name, changes in RECIPES.items()}
        for trial in (one_sits_out, one_wishes_to_stop, one_differs):
            found[trial.__name__] = ranks.gather(trial(ranks))
        if ranks.first:
            print(json.dumps(found))


if __name__ == "__main__":
    run_tool(main, together=True)
