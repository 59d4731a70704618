"""Trains two steps on a device and saves what came out: ``device_step.py DEVICE TARGET``.

Exits with status 3 and one line where the device cannot be had.
"""

import sys

import numpy as np

from tests.solvers.boxes import make_batch, make_network, make_recipe
from voxlstm.lib.backend.door import use_device
from voxlstm.lib.base.errors import UserError
from voxlstm.solvers.solver import Solver


def main(device, target):
    try:
        use_device(device)
    except UserError as error:
        print(error)
        return 3
    # Without decay, the velocity after the first step is the gradient times minus the rate.
    recipe = make_recipe(rate=0.125, weight_decay=0.0)
    solver = Solver(make_network(), recipe)
    batch = make_batch(2, 4)
    arrays = {"occupancy": solver.predict(batch[0]), "first": solver.step(*batch)}
    for name, velocity in solver.state().optimiser.items():
        arrays[name.replace("velocity/", "gradient/")] = velocity / -recipe.rate
    arrays["second"] = solver.step(*batch)
    np.savez(target, **arrays)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
