"""What a network's training looks like from within: gradients, gates and idle units of one batch.

``python benchmarks/training_health.py --data DIR NETWORK ...``, where a NETWORK is a definition (.yaml:
its initial weights, as drawn and as fitted to a first batch) or a checkpoint (.npz).
"""

import argparse
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from voxlstm.lib.backend.door import theano, use_device
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose
from voxlstm.lib.data.views import as_float
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.checkpoint import load_network
from voxlstm.solvers.initial import fit_initial_weights

BATCH, VIEWS, FITTED_TO, SEED = 16, 2, 64, 1
SATURATED = 0.02  # a gate nearer than this to 0 or 1


def main(argv=None):
    """Print a table for each network; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--data", metavar="DIR", required=True)
    options = parser.parse_args(argv)
    use_device("cpu")
    train = choose(Index.open(options.data), validation=0.1).train
    batch, first = (take(train, *sizes) for sizes in ((BATCH, VIEWS), (FITTED_TO, 1)))
    for path in options.networks:
        for name, network in networks(path, first):
            print(f"\n{name}\n" + describe(network, *measure(network, batch)))
    return 0


def take(objects, size, views):
    """Return a batch of augmented views."""
    with Batches(objects, size, views, SEED, workers=0) as batches:
        return next(batches)


def networks(path, first):
    """Yield (name, network) of a file."""
    if Path(path).suffix == ".npz":
        network, saved = load_network(path)
        yield f"{path}, {saved.iteration} iterations", network
        return
    network = Network(NetworkConfig.from_file(path), SEED)
    yield f"{path}, as drawn", network
    fit_initial_weights(network, first.views, first.voxels)
    yield f"{path}, fitted to a first batch", network


def measure(network, batch):
    """Return loss, gates, hidden state, pre-activations' maxima by layer, and gradients by name."""
    inputs = network.inputs()
    outputs = network.outputs(inputs[0])
    loss = network.loss(outputs, inputs[1])
    gradients = theano.grad(loss, [one.variable for one in network.parameters.values()])
    layers = [one for one in network.pre_activations(outputs)[:-1] if one.bias]
    largest = [
        one.variable.max(axis=[axis for axis in range(one.variable.ndim) if axis != 1]) for one in layers
    ]
    function = theano.function(
        inputs, [loss, outputs.forget, outputs.input, outputs.hidden, *largest, *gradients]
    )
    loss, *states = function(as_float(batch.views), np.float32(batch.voxels))
    maxima = dict(zip([one.weight.layer for one in layers], states[3:]))
    return loss, states[:3], maxima, dict(zip(network.parameters, states[3 + len(layers) :]))


def describe(network, loss, states, maxima, gradients):
    """Return the table."""
    forget, entry, hidden = states
    lines = [
        f"loss {float(loss):.4f}; "
        + "; ".join(
            f"{name} gate {saturated(gate):.0%} saturated"
            for name, gate in (("forget", forget), ("input", entry))
        )
        + f"; |h| {np.abs(hidden).mean():.2f} on average",
        "parameter                 length   gradient  gradient/length  common part  idle units",
    ]
    for name, one in network.parameters.items():
        length = np.linalg.norm(one.variable.get_value())
        slope = np.linalg.norm(gradients[name])
        idle = f"{(maxima[one.layer] < 0).mean():11.0%}" if one.kind == "bias" and one.layer in maxima else ""
        common = f"{common_part(one, gradients[name]):11.0%}" if one.kind == "weight" else 11 * " "
        lines.append(f"{name:22}{length:10.3f}{slope:11.5f}{slope / length:17.6f}  {common} {idle}".rstrip())
    return "\n".join(lines)


def saturated(gate):
    """Return the share of a gate's values that are near 0 or 1."""
    return ((gate < SATURATED) | (gate > 1 - SATURATED)).mean()


def common_part(parameter, gradient):
    """Return the share of a gradient's length that is the same for all inputs of an output."""
    axes = tuple(axis for axis in range(gradient.ndim) if axis not in parameter.output_axes)
    common = np.broadcast_to(gradient.mean(axis=axes, keepdims=True), gradient.shape)
    return np.linalg.norm(common) / max(np.linalg.norm(gradient), 1e-30)


if __name__ == "__main__":
    run_tool(main)
