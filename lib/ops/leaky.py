"""The leaky ReLU as one scalar operation, so that every back end makes one pass of it."""
from ..backend.door import tensor

import numpy as np
from theano import scalar
from theano.gof import Apply, Op
from theano.tensor.elemwise import Elemwise

from . import library
from .layout import output


class LeakyReLU(scalar.UnaryScalarOp):
    """``x`` where positive and ``slope * x`` elsewhere; its derivative at 0 is the slope."""

    __props__ = ("slope",)

    def __init__(self, slope, output_types=scalar.upgrade_to_float):
        super().__init__(output_types, name=f"leaky_relu_{slope:g}")
        self.slope = slope

    def make_new_inplace(self, output_types):
        return LeakyReLU(self.slope, output_types)

    def impl(self, x):
        return x if x > 0 else x * type(x)(self.slope)

    def c_code(self, node, name, inputs, outputs, sub):
        (x,), (z,) = inputs, outputs
        kind = node.outputs[0].type.dtype_specs()[1]
        return f"{z} = {x} > 0 ? {x} : {x} * ({kind}){self.slope!r};"

    def c_code_cache_version(self):
        return (1,)

    def L_op(self, inputs, outputs, gradients):
        # Where the slope is positive, the result has the sign of the argument.
        return [LeakyReLUGradient(self.slope)(outputs[0], gradients[0])]


class LeakyReLUGradient(scalar.BinaryScalarOp):
    """The gradient of the argument from the result ``y`` and its gradient ``dy``."""

    __props__ = ("slope",)

    def __init__(self, slope, output_types=scalar.upgrade_to_float):
        super().__init__(output_types, name=f"leaky_relu_gradient_{slope:g}")
        self.slope = slope

    def make_new_inplace(self, output_types):
        return LeakyReLUGradient(self.slope, output_types)

    def impl(self, y, dy):
        return dy if y > 0 else dy * type(dy)(self.slope)

    def c_code(self, node, name, inputs, outputs, sub):
        (y, dy), (z,) = inputs, outputs
        kind = node.outputs[0].type.dtype_specs()[1]
        return f"{z} = {y} > 0 ? {dy} : {dy} * ({kind}){self.slope!r};"

    def c_code_cache_version(self):
        return (1,)

    def grad(self, inputs, gradients):
        y, _ = inputs
        return [y.zeros_like(), LeakyReLUGradient(self.slope)(y, gradients[0])]


def leaky_relu(x, slope):
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

    def __init__(self, channels, slope):
        self.channels, self.slope = channels, slope

    def make_node(self, y, dy):
        y, dy = map(tensor.as_tensor_variable, (y, dy))
        return Apply(self, [y, dy], [y.type(), tensor.fvector()])

    def perform(self, node, inputs, outputs):
        y, dy = map(np.ascontiguousarray, inputs)
        if y.shape != dy.shape:
            raise ValueError(f"maps of shapes {y.shape} and {dy.shape} do not belong together")
        dz, db = output(outputs[0], y.shape), output(outputs[1], (self.channels,))
        images, _, *space, _ = y.shape
        cells = int(np.prod(space, dtype="int64"))
        sizes = images, self.channels, cells
        library.call("leaky_gradient", y, dy, float(self.slope), *sizes, dz, db)

    def infer_shape(self, node, shapes):
        return [shapes[0], (tensor.constant(self.channels, dtype="int64"),)]
