"""Proves and measures this project on a GPU: the results agree with the CPU's, how fast, how large.

Run it through ``run.sh`` of the bundle (see build_bundle.sh) or with the project's environment::

    run.sh gpu/check_gpu.py --out results/gpu                       # everything
    run.sh gpu/check_gpu.py --out results/gpu --parts parity,speed
    run.sh gpu/check_gpu.py --out results/gpu --parts train --iterations 20000 --minutes 20

Everything found is in ``OUT/results.json``, rewritten after each part; exit status 1 says that a
result did not agree.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("parity", "speed", "train")
NETWORKS = ("small_1x1x1", "small_3x3x3", "lstm_1x1x1", "lstm_3x3x3")
PAPER_SIZE = NETWORKS[2:]
STEPS = 10
# Of the largest value of each array. Sums of thousands of float32 products, in another order.
TOLERANCES = {"losses": 1e-5, "occupancy": 1e-3, "gradient": 1e-3, "after": 1e-3}


def parse_arguments(argv=None):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the results")
    add("--device", default="cuda", help="device to check; default: cuda")
    add("--parts", default=",".join(PARTS), help=f"some of {','.join(PARTS)}; default: all")
    add("--networks", default=",".join(NETWORKS), help="definitions in models/ for the parity part")
    add("--speed-networks", default=PAPER_SIZE[1], help="for the speed part")
    add("--train-networks", default=",".join(PAPER_SIZE), help="for the training part")
    add("--batch", type=int, default=36, help="objects in a batch of the speed part")
    add("--views", type=int, default=5, help="views in a batch of the speed part")
    add("--steps", type=int, default=20, help="timed steps of the speed part")
    add("--objects", type=int, default=40, help="procedural objects a category to train on")
    add("--iterations", type=int, default=4000, help="steps of the training part")
    add("--minutes", type=float, default=20.0, help="time limit of each training")
    add("--torch-python", help="a Python with PyTorch; default: the first python3 that has it")
    add("--work", type=Path, help="folder for data and checkpoints; default: OUT/work")
    add("--child", nargs=2, metavar=("TASK", "ARGUMENTS"), help=argparse.SUPPRESS)
    return parser.parse_args(argv)


# ---- In a process of its own: one process computes on one device ------------------------------


def make_solver(name, **changes):
    """Return a solver of a network definition in ``models/`` with the paper's recipe."""
    from voxlstm.models.network import Network, NetworkConfig
    from voxlstm.solvers.solver import Recipe, Solver

    settings = Recipe.from_file(ROOT / "solvers/sgd.yaml").to_dict()
    recipe = Recipe(**{**settings, **changes})
    network = Network(NetworkConfig.from_file(ROOT / f"models/{name}.yaml"), seed=0)
    return Solver(network, recipe)


def make_batch(solver, views, batch, seed=0):
    """Return random views and random solid boxes as voxels."""
    random = np.random.default_rng(seed)
    size, cells = solver.network.config.image, solver.network.config.resolution
    pictures = random.random((views, batch, 3, size, size), dtype=np.float32)
    voxels = np.zeros((batch, cells, cells, cells), np.float32)
    for grid in voxels:
        low, high = np.sort(random.integers(0, cells, (2, 3)), axis=0)
        grid[tuple(slice(a, b + 1) for a, b in zip(low, high))] = 1
    return pictures, voxels


def run_parity(network, device, path):
    """Take ten steps on a device and write losses, gradients, parameters and a prediction."""
    from voxlstm.lib.runtime.backend import use_device

    use_device(device)
    # Without weight decay the velocity after the first step is -rate times the gradient.
    rate = 0.01
    solver = make_solver(network, rate=rate, weight_decay=0.0, rate_drops=())
    results, losses = {}, []
    for step in range(STEPS):
        views, voxels = make_batch(solver, 1 + (step + 2) % 3, 2, seed=step)
        losses.append(solver.step(views, voxels))
        if step == 0:
            velocities = solver.state().optimiser
            results = {
                f"gradient/{name}": -velocities[f"velocity/{name}"] / rate
                for name in solver.network.parameters
            }
    results.update({f"after/{n}": v for n, v in solver.network.get_weights().items()})
    np.savez(path, losses=np.array(losses), occupancy=solver.predict(views), **results)


