"""One device's results of a network, for `compare`: a process computes on one device.

``python -m tests.parity.on_device NETWORK DEVICE FOLDER BATCHES``
"""

import sys
from collections import OrderedDict
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from benchmarks.workload import make_batch, make_solver
from voxlstm.lib.backend.door import theano, use_device
from theano.tensor.signal.pool import Pool
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data.views import as_float
from voxlstm.solvers.optimisers import SGD, Optimiser

STEPS = 10


def run_parity(name, device, folder, batches):
    """Write ten steps' results to ``training.npz`` and each batch's gradients to ``0.npz``, ..."""
    use_device(device)
    no_decay = Optimiser(sgd=SGD(momentum=0.9, weight_decay=0.0))
    solver = make_solver(name, rate=0.01, optimiser=no_decay, rate_drops=())
    write_gradients(solver.network, Path(folder), int(batches))
    write_training(solver, Path(folder) / "training.npz")


def write_training(solver, path):
    """Take ten steps of 1 to 3 views; write losses, the parameters after them and a prediction."""
    losses = []
    for step in range(STEPS):
        views, voxels = make_batch(solver.network.config, 1 + (step + 2) % 3, 2, seed=step)
        losses.append(solver.step(views, voxels))
    after = {f"after/{n}": value for n, value in solver.network.get_weights().items()}
    np.savez(path, losses=np.array(losses), occupancy=solver.predict(views), **after)


def write_gradients(network, folder, batches):
    """Write gradients of small batches, and in the same graph what its maxima and signs are of.

    One image has fewer near ties than many: a single view, two views and two objects take turns.
    """
    views, voxels = network.inputs()
    outputs = network.outputs(views)
    loss = network.loss(outputs, voxels)
    found = OrderedDict(loss=loss)
    variables = {n: parameter.variable for n, parameter in network.parameters.items()}
    gradients = theano.grad(loss, list(variables.values()))
    found.update((f"gradient/{n}", value) for n, value in zip(variables, gradients))
    found.update(choices(network, outputs))
    function = theano.function([views, voxels], list(found.values()))
    layers = np.array([parameter.layer for parameter in network.parameters.values()])
    for number in range(batches):
        count, objects = [(1, 1), (2, 1), (1, 2)][number % 3]
        pictures, grids = make_batch(network.config, count, objects, seed=number)
        values = function(as_float(pictures), grids)
        arrays = dict(zip(found, map(np.asarray, values)))
        np.savez(folder / f"{number}.npz", layers=layers, **arrays)


def choices(network, outputs):
    """Return what maxima are taken of (``pooled/layer``) and signs (``signed/layer``)."""
    found = OrderedDict()
    # The last has a softmax in place of a leaky ReLU, the gates are logistic and without a bias yet.
    for variable, weight, bias in network.pre_activations(outputs)[:-1]:
        if bias:
            found[f"signed/{weight.layer}"] = variable
        for part in variable.owner.inputs:
            if part.owner and isinstance(part.owner.op, Pool):
                found[f"pooled/{weight.layer}"] = part.owner.inputs[0]
    return found


if __name__ == "__main__":
    run_tool(lambda: run_parity(*sys.argv[1:]))
