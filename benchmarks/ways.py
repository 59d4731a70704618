"""Which way computes a convolution or a matrix product fastest: the thresholds of ``lib/ops``.

Of convolutions it compares oneDNN with ours: the loops of ``lib/ops/narrow.h`` where channels are few, the pairs
of cells of ``winograd.h`` and ``winograd_kernel.h`` where they are many, and the phases of ``strided.h`` where a map
is enlarged; *chosen* is the way that the library takes. Of matrix products it compares the loops of ``dense.h`` with
NumPy's BLAS. Each time is the smallest of some runs of one thread.
``results/ways`` has one table for each kind of CPU, named as in ``results/cpu``.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from voxlstm.lib.backend.blas import loaded_libraries
from voxlstm.lib.ops import available, library

import numpy as np

from cpu_contenders import as_avx2
from machine import describe

ROWS = 1, 4, 12, 20, 36, 56, 96
MATRIX = 1024, 8192  # the network's large one


def convolutions():
    """Print the table of convolutions."""
    folders = [library._folder(package, file) for package, file in library.PACKAGES.items()]
    links = [f"-L{folders[0]}", "-l:libdnnl.so.3", f"-Wl,-rpath,{folders[0]}"]
    includes = [f"-I{library.FOLDER}", f"-I{folders[1]}"]
    source = Path(__file__).with_suffix(".cpp")
    compiler = os.environ.get("CXX", "g++")
    with tempfile.TemporaryDirectory(prefix="voxlstm-") as folder:
        program = Path(folder, "ways")
        native = library.load()._name
        command = [compiler, *library.FLAGS, *includes, str(source), native, "-o", str(program), *links]
        subprocess.run(command, check=True)
        subprocess.run([program], check=True)


def products():
    """Print the table of matrix products."""
    random = np.random.default_rng(0)
    inputs, outputs = MATRIX
    w = random.random(MATRIX, "float32")
    (kernels,) = {entry["core"] for entry in loaded_libraries()}
    print(f"\nmatrix products with {inputs} x {outputs}, milliseconds: y = x w, dx = dy w^T, dw = x^T dy")
    print(f"OpenBLAS for {kernels}")
    print("rows    ours    BLAS    ours    BLAS    ours    BLAS")
    for rows in ROWS:
        x, y = random.random((rows, inputs), "float32"), random.random((rows, outputs), "float32")
        sizes = rows, inputs, outputs
        pairs = (
            (lambda: library.call("dense", *sizes, x, w, y), lambda: np.dot(x, w, out=y)),
            (lambda: library.call("dense_gradient", *sizes, y, w, x), lambda: np.dot(y, w.T, out=x)),
            (lambda: library.call("dense_kernel_gradient", *sizes, x, y, w), lambda: np.dot(x.T, y, out=w)),
        )
        times = [1e3 * best(run) for pair in pairs for run in pair]
        print(f"{rows:4}" + "".join(f"{t:8.1f}" for t in times), flush=True)


def best(run):
    """Return the smallest of some times."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--avx2", action="store_true", help="hold all to AVX2, on a CPU that has more")
    if parser.parse_args().avx2:
        with tempfile.TemporaryDirectory() as folder:
            held = {**os.environ, **as_avx2(folder)}
            raise SystemExit(subprocess.run([sys.executable, __file__], env=held).returncode)
    served, reason = available()
    if not served:
        raise SystemExit(reason)
    kind = describe(held="ONEDNN_MAX_CPU_ISA" in os.environ)["kind"]
    print(f"{kind}, {reason}, vectors of {library.load().voxlstm_block()} values\n", flush=True)
    convolutions()
    products()


if __name__ == "__main__":
    main()
