"""A training step of a small network on a busy machine, by how OpenMP's threads wait for each other.

``busy.py`` starts a process for each way of waiting. They take turns, first with nothing beside them
and then beside two processes that use the cores; the medians of the steps and their ratios to the
default of this project go to the result file.
"""

import argparse
import json
import os
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from voxlstm.lib.backend.waiting import CHOSEN_BY_USER
from voxlstm.lib.base.cores import usable_cores
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import write_json

from others import beside
from speed import Contender

HERE = Path(__file__).resolve().parent
DEFAULT = "by the machine's load"
COUNTS = 1_000, 10_000, 300_000  # the last is libgomp's own
WAYS = {DEFAULT: {}, **{f"{count} spins": {"GOMP_SPINCOUNT": str(count)} for count in COUNTS}}
WAYS["passive"] = {"OMP_WAIT_POLICY": "passive"}


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way")
    parser.add_argument("--steps", type=int, default=40, help="steps a turn")
    parser.add_argument("--note", default="", help="what else ran on the machine, for the result file")
    parser.add_argument("--out", default=HERE.parent / "output/busy.json", help="result file")
    return parser.parse_args(argv)


def serve():
    """Answer each line on the standard input with the seconds of so many steps."""
    from workload import make_batch, make_solver

    solver = make_solver("small_1x1x1", rate=1e-5)
    batch = make_batch(solver.network.config, 2, 4)
    solver.step(*batch)  # compiles
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(json.loads(line)["steps"]):
            start = time.perf_counter()
            solver.step(*batch)
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds}), flush=True)


def measure(sides, options):
    """Return the median seconds of a step for each way, and its ratio to the default's."""
    seconds = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, side in sides.items():
            seconds[name] += side.ask(steps=options.steps)["seconds"]
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {name: {"seconds": value, "ratio": value / medians[DEFAULT]} for name, value in medians.items()}


def main(argv=None):
    """Measure idle and busy, print and write the result."""
    options = parse_arguments(argv)
    if options.side:
        return serve()
    clean = {name: value for name, value in os.environ.items() if name not in CHOSEN_BY_USER}
    with ExitStack() as stack:
        sides = {
            name: stack.enter_context(Contender([sys.executable, __file__, "--side"], {**clean, **changed}))
            for name, changed in WAYS.items()
        }
        result = {
            "cores": usable_cores(),
            "load_before": os.getloadavg(),
            "note": options.note,
            "time": time.strftime("%Y-%m-%d"),
            "alone": measure(sides, options),
        }
        with beside(2):
            result["beside two others"] = measure(sides, options)
    print(json.dumps(result, indent=2))
    write_json(options.out, result)


if __name__ == "__main__":
    run_tool(main)
