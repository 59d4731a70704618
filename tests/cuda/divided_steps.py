"""Steps of a group of processes on devices of the simulator; the first one saves what came out."""

import ctypes
import json
import sys

import numpy as np

from tests.cuda import simulation
from tests.solvers.boxes import OBJECTS, make_batch, make_network, make_recipe
from voxlstm.lib.backend import door
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.signals import Interrupted
from voxlstm.lib.parallel.group import join
from voxlstm.solvers.divided import DividedSolver, check_equal

STEPS = 3


def sums():
    """Return how many sums the stand-in for NCCL has made; 0 without it."""
    try:
        return ctypes.c_uint64.in_dll(ctypes.CDLL("libnccl.so.2"), "simulated_nccl_sums").value
    except OSError:
        return 0


def main():
    with join() as ranks:
        door.use_device(ranks.device(sys.argv[1]))
        recipe = make_recipe(rate=0.05, clip_norm=0.5)
        solver = DividedSolver(make_network(), recipe, ranks)
        solver.compile()
        views, voxels = make_batch(2)
        rows = ranks.part(range(OBJECTS))
        batch = np.ascontiguousarray(views[:, rows]), voxels[rows]
        locked = simulation.counters().page_locked_bytes if door.device() != "cpu" else 0
        losses = [solver.step(*batch) for _ in range(STEPS)]
        try:
            solver.sit_out() if ranks.rank == ranks.size - 1 else solver.step(*batch)
        except Interrupted:
            sat_out = solver.iteration == STEPS
        state = solver.state()
        check_equal(ranks, {**state.weights, **state.optimiser}, STEPS)
        if door.device() != "cpu":
            locked = simulation.counters().page_locked_bytes - locked
        facts = {"sat out": ranks.gather(sat_out), "exchange": solver.exchange.name, "sums": sums()}
        facts = {**facts, "devices": ranks.gather(door.device()), "losses": losses, "locked": locked}
        if ranks.first:
            np.savez(
                sys.argv[2], facts=json.dumps({**facts, "numbers": solver.network.count()}), **state.weights
            )


if __name__ == "__main__":
    run_tool(main, together=True)
