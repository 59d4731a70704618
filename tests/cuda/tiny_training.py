"""Trains a tiny network on the device named and writes down all that happened.

A program of its own, for one process computes on one device:
``python -m tests.cuda.tiny_training cuda RESULT.npz``
"""

import itertools
import json
import sys
from types import SimpleNamespace

import numpy as np

from voxlstm.lib.backend.door import device, theano, use_device
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.optimisers import SGD, Optimiser
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver
from voxlstm.solvers.training import Ahead

from . import simulation

STEPS = 10
BATCH = 2
CONFIG = NetworkConfig(
    image=15,
    encoder_widths=(3, 4),
    encoder_kernels=(3, 3),
    features=8,
    grid=2,
    channels=2,
    kernel=3,
    decoder_widths=(3, 3),
    unpoolings=1,
)
# Without weight decay the velocity after the first step is -rate times the gradient.
RECIPE = Recipe(
    optimiser=Optimiser(sgd=SGD(momentum=0.9, weight_decay=0.0)),
    rate=0.1,
    batch=BATCH,
    iterations=STEPS,
    views=(1, 3),
    rate_drops=((5, 0.5),),
)


def batches(count=STEPS):
    """Return the same random batches on every device, of three, one and two views."""
    random = np.random.default_rng(0)
    cells = 3 * (CONFIG.resolution,)
    return [
        (
            random.integers(0, 256, ((3, 1, 2)[i % 3], BATCH, 3, CONFIG.image, CONFIG.image), "uint8"),
            random.integers(0, 2, (BATCH, *cells), "uint8"),
        )
        for i in range(count)
    ]


def is_on_device(variable):
    """Return whether a symbolic variable is held in the device's memory."""
    return type(variable.type).__name__ == "GpuArrayType"


def all_nodes(graph):
    """Yield each operation of a compiled graph with the graph it is in, loops' bodies included."""
    for node in graph.toposort():
        yield node, graph
        if hasattr(node.op, "fn"):  # a scan: its body is a compiled function
            yield from all_nodes(node.op.fn.maker.fgraph)


def describe_transfers(graph):
    """Return what a compiled training step copies and what it computes on the host.

    Returns
    -------
    dict of str to list of str
        ``to_host``: what is fetched from the device, ``output`` for the step's own output;
        ``to_device``: the inputs of the step that each copied value is made of, or whose shape it
        is made of;
        ``host``: operations on the host whose result is an array of real numbers.
    """
    to_host, to_device, host = [], [], []
    for node, owner in all_nodes(graph):
        name = type(node.op).__name__
        if name == "HostFromGpu":
            is_output = owner is graph and node.outputs[0] in graph.outputs
            to_host.append("output" if is_output else str(node.inputs[0]))
        elif name == "GpuFromHost":
            to_device.append(_source(node.inputs[0]) if owner is graph else "in the body of a loop")
        elif any(_is_real_array_on_host(output) for output in node.outputs):
            host.append(str(node))
    return {"to_host": to_host, "to_device": to_device, "host": host}


def _source(variable):
    """Return the names of what a value is made of; a shape is known to the host already."""
    sources = theano.gof.graph.inputs([variable])
    names = {str(v) for v in sources if not isinstance(v, theano.gof.Constant)}
    nodes = theano.gof.graph.io_toposort(sources, [variable])
    takers = {type(node.op).__name__ for node in nodes if set(node.inputs) & set(sources)}
    prefix = "the shape of " if takers == {"Shape_i"} else ""
    return prefix + " ".join(sorted(names))


def _is_real_array_on_host(variable):
    kind = variable.type
    return not is_on_device(variable) and "float" in getattr(kind, "dtype", "") and kind.ndim > 0


def train():
    """Train for `STEPS` steps.

    Returns
    -------
    results : dict of str to array
        ``losses``, ``occupancy`` predicted at the end, ``before/NAME`` and ``after/NAME`` for
        parameters, ``gradient/NAME`` for the gradient at the first step, and where the device
        counts them, ``counts``: see `count_steps`.
    solver : Solver
    """
    network = Network(CONFIG, seed=1)
    solver = Solver(network, RECIPE)
    training_function(solver)  # compiling copies constants, which is not counted
    results = {f"before/{name}": value for name, value in network.get_weights().items()}
    losses, counts = [], []
    for iteration, loss in enumerate(count_steps(solver, counts)):
        losses.append(loss)
        if iteration == 0:
            velocities = solver.state().optimiser
            for name in network.parameters:
                results[f"gradient/{name}"] = -velocities[f"velocity/{name}"] / RECIPE.rate
    results.update({f"after/{name}": value for name, value in network.get_weights().items()})
    results["losses"], results["counts"] = np.array(losses), np.array(counts)
    results["occupancy"] = solver.predict(batches()[-1][0])
    return results, solver


def count_steps(solver, counts):
    """Take `STEPS` steps, each batch sent while the step before is under way; yield the losses.

    Parameters
    ----------
    counts : list
        Gets an entry a step: the simulated device's counters before the step, when it is under way,
        when the next batch is sent too, and when the loss has been read.
    """
    counters = simulation.counters() if device().startswith("cuda") else None
    ahead = Ahead(_Repeated(batches()), solver.send)
    batch = ahead.take()
    for _ in range(STEPS):
        seen = []

        def look():
            seen.append(list(counters.as_dict().values()) if counters else [])

        def meanwhile():
            look()
            ahead.prepare()
            look()

        look()
        loss = solver.step_sent(batch, meanwhile)
        look()
        counts.append(seen)
        yield loss
        batch = ahead.take()


class _Repeated:
    """Batches without an end and without a state."""

    def __init__(self, pairs):
        self._pairs = itertools.cycle(pairs)

    def __next__(self):
        return SimpleNamespace(**dict(zip(("views", "voxels"), next(self._pairs))))

    def state(self):
        return {}


def training_function(solver):
    """Return the compiled training step."""
    return solver._train


def main(name, path):
    """Train on the device ``name`` and write the results to ``path``, a ``.npz`` file."""
    use_device(name)
    results, solver = train()
    shared = [p.variable for p in solver.network.parameters.values()] + list(solver._state.values())
    facts = {
        "device": device(),
        "on_host": [str(v) for v in shared if not is_on_device(v)],
        "ops": sorted(type(n.op).__name__ for n, _ in all_nodes(training_function(solver).maker.fgraph)),
        "transfers": describe_transfers(training_function(solver).maker.fgraph),
    }
    np.savez(path, facts=json.dumps(facts), **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
