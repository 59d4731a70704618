"""Proves and measures this project on a GPU: the results agree with the CPU's, how fast, how large.

Run it through ``run.sh`` of the bundle (``packaging/bundle``) or with the project's environment::

    run.sh benchmarks/check_gpu.py --out results/gpu                       # everything
    run.sh benchmarks/check_gpu.py --out results/gpu --parts parity,speed
    run.sh benchmarks/check_gpu.py --out results/gpu --parts speed --quick  # only what the ratios are of
    run.sh benchmarks/check_gpu.py --out results/gpu --parts train --iterations 20000 --minutes 20

Everything found is in ``OUT/results.json``, rewritten after each part; exit status 1 says that a
result did not agree, 2 that a part failed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import yaml

import speed
from voxlstm.lib.base.cache import cache_folder
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.runs.phases import tool

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ("small_1x1x1", "small_3x3x3", "lstm_1x1x1", "lstm_3x3x3")
PAPER_SIZE = NETWORKS[2:]
ROW_NAME = "network", "precision", "pass", "views"


def parse_arguments(argv=None):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the results")
    add("--device", default="cuda", help="device to check; default: cuda")
    add("--parts", default=",".join(CHECKS), help=f"some of {','.join(CHECKS)}; default: all")
    add("--networks", default=",".join(NETWORKS), help="definitions in models/ for the parity part")
    add("--batches", type=int, default=18, help="whose gradients the parity part compares")
    add("--speed-networks", default=",".join(reversed(PAPER_SIZE)), help="for the speed part")
    add("--precisions", help="some of float32,tf32, for the speed part; default: those of the device")
    add("--passes", default="step,forward", help="some of step,forward, for the speed part")
    add("--quick", action="store_true", help="time only the step of lstm_3x3x3 with 5 views")
    add("--train-networks", default=",".join(PAPER_SIZE), help="for the training part")
    add("--batch", type=int, default=36, help="objects in a batch of the speed and training parts")
    add("--views", default="5,1", help="views in the batches of the speed part")
    add("--steps", type=int, default=10, help="timed steps a turn of the speed part")
    add("--rounds", type=int, default=3, help="turns of each contender in the speed part")
    add(
        "--torch-extras",
        default="graph,compile,compile+graph",
        help="what is made of PyTorch's fastest layout where its ratio is taken",
    )
    add("--torch-seconds", type=float, default=180.0, help="time limit of PyTorch's forms of one case")
    add(
        "--solver", type=Path, default=ROOT / "solvers/sgd.yaml", help="recipe to train by; default: sgd.yaml"
    )
    add("--objects", type=int, default=40, help="procedural objects a category to train on")
    add("--iterations", type=int, default=4000, help="steps of the training part")
    add("--minutes", type=float, default=20.0, help="time limit of each training")
    add("--torch-python", help="a Python with PyTorch; default: the first python3 that has it")
    add("--work", type=Path, help="folder for data and checkpoints; default: OUT/work")
    options = parser.parse_args(argv)
    unknown = set(options.parts.split(",")) - set(CHECKS)
    if unknown:
        parser.error(f"--parts has {', '.join(sorted(unknown))}; take some of {', '.join(CHECKS)}")
    options.precisions = options.precisions or ("float32" if options.device == "cpu" else "float32,tf32")
    if options.quick:
        options.speed_networks, options.views, options.passes = PAPER_SIZE[1], "5", "step"
    return options


def device_side(task, *arguments):
    """Return the command that runs a function of device_side.py in a process of its own."""
    return [sys.executable, str(ROOT / "benchmarks/device_side.py"), task, json.dumps(arguments)]


def parity(module, *arguments):
    """Return how a module of ``tests/parity`` is run in a process of its own."""
    command = [sys.executable, "-m", f"tests.parity.{module}", *map(str, arguments)]
    return {"args": command, "cwd": ROOT}


def start_parity(network, device, folder, batches):
    """Start what one device computes of a network; the CPU has a compile folder of its own.

    So neither waits for the other's compilations.
    """
    own = {"VOXLSTM_CACHE": str(cache_folder() / "cpu")} if device == "cpu" else {}
    return subprocess.Popen(
        **parity("on_device", network, device, folder, batches), env={**os.environ, **own}
    )


def wait_for(*children):
    """Wait for processes; CalledProcessError when one of them failed."""
    for child in children:
        child.wait()
    for child in children:
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, child.args)


def check_parity(options):
    """Compare the device with the CPU on each network; return the worst differences."""
    results = {}
    for network in options.networks.split(","):
        folders = {
            d: options.work / f"parity_{network}_{d.replace(':', '_')}" for d in ("cpu", options.device)
        }
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        wait_for(*(start_parity(network, *pair, options.batches) for pair in folders.items()))
        compared = parity("compare", folders["cpu"], folders[options.device])
        answer = subprocess.run(**compared, check=True, stdout=subprocess.PIPE, text=True)
        results[network] = json.loads(answer.stdout)
        print(f"parity {network}: {json.dumps(results[network])}", flush=True)
        for folder in folders.values():
            shutil.rmtree(folder)
    return results


def check_ops(options):
    """Compare the device's ops with the CPU on small arrays, convolutions in every way; return the differences."""
    command = [sys.executable, "-m", "tests.cuda.every_way", options.device, options.precisions]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    results = json.loads(answer.stdout)
    for name, entry in results.items():
        print(f"ops {name}: {json.dumps(entry)}", flush=True)
    return results


