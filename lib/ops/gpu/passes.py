"""Max-pooling and the leaky ReLU of maps with their channels last, in one pass each way; sums."""

from math import prod

from ...backend.door import DeviceArray, Symbol, tensor

import numpy as np
from theano.gof import Apply, FunctionGraph, Op
from theano.gof.opt import local_optimizer
from theano.tensor.elemwise import Sum

from ..hints import Shapes, Storage
from ..leaky import BlockedLeakyGradient
from ..pooling import MaxPool, MaxPoolGradient, pooled_size
from . import kernels
from .maps import map_type, on_gpu


class GpuMaxPool(MaxPool):
    """``y = leaky(max_pool(x) + b)`` over 2x2 windows of stride 2; see `MaxPool`."""

    def make_node(self, x: Symbol, *bias: Symbol) -> Apply:
        inputs = [on_gpu(v) for v in (x, *bias)]
        return Apply(self, inputs, [map_type(4)(), map_type(4, "uint8")(), tensor.lvector()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        x, *bias = map(kernels.plain, inputs)
        shape = _pooled(x.shape, self.padding)
        outputs[0][0] = y = kernels.empty(shape)
        outputs[1][0] = code = kernels.empty(shape, "uint8")
        outputs[2][0] = np.array(x.shape[1:3], "int64")
        b, channels = (bias[0], self.channels) if bias else (x, 0)
        sizes = *x.shape[1:3], *shape[1:3], *self.padding
        kernels.launch(
            "max_pool",
            x,
            b,
            y,
            code,
            channels,
            shape[-1] // 4,
            *sizes,
            y.size // 4,
            float(self.slope),
            count=y.size // 4,
        )

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return 2 * [_pooled(shapes[0], self.padding)] + [(tensor.constant(2, dtype="int64"),)]


class GpuMaxPoolGradient(MaxPoolGradient):
    """The gradient of the map before `GpuMaxPool`; see `MaxPoolGradient`."""

    def make_node(self, dy: Symbol, code: Symbol, size: Symbol) -> Apply:
        return Apply(self, [on_gpu(dy), on_gpu(code), size], [map_type(4)()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        dy, code, size = inputs
        dy, code = map(kernels.plain, (dy, code))
        shape = (dy.shape[0], int(size[0]), int(size[1]), dy.shape[-1])
        if dy.shape != code.shape or dy.shape != _pooled(shape, self.padding):
            raise ValueError(f"maps of shapes {dy.shape}, {code.shape}, {shape} do not belong")
        outputs[0][0] = dx = kernels.empty(shape)
        sizes = *shape[1:3], *dy.shape[1:3], *self.padding
        count = dx.size // 4
        kernels.launch("max_pool_gradient", dy, code, dx, shape[-1] // 4, *sizes, count, count=count)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, _, _, channels = shapes[0]
        return [(images, node.inputs[2][0], node.inputs[2][1], channels)]


class GpuLeakyGradient(BlockedLeakyGradient):
    """The gradient of a leaky ReLU, and its sum for a bias; see `BlockedLeakyGradient`."""

    def make_node(self, y: Symbol, dy: Symbol) -> Apply:
        y, dy = map(on_gpu, (y, dy))
        return Apply(self, [y, dy], [y.type(), map_type(1)()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        y, dy = map(kernels.plain, inputs)
        if y.shape != dy.shape:
            raise ValueError(f"maps of shapes {y.shape} and {dy.shape} do not belong together")
        outputs[0][0], outputs[1][0] = kernels.leaky_gradient(y, dy, self.slope, self.channels)


class GpuMaxPoolLeakyGradient(Op):
    """`GpuLeakyGradient` and `GpuMaxPoolGradient` in one pass.

    Inputs are the result of `GpuMaxPool`, its gradient, the code and the size of the map before;
    outputs the gradient of that map and that of the bias.
    """

    __props__ = ("channels", "padding", "slope")

    def __init__(self, channels: int, padding: tuple[int, int], slope: float) -> None:
        self.channels, self.padding, self.slope = channels, padding, slope

    def make_node(self, y: Symbol, dy: Symbol, code: Symbol, size: Symbol) -> Apply:
        maps = [on_gpu(x) for x in (y, dy, code)]
        return Apply(self, [*maps, size], [map_type(4)(), map_type(1)()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        *maps, size = inputs
        y, dy, code = map(kernels.plain, maps)
        images, *pooled, padded = y.shape
        shape = (images, *map(int, size), padded)
        if not y.shape == dy.shape == code.shape == _pooled(shape, self.padding):
            raise ValueError(f"maps of shapes {y.shape}, {dy.shape}, {code.shape}, {shape} do not belong")
        outputs[0][0] = dx = kernels.empty(shape)
        # The windows that hold a cell of the map, of which those at its end may have no maximum.
        grid = [-(-(n + p) // 2) for n, p in zip(shape[1:], self.padding)]
        windows = images * prod(grid)
        numbers = *shape[1:3], *pooled, *self.padding, *grid, windows, float(self.slope)
        outputs[1][0] = kernels.with_sums(
            "max_pool_leaky_gradient", (y, dy, code, dx), numbers, windows, self.channels
        )

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, _, _, channels = shapes[0]
        _, _, _, size = node.inputs
        return [(images, size[0], size[1], channels), (tensor.constant(self.channels, dtype="int64"),)]


def join_gradients(fgraph: FunctionGraph) -> None:
    """Put `GpuMaxPoolLeakyGradient` in the place of the two ops that it stands for."""
    for node in fgraph.toposort():
        if not isinstance(node.op, GpuMaxPoolGradient):
            continue
        dz, code, size = node.inputs
        if dz.owner and isinstance(dz.owner.op, GpuLeakyGradient) and len(dz.clients) == 1:
            op = GpuMaxPoolLeakyGradient(node.op.channels, node.op.padding, dz.owner.op.slope)
            made = op(*dz.owner.inputs, code, size, return_list=True)
            old = node.outputs[0], dz.owner.outputs[1]
            fgraph.replace_all_validate(list(zip(old, made)), reason="join_gradients")


class GpuSum(Op):
    """The sum of an array or of its squares, which Theano's own reduction leaves to one block."""

    __props__ = ("squared",)

    def __init__(self, squared: bool) -> None:
        self.squared = squared

    def make_node(self, x: Symbol) -> Apply:
        return Apply(self, [on_gpu(x)], [map_type(0)()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        (x,) = map(kernels.plain, inputs)
        blocks = max(1, min(kernels.BLOCKS, x.size // kernels.THREADS))
        sums, outputs[0][0] = kernels.empty((blocks,)), kernels.empty(())
        kernels.launch("sum_up", x, sums, x.size, int(self.squared), blocks=(blocks,))
        kernels.launch("sum_up", sums, outputs[0][0], blocks, 0, blocks=(1,))

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return [()]


class GpuChannelSums(Op):
    """The sum of each channel of a plain map, over images and cells."""

    __props__ = ()

    def make_node(self, x: Symbol) -> Apply:
        return Apply(self, [on_gpu(x)], [map_type(1)()])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        (x,) = map(kernels.plain, inputs)
        images, channels, *space = x.shape
        cells = prod(space)
        blocks = max(1, min(kernels.BLOCKS, images * cells // kernels.THREADS))
        sums, outputs[0][0] = kernels.empty((blocks, channels)), kernels.empty((channels,))
        kernels.launch("channel_sums", x, sums, channels, cells, images * cells, blocks=(blocks, channels))
        kernels.sum_blocks(sums, outputs[0][0])

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return [(shapes[0][1],)]


@local_optimizer([Sum])
def sums(node: Apply) -> list[Symbol] | None:
    """``x.sum()`` and ``sqr(x).sum()``, as losses and norms are made of, and sums of channels."""
    (x,) = node.inputs
    axes = set(range(x.ndim) if node.op.axis is None else node.op.axis)
    if x.dtype != "float32" or node.outputs[0].dtype != "float32" or x.ndim < 1:
        return None
    if axes == set(range(x.ndim)):
        squared = bool(x.owner) and x.owner.op == tensor.sqr
        return [GpuSum(squared)(x.owner.inputs[0] if squared else x).transfer("cpu")]
    if x.ndim > 2 and axes == set(range(x.ndim)) - {1} and not x.broadcastable[1]:
        return [GpuChannelSums()(x).transfer("cpu")]
    return None


def _pooled(shape, padding):
    images, *size, channels = shape
    return (images, *pooled_size(size, padding), channels)
