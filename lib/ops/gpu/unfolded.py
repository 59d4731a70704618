"""Convolutions as products of matrices: the map x unfolded at the cells of y, ``(cells, taps x
channels)``.

cuDNN's deterministic algorithms are up to ten times slower than this for some gradients of kernels
and for transposed convolutions in float32.
"""

from math import gcd, prod

from ...backend.door import DeviceArray
from . import kernels
from .cublas import products
from .problem import FORWARD, KERNEL, TRANSPOSED, Problem

BUFFER = 2**30  # bytes of the unfolded map; more images than fit are done one part after another
TILE = 128  # rows and columns of a product that a block of cuBLAS makes, or so
BLOCKS = 256  # enough for all of the GPU
SPLIT = 8  # products that an image's cells are divided into, where there are fewer blocks


class Unfolded:
    """One convolution, x unfolded."""

    def __init__(self, problem: Problem) -> None:
        x, w, y = problem.x, problem.w, problem.y
        self._direction = problem.direction
        self._images, self._cells = x[0], prod(y[1:-1])
        self._width = prod(w[1:-1]) * x[-1]
        self._part = max(1, min(self._images, BUFFER // (4 * self._cells * self._width)))
        self._numbers = problem.numbers()

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays from the other two."""
        {FORWARD: self._forward, TRANSPOSED: self._transposed, KERNEL: self._kernel}[self._direction](x, w, y)

    def _forward(self, x, w, y):
        for first, images, unfolded in self._parts():
            self._unfold(x, first, images, unfolded)
            sizes = images * self._cells, y.shape[-1], self._width
            products(unfolded.gpudata, w.gpudata, self._at(y, first), sizes, turned=(False, True))

    def _transposed(self, x, w, y):
        for first, images, unfolded in self._parts():
            sizes = images * self._cells, self._width, y.shape[-1]
            products(self._at(y, first), w.gpudata, unfolded.gpudata, sizes)
            count = images * prod(x.shape[1:]) // 4
            kernels.launch("fold", unfolded, x, *self._numbers, first, count, count=count)

    def _kernel(self, x, w, y):
        # A product an image, or some, so that there is work for all of the GPU; their sum at last.
        rows, size = y.shape[-1], y.shape[-1] * self._width
        blocks = self._part * -(-rows // TILE) * -(-self._width // TILE)
        split = gcd(self._cells, SPLIT) if blocks < BLOCKS else 1
        cells = self._cells // split
        sums = kernels.empty((self._part * split, size))
        for first, images, unfolded in self._parts():
            self._unfold(x, first, images, unfolded)
            products(
                self._at(y, first),
                unfolded.gpudata,
                sums.gpudata,
                (rows, self._width, cells),
                (True, False),
                (cells * rows, cells * self._width, size),
                images * split,
                add=first > 0,
            )
        kernels.sum_blocks(sums, w)

    def _parts(self):
        """Yield the first image, the number of images and the buffer of each part."""
        unfolded = kernels.empty((self._part, self._cells, self._width))
        for first in range(0, self._images, self._part):
            yield first, min(self._part, self._images - first), unfolded

    def _unfold(self, x, first, images, unfolded):
        count = images * self._cells * x.shape[-1] // 4
        kernels.launch("unfold", x, unfolded, *self._numbers, first, count, count=count)

    def _at(self, y, first):
        return y.gpudata + 4 * first * prod(y.shape[1:])
