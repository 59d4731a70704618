"""Ops of our own for CUDA devices: convolutions over cuDNN and kernels for the passes between them.

Imported once a device is in use.
"""

from theano.gof import FunctionGraph
from theano.gof.opt import in2out
from theano.gpuarray.basic_ops import HostFromGpu

from ...backend import gpu
from ...backend.door import Symbol
from ..convolution import Geometry
from ..rewrites import Rules
from . import cudnn
from .convolution import GpuConvolve, GpuKernelGradient, GpuTranspose
from .maps import FromLast, ToLast
from .passes import GpuLeakyGradient, GpuMaxPool, GpuMaxPoolGradient, join_gradients, sums
from .recurrence import over_views


class OnGPU:
    """The ops over cuDNN, and how their maps are had from plain ones on the host.

    Theano moves what stands between ours to the device afterwards; transfers that meet vanish.

    Parameters
    ----------
    precision : str
        ``float32`` or ``tf32``.
    """

    Convolve, Transpose, KernelGradient = GpuConvolve, GpuTranspose, GpuKernelGradient
    MaxPool, MaxPoolGradient, LeakyGradient = GpuMaxPool, GpuMaxPoolGradient, GpuLeakyGradient
    plain_channels = False

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def channels(self, count: int | None) -> int | None:
        """Return the channels of a map; None where the graph does not know them."""
        return None if count is None else int(count)

    def to_map(self, x: Symbol, channels: int) -> Symbol:
        """Return a plain map with its channels last."""
        map_, _ = self.source(x)
        return ToLast(channels)(x) if map_ is None else map_

    def from_map(self, x: Symbol, channels: int) -> Symbol:
        """Return the plain map on the host."""
        return FromLast(channels)(x).transfer("cpu")

    def source(self, x: Symbol) -> tuple[Symbol | None, int | None]:
        """Return the map behind a plain one and its channels, or (None, None)."""
        if x.owner and isinstance(x.owner.op, HostFromGpu):
            made = x.owner.inputs[0].owner
            if made and isinstance(made.op, FromLast) and made.op.images is None:
                return made.inputs[0], made.op.channels
        return None, None

    def to_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return a convolution's kernel with its channels last."""
        return ToLast(geometry.x_channels, geometry.y_channels)(w)  # type: ignore[arg-type]  # known here

    def from_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return the plain kernel, on the host, of what `GpuKernelGradient` gave."""
        return FromLast(geometry.x_channels, geometry.y_channels)(w).transfer("cpu")  # type: ignore[arg-type]  # known here

    def from_vector(self, b: Symbol) -> Symbol:
        """Return an op's vector on the host."""
        return b.transfer("cpu")


def serves() -> bool:
    """Return whether our ops can be used on the device."""
    return cudnn.available()[0]


def optimise(fgraph: FunctionGraph) -> None:
    """Put our ops into a graph."""
    rules = Rules(OnGPU(gpu.precision())).walk()
    in2out(*rules, sums, name="cudnn").optimize(fgraph)
    join_gradients(fgraph)
