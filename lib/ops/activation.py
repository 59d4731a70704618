"""The sigmoid and the hyperbolic tangent of a tensor in vectors, which Theano's loops are not made of."""

from ..backend.door import Symbol, tensor

import numpy as np
from theano import scalar
from theano.gof import Apply, Op
from theano.gof.opt import local_optimizer
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet.sigm import ScalarSigmoid

from . import library
from .hints import Shapes, Storage
from .layout import output
from .patterns import is_elementwise, like

KINDS = {"sigmoid": ScalarSigmoid, "tanh": scalar.Tanh}


class Activation(Op):
    """``y = f(x)``, value by value.

    Parameters
    ----------
    kind : str
        ``"sigmoid"`` or ``"tanh"``.
    """

    __props__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def make_node(self, x: Symbol) -> Apply:
        x = tensor.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, inputs: list[np.ndarray], outputs: Storage) -> None:
        x = np.ascontiguousarray(inputs[0])
        library.call(self.kind, x, x.size, output(outputs[0], x.shape))

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return shapes


@local_optimizer([Elemwise])
def activation(node: Apply) -> list[Symbol] | None:
    """The sigmoid or the hyperbolic tangent of a tensor."""
    (x, *_) = node.inputs
    for kind, scalar_op in KINDS.items():
        if is_elementwise(node, scalar_op) and x.ndim and x.dtype == "float32":
            return [like(Activation(kind)(x), node)]
    return None