def check_speed(options):
    """Time this project and PyTorch on the same GPU, weights and batch; write ``gpu_speed.json``."""
    python = options.torch_python or find_torch()
    card = (speed.ask_nvidia("name,driver_version") or ", ").split(", ")
    report = {
        "ratios": {},
        "card": card[0] or None,
        "driver": card[1] or None,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "torch": None,
        "rows": [],
    }
    for network in options.speed_networks.split(","):
        for precision in options.precisions.split(","):
            with ExitStack() as running:
                folder = options.work / f"speed_{network}"
                folder.mkdir(exist_ok=True)
                ours = running.enter_context(start_ours(options, network, precision, folder))
                # Ours first: it writes what PyTorch reads, and its memory is what is used more then.
                ours.ask(**speed.cases(options)[0], steps=1)
                torch = running.enter_context(start_torch(python, folder)) if python else None
                report["torch"] = torch and torch.about
                for case in speed.cases(options):
                    case = {"network": network, "precision": precision, **case}
                    report["rows"].append(speed.compare(ours, torch, case, options))
                    report["ratios"] = speed.ratios(report["rows"])
                    (options.out / "gpu_speed.json").write_text(json.dumps(report, indent=1))
                    print_row(report["rows"][-1])
    return {" ".join(str(row[key]) for key in ROW_NAME): row for row in report["rows"]}


def start_ours(options, network, precision, folder):
    """Start the process that times this project's network with one precision."""
    arguments = [
        network,
        options.device,
        precision,
        str(folder),
        options.batch,
        max(case["views"] for case in speed.cases(options)),
    ]
    return speed.Contender(device_side("serve_speed", *arguments), dict(os.environ))


def start_torch(python, folder):
    """Start torch_gpu.py in the Python that has PyTorch."""
    files = [folder / name for name in ("weights.npz", "network.json", "batch.npz", "torch.json")]
    command = [python, ROOT / "benchmarks/torch_gpu.py", *files, "--serve"]
    return speed.Contender([str(part) for part in command], outer_environment())


def print_row(row):
    """Print one case's rates in a line."""
    rates = {"ours": row["ours"], **row["pytorch"], "best, in turn": row.get("against", {})}
    numbers = (
        f"{name} {entry['samples_per_second']:.1f}"
        if "samples_per_second" in entry
        else f"{name} {entry.get('error', '-')}"
        for name, entry in rates.items()
    )
    case = " ".join(str(row[key]) for key in ROW_NAME)
    print(f"speed {case} views: ratio {row.get('ratio')}, samples/s: {'; '.join(numbers)}", flush=True)


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
    drop = (
        "PYTHONHOME",
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
        "LIBRARY_PATH",
        "CPATH",
        "THEANO_FLAGS",
        "NVIDIA_TF32_OVERRIDE",
    )
    return {name: value for name, value in os.environ.items() if name not in drop}


