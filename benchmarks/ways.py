"""Which way computes a convolution or a matrix product fastest: the thresholds of ``lib/ops``.

Of 3-D convolutions of few channels it compares the loops of ``lib/ops/narrow.h`` with oneDNN, of those of
many the pairs of cells of ``lib/ops/winograd.h``, on this CPU and as on one with AVX2; of matrix products
the loops of ``lib/ops/dense.h`` with NumPy's BLAS, likewise.
Each time is the smallest of some runs of one thread.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from voxlstm.lib.backend.blas import cpu_flags, loaded_libraries
from voxlstm.lib.ops import available, library

import numpy as np

from cpu_contenders import as_avx2

PRODUCTS = "--products"  # asks for these tables alone
ROWS = 1, 4, 12, 20, 36, 56, 96
MATRIX = 1024, 8192  # the network's large one


def convolutions(isa, cpu):
    """Print the table of convolutions for code made for ``cpu``, with oneDNN held to ``isa``."""
    folders = [library._folder(package, file) for package, file in library.PACKAGES.items()]
    links = [f"-L{folders[0]}", "-l:libdnnl.so.3", f"-Wl,-rpath,{folders[0]}"]
    flags = [flag for flag in library.FLAGS if not flag.startswith("-march")]
    source = Path(__file__).with_suffix(".cpp")
    with tempfile.TemporaryDirectory(prefix="voxlstm-") as folder:
        program = Path(folder, "ways")
        subprocess.run(
            [
                "g++",
                *flags,
                f"-march={cpu}",
                f"-I{library.FOLDER}",
                f"-I{folders[1]}",
                str(source),
                "-o",
                str(program),
                *links,
            ],
            check=True,
        )
        print(f"\nconvolutions, oneDNN with {isa}", flush=True)
        subprocess.run([program], env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa}, check=True)


def products():
    """Print the table of matrix products, on the CPU as it is seen."""
    random = np.random.default_rng(0)
    inputs, outputs = MATRIX
    w = random.random(MATRIX, "float32")
    (kernels,) = {entry["core"] for entry in loaded_libraries()}
    print(f"\nmatrix products with {inputs} x {outputs}, milliseconds: y = x w, dx = dy w^T, dw = x^T dy")
    print(f"vectors of {library.load().voxlstm_block()} values, OpenBLAS for {kernels}")
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
    served, reason = available()
    if not served:
        raise SystemExit(reason)
    if PRODUCTS in sys.argv:
        products()
        return
    print(f"benchmarks/ways.py, {reason}, AVX-512: {'avx512f' in cpu_flags()}")
    convolutions("ALL", "native")
    convolutions("AVX2", "haswell")
    products()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, __file__, PRODUCTS], env={**os.environ, **as_avx2(folder)}, check=True
        )


if __name__ == "__main__":
    main()
