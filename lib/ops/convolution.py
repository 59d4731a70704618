"""Convolutions over oneDNN: ``y = x * w``, and each operand from the other two.

``x`` is ``(images, x channels, *space)``, ``w`` is ``(y channels, x channels, *kernel)`` and ``y``
is ``(images, y channels, *space)``; there are two or three spatial axes. The maps x and y are
plain or blocked (see `layout`); w is always plain.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from ..backend.door import Symbol, tensor

import numpy as np
from theano.gof import Apply, Op

from . import library
from .hints import Shapes, Storage
from .layout import BFLOAT16, blocked_shape, blocked_type, dtype_of, output, plain_type
from .library import Role


@dataclass(frozen=True)
class Geometry:
    """What tells one convolution from another, apart from sizes known at run time.

    Attributes
    ----------
    space : int
        Spatial axes, 2 or 3.
    border : str or tuple of int
        ``"valid"``, ``"half"``, ``"full"``, or the zeros before and after along each axis.
    stride, dilation : tuple of int
        Along each spatial axis.
    flip : bool
        Whether the kernel is turned over (a convolution in the mathematical sense).
    x_channels, y_channels : int or None
        Channels of a blocked map, None for a plain one.
    precision : str
        Of the products' factors: ``"float32"``, ``"tf32"`` on a GPU, or ``"bfloat16"`` on a CPU, where
        the values of blocked maps are of it too. Sums are of float32.
    """

    space: int
    border: str | tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    flip: bool
    x_channels: int | None = None
    y_channels: int | None = None
    precision: str = "float32"

    @property
    def blocked_dtype(self) -> str:
        """The type of a blocked map's values on the CPU."""
        return dtype_of(self.precision)

    def padding(self, kernel: Sequence[Symbol | int]) -> list[Symbol | int]:
        """Return the zeros before and after x along each axis; ``kernel`` may be symbolic."""
        reach = [(k - 1) * d for k, d in zip(kernel, self.dilation)]
        named = {"valid": [0] * self.space, "half": [(r + 1) // 2 for r in reach], "full": reach}
        return named[self.border] if isinstance(self.border, str) else list(self.border)

    def y_space(
        self, x_space: Sequence[Symbol | int], kernel: Sequence[Symbol | int]
    ) -> tuple[Symbol | int, ...]:
        """Return the size of y along each axis; sizes may be symbolic."""
        rows = zip(x_space, kernel, self.dilation, self.padding(kernel), self.stride)
        return tuple((x + 2 * p - (k - 1) * d - 1) // s + 1 for x, k, d, p, s in rows)


class ConvolutionOp(Op):
    """What the three ops share.

    Parameters
    ----------
    geometry : Geometry
    slope : float, optional
        Of a leaky ReLU that follows, where the op computes a map.
    """

    __props__ = ("geometry", "slope")
    operand: Role  # of what the op computes

    def __init__(self, geometry: Geometry, slope: float | None = None) -> None:
        self.geometry, self.slope = geometry, slope

    def _map(self, channels):
        space = self.geometry.space
        if channels is None:
            return plain_type(space)()
        return blocked_type(space, self.geometry.blocked_dtype)()

    def _output(self, storage, images, channels, space, blocked):
        """Return the array of a map that the op makes; ``blocked`` is None for a plain one."""
        dtype = "float32" if blocked is None else self.geometry.blocked_dtype
        return output(storage, self._shape(images, channels, space, blocked), dtype)

    def _shape(self, images, channels, space, blocked):
        if blocked is None:
            return (images, channels, *space)
        return blocked_shape(images, blocked, space, self.geometry.blocked_dtype)

    def _run(self, x, w, y, bias=None):
        images, x_channels, x_space = _sizes(x, self.geometry.x_channels)
        y_images, y_channels, y_space = _sizes(y, self.geometry.y_channels)
        kernel = w.shape[2:]
        if w.shape[:2] != (y_channels, x_channels) or images != y_images:
            raise ValueError(
                f"a convolution of {images} maps of {x_channels} channels into {y_images} of"
                f" {y_channels} does not fit a kernel of shape {w.shape}"
            )
        if tuple(y_space) != self.geometry.y_space(x_space, kernel):
            raise ValueError(f"a convolution of {x_space} cells does not make {y_space}")
        if not all(a.size for a in (x, w, y)):
            raise ValueError("a convolution of an empty array")
        call = library.Convolution(
            operand=self.operand,
            space=self.geometry.space,
            images=images,
            x_channels=x_channels,
            y_channels=y_channels,
            x=_ints(x_space),
            y=_ints(y_space),
            kernel=_ints(kernel),
            stride=_ints(self.geometry.stride),
            dilation=_ints(self.geometry.dilation),
            padding=_ints(self.geometry.padding(kernel)),
            x_blocked=self.geometry.x_channels is not None,
            y_blocked=self.geometry.y_channels is not None,
            bfloat16=self.geometry.blocked_dtype == BFLOAT16,
            flip=self.geometry.flip and any(k > 1 for k in kernel),
            bias=bias is not None,
            leaky=self.slope is not None,
            slope=self.slope or 0.0,
            strides=(ctypes.c_int64 * 5)(*(s // w.itemsize for s in w.strides)),
        )
        library.call("convolve", call, x, w, y, bias)


class Convolve(ConvolutionOp):
    """``y = leaky(x * w + b)``; inputs x, w and perhaps b."""

    operand = Role.Y

    def make_node(self, x: Symbol, w: Symbol, *bias: Symbol) -> Apply:
        inputs = [tensor.as_tensor_variable(v) for v in (x, w, *bias)]
        return Apply(self, inputs, [self._map(self.geometry.y_channels)])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x, w, *bias = inputs
        x, w, bias = _dense(x), _strided(w), list(map(_dense, bias))
        images, _, space = _sizes(x, self.geometry.x_channels)
        y_space = self.geometry.y_space(space, w.shape[2:])
        y = self._output(outputs[0], images, w.shape[0], y_space, self.geometry.y_channels)
        self._run(x, w, y, *bias)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, w, *_ = shapes
        channels = self.geometry.x_channels
        space = x[2:] if channels is None else x[2:-1]
        y_space = self.geometry.y_space(space, w[2:])
        return [self._shape(x[0], w[0], y_space, self.geometry.y_channels)]


class Transpose(ConvolutionOp):
    """``x = leaky(w^T y + b)``, the transposed convolution; inputs w, y, the space of x, perhaps b.

    It is the gradient of a convolution with respect to x, and the layer that enlarges a map.
    """

    operand = Role.X

    def make_node(self, w: Symbol, y: Symbol, space: Symbol, *bias: Symbol) -> Apply:
        inputs = [tensor.as_tensor_variable(v) for v in (w, y, space, *bias)]
        return Apply(self, inputs, [self._map(self.geometry.x_channels)])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        w, y, space, *bias = inputs
        w, y, bias = _strided(w), _dense(y), list(map(_dense, bias))
        x_space = tuple(int(n) for n in space)
        x = self._output(outputs[0], y.shape[0], w.shape[1], x_space, self.geometry.x_channels)
        self._run(x, w, y, *bias)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        w, y, *_ = shapes
        space = [node.inputs[2][i] for i in range(self.geometry.space)]
        return [self._shape(y[0], w[1], space, self.geometry.x_channels)]


class KernelGradient(ConvolutionOp):
    """The gradient of a convolution with respect to w; inputs x, the gradient of y, w's space."""

    operand = Role.W

    def make_node(self, x: Symbol, y: Symbol, space: Symbol) -> Apply:
        inputs = [tensor.as_tensor_variable(v) for v in (x, y, space)]
        return Apply(self, inputs, [plain_type(self.geometry.space)()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x, y, space = inputs
        x, y = _dense(x), _dense(y)
        channels = [_sizes(y, self.geometry.y_channels)[1], _sizes(x, self.geometry.x_channels)[1]]
        w = output(outputs[0], (*channels, *(int(n) for n in space)))
        self._run(x, w, y)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, y, _ = shapes
        geometry = self.geometry
        channels = [
            s[1] if c is None else tensor.constant(c, dtype="int64")
            for s, c in ((y, geometry.y_channels), (x, geometry.x_channels))
        ]
        return [(*channels, *(node.inputs[2][i] for i in range(geometry.space)))]


def _dense(array):
    return np.ascontiguousarray(array)


def _strided(w):
    # oneDNN reads a kernel by its strides, but not backwards.
    return w if all(stride > 0 for stride in w.strides) else np.ascontiguousarray(w)


def _sizes(array, channels):
    if channels is None:
        return array.shape[0], array.shape[1], array.shape[2:]
    return array.shape[0], channels, array.shape[2:-1]


def _ints(values):
    return (ctypes.c_int32 * 3)(*values)
