"""Goes on from a checkpoint in a process of its own: ``resume.py FROM STEPS TO``."""

import sys

from tests.solvers.boxes import make_batch, make_recipe
from voxlstm.solvers.checkpoint import load_network, save
from voxlstm.solvers.solver import Solver


def main(source, steps, target):
    network, checkpoint = load_network(source)
    solver = Solver(network, make_recipe())
    solver.restore(checkpoint)
    batch = make_batch()
    for _ in range(int(steps)):
        solver.step(*batch)
    save(target, solver.state())


if __name__ == "__main__":
    main(*sys.argv[1:])
