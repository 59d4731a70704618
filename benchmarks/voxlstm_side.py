"""This project's network, timed on request as `torch_cpu` does; ``VOXLSTM_ONEDNN=0`` for stock ops.

``voxlstm_side.py FOLDER PRECISION`` first writes there the weights and definitions that PyTorch takes.
"""

import json
import resource
import sys
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import voxlstm
from voxlstm.lib.backend.blas import loaded_libraries
from voxlstm.lib.backend.door import theano, use_device

import numpy as np

from voxlstm.lib.data.views import as_float
from voxlstm.lib.ops import available
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

import cpu_cases

ROOT = Path(__file__).resolve().parent.parent
KERNELS = 1, 3


def definition(kernel):
    """Return the definition of the paper's network."""
    return NetworkConfig.from_file(ROOT / f"models/lstm_{kernel}x{kernel}x{kernel}.yaml")


@lru_cache(maxsize=None)
def solver(kernel):
    """Return a solver of the paper's network, at a rate at which its weights stay."""
    recipe = Recipe.from_file(ROOT / "solvers/sgd_3d_r2n2.yaml")
    still = replace(recipe, rate=cpu_cases.STILL, rate_drops=(), warmup=0)
    return Solver(Network(definition(kernel), seed=0), still)


data = lru_cache(maxsize=1)(cpu_cases.data)


@lru_cache(maxsize=None)
def matrices(size=2048):
    random = np.random.default_rng(0)
    return [random.random((size, size), "float32") for _ in range(2)]


def multiply():
    """Return the seconds of one square float32 matrix product and its arithmetic."""
    a, b = matrices()
    start = time.perf_counter()
    a @ b
    return time.perf_counter() - start, 2 * len(a) ** 3


def run(kernel, batch, views, train):
    """Return the seconds of one training step or one prediction, and the loss or mean occupancy."""
    x, y = data(batch, views)
    floats = as_float(x)
    chosen = solver(kernel)
    start = time.perf_counter()
    if train:
        loss = chosen.step(x, y)
        return time.perf_counter() - start, loss
    occupancy = chosen.predict(floats)
    return time.perf_counter() - start, float(occupancy.mean())


def write_networks(folder):
    """Write each network's weights and definition, where another such process has not."""
    for kernel in KERNELS:
        description = folder / f"network_{kernel}.json"
        if not description.exists():
            network = Network(definition(kernel), seed=0)
            np.savez(folder / f"weights_{kernel}.npz", **network.get_weights())
            description.write_text(json.dumps(network.config.to_dict()))


def answer(product=False, **case):
    """Return the answer to a request."""
    if product:
        seconds, operations = multiply()
        return {"seconds": seconds, "operations": operations}
    seconds, found = run(**case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "found": found, "peak_bytes": peak}


def main(folder, precision):
    """Answer requests until standard input ends."""
    use_device("cpu", precision)
    write_networks(Path(folder))
    served, reason = available()
    about = {"version": voxlstm.__version__, "theano": theano.__version__, "precision": precision}
    about["onednn"] = reason if served else None
    about["matrix_product"] = sorted({entry["core"] for entry in loaded_libraries()})
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
