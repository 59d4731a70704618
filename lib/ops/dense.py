"""Fully connected layers of few rows: y = x w, its gradients, and SGD's step of w.

``x`` is ``(rows, inputs)``, ``w`` ``(inputs, outputs)`` and ``y`` ``(rows, outputs)``, all float32.
For many rows NumPy's BLAS serves.
"""

from ..backend.door import Symbol, tensor

import numpy as np
from theano.gof import Apply, Op

from . import library
from .hints import Shapes, Storage
from .layout import block, output
from .update import SGDStep

# Rows up to which our loops serve, and not a BLAS, which copies w, by the size of a block. The three products part at
# different numbers, which results/ways has for one thread; with more threads they part later.
FEW = {8: 36, 16: 56}


class Dense(Op):
    """y from x and w."""

    __props__ = ()

    def make_node(self, x: Symbol, w: Symbol) -> Apply:
        return _matrix(self, x, w)

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x, w = map(np.ascontiguousarray, inputs)
        sizes = _sizes(x.shape, w.shape, (len(x), w.shape[1]))
        y = output(outputs[0], (len(x), w.shape[1]))
        if _many(x):
            np.dot(x, w, out=y)
        else:
            library.call("dense", *sizes, x, w, y)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, w = shapes
        return [(x[0], w[1])]


class DenseGradient(Op):
    """The gradient of x from that of y and w."""

    __props__ = ()

    def make_node(self, dy: Symbol, w: Symbol) -> Apply:
        return _matrix(self, dy, w)

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        dy, w = map(np.ascontiguousarray, inputs)
        sizes = _sizes((len(dy), len(w)), w.shape, dy.shape)
        dx = output(outputs[0], (len(dy), len(w)))
        if _many(dy):
            np.dot(dy, w.T, out=dx)
        else:
            library.call("dense_gradient", *sizes, dy, w, dx)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        dy, w = shapes
        return [(dy[0], w[0])]


class DenseKernelGradient(Op):
    """The gradient of w from x and the gradient of y."""

    __props__ = ()

    def make_node(self, x: Symbol, dy: Symbol) -> Apply:
        return _matrix(self, x, dy)

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x, dy = map(np.ascontiguousarray, inputs)
        shape = x.shape[1], dy.shape[1]
        sizes = _sizes(x.shape, shape, dy.shape)
        dw = output(outputs[0], shape)
        if _many(x):
            np.dot(x.T, dy, out=dw)
        else:
            library.call("dense_kernel_gradient", *sizes, x, dy, dw)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        x, dy = shapes
        return [(x[1], dy[1])]


class DenseSGDStep(SGDStep):
    """`SGDStep` of w, of any shape, with the gradient never in memory: from x and that of y.

    Inputs are w, v, x and dy, and the rate; outputs w' and v'.
    """

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        w, v, x, dy, rate = inputs
        x, dy = map(np.ascontiguousarray, (x, dy))
        matrix = x.shape[1], dy.shape[1]
        sizes = _sizes(x.shape, matrix, dy.shape)
        if w.shape != v.shape or w.size != matrix[0] * matrix[1]:
            raise ValueError(f"shapes {w.shape} and {v.shape} do not belong to {matrix}")
        w, v = self.own(w, v)
        if _many(x):
            library.call("sgd", w, v, np.dot(x.T, dy), w.size, *self.settings(rate))
        else:
            library.call("dense_sgd", *sizes, x, dy, w, v, *self.settings(rate))
        outputs[0][0], outputs[1][0] = w, v


def _many(rows):
    """Return whether a BLAS is faster."""
    return len(rows) > FEW[block()]


def _matrix(op, *matrices):
    inputs = [tensor.as_tensor_variable(matrix) for matrix in matrices]
    return Apply(op, inputs, [tensor.fmatrix()])


def _sizes(x, w, y):
    if x[0] != y[0] or w != (x[1], y[1]):
        raise ValueError(f"matrices of shapes {x}, {w} and {y} do not belong together")
    return x[0], *w
