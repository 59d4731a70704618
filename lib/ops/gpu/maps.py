"""Feature maps on a GPU with their channels last, as cuDNN computes fastest.

A plain map is ``(images, channels, *space)``. Here a map is ``(images, *space, channels)``, and its
channels are padded by zeros to a multiple of four, which the tensor cores ask for. A kernel
``(y channels, x channels, *space)`` is laid out alike, its y channels being padded too.
"""

from ...backend.door import DeviceArray, Symbol, tensor

from theano.gof import Apply, Op
from theano.gpuarray.basic_ops import as_gpuarray_variable
from theano.gpuarray.type import GpuArrayType

from ..hints import Shapes, Storage
from . import kernels

MULTIPLE = 4


def padded(channels: int) -> int:
    """Return the channels that a map has with its padding."""
    return -(-channels // MULTIPLE) * MULTIPLE


def on_gpu(x: Symbol) -> Symbol:
    """Return a variable on the GPU in use."""
    return as_gpuarray_variable(x, None)


def map_type(axes: int, dtype: str = "float32") -> GpuArrayType:
    """Return the type of a device array with so many axes, none of which is broadcast."""
    return GpuArrayType(dtype, (False,) * axes)


def to_last(x: DeviceArray, images: int | None = None) -> DeviceArray:
    """Return a plain device array with its channels last and padded, its images padded if asked."""
    x = kernels.plain(x)
    count, channels, *space = x.shape
    images = images or count
    y = kernels.empty((images, *space, padded(channels)))
    cells = y.size // images // padded(channels)
    sizes = count, channels, cells, images, padded(channels)
    kernels.launch("to_last", x, y, *sizes, count=y.size)
    return y


class _Layout(Op):
    """What the two ops share.

    Parameters
    ----------
    channels : int
    images : int, optional
        Of a kernel: its y channels, which are padded too.
    """

    __props__ = ("channels", "images")

    def __init__(self, channels: int, images: int | None = None) -> None:
        self.channels, self.images = channels, images

    def make_node(self, x):
        x = on_gpu(x)
        return Apply(self, [x], [map_type(x.ndim)()])


class ToLast(_Layout):
    """A plain map with its channels last, or a kernel."""

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        (x,) = inputs
        if x.shape[1] != self.channels or self.images not in (None, x.shape[0]):
            raise ValueError(f"an array of shape {x.shape} does not have {self.channels} channels")
        outputs[0][0] = to_last(x, None if self.images is None else padded(self.images))

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, _, *space = shapes[0]
        if self.images is not None:
            images = _constant(padded(self.images))
        return [(images, *space, _constant(padded(self.channels)))]


class FromLast(_Layout):
    """A map with its channels last, or a kernel, as a plain one: the same memory seen otherwise."""

    view_map = {0: [0]}

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        (x,) = inputs
        x = x[: self.images, ..., : self.channels]
        outputs[0][0] = x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, *space, _ = shapes[0]
        if self.images is not None:
            images = _constant(self.images)
        return [(images, _constant(self.channels), *space)]


def _constant(value):
    return tensor.constant(value, dtype="int64")
