"""How training scales over processes: measured here, and on paper for clusters of GPUs.

Started without mpirun, it starts itself by it, as processes of one thread each. In one run rank 0
makes whole steps alone while the others sleep, and then all make divided steps, by turns, so that
what slows the machine slows both. The efficiency is the time of a whole step over that of a divided
one and over the processes. The goal for the paper's network is 0.9.

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


def made_up(config, arguments, rows):
    """Return the views and voxels of some rows of a batch; what they show does not matter."""
    random = np.random.default_rng(0)
    pictures = arguments.views, arguments.batch, 3, config.image, config.image
    views = random.integers(0, 256, pictures, np.uint8)
    voxels = random.integers(0, 2, (arguments.batch, *3 * [config.resolution]), np.uint8)
    return np.ascontiguousarray(views[:, rows]), voxels[rows]


def measure(arguments, group):
    """Return the seconds of whole and of divided steps, and of the waiting and the exchange in these."""
    config = build(NetworkConfig, load_yaml(shipped(arguments.model)), arguments.model)
    recipe, rows = recipe_of(arguments), list(range(arguments.batch))
    divided = DividedSolver(Network(config), recipe, group)
    divided.compile()
    own = made_up(config, arguments, group.part(rows))
    one, whole = (
        (Solver(Network(config), recipe), made_up(config, arguments, rows)) if group.first else (None, None)
    )
    found = {"whole": [], "divided": [], "waited": [], "exchanged": []}
    for number in range(arguments.rounds + 1):
        begin = time.perf_counter()
        if group.first:
            one.step(*whole)
        spent = time.perf_counter() - begin
        group.meet()
        waited, exchanged, begin = group.waited, group.exchanged, time.perf_counter()
        divided.step(*own)
        if number:  # the first ones compile and touch memory
            found["whole"].append(spent)
            found["divided"].append(time.perf_counter() - begin)
            found["waited"].append(group.waited - waited)
            found["exchanged"].append(group.exchanged - exchanged)
    return divided.network.count(), found


def report(arguments, group, count, found):
    """Print what was measured."""
    whole, divided, waited, exchanged = (statistics.median(values) for values in found.values())
    print(f"{arguments.model}, {count} weights, a batch of {arguments.batch}, {arguments.views} views")
    print(f"{group.about()}; one thread each, medians of {arguments.rounds} steps by turns")
    print(f"one process    {whole:8.3f} s a step")
    print(f"{group.size} processes    {divided:8.3f} s a step")
    print(f"efficiency     {whole / divided / group.size:8.3f}")
    print(f"waiting        {waited / divided:8.1%} of a divided step, for the slower process")
    print(f"exchange       {exchanged / divided:8.1%} of it, {4 * (count + WORDS) / 1e6:.0f} MB\n")


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


def on_paper():
    """Print what clusters of GPUs give for the paper's network, on paper."""
    size = 4 * (Network(build(NetworkConfig, load_yaml(shipped(PAPER)), PAPER)).count() + WORDS)
    print(
        f"On paper: gradients of {size / 1e6:.0f} MB; a GPU makes {RATE:.0f} objects/s at a batch of {BATCH}, of which"
        f" {1e3 * FIXED:.0f} ms a step\nare fixed; {HOST} GPUs a host at {IN_HOST / 1e9:.0f} GB/s, hosts at"
        f" {BETWEEN / 1e9:.0f} GB/s, {1e6 * HOPS:.0f} us a message, {PCIE / 1e9:.0f} GB/s from a GPU to its host;\n"
        "the sum begins when the backward pass has ended.\n"
    )
    print("GPUs  objects: a GPU, a step  sum of gradients, ms  objects/s  efficiency  through host memory")
    cases = [(gpus, -(-BATCH // gpus), BATCH) for gpus in (2, 4, 8, 16, 36)]
    cases += [(gpus, BATCH, gpus * BATCH) for gpus in (8, 64, 512)]
    for gpus, own, batch in cases:
        rates = [batch / (step_seconds(own) + seconds_of_sum(size, gpus, way)) for way in (False, True)]
        ideal = gpus * RATE
        exchange = 1e3 * seconds_of_sum(size, gpus)
        print(
            f"{gpus:4}  {own:16}, {batch:6}  {exchange:20.1f}  {rates[0]:9.0f}  {rates[0] / ideal:10.2f}"
            f"  {rates[1] / ideal:19.2f}"
        )
    print(
        f"\nWith the paper's batch of {BATCH} it stops at {BATCH} GPUs, one object each. More of them need a larger"
        " batch,\nwhich is another recipe: fewer steps an epoch, and a rate and a warm-up of their own."
    )


def main():
    """Measure and print."""
    arguments = parse_arguments()
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
    run_tool(main)
