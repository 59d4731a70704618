"""This project's network, timed on request as `torch_cpu` does; ``VOXLSTM_ONEDNN=0`` for stock ops.

``voxlstm_side.py FOLDER`` first writes there the weights and definitions that PyTorch takes.
"""

import json
import resource
import sys
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from voxlstm.lib.backend.door import theano

import numpy as np

from voxlstm.lib.data.views import as_float
from voxlstm.lib.ops import available
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

ROOT = Path(__file__).resolve().parent.parent
KERNELS = 1, 3


def definition(kernel):
    """Return the definition of the paper's network."""
    return NetworkConfig.from_file(ROOT / f"models/lstm_{kernel}x{kernel}x{kernel}.yaml")


@lru_cache(maxsize=None)
def solver(kernel):
    """Return a solver of the paper's network, at a rate at which random data do no harm."""
    recipe = Recipe.from_file(ROOT / "solvers/sgd_3d_r2n2.yaml")
    return Solver(Network(definition(kernel), seed=0), replace(recipe, rate=1e-4, rate_drops=(), warmup=0))


@lru_cache(maxsize=1)
def data(batch, views):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (views, batch, 3, 127, 127), "uint8")
    return x, (random.random((batch, 32, 32, 32)) > 0.8).astype("uint8")


@lru_cache(maxsize=None)
def matrices(size=2048):
    random = np.random.default_rng(0)
    return [random.random((size, size), "float32") for _ in range(2)]


def product():
    """Return the seconds of one square float32 matrix product and its arithmetic."""
    a, b = matrices()
    start = time.perf_counter()
    a @ b
    return time.perf_counter() - start, 2 * len(a) ** 3


def run(kernel, batch, views, train):
    """Return the seconds of one training step or one prediction."""
    x, y = data(batch, views)
    floats = as_float(x)
    chosen = solver(kernel)
    start = time.perf_counter()
    if train:
        chosen.step(x, y)
    else:
        chosen.predict(floats)
    return time.perf_counter() - start


def write_networks(folder):
    """Write each network's weights and definition."""
    for kernel in KERNELS:
        network = Network(definition(kernel), seed=0)
        np.savez(folder / f"weights_{kernel}.npz", **network.get_weights())
        (folder / f"network_{kernel}.json").write_text(json.dumps(network.config.to_dict()))


def main(folder):
    """Answer requests until standard input ends."""
    write_networks(Path(folder))
    served, reason = available()
    print(json.dumps({"version": theano.__version__, "onednn": reason if served else None}))
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if request.pop("product", False):
            seconds, operations = product()
            answer = {"seconds": seconds, "operations": operations}
        else:
            answer = {"seconds": run(**request)}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({**answer, "peak_bytes": peak}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
