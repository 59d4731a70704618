"""Max-pooling of blocked maps with what follows it, in one pass each way."""

from collections.abc import Sequence

from ..backend.door import Symbol, tensor

import numpy as np
from theano.gof import Apply, Op

from . import library
from .hints import Shapes, Storage
from .layout import is_bfloat16, output


class MaxPool(Op):
    """``y = leaky(max_pool(x) + b)`` over 2x2 windows of stride 2.

    Inputs are a blocked map and perhaps a bias; outputs the blocked map y, a code (uint8, same
    shape) with a bit for each cell of the window that is the maximum, and x's rows and columns:
    all the backward pass needs, so that x itself can go.

    Parameters
    ----------
    channels : int
    padding : tuple of int
        Rows and columns before and after, which never enter a maximum: 0 or 1.
    slope : float
        Of the leaky ReLU; 1 for none.
    """

    __props__ = ("channels", "padding", "slope")

    def __init__(self, channels: int, padding: tuple[int, int], slope: float = 1.0) -> None:
        self.channels, self.padding, self.slope = channels, padding, slope

    def make_node(self, x: Symbol, *bias: Symbol) -> Apply:
        inputs = [tensor.as_tensor_variable(v) for v in (x, *bias)]
        code = tensor.TensorType("uint8", (False,) * 5)
        return Apply(self, inputs, [inputs[0].type(), code(), tensor.lvector()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x, *bias = map(np.ascontiguousarray, inputs)
        shape = _pooled(x.shape, self.padding)
        y, code = output(outputs[0], shape, x.dtype), output(outputs[1], shape, "uint8")
        grid = _grid(x.shape, self.channels, self.padding)
        outputs[2][0] = np.array(x.shape[2:4], "int64")
        added = bias[0] if bias else None
        library.call("max_pool", is_bfloat16(x), grid, x, added, float(self.slope), y, code)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return 2 * [_pooled(shapes[0], self.padding)] + [(tensor.constant(2, dtype="int64"),)]


class MaxPoolGradient(Op):
    """The gradient of the map before `MaxPool`; inputs that of the maxima, the code, and the map's
    size (rows, columns)."""

    __props__ = ("channels", "padding")

    def __init__(self, channels: int, padding: tuple[int, int]) -> None:
        self.channels, self.padding = channels, padding

    def make_node(self, dy: Symbol, code: Symbol, size: Symbol) -> Apply:
        inputs = [tensor.as_tensor_variable(v) for v in (dy, code, size)]
        return Apply(self, inputs, [inputs[0].type()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        dy, code, size = map(np.ascontiguousarray, inputs)
        shape = (*dy.shape[:2], int(size[0]), int(size[1]), dy.shape[4])
        if dy.shape != code.shape or dy.shape != _pooled(shape, self.padding):
            raise ValueError(f"maps of shapes {dy.shape}, {code.shape}, {shape} do not belong")
        dx = output(outputs[0], shape, dy.dtype)
        grid = _grid(shape, self.channels, self.padding)
        library.call("max_pool_gradient", is_bfloat16(dy), grid, dy, code, dx)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, groups, _, _, block = shapes[0]
        return [(images, groups, node.inputs[2][0], node.inputs[2][1], block)]


def pooled_size(size: Sequence[Symbol | int], padding: tuple[int, int]) -> list[Symbol | int]:
    """Return the rows and columns of the maxima; they may be symbolic."""
    return [(n + 2 * p - 2) // 2 + 1 for n, p in zip(size, padding)]


def _pooled(shape, padding):
    images, groups, *size, block = shape
    return (images, groups, *pooled_size(size, padding), block)


def _grid(shape, channels, padding):
    return library.Grid(shape[0], channels, shape[2], shape[3], *padding)