def run_speed(network, device, folder, batch, views, steps):
    """Time training steps and write the numbers and the inputs for PyTorch's turn."""
    from voxlstm.lib.runtime.backend import use_device

    folder = Path(folder)
    use_device(device)
    solver = make_solver(network, rate=0.001, rate_drops=())
    pictures, voxels = make_batch(solver, views, batch)
    np.savez(folder / "weights.npz", **solver.network.get_weights())
    np.savez(folder / "batch.npz", views=pictures, voxels=voxels)
    (folder / "network.json").write_text(json.dumps(solver.network.config.to_dict()))
    before, losses, seconds = gpu_memory(), [], []
    batch = solver.send(pictures, voxels)
    for _ in range(steps + 3):
        start, following = time.perf_counter(), []

        def send_next():  # as in a training, while the step is under way
            following.extend(solver.send(pictures, voxels))

        losses.append(solver.step_sent(batch, send_next))
        batch = following
        seconds.append(time.perf_counter() - start)
    after = gpu_memory()
    numbers = {
        "first_loss": losses[0],
        "compile_seconds": seconds[0],
        "seconds": seconds[3:],
        "memory": after - before if after is not None else None,
    }
    (folder / "theano.json").write_text(json.dumps(numbers))


def gpu_memory():
    """Return the bytes in use on the first GPU, or None without one."""
    answer = ask_nvidia("memory.used")
    return int(answer) * 2**20 if answer else None


def ask_nvidia(what):
    """Return what nvidia-smi says of the first GPU, or None."""
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.stdout.splitlines()[0].strip() if answer.returncode == 0 else None


# ---- The parts --------------------------------------------------------------------------------


def child(options, task, *arguments, flags=""):
    """Run a function of this file in a process of its own, with flags for Theano."""
    command = [sys.executable, __file__, "--out", options.out, "--child", task]
    flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), flags]))
    environment = {**os.environ, "THEANO_FLAGS": flags}
    subprocess.run([*map(str, command), json.dumps(arguments)], check=True, env=environment)


def check_parity(options):
    """Compare the device with the CPU on each network; return the worst differences."""
    results = {}
    for network in options.networks.split(","):
        paths = {}
        for device in ("cpu", options.device):
            paths[device] = options.work / f"parity_{network}_{device.replace(':', '_')}.npz"
            child(options, "run_parity", network, device, str(paths[device]))
        with np.load(paths["cpu"]) as cpu, np.load(paths[options.device]) as other:
            results[network] = compare(dict(cpu), dict(other))
        print(f"parity {network}: {json.dumps(results[network])}", flush=True)
    return results


def compare(expected, found):
    """Return the worst difference of each kind of result, relative to each array's largest."""
    worst = {}
    for name, value in expected.items():
        kind = name.partition("/")[0]
        difference = np.abs(found[name] - value).max() / np.abs(value).max()
        worst[kind] = max(worst.get(kind, 0.0), float(difference))
    worst["agrees"] = all(worst[kind] <= limit for kind, limit in TOLERANCES.items())
    return worst


def check_speed(options):
    """Time the training step and PyTorch's on the same GPU, weights and batch."""
    results = {}
    python = options.torch_python or find_torch()
    for network in options.speed_networks.split(","):
        folder = options.work / f"speed_{network}"
        folder.mkdir(exist_ok=True)
        entry = {"batch": options.batch, "views": options.views}
        # With one stream the next batch is copied after the step, with two beside it.
        for name, single in (("one_stream", True), ("voxlstm", False)):
            child(options, "run_speed", network, options.device, str(folder), options.batch,
                  options.views, options.steps, flags=f"gpuarray.single_stream={single}")
            numbers = json.loads((folder / "theano.json").read_text())
            entry[name] = summarise(numbers, options.batch)
        if python:
            entry["pytorch"] = time_torch(python, folder, options)
            losses = entry["voxlstm"]["first_loss"], entry["pytorch"]["float32"]["first_loss"]
            entry["agrees"] = abs(losses[0] - losses[1]) < 1e-4
        results[network] = entry
        print(f"speed {network}: {json.dumps(entry)}", flush=True)
    return results