def check_profile(options):
    """Time each node of the step; return what the kinds take, in milliseconds.

    What each way of computing each convolution takes, as the choice among them found it, is copied.
    """
    results = {}
    for network in options.speed_networks.split(","):
        for precision in options.precisions.split(","):
            path = options.out / f"profile_{network}_{precision}.json"
            views = max(map(int, options.views.split(",")))
            arguments = network, options.device, precision, str(path), options.batch, views
            wait_for(subprocess.Popen(device_side("run_profile", *arguments)))
            profile = json.loads(path.read_text())
            results[f"{network} {precision}"] = {name: profile[name] for name in ("milliseconds", "memory")}
            for kind, entry in list(profile["kinds"].items())[:10]:
                print(
                    f"profile {network} {precision}: {entry['milliseconds']:8.2f} ms, "
                    f"{entry['nodes']} {kind}",
                    flush=True,
                )
    for path in cache_folder("cudnn").glob("*.json"):
        shutil.copy(path, options.out / f"ways_{path.name}")
    return results


def check_training(options):
    """Make a procedural set, train each network on the device and score it."""
    data = options.work / "data"
    if not data.exists():
        run("make_dataset", "--procedural", options.objects, "--out", data)
    results = {}
    for network in options.train_networks.split(","):
        out = options.work / f"train_{network}"
        start = time.perf_counter()
        status = run(
            "train_net",
            "--model",
            ROOT / f"models/{network}.yaml",
            "--solver",
            options.solver,
            "--data",
            data,
            "--out",
            out,
            "--device",
            options.device,
            "--overwrite",
            *settings(options),
            limit=options.minutes * 60,
        )
        entry = {"seconds": time.perf_counter() - start, "status": status}
        run(
            "test_net",
            "--weights",
            out / "last.npz",
            "--data",
            data,
            "--out",
            out / "scores",
            "--device",
            options.device,
            "--overwrite",
        )
        for source, name in [
            (out / "curves.csv", "curves.csv"),
            (out / "run.json", "run.json"),
            (out / "scores/results.json", "scores.json"),
        ]:
            shutil.copy(source, options.out / f"{network}_{name}")
        results[network] = entry
        print(f"train {network}: {json.dumps(entry)}", flush=True)
    return results


def settings(options):
    """Return train_net's options that make the recipe as short as asked for, its schedule with it."""
    recipe = yaml.safe_load(options.solver.read_text())
    drops = {}
    for step, factor in recipe["rate_drops"]:
        step = step * options.iterations // recipe["iterations"]
        drops[step] = drops.get(step, 1) * factor  # those of one step of a very short training
    every = max(options.iterations // 10, 1)
    values = {
        "iterations": options.iterations,
        "batch": options.batch,
        "rate_drops": json.dumps(list(drops.items())),
        "validate_every": every,
        "checkpoint_every": every,
    }
    return [part for name, value in values.items() for part in ("--set", f"{name}={value}")]


def run(name, *arguments, limit=None):
    """Run one of the project's tools; at the time limit it is stopped as by Ctrl-C.

    Returns
    -------
    int
        The exit status: 0, or that of the signal that the limit sent.
    """
    command = tool(name, *arguments)
    process = subprocess.Popen(command)
    try:
        status = process.wait(limit)
    except subprocess.TimeoutExpired:
        process.terminate()
        return process.wait()
    if status:
        raise subprocess.CalledProcessError(status, command)
    return status


CHECKS = {
    "ops": check_ops,
    "parity": check_parity,
    "speed": check_speed,
    "profile": check_profile,
    "train": check_training,
}


def main(argv=None):
    """Run the parts asked for; return 1 when something did not agree."""
    options = parse_arguments(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    options.work = (options.work or options.out / "work").absolute()
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results["gpu"] = speed.ask_nvidia("name,driver_version,memory.total")
    for part in options.parts.split(","):
        try:
            results[part] = CHECKS[part](options)
        except subprocess.CalledProcessError as error:
            # What failed has said why; the results of the parts before are kept.
            name = next(Path(word).name for word in error.cmd if re.search(r"\.py$|^tests\.", str(word)))
            raise UserError(f"the {part} part ended, as {name} failed") from error
        path.write_text(json.dumps(results, indent=1))
    entries = [e for part in CHECKS if part in results for e in results[part].values()]
    return 0 if all(entry.get("agrees", True) for entry in entries) else 1


if __name__ == "__main__":
    run_tool(main)
