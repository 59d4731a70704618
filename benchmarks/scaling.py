"""How training scales over processes: measured here, and on paper for clusters of GPUs.

Started without mpirun, it starts itself by it, as processes of one thread each. In one run rank 0
makes whole steps alone while the others sleep, and then all make divided steps, by turns, so that
what slows the machine slows both. The efficiency is the time of a whole step over that of a divided
one and over the processes. The goal for the paper's network is 0.9. Each process also makes steps of
its own part that nothing joins, beside the others and then the first one alone: the efficiency that
these would have bounds what any division can reach, and tells what smaller parts cost from what the
cores share.

With ``--alone`` it compares a training that mpirun has not started with one that ``mpirun -n 1`` has,
by turns.

The model on paper has the assumptions that it prints. It knows nothing of a slow reader or a slow
rank.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import time

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from voxlstm.lib.base.config import build, load_yaml
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.launcher import one_of_several
from voxlstm.lib.parallel.exchange import WORDS
from voxlstm.lib.parallel.group import join
from voxlstm.lib.runs.run_folder import shipped
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.divided import DividedSolver
from voxlstm.solvers.optimisers import SGD, Optimiser
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

PAPER = "models/lstm_3x3x3.yaml"
# Of the model on paper.
BATCH = 36  # objects of a step, as the paper has it
RATE = 569.0  # objects a second of one H200 in float32 (docs/speed.rst), at that batch
FIXED = 6e-3  # seconds of a step that no smaller batch saves: launches, the update (assumed)
IN_HOST = 150e9  # bytes a second of a ring over NVLink in a host of 8 (assumed)
BETWEEN = 40e9  # bytes a second of a host's link to the others, 400 Gbit/s less a fifth (assumed)
HOPS = 10e-6  # seconds of latency of a message (assumed)
PCIE = 20e9  # bytes a second between a GPU and its host, for the way through host memory (assumed)
HOST = 8  # GPUs in one
BACKWARD = 2 / 3  # of what is not fixed of a step: the gradients, beside which a sum could run (assumed)
KINDS = "whole", "divided", "unjoined", "part", "waited", "exchanged"  # four steps, and two of a divided one


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=PAPER, help="network; default: %(default)s")
    parser.add_argument("--ranks", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument(
        "--batch", type=int, default=8, help="objects of a step of all (default: %(default)s)"
    )
    parser.add_argument("--views", type=int, default=3, help="views of an object (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="steps of each kind (default: %(default)s)")
    parser.add_argument("--mpirun", default="mpirun", help="with options, such as 'mpirun --bind-to core'")
    parser.add_argument("--alone", action="store_true", help="compare one process without and with mpirun")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--on-paper", action="store_true", help="print the model alone, measure nothing")
    return parser.parse_args()


def start(arguments):
    """Run this program as several processes; return the status."""
    command = [*shlex.split(arguments.mpirun), "-n", str(arguments.ranks), sys.executable, *sys.argv]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode


def recipe_of(arguments):
    """Return a recipe that moves nothing far."""
    optimiser = Optimiser(sgd=SGD(0.9, 5e-5))
    return Recipe(
        optimiser=optimiser, rate=1e-6, batch=arguments.batch, iterations=1, views=(1, arguments.views)
    )


def config_of(arguments):
    """Return the network's definition."""
    return build(NetworkConfig, load_yaml(shipped(arguments.model)), arguments.model)


def made_up(config, arguments, rows):
    """Return the views and voxels of some rows of a batch; what they show does not matter."""
    random = np.random.default_rng(0)
    pictures = arguments.views, arguments.batch, 3, config.image, config.image
    views = random.integers(0, 256, pictures, np.uint8)
    voxels = random.integers(0, 2, (arguments.batch, *3 * [config.resolution]), np.uint8)
    return np.ascontiguousarray(views[:, rows]), voxels[rows]


