"""Convolutions and gradients of their kernels on tensor cores: the products of `unfolded` without its room.

For few channels on many cells cuDNN has no fast algorithm that gives the same result in every run.
"""

from math import prod
from pathlib import Path

from ...backend.cuda_context import context
from ...backend.door import DeviceArray
from . import kernels
from .problem import FORWARD, TRANSPOSED, NoWay, Problem

SOURCE = Path(__file__).with_suffix(".cu")
OLDEST = 80  # compute capability in tenths
THREADS = 128
MADE = 128  # cells of a block of "convolve", as the source says too
SOME, MOST = 32, 96  # of its channels, a multiple of the first; more would leave too few registers
ROWS, COLUMNS, CELLS = 64, 128, 16  # of a block of "kernel_gradient", as the source says too
BLOCKS = 1024  # of all that make a gradient: some for each of the GPU's processors


class TensorCores:
    """One convolution or gradient of a kernel, of factors rounded to TF32.

    Raises
    ------
    NoWay
        For transposed convolutions, in float32, and on a GPU that is too old.
    """

    def __init__(self, problem: Problem) -> None:
        if problem.direction == TRANSPOSED or problem.precision != "tf32":
            raise NoWay("tensor cores make convolutions and gradients of kernels, and those in TF32")
        if int(context().bin_id[-2:]) < OLDEST:
            raise NoWay(f"tensor cores have no TF32 before compute capability {OLDEST / 10}")
        self._problem, self._numbers = problem, problem.numbers()
        self._outputs = min(MOST, _ceil_div(problem.y[-1], SOME) * SOME)
        self._source = f"#define kOutputs {self._outputs}\n" + SOURCE.read_text(encoding="utf-8")

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute y from x and w, or w from x and the gradient of y."""
        if self._problem.direction == FORWARD:
            self._convolve(x, w, y)
        else:
            self._gradient(x, w, y)

    def _convolve(self, x, w, y):
        *cells, outputs = y.shape
        blocks = _ceil_div(prod(cells), MADE), _ceil_div(outputs, self._outputs)
        self._launch("convolve", (x, w, y), (outputs, prod(cells)), blocks)

    def _gradient(self, x, w, y):
        *cells, last, rows = y.shape
        chunks = prod(cells) * _ceil_div(last, CELLS)
        tiles = _ceil_div(rows, ROWS), _ceil_div(w.size // rows, COLUMNS)
        parts = max(1, min(chunks, BLOCKS // prod(tiles)))
        sums = kernels.empty((parts, w.size))
        self._launch("kernel_gradient", (x, y, sums), (rows, chunks), (parts, *tiles))
        kernels.sum_blocks(sums, w)

    def _launch(self, name, arrays, sizes, blocks):
        numbers = *self._numbers, *sizes
        kernels.launch(name, *arrays, *numbers, blocks=blocks, threads=THREADS, more=self._source)


def _ceil_div(count, size):
    """Return how many parts of a size make so many, as `ceil_div` of sizes.h."""
    return -(-count // size)
