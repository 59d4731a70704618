"""train_net as several processes with a fault, the first argument, from step 13 on."""

import resource
import sys
import time

import numpy as np

from voxlstm.lib.base.errors import run_tool
from voxlstm.solvers import checkpoint
from voxlstm.solvers.divided import DividedSolver
from voxlstm.tools import train_net


def slow(solver, vector):
    """Take longer than mpirun waits after a SIGTERM."""
    time.sleep(1.5)


def nan(solver, vector):
    """Find no number in one process alone."""
    if solver.group.rank == 1:
        vector[:-2] = np.nan  # the gradients and the loss, not the words behind them


def full(solver, vector):
    """Leave the first process no room for a checkpoint."""
    if solver.group.first:
        checkpoint.save = without_room


def without_room(*arguments, save=checkpoint.save):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        save(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def main():
    fault, summed = globals()[sys.argv[1]], DividedSolver._sum

    def faulty(solver, vector):
        if solver.iteration >= 12:
            fault(solver, vector)
        return summed(solver, vector)

    DividedSolver._sum = faulty
    return train_net.main(sys.argv[2:])


if __name__ == "__main__":
    run_tool(main, together=True)
