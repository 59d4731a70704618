"""What check_gpu.py lets a process of its own do: one process computes on one device.

``on_device.py TASK ARGUMENTS``: the name of a function of this file and a JSON list.
"""
import json
import os
import shutil
import subprocess
import sys
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from voxlstm.lib.backend.door import theano, use_device
from theano.tensor.signal.pool import Pool
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data.views import as_float
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.optimisers import SGD, Optimiser
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

ROOT = Path(__file__).resolve().parents[1]
STEPS = 10
WARM_UP = 3


def make_solver(name, **changes):
    """Return a solver of a network definition in ``models/`` with the paper's recipe."""
    recipe = replace(Recipe.from_file(ROOT / "solvers/sgd_3d_r2n2.yaml"), **changes)
    network = Network(NetworkConfig.from_file(ROOT / f"models/{name}.yaml"), seed=0)
    return Solver(network, recipe)


def make_batch(config, views, batch, seed=0):
    """Return random views and random solid boxes as voxels, both of uint8."""
    random = np.random.default_rng(seed)
    size, cells = config.image, config.resolution
    pictures = random.integers(0, 256, (views, batch, 3, size, size), np.uint8)
    voxels = np.zeros((batch, cells, cells, cells), np.uint8)
    for grid in voxels:
        low, high = np.sort(random.integers(0, cells, (2, 3)), axis=0)
        grid[tuple(slice(a, b + 1) for a, b in zip(low, high))] = 1
    return pictures, voxels


def run_parity(name, device, folder, batches):
    """Write ten steps' results to ``training.npz`` and each batch's gradients to ``0.npz``, ..."""
    use_device(device)
    no_decay = Optimiser(sgd=SGD(momentum=0.9, weight_decay=0.0))
    solver = make_solver(name, rate=0.01, optimiser=no_decay, rate_drops=())
    write_gradients(solver.network, Path(folder), batches)
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


def serve_speed(name, device, precision, folder, batch, views):
    """Write the weights and the batch for PyTorch's turn, and answer requests on standard input.

    A request holds a case, ``views``, ``batch`` and ``pass``, and ``steps``, which are timed after
    some to warm up.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    use_device(device, precision)
    before = gpu_memory()
    solver = make_solver(name, rate=0.001, rate_drops=())
    weights = solver.network.get_weights()
    pictures, voxels = make_batch(solver.network.config, views, batch)
    folder = Path(folder)
    np.savez(folder / "weights.npz", **weights)
    np.savez(folder / "batch.npz", views=pictures, voxels=voxels)
    (folder / "network.json").write_text(json.dumps(solver.network.config.to_dict()))
    print(json.dumps({"version": theano.__version__, "precision": precision}), file=answers)
    about, compiling = {}, {}
    for line in sys.stdin:
        case = json.loads(line)
        solver.network.set_weights(weights)
        batch = pictures[: case["views"], : case["batch"]], voxels[: case["batch"]]
        measure = {"step": time_steps, "forward": time_predictions}[case["pass"]]
        first, seconds = measure(solver, *batch, WARM_UP + case["steps"])
        if not about and before is not None:
            about["memory"] = gpu_memory() - before
        slowest = compiling.setdefault((case["pass"], case["views"]), seconds[0])
        answer = {"first": first, "seconds": seconds[WARM_UP:], "first_seconds": slowest, **about}
        print(json.dumps(answer), file=answers)


def time_steps(solver, pictures, voxels, steps):
    """Return the first loss and the seconds of each training step, the first with compiling."""
    losses, seconds = [], []
    batch = solver.send(pictures, voxels)
    for _ in range(steps):
        start, following = time.perf_counter(), []

        def send_next():  # as in a training, while the step is under way
            following.extend(solver.send(pictures, voxels))

        losses.append(solver.step_sent(batch, send_next))
        batch = following
        seconds.append(time.perf_counter() - start)
    return losses[0], seconds


def time_predictions(solver, pictures, _, steps):
    """Return the mean of the first prediction and the seconds of each, the first with compiling."""
    means, seconds = [], []
    for _ in range(steps):
        start = time.perf_counter()
        occupancy = solver.predict(pictures)
        seconds.append(time.perf_counter() - start)
        means.append(float(occupancy.mean()))
    return means[0], seconds


def run_profile(name, device, precision, path, batch, views):
    """Write what each node of a training step takes, the longest first: ``profile_*.json``."""
    theano.config.linker = "vm"  # a machine in Python, whose nodes can be run one by one
    use_device(device, precision)
    solver = make_solver(name, rate=0.001, rate_drops=())
    pictures, voxels = make_batch(solver.network.config, views, batch)
    solver.step(pictures, voxels)
    rows = time_nodes(solver._train, solver.send(pictures, voxels))
    rows.sort(key=lambda row: -row["milliseconds"])
    total = sum(row["milliseconds"] for row in rows)
    kinds = {}
    for row in rows:
        kind = kinds.setdefault(row["op"].partition("{")[0], {"nodes": 0, "milliseconds": 0.0})
        kind["nodes"] += 1
        kind["milliseconds"] += row["milliseconds"]
    kinds = dict(sorted(kinds.items(), key=lambda item: -item[1]["milliseconds"]))
    Path(path).write_text(json.dumps({"milliseconds": total, "kinds": kinds, "nodes": rows}, indent=1))


def time_nodes(function, batch):
    """Run each node of a compiled function by itself; its time is that until its results are there.

    The sum is more than a step takes, whose nodes do not wait for each other.
    """
    for place, value in zip(function.input_storage, batch):
        place.storage[0] = value
    rows = []
    for node, thunk in zip(function.fn.nodes, function.fn.thunks):
        start = time.perf_counter()
        thunk()
        queued = time.perf_counter() - start
        for (result,) in thunk.outputs:
            if hasattr(result, "sync"):
                result.sync()
        seconds = time.perf_counter() - start
        rows.append({"op": str(node.op), "milliseconds": 1e3 * seconds, "host": 1e3 * queued,
                     "shapes": [list(r.shape) for (r,) in thunk.outputs if hasattr(r, "shape")]})
    return rows


def gpu_memory():
    """Return the bytes in use on the first GPU, or None without one."""
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return int(answer.stdout.split()[0]) * 2**20 if answer.returncode == 0 else None


if __name__ == "__main__":
    tasks = {"run_parity": run_parity, "serve_speed": serve_speed, "run_profile": run_profile}
    task = tasks[sys.argv[1]]
    run_tool(lambda: task(*json.loads(sys.argv[2])))
