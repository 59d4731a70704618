"""Convolutions as products of matrices: the map x unfolded at the cells of y, ``(cells, taps x
channels)``.

cuDNN's deterministic algorithms are up to ten times slower than this for some gradients of kernels
and for transposed convolutions in float32.
"""

from collections.abc import Sequence
from math import prod

from ...backend.door import DeviceArray
from . import cudnn, kernels
from .cublas import products

BUFFER = 2**30  # bytes of the unfolded map; more images than fit are done one part after another


class Unfolded:
    """One convolution with all its sizes; see `cudnn.Convolution` for the parameters."""

    def __init__(
        self,
        direction: str,
        x: tuple[int, ...],
        w: tuple[int, ...],
        y: tuple[int, ...],
        padding: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        turned: bool,
        precision: str,
    ) -> None:
        self.direction = direction
        self._images, self._cells = x[0], prod(y[1:-1])
        self._width = prod(w[1:-1]) * x[-1]
        self._part = max(1, min(self._images, BUFFER // (4 * self._cells * self._width)))
        sizes = (x[1:-1], y[1:-1], w[1:-1], padding, stride, dilation)
        # Two spatial axes are three with one cell along the first.
        self._numbers = [
            n
            for part, fill in zip(sizes, (1, 1, 1, 0, 1, 1))
            for n in [fill] * (3 - len(part)) + list(map(int, part))
        ]
        self._numbers += [x[-1] // 4, int(turned)]

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays from the other two."""
        {cudnn.FORWARD: self._forward, cudnn.TRANSPOSED: self._transposed, cudnn.KERNEL: self._kernel}[
            self.direction
        ](x, w, y)

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
        # A product an image, so that there is work for all of the GPU; their sum at last.
        rows, size = y.shape[-1], y.shape[-1] * self._width
        sums = kernels.empty((self._part, size))
        for first, images, unfolded in self._parts():
            self._unfold(x, first, images, unfolded)
            sizes = rows, self._width, self._cells
            steps = self._cells * rows, self._cells * self._width, size
            products(
                self._at(y, first),
                unfolded.gpudata,
                sums.gpudata,
                sizes,
                (True, False),
                steps,
                images,
                add=first > 0,
            )
        kernels.launch("sum_blocks", sums, w, self._part, size, size, count=size)

    def _parts(self):
        """Yield the first image, the number of images and the buffer of each part."""
        unfolded = kernels.empty((self._part, self._cells, self._width))
        for first in range(0, self._images, self._part):
            yield first, min(self._part, self._images - first), unfolded

    def _unfold(self, x, first, images, unfolded):
        count = images * self._cells * self._width // 4
        kernels.launch("unfold", x, unfolded, *self._numbers, first, count, count=count)

    def _at(self, y, first):
        return y.gpudata + 4 * first * prod(y.shape[1:])
