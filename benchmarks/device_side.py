"""What check_gpu.py times in a process of its own: this project's network on one device.

``device_side.py TASK ARGUMENTS``: the name of a function of this file and a JSON list.
"""

import json
import os
import sys
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from speed import ask_nvidia
from voxlstm.lib.backend.door import theano, use_device
from voxlstm.lib.base.errors import run_tool
from workload import make_batch, make_solver

WARM_UP = 3


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
    """Write what each node of a training step takes, the longest first, and the step's memory."""
    theano.config.linker = "vm"  # a machine in Python, whose nodes can be run one by one
    use_device(device, precision)
    before = gpu_memory()
    solver = make_solver(name, rate=0.001, rate_drops=())
    pictures, voxels = make_batch(solver.network.config, views, batch)
    solver.step(pictures, voxels)
    memory = before and gpu_memory() - before
    rows = time_nodes(solver._train, solver.send(pictures, voxels))
    rows.sort(key=lambda row: -row["milliseconds"])
    total = sum(row["milliseconds"] for row in rows)
    kinds = {}
    for row in rows:
        kind = kinds.setdefault(row["op"].partition("{")[0], {"nodes": 0, "milliseconds": 0.0})
        kind["nodes"] += 1
        kind["milliseconds"] += row["milliseconds"]
    kinds = dict(sorted(kinds.items(), key=lambda item: -item[1]["milliseconds"]))
    profile = {"milliseconds": total, "memory": memory, "kinds": kinds, "nodes": rows}
    Path(path).write_text(json.dumps(profile, indent=1))


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
        rows.append(
            {
                "op": str(node.op),
                "milliseconds": 1e3 * seconds,
                "host": 1e3 * queued,
                "shapes": [list(r.shape) for (r,) in thunk.outputs if hasattr(r, "shape")],
            }
        )
    return rows


def gpu_memory():
    """Return the bytes in use on the first GPU, or None without one."""
    used = ask_nvidia("memory.used")
    return used and int(used) * 2**20


if __name__ == "__main__":
    tasks = {"serve_speed": serve_speed, "run_profile": run_profile}
    task = tasks[sys.argv[1]]
    run_tool(lambda: task(*json.loads(sys.argv[2])))
