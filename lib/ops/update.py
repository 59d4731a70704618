"""Stochastic gradient descent's step of one parameter in one pass."""

from ..backend.door import Symbol, tensor

import numpy as np
from theano.gof import Apply, Op

from . import library
from .hints import Shapes, Storage


class SGDStep(Op):
    """``v' = momentum v - rate (g + decay w)`` and ``w' = w + v'``.

    Inputs are w, v and g, of one shape, and the rate; outputs w' and v'.

    Parameters
    ----------
    momentum, decay : float
    inplace : bool
        Whether w and v are overwritten.
    """

    __props__ = ("momentum", "decay", "inplace")

    def __init__(self, momentum: float, decay: float, inplace: bool = False) -> None:
        self.momentum, self.decay, self.inplace = momentum, decay, inplace
        if inplace:
            self.destroy_map = {0: [0], 1: [1]}

    def make_node(self, *inputs: Symbol) -> Apply:
        operands = [tensor.as_tensor_variable(a) for a in inputs]
        return Apply(self, operands, [operands[0].type(), operands[1].type()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        w, v, g, rate = inputs
        if not w.shape == v.shape == g.shape:
            raise ValueError(f"shapes {w.shape}, {v.shape} and {g.shape} do not belong together")
        w, v = self.own(w, v)
        library.call("sgd", w, v, np.ascontiguousarray(g), w.size, *self.settings(rate))
        outputs[0][0], outputs[1][0] = w, v

    def own(self, w: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the arrays to be overwritten."""
        if not self.inplace:
            w, v = w.copy(), v.copy()
        return np.ascontiguousarray(w), np.ascontiguousarray(v)

    def settings(self, rate: float | np.ndarray) -> tuple[float, float, float]:
        """Return the factors of the step as the native library takes them."""
        return float(rate), float(self.momentum), float(self.decay)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return [shapes[0], shapes[1]]
