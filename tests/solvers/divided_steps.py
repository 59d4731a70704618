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


def steps(solver, part=slice(None)):
    """Return the weights before, after the first and after all steps, and the losses."""
    weights, losses = [solver.network.get_weights()], []
    for views, voxels in batches():
        losses.append(solver.step(np.ascontiguousarray(views[:, part]), voxels[part]))
        if len(losses) in (1, STEPS):
            weights.append(solver.network.get_weights())
    return weights, losses


def apart(some, others):
    """Return the largest difference between two sets of weights."""
    return max(float(np.abs(some[name] - others[name]).max()) for name in some)


def compared(ranks, recipe):
    rows = ranks.part(list(range(boxes.OBJECTS)))
    solver = DividedSolver(boxes.make_network(), recipe, ranks)
    solver.compile()
    found, losses = steps(solver, rows)
    check_equal(ranks, solver.state().weights, STEPS)
    if not ranks.first:
        return None
    wanted, wanted_losses = steps(Solver(boxes.make_network(), recipe))
    first, last = (apart(found[at], wanted[at]) / apart(wanted[at], wanted[0]) for at in (1, 2))
    return {
        "first weights": first,
        "weights": last,
        "losses": max(abs(a - b) for a, b in zip(losses, wanted_losses)),
        "first loss": abs(losses[0] - wanted_losses[0]),
        "rows": len(rows),
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
