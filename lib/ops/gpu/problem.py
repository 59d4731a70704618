"""A convolution with all its sizes, which each way of computing it is made for."""

from typing import NamedTuple

FORWARD, TRANSPOSED, KERNEL = "Forward", "BackwardData", "BackwardFilter"  # as cuDNN calls them
RESULTS = {FORWARD: 2, TRANSPOSED: 0, KERNEL: 1}  # of x, w and y
AXES = 3


class NoWay(RuntimeError):
    """A way does not compute this convolution."""


class Problem(NamedTuple):
    """A convolution with all its sizes.

    Parameters
    ----------
    direction : str
        `FORWARD`, `TRANSPOSED` or `KERNEL`: which of y, x and w is computed.
    x, w, y : tuple of int
        Shapes with the channels last: ``(images, *space, channels)`` and ``(y channels, *kernel,
        x channels)``.
    padding, stride, dilation : tuple of int
    turned : bool
        Whether the kernel is turned over.
    precision : str
        ``float32`` or ``tf32``.
    """

    direction: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    y: tuple[int, ...]
    padding: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    turned: bool
    precision: str

    def numbers(self) -> list[int]:
        """Return what ``GEOMETRY`` of kernels.cu declares; two axes are three with one cell along the first."""
        sizes = self.x[1:-1], self.y[1:-1], self.w[1:-1], self.padding, self.stride, self.dilation
        alone = 1, 1, 1, 0, 1, 1
        axes = [[fill] * (AXES - len(size)) + [*map(int, size)] for size, fill in zip(sizes, alone)]
        return [*sum(axes, []), self.x[-1] // 4, int(self.turned)]