def measure(arguments, group):
    """Return the seconds of each kind of step, and of the waiting and the exchange in divided ones."""
    config = config_of(arguments)
    recipe, rows = recipe_of(arguments), list(range(arguments.batch))
    divided, one = DividedSolver(Network(config), recipe, group), Solver(Network(config), recipe)
    divided.compile()
    own, whole = made_up(config, arguments, group.part(rows)), made_up(config, arguments, rows)
    found = {kind: [] for kind in KINDS}
    for _ in range(arguments.rounds + 1):
        for kind, step, alone in (
            ("whole", lambda: one.step(*whole), True),
            ("divided", lambda: divided.step(*own), False),
            ("unjoined", lambda: one.step(*own), False),
            ("part", lambda: one.step(*own), True),
        ):
            group.meet()
            waited, exchanged, begin = group.waited, group.exchanged, time.perf_counter()
            if group.first or not alone:
                step()
            found[kind].append(max(group.gather(time.perf_counter() - begin)))
            if kind == "divided":
                found["waited"].append(group.waited - waited)
                found["exchanged"].append(group.exchanged - exchanged)
    return divided.network.count(), {kind: values[1:] for kind, values in found.items()}  # the first compile


def report(arguments, group, count, found):
    """Print what was measured."""
    print(f"{arguments.model}, {count} weights, a batch of {arguments.batch}, {arguments.views} views")
    print(f"{group.about()}; one thread each, {arguments.rounds} steps of each kind by turns")
    print(f"{'':34}{'median':>9}{'fastest':>9}")
    steps = {kind: (statistics.median(found[kind]), min(found[kind])) for kind in KINDS[:4]}
    lines = [
        ("one process, s a step", *steps["whole"]),
        (f"{group.size} processes", *steps["divided"]),
        (f"{group.size} parts that nothing joins", *steps["unjoined"]),
        ("one part, the other cores at rest", *steps["part"]),
        ("efficiency", *ratio(steps["whole"], steps["divided"], group.size)),
        ("its bound, by parts not joined", *ratio(steps["whole"], steps["unjoined"], group.size)),
        ("of it, by a part's smaller batch", *ratio(steps["whole"], steps["part"], group.size)),
        ("and by what the cores share", *ratio(steps["part"], steps["unjoined"], 1)),
    ]
    for what, median, fastest in lines:
        print(f"{what:34}{median:9.3f}{fastest:9.3f}")
    for name, what in (("waited", "waiting, of a divided step"), ("exchanged", "exchange, of it")):
        print(f"{what:34}{statistics.median(found[name]) / steps['divided'][0]:9.1%}")
    print(f"bytes exchanged {4 * (count + WORDS) / 1e6:.0f} MB\n")


def ratio(one, other, size):
    """Return the efficiencies of pairs of seconds."""
    return [whole / part / size for whole, part in zip(one, other)]


