"""Every op for CUDA devices, and every way of computing a convolution, on a device against the CPU.

``python -m tests.cuda.every_way DEVICE PRECISIONS [KIND]`` prints the worst differences as JSON; KIND is the
beginning of the names of some expressions of `ops_on_device`.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
CUDNN = "channels last", "channels first"
PRODUCTS = "product", "product of y"
TENSOR_CORES = "tensor cores", "tensor cores of y"
WAYS = {"float32": CUDNN + PRODUCTS, "tf32": CUDNN + PRODUCTS + TENSOR_CORES}
BOUNDS = {"float32": 1e-5, "tf32": 5e-3}  # of the largest value; TF32's factors have 10 bits


def compute(device, result, *more, variables=None):
    """Run `ops_on_device`; return its values, none where it failed, and the process that ended."""
    command = [sys.executable, "-m", "tests.cuda.ops_on_device", device, str(result), *more]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(variables or {})}, capture_output=True, text=True
    )
    values = {}
    if ran.returncode == 0:
        with np.load(result) as archive:
            values = dict(archive)
        values["counts"] = json.loads(str(values["counts"]))
    return values, ran


def worst(expected, found):
    """Return the largest difference as a part of the largest value, and where it is."""
    differences = {
        name: float(np.abs(value - found[name]).max() / (np.abs(value).max() or 1.0))
        for name, value in expected.items()
        if name not in ("ops", "counts") and name in found
    }
    name = max(differences, key=differences.get)
    return differences[name], name


def main(device, precisions, kind=""):
    """Print how far each way of each precision is from the CPU."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        cpu = needed(*compute("cpu", Path(folder, "cpu.npz"), "float32", "all", kind))
        for precision in precisions.split(","):
            for way in WAYS[precision]:
                values = needed(*compute(device, Path(folder, "device.npz"), precision, way, kind))
                difference, name = worst(cpu, values)
                agrees = difference < BOUNDS[precision]
                results[f"{precision} {way}"] = {"difference": difference, "of": name, "agrees": agrees}
    print(json.dumps(results))


def needed(values, ran):
    """Return values; what the process said goes to standard error, and it must not have failed."""
    sys.stderr.write(ran.stderr)
    ran.check_returncode()
    return values


if __name__ == "__main__":
    main(*sys.argv[1:])
