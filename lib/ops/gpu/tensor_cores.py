"""Gradients of convolutions' kernels on tensor cores: the product of `unfolded` without its room.

For few channels on many cells cuDNN has no fast algorithm that gives the same result in every run.
"""

from math import prod
from pathlib import Path

from ...backend.cuda_context import context
from ...backend.door import DeviceArray
from . import kernels
from .problem import KERNEL, NoWay, Problem

SOURCE = Path(__file__).with_suffix(".cu")
ROWS, COLUMNS, CELLS = 64, 128, 16  # of the product that a block makes, as the kernel says too
THREADS = 128
OLDEST = 80  # compute capability in tenths
BLOCKS = 1024  # of all together: some for each of the GPU's processors


class TensorCores:
    """One gradient of a kernel, of factors rounded to TF32.

    Raises
    ------
    NoWay
        For other convolutions, in float32, and on a GPU that is too old.
    """

    def __init__(self, problem: Problem) -> None:
        if problem.direction != KERNEL or problem.precision != "tf32":
            raise NoWay("tensor cores make gradients of kernels, and those in TF32")
        if int(context().bin_id[-2:]) < OLDEST:
            raise NoWay(f"tensor cores have no TF32 before compute capability {OLDEST / 10}")
        images, *space, self._rows = problem.y
        self._chunks = images * prod(space[:-1]) * -(-space[-1] // CELLS)
        self._size = prod(problem.w)
        tiles = -(-self._rows // ROWS), -(-(self._size // self._rows) // COLUMNS)
        self._blocks = max(1, min(self._chunks, BLOCKS // prod(tiles))), *tiles
        self._numbers = problem.numbers()
        self._source = SOURCE.read_text(encoding="utf-8")

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute w from x and the gradient of y."""
        sums = kernels.empty((self._blocks[0], self._size))
        numbers = *self._numbers, self._rows, self._chunks
        kernels.launch(
            "tensor_cores", x, y, sums, *numbers, blocks=self._blocks, threads=THREADS, more=self._source
        )
        kernels.sum_blocks(sums, w)