def seconds_of_sum(size, gpus, through_host=False):
    """Return how long the sum of ``size`` bytes takes over so many GPUs, on paper.

    A ring moves ``2 (n - 1) / n`` of the bytes over every link. Of several hosts each first sums
    inside, then a ring joins the hosts, and each gives the sum to its GPUs.
    """
    inside, hosts = min(gpus, HOST), -(-gpus // HOST)
    seconds = 2 * (inside - 1) / inside * size / IN_HOST + 2 * (inside - 1) * HOPS
    if through_host:
        # Down and up again, and all of a host's GPUs share its memory for the sum.
        seconds = 2 * size / PCIE + inside * size / IN_HOST
    return seconds + 2 * (hosts - 1) / hosts * size / BETWEEN + 2 * (hosts - 1) * HOPS


def step_seconds(objects):
    """Return how long one GPU takes for a step of so many objects, on paper."""
    return FIXED + objects * (BATCH / RATE - FIXED) / BATCH


def seconds_hidden(objects, seconds):
    """Return what is left of a sum of so many seconds that runs beside the backward pass as far as it can."""
    return max(0.0, seconds - BACKWARD * (step_seconds(objects) - FIXED))


def on_paper():
    """Print what clusters of GPUs give for the paper's network, on paper."""
    size = 4 * (Network(build(NetworkConfig, load_yaml(shipped(PAPER)), PAPER)).count() + WORDS)
    print(
        f"On paper: gradients of {size / 1e6:.0f} MB; a GPU makes {RATE:.0f} objects/s at a batch of {BATCH}, of which"
        f" {1e3 * FIXED:.0f} ms a step\nare fixed; {HOST} GPUs a host at {IN_HOST / 1e9:.0f} GB/s, hosts at"
        f" {BETWEEN / 1e9:.0f} GB/s, {1e6 * HOPS:.0f} us a message, {PCIE / 1e9:.0f} GB/s from a GPU to its host;\n"
        "the sum begins when the backward pass has ended. A sum beside it, which is not built, could at best hide"
        f" so much\nof itself as the backward pass lasts ({BACKWARD:.0%} of what is not fixed).\n"
    )
    print(
        "GPUs  objects: a GPU, a step  sum of gradients, ms  objects/s  efficiency  were it hidden  through host memory"
    )
    cases = [(gpus, -(-BATCH // gpus), BATCH) for gpus in (2, 4, 8, 16, 36)]
    cases += [(gpus, BATCH, gpus * BATCH) for gpus in (8, 64, 512)]
    for gpus, own, batch in cases:
        rates = [batch / (step_seconds(own) + seconds_of_sum(size, gpus, way)) for way in (False, True)]
        ideal = gpus * RATE
        exchange = seconds_of_sum(size, gpus)
        hidden = batch / (step_seconds(own) + seconds_hidden(own, exchange))
        print(
            f"{gpus:4}  {own:16}, {batch:6}  {1e3 * exchange:20.1f}  {rates[0]:9.0f}  {rates[0] / ideal:10.2f}"
            f"  {hidden / ideal:14.2f}  {rates[1] / ideal:19.2f}"
        )
    print(
        f"\nWith the paper's batch of {BATCH} it stops at {BATCH} GPUs, one object each. More of them need a larger"
        " batch,\nwhich is another recipe: fewer steps an epoch, and a rate and a warm-up of their own."
    )


def side(arguments):
    """Make a step for every line that comes, and print its seconds: a training that is one of two compared."""
    with join() as group:
        config = config_of(arguments)
        solver, batch = Solver(Network(config), recipe_of(arguments)), made_up(config, arguments, slice(None))
        print(type(group).__name__, flush=True)
        for _ in sys.stdin:
            begin = time.perf_counter()
            solver.step(*batch)
            print(time.perf_counter() - begin, flush=True)
    return 0


def compare_alone(arguments):
    """Print the seconds of steps of one process without and with mpirun, by turns."""
    own = [sys.executable, *sys.argv, "--side"]
    commands = {"without": own, "with": [*shlex.split(arguments.mpirun), "-n", "1", *own]}
    pipes, environment = (
        {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
        {**os.environ, "OMP_NUM_THREADS": "1"},
    )
    sides = {
        name: subprocess.Popen(command, **pipes, text=True, bufsize=1, env=environment)
        for name, command in commands.items()
    }
    groups, found = [process.stdout.readline().strip() for process in sides.values()], {}
    for _ in range(arguments.rounds + 1):
        for name, process in sides.items():
            process.stdin.write("\n")
            found.setdefault(name, []).append(float(process.stdout.readline()))
    for process in sides.values():
        process.stdin.close()
        process.wait()
    print(f"{arguments.model}, a batch of {arguments.batch}, {arguments.views} views, one thread, {groups}")
    for what, value in (("median", statistics.median), ("fastest", min)):
        without, with_it = (value(found[name][1:]) for name in commands)
        print(
            f"{what:8} without mpirun {without:8.4f} s a step, with mpirun -n 1 {with_it:8.4f} s:"
            f" ratio {without / with_it:.3f}"
        )
    return 0


def main():
    """Measure and print."""
    arguments = parse_arguments()
    if arguments.alone:
        return side(arguments) if arguments.side else compare_alone(arguments)
    if arguments.on_paper:
        on_paper()
        return 0
    if not one_of_several() and arguments.ranks > 1:
        return start(arguments)
    with join() as group:
        count, found = measure(arguments, group)
        if group.first:
            report(arguments, group, count, found)
            on_paper()
    return 0


if __name__ == "__main__":
    run_tool(main, together=True)