def time_torch(python, folder, options):
    """Run torch_network.py in the Python that has PyTorch."""
    files = [folder / name for name in ("weights.npz", "network.json", "batch.npz", "torch.json")]
    command = [python, ROOT / "gpu/torch_network.py", *files, options.steps]
    subprocess.run([str(part) for part in command], check=True, env=outer_environment())
    found = json.loads(files[-1].read_text())
    return {
        name: summarise(value, options.batch) if isinstance(value, dict) else value
        for name, value in found.items()
    }


def summarise(numbers, batch):
    """Return the numbers of one measurement with samples a second in place of the seconds."""
    seconds = float(np.median(numbers.pop("seconds")))
    return {**numbers, "step_seconds": seconds, "samples_per_second": batch / seconds}


def find_torch():
    """Return the first Python of the machine that can import PyTorch, or None."""
    for python in ("python3", "python", "/opt/conda/bin/python", "/opt/venv/bin/python"):
        path = shutil.which(python)
        command = [path, "-c", "import torch"]
        if path and subprocess.run(command, capture_output=True, env=outer_environment()).returncode == 0:
            return path
    return None


def outer_environment():
    """Return the environment without what the bundle set for its own Python."""
    drop = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "THEANO_FLAGS")
    return {name: value for name, value in os.environ.items() if name not in drop}


def check_training(options):
    """Make a procedural set, train each network on the device and score it."""
    data = options.work / "data"
    if not data.exists():
        tool("make_dataset", "--procedural", options.objects, "--out", data)
    results = {}
    for network in options.train_networks.split(","):
        out = options.work / f"train_{network}"
        start = time.perf_counter()
        status = tool(
            "train_net", "--model", ROOT / f"models/{network}.yaml", "--solver", ROOT / "solvers/sgd.yaml",
            "--data", data, "--out", out, "--device", options.device, "--overwrite",
            "--set", f"iterations={options.iterations}",
            "--set", f"rate_drops=[[{options.iterations * 3 // 4}, 0.1]]",
            "--set", f"validate_every={max(options.iterations // 10, 1)}",
            "--set", f"checkpoint_every={max(options.iterations // 10, 1)}",
            limit=options.minutes * 60,
        )
        entry = {"seconds": time.perf_counter() - start, "status": status}
        tool("test_net", "--weights", out / "last.npz", "--data", data, "--out", out / "scores",
             "--device", options.device, "--overwrite")
        for source, name in [
            (out / "curves.csv", "curves.csv"),
            (out / "run.json", "run.json"),
            (out / "scores/results.json", "scores.json"),
        ]:
            shutil.copy(source, options.out / f"{network}_{name}")
        results[network] = entry
        print(f"train {network}: {json.dumps(entry)}", flush=True)
    return results


def tool(name, *arguments, limit=None):
    """Run one of the project's tools; at the time limit it is stopped as by Ctrl-C.

    Returns
    -------
    int
        The exit status: 0, or that of the signal that the limit sent.
    """
    command = [sys.executable, str(ROOT / f"tools/{name}.py"), *map(str, arguments)]
    process = subprocess.Popen(command)
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        process.terminate()
        return process.wait()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return status


def main(argv=None):
    """Run the parts asked for; return 1 when something did not agree."""
    options = parse_arguments(argv)
    if options.child:
        task, arguments = options.child
        {"run_parity": run_parity, "run_speed": run_speed}[task](*json.loads(arguments))
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    options.work = options.work or options.out / "work"
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["gpu"] = ask_nvidia("name,driver_version,memory.total")
    for part in options.parts.split(","):
        results[part] = {"parity": check_parity, "speed": check_speed, "train": check_training}[part](options)
        path.write_text(json.dumps(results, indent=1))
    entries = [e for part in PARTS if part in results for e in results[part].values()]
    return 0 if all(entry.get("agrees", True) for entry in entries) else 1


if __name__ == "__main__":
    sys.exit(main())
