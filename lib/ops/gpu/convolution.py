"""Convolutions over cuDNN: ``y = x * w``, and each operand from the other two.

The maps x and y and the kernel w have their channels last (see `maps`). The space of a result that
is not known from its operands is given as a vector on the host.
"""

from collections.abc import Sequence
from typing import Any

from ...backend.door import DeviceArray, Symbol
from ..convolution import ConvolutionOp, Convolve, KernelGradient, Transpose
from ..hints import Shapes, Storage
from . import kernels, plans
from .maps import map_type, on_gpu, padded
from .problem import FORWARD, KERNEL, TRANSPOSED, Problem

from theano.gof import Apply


class _OnGPU(ConvolutionOp):
    """What the three ops share."""

    def _map(self):
        return map_type(self.geometry.space + 2)()

    def _run(self, direction, x, w, y):
        """Compute one of the three device arrays from the other two."""
        geometry = self.geometry
        shapes = x.shape, w.shape, y.shape
        calls = self.__dict__.setdefault("_calls", {})
        call = calls.get(shapes)
        if call is None:
            kernel = w.shape[1:-1]
            if tuple(geometry.y_space(x.shape[1:-1], kernel)) != y.shape[1:-1]:
                raise ValueError(f"a kernel of shape {w.shape} does not make {y.shape} of {x.shape}")
            if not all(a.size for a in (x, w, y)):
                raise ValueError("a convolution of an empty array")
            numbers = geometry.padding(kernel), geometry.stride, geometry.dilation
            problem = Problem(direction, *shapes, *numbers, geometry.flip, geometry.precision)
            call = calls[shapes] = plans.Convolution(problem)
        call.run(x, w, y)

    def _finish(self, y, bias, channels):
        """Add a bias and take the leaky ReLU, in place."""
        if bias or self.slope is not None:
            count, fours = y.size // 4, padded(channels) // 4
            b, known = (kernels.plain(bias[0]), channels) if bias else (y, 0)
            slope = 1.0 if self.slope is None else float(self.slope)
            kernels.launch("bias_leaky", y, b, known, fours, count, slope, count=count)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__props__}


class GpuConvolve(_OnGPU, Convolve):
    """``y = leaky(x * w + b)``; inputs x, w and perhaps b."""

    def make_node(self, x: Symbol, w: Symbol, *bias: Symbol) -> Apply:
        return Apply(self, [on_gpu(v) for v in (x, w, *bias)], [self._map()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        x, w, *bias = map(kernels.plain, inputs)
        outputs[0][0] = y = self.compute(x, w)
        self._finish(y, bias, self.geometry.y_channels)

    def compute(self, x: DeviceArray, w: DeviceArray) -> DeviceArray:
        """Return ``x * w`` of device arrays."""
        space = self.geometry.y_space(x.shape[1:-1], w.shape[1:-1])
        y = kernels.empty((x.shape[0], *space, w.shape[0]))
        self._run(FORWARD, x, w, y)
        return y

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, w, *_ = shapes
        return [(x[0], *self.geometry.y_space(x[1:-1], w[1:-1]), w[0])]


class GpuTranspose(_OnGPU, Transpose):
    """``x = leaky(w^T y + b)``, the transposed convolution; inputs w, y, x's space, perhaps b."""

    def make_node(self, w: Symbol, y: Symbol, space: Symbol, *bias: Symbol) -> Apply:
        w, y, *vectors = map(on_gpu, (w, y, *bias))
        return Apply(self, [w, y, space, *vectors], [self._map()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        w, y, space, *bias = inputs
        w, y = map(kernels.plain, (w, y))
        outputs[0][0] = x = self.compute(w, y, space)
        self._finish(x, bias, self.geometry.x_channels)

    def compute(self, w: DeviceArray, y: DeviceArray, space: Sequence[int]) -> DeviceArray:
        """Return ``w^T y`` of device arrays."""
        x = kernels.empty((y.shape[0], *space, w.shape[-1]))
        self._run(TRANSPOSED, x, w, y)
        return x

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        w, y, *_ = shapes
        return [(y[0], *(node.inputs[2][i] for i in range(self.geometry.space)), w[-1])]


class GpuKernelGradient(_OnGPU, KernelGradient):
    """The gradient of a convolution with respect to w; inputs x, the gradient of y, w's space."""

    def make_node(self, x: Symbol, y: Symbol, space: Symbol) -> Apply:
        x, y = map(on_gpu, (x, y))
        return Apply(self, [x, y, space], [self._map()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        x, y, space = inputs
        outputs[0][0] = self.compute(kernels.plain(x), kernels.plain(y), space)

    def compute(self, x: DeviceArray, y: DeviceArray, space: Sequence[int]) -> DeviceArray:
        """Return the gradient of device arrays."""
        w = kernels.empty((y.shape[-1], *space, x.shape[-1]))
        self._run(KERNEL, x, w, y)
        return w

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, y, _ = shapes
        return [(y[-1], *(node.inputs[2][i] for i in range(self.geometry.space)), x[-1])]
