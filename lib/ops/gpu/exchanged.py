"""A convolution computed from its other side: what a way does of x and y, done of y and x.

With a stride of one, x is a convolution of y too, whose kernel is turned over and has its inputs and
outputs exchanged. A way that unfolds x has less to do where y has fewer channels.
"""

from collections.abc import Callable
from math import prod

from ...backend.door import DeviceArray
from . import kernels
from .problem import FORWARD, KERNEL, TRANSPOSED, NoWay, Problem

OTHER = {FORWARD: TRANSPOSED, TRANSPOSED: FORWARD, KERNEL: KERNEL}


class Exchanged:
    """One convolution, x and y in each other's place.

    Parameters
    ----------
    way : class
        Such as `Unfolded`.
    problem : Problem

    Raises
    ------
    NoWay
        For other strides, and where x has a border wider than the kernel.
    """

    def __init__(self, way: Callable, problem: Problem) -> None:
        outputs, *kernel, inputs = problem.w
        sizes = zip(kernel, problem.dilation, problem.padding)
        border = tuple((k - 1) * wide - padding for k, wide, padding in sizes)
        if set(problem.stride) != {1} or min(border) < 0:
            raise NoWay("this convolution is none in the other direction")
        self._direction, self._shape = problem.direction, (inputs, *kernel, outputs)
        self._way = way(
            problem._replace(
                direction=OTHER[problem.direction],
                x=problem.y,
                w=self._shape,
                y=problem.x,
                padding=border,
                turned=not problem.turned,
            )
        )

    def run(self, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
        """Compute one of three device arrays from the other two."""
        exchanged = kernels.empty(self._shape)
        if self._direction != KERNEL:
            _exchange(w, exchanged)
        self._way.run(y, exchanged, x)
        if self._direction == KERNEL:
            _exchange(exchanged, w)


def _exchange(w, exchanged):
    outputs, *kernel, inputs = w.shape
    kernels.launch("exchange", w, exchanged, outputs, prod(kernel), inputs, w.size, count=w.size)
