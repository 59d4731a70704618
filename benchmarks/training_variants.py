"""What changes the first steps of stochastic gradient descent: one departure from a recipe at a time.

``python benchmarks/training_variants.py --data DIR [--steps 300,600]`` trains models/small_3x3x3.yaml with
solvers/small.yaml from the same initial weights and prints, at each number of steps, the mean loss of
the last 100 steps, the spikes among them, what a gate and a gradient look like, and the validation IoU.
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
from voxlstm.solvers.initial import fit_initial_weights
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Diverged, Solver
from voxlstm.solvers.validation import score

from training_health import saturated

ROOT = Path(__file__).resolve().parents[1]
SEED, FITTED_TO, WINDOW, SPIKE = 1, 64, 100, 2.0  # a spike is a loss above twice the window's median
BACKGROUND = 0.94  # what most pixels of a rendering on light ground are
COLUMNS = "variant                           steps    loss  spikes  input gate saturated  |h|    IoU"


class CentredViews(Network):
    """The network with the background at zero, which is what the convolutions pad with."""

    def outputs(self, views):
        return super().outputs(views - np.float32(BACKGROUND))

    def describe(self):
        return {**super().describe(), "background": BACKGROUND}


def biases(name, value):
    """Return a function that sets biases whose names begin so."""

    def change(network):
        for key, one in network.parameters.items():
            if one.kind == "bias" and key.startswith(name):
                one.variable.set_value(np.full(one.shape, value, np.float32))

    return change


# Name: (settings of the recipe, kind of network, what is done to the initial weights).
VARIANTS = {
    "the recipe": ({}, Network, None),
    "rate x 3": ({"rate": 1e-3}, Network, None),
    "gradients as they are": ({"centred_gradients": False}, Network, None),
    "... views centred": ({"centred_gradients": False}, CentredViews, None),
    "... recurrent biases 0": ({"centred_gradients": False}, Network, biases("lstm", 0.0)),
    "... forget gate's bias 1": ({"centred_gradients": False}, Network, biases("lstm.forget", 1.0)),
    "... batch x 3": ({"centred_gradients": False, "batch": 24}, Network, None),
    "... rate / 3": ({"centred_gradients": False, "rate": 1e-4}, Network, None),
    "... clip_norm 1": ({"centred_gradients": False, "clip_norm": 1.0}, Network, None),
    "... one rate, 0.1": ({"centred_gradients": False, "layer_rates": False, "rate": 0.1}, Network, None),
    "... weights as drawn": ({"centred_gradients": False, "fit_initial": False}, Network, None),
}


def main(argv=None):
    """Print a row for each variant and number of steps; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", metavar="DIR", required=True)
    parser.add_argument("--steps", metavar="N,N", default="300,600")
    options = parser.parse_args(argv)
    use_device("cpu")
    parts = choose(Index.open(options.data), validation=0.1)
    print(COLUMNS, flush=True)
    for name, variant in VARIANTS.items():
        for row in train(variant, parts, [int(step) for step in options.steps.split(",")]):
            print(f"{name:32}{row}", flush=True)
    return 0


def train(variant, parts, stops):
    """Train a variant; yield a row of the table at each stop."""
    settings, kind, change = variant
    recipe = Recipe.from_dict({**Recipe.from_file(ROOT / "solvers/small.yaml").to_dict(), **settings})
    network = kind(NetworkConfig.from_file(ROOT / "models/small_3x3x3.yaml"), SEED)
    with Batches(parts.train, FITTED_TO, 1, SEED, workers=0) as batches:
        first = next(batches)
    if recipe.fit_initial:
        fit_initial_weights(network, first.views, first.voxels)
    if change:
        change(network)
    solver, losses = Solver(network, recipe), []
    with Batches(parts.train, recipe.batch, recipe.views, SEED, workers=1) as batches:
        for step in range(1, max(stops) + 1):
            batch = next(batches)
            try:
                losses.append(solver.step(batch.views, batch.voxels))
            except Diverged as error:
                yield f"{step:7}  {error}"
                return
            if step in stops:
                yield row(step, losses[-WINDOW:], network, solver, batch, parts.validation)


def row(step, losses, network, solver, batch, objects):
    """Return the figures of a network after some steps."""
    inputs = network.inputs()
    outputs = network.outputs(inputs[0])
    states = theano.function([inputs[0]], [outputs.input, outputs.hidden])(as_float(batch.views))
    entry, hidden = states
    with Batches(objects, 16, 5, augment=False, shuffle=False, epochs=1, workers=0) as batches:
        iou = score(solver, batches, 5).iou
    spikes = int((np.array(losses) > SPIKE * np.median(losses)).sum())
    size = np.abs(hidden).mean()
    return f"{step:7}  {np.mean(losses):6.3f}  {spikes:6}  {saturated(entry):20.0%}  {size:4.2f}  {iou:5.3f}"


if __name__ == "__main__":
    run_tool(main)
