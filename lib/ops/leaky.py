"""The leaky ReLU as one scalar operation, so that every back end makes one pass of it."""

from collections.abc import Callable, Sequence
from typing import Any

from ..backend.door import Symbol, tensor

import numpy as np
from theano import scalar
from theano.gof import Apply, Op
from theano.tensor.elemwise import Elemwise

from . import library
from .hints import Shapes, Storage
from .layout import count_cells, is_bfloat16, output


class LeakyReLU(scalar.UnaryScalarOp):
    """``x`` where positive and ``slope * x`` elsewhere; its derivative at 0 is the slope."""

    __props__ = ("slope",)

    def __init__(self, slope: float, output_types: Callable[..., Any] = scalar.upgrade_to_float) -> None:
        super().__init__(output_types, name=f"leaky_relu_{slope:g}")
        self.slope = slope

    def make_new_inplace(self, output_types: Callable[..., Any]) -> "LeakyReLU":
        return LeakyReLU(self.slope, output_types)

    def impl(self, x: np.floating) -> np.floating:
        return x if x > 0 else x * type(x)(self.slope)

    def c_code(
        self, node: Apply, name: str, inputs: Sequence[str], outputs: Sequence[str], sub: dict[str, Any]
    ) -> str:
        (x,), (z,) = inputs, outputs
        kind = node.outputs[0].type.dtype_specs()[1]
        return f"{z} = {x} > 0 ? {x} : {x} * ({kind}){self.slope!r};"

    def c_code_cache_version(self) -> tuple[int, ...]:
        return (1,)

    def L_op(self, inputs: list[Symbol], outputs: list[Symbol], gradients: list[Symbol]) -> list[Symbol]:
        # Where the slope is positive, the result has the sign of the argument.
        return [LeakyReLUGradient(self.slope)(outputs[0], gradients[0])]


class LeakyReLUGradient(scalar.BinaryScalarOp):
    """The gradient of the argument from the result ``y`` and its gradient ``dy``."""

    __props__ = ("slope",)

    def __init__(self, slope: float, output_types: Callable[..., Any] = scalar.upgrade_to_float) -> None:
        super().__init__(output_types, name=f"leaky_relu_gradient_{slope:g}")
        self.slope = slope

    def make_new_inplace(self, output_types: Callable[..., Any]) -> "LeakyReLUGradient":
        return LeakyReLUGradient(self.slope, output_types)

    def impl(self, y: np.floating, dy: np.floating) -> np.floating:
        return dy if y > 0 else dy * type(dy)(self.slope)

    def c_code(
        self, node: Apply, name: str, inputs: Sequence[str], outputs: Sequence[str], sub: dict[str, Any]
    ) -> str:
        (y, dy), (z,) = inputs, outputs
        kind = node.outputs[0].type.dtype_specs()[1]
        return f"{z} = {y} > 0 ? {dy} : {dy} * ({kind}){self.slope!r};"

    def c_code_cache_version(self) -> tuple[int, ...]:
        return (1,)

    def grad(self, inputs: list[Symbol], gradients: list[Symbol]) -> list[Symbol]:
        y, _ = inputs
        return [y.zeros_like(), LeakyReLUGradient(self.slope)(y, gradients[0])]


def leaky_relu(x: Symbol, slope: float) -> Symbol:
    """Return ``x`` where positive and ``slope * x`` elsewhere.

    Parameters
    ----------
    x : symbolic tensor of floats
    slope : float
        Positive.
    """
    return Elemwise(LeakyReLU(slope))(x)


class BlockedLeakyGradient(Op):
    """The gradient of a leaky ReLU of a blocked map, and its sum for a bias, in one pass.

    Inputs are the result y and its gradient; outputs the gradient of the argument, and the sum of
    that over images and cells, one value a channel.
    """

    __props__ = ("channels", "slope")

    def __init__(self, channels: int, slope: float) -> None:
        self.channels, self.slope = channels, slope

    def make_node(self, y: Symbol, dy: Symbol) -> Apply:
        y, dy = map(tensor.as_tensor_variable, (y, dy))
        return Apply(self, [y, dy], [y.type(), tensor.fvector()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        y, dy = map(np.ascontiguousarray, inputs)
        if y.shape != dy.shape or y.dtype != dy.dtype:
            raise ValueError(f"maps of shapes {y.shape} and {dy.shape} do not belong together")
        dz, db = output(outputs[0], y.shape, y.dtype), output(outputs[1], (self.channels,))
        images, _, *space, _ = y.shape
        cells = count_cells(space)
        sizes = images, self.channels, cells
        library.call("leaky_gradient", is_bfloat16(y), y, dy, float(self.slope), *sizes, dz, db)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return [shapes[0], (tensor.constant(self.channels, dtype="int64"),)]
