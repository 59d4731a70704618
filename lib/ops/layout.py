"""Feature maps in oneDNN's layout, as ordinary tensors.

A plain map is ``(images, channels, *space)``. A blocked map is ``(images, channels / B, *space,
B)``: B neighbouring channels of one cell lie side by side, which is how direct convolutions read
them. Where the channels do not fill the last block, zeros do. The values of a plain map are of float32,
and those of a blocked one of float32 or bfloat16. In bfloat16 one block holds all channels: products
with AMX want the channels last, and those with AVX512-BF16 are as fast so.
"""

from collections.abc import Sequence
from typing import Any

from ..backend import precision as precisions
from ..backend.door import Symbol, tensor

import numpy as np
from numpy.typing import DTypeLike
from theano.gof import Apply, Op

from . import library
from .hints import Shapes, Storage


BFLOAT16 = "uint16"  # of arrays of bfloat16, which NumPy has not: their bits


def dtype_of(precision: str) -> str:
    """Return the type of a blocked map's values where the products' factors have a precision."""
    return BFLOAT16 if precision == precisions.BFLOAT16 else "float32"


def is_bfloat16(array: np.ndarray) -> bool:
    """Return whether the values of a map are of bfloat16."""
    return array.dtype == BFLOAT16


def block() -> int:
    """Return B, the channels in a block of float32 on this CPU: 16 with AVX-512, 8 with AVX2."""
    return library.load().voxlstm_block()


def _blocks(channels, dtype):
    """Return how many blocks hold so many channels, and the channels in one."""
    count = -(-channels // block())
    return (1, count * block()) if dtype == BFLOAT16 else (count, block())


def blocked_type(space: int, dtype: str = "float32") -> tensor.TensorType:
    """Return the type of a blocked map with ``space`` spatial axes."""
    return tensor.TensorType(dtype, (False,) * (space + 3))


def plain_type(space: int) -> tensor.TensorType:
    """Return the type of a plain map with ``space`` spatial axes."""
    return tensor.TensorType("float32", (False,) * (space + 2))


def blocked_shape(
    images: Symbol | int, channels: int, space: Sequence[Symbol | int], dtype: str = "float32"
) -> tuple[Symbol | int, ...]:
    """Return the shape of a blocked map; ``images`` and ``space`` may be symbolic."""
    groups, width = _blocks(channels, dtype)
    return (images, groups, *space, width)


def output(storage: list[Any], shape: tuple[int, ...], dtype: DTypeLike = "float32") -> np.ndarray:
    """Return an array for an op's result, the one of the last call where it still fits."""
    array = storage[0]
    if array is None or array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        array = storage[0] = np.empty(shape, dtype)
    return array


class ToBlocked(Op):
    """A plain map of ``channels`` channels as a blocked one, of float32 or ``BFLOAT16``."""

    __props__ = ("channels", "dtype")

    def __init__(self, channels: int, dtype: str = "float32") -> None:
        self.channels, self.dtype = channels, dtype

    def make_node(self, x: Symbol) -> Apply:
        x = tensor.as_tensor_variable(x)
        return Apply(self, [x], [blocked_type(x.ndim - 2, self.dtype)()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x = np.ascontiguousarray(inputs[0])
        images, channels, *space = x.shape
        if channels != self.channels:
            raise ValueError(f"a map has {channels} channels instead of {self.channels}")
        result = output(outputs[0], blocked_shape(images, channels, space, self.dtype), self.dtype)
        library.call("to_blocked", is_bfloat16(result), x, images, channels, count_cells(space), result)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, _, *space = shapes[0]
        return [blocked_shape(images, self.channels, space, self.dtype)]


class FromBlocked(Op):
    """A blocked map of ``channels`` channels as a plain one."""

    __props__ = ("channels",)

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def make_node(self, x: Symbol) -> Apply:
        x = tensor.as_tensor_variable(x)
        return Apply(self, [x], [plain_type(x.ndim - 3)()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x = np.ascontiguousarray(inputs[0])
        images, _, *space, _ = x.shape
        result = output(outputs[0], (images, self.channels, *space))
        library.call("from_blocked", is_bfloat16(x), x, images, self.channels, count_cells(space), result)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        images, _, *space, _ = shapes[0]
        return [(images, tensor.constant(self.channels, dtype="int64"), *space)]


def count_cells(space: Sequence[int]) -> int:
    """Return the cells of a map whose axes have these sizes."""
    return int(np.prod(space, dtype="int64"))
