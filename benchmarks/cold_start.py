"""Seconds from a command to its first result, on a machine that has never run it and when warm.

Cold means with no compiled code at all (an empty ``VOXLSTM_CACHE``). Reconstruction is timed to the
mesh on disk, training to the end of its first step.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.data.shapenet import Index

ROOT = Path(__file__).resolve().parent.parent


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="a data set, as make_dataset makes it")
    parser.add_argument("--rounds", type=int, default=3, help="cold starts of each command")
    return parser.parse_args(argv)


def reconstruct(pictures, folder, environment):
    """Run the tool; return its seconds."""
    command = [sys.executable, ROOT / "tools/reconstruct.py", *pictures, "--out", folder / "a.obj"]
    start = time.perf_counter()
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
        raise UserError("reconstruct.py failed; see above")
    return time.perf_counter() - start


def train(model, recipe, data, folder, environment):
    """Start a training; return the seconds until its first step is reported, and end it."""
    command = [
        sys.executable,
        ROOT / "tools/train_net.py",
        "--model",
        ROOT / f"models/{model}.yaml",
        "--solver",
        ROOT / f"solvers/{recipe}.yaml",
        "--data",
        data,
        "--out",
        folder / model,
        "--overwrite",
        "--set",
        "log_every=1",
        "--set",
        "batch=4",
    ]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    with process:
        for line in process.stderr:
            if line.startswith("train:"):
                seconds = time.perf_counter() - start
                process.kill()
                return seconds
    raise UserError("train_net.py ended before its first step; run it by itself to see why")


def main(argv=None):
    """Print a line of JSON for each command: median seconds, cold and warm."""
    options = parse_arguments(argv)
    first = Index.open(options.data).items[0]
    pictures = [first.view_path(view) for view in range(2)]
    actions = {"reconstruct": lambda *where: reconstruct(pictures, *where)}
    for names in (("small_3x3x3", "small"), ("lstm_3x3x3", "sgd")):
        actions[f"train {names[0]}"] = lambda *where, n=names: train(*n, options.data, *where)
    for name, action in actions.items():
        cold, warm = [], []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                environment = {**os.environ, "VOXLSTM_CACHE": str(Path(folder, "cache"))}
                for seconds in (cold, warm):
                    seconds.append(action(Path(folder), environment))
        middle = {"cold": statistics.median(cold), "warm": statistics.median(warm)}
        print(name, json.dumps({k: round(v, 1) for k, v in middle.items()}), flush=True)
    return 0


if __name__ == "__main__":
    run_tool(main)
