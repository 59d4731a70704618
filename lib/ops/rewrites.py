"""The rules that put ops of our own in the place of Theano's.

One walk from the inputs to the outputs. Convolutions take blocked maps and give blocked maps
(`layout`); what follows a convolution is drawn into it or made on the blocked map, so that the
conversions meet and vanish, and stay only at the ends of a chain.
"""

from typing import Any

from ..backend.door import Symbol, tensor

from theano import scalar
from theano.gof import Apply, FunctionGraph
from theano.gof.opt import local_optimizer
from theano.tensor.elemwise import Elemwise, Sum
from theano.tensor.nnet import abstract_conv
from theano.tensor.signal.pool import MaxPoolGrad, Pool

from .convolution import Convolve, Geometry, Transpose
from .leaky import BlockedLeakyGradient, LeakyReLU, LeakyReLUGradient
from .patterns import channel_vector, constant, is_elementwise, like
from .pooling import MaxPool

FORWARD = (abstract_conv.AbstractConv2d, abstract_conv.AbstractConv3d)
TRANSPOSED = (abstract_conv.AbstractConv2d_gradInputs, abstract_conv.AbstractConv3d_gradInputs)
KERNEL = (abstract_conv.AbstractConv2d_gradWeights, abstract_conv.AbstractConv3d_gradWeights)


def serves(fgraph: FunctionGraph) -> bool:
    """Return whether a graph has convolutions that are not chosen yet."""
    kinds = FORWARD + TRANSPOSED + KERNEL
    return any(isinstance(node.op, kinds) for node in fgraph.apply_nodes)


class Rules:
    """The rules that put the ops of one device in the place of Theano's own.

    Parameters
    ----------
    ops : OnCPU or the like
    """

    def __init__(self, ops: Any) -> None:
        self.ops = ops

    def walk(self) -> list[Any]:
        """Return the rules, for one walk from the inputs to the outputs."""
        elementwise = [Elemwise]
        tracked = (
            (self.convolve, FORWARD),
            (self.transpose, TRANSPOSED),
            (self.kernel_gradient, KERNEL),
            (self.pool, [Pool]),
            (self.pool_gradient, [MaxPoolGrad]),
            (self.bias, elementwise),
            (self.leaky, elementwise),
            (self.leaky_gradient, elementwise),
            (self.bias_gradient, [Sum]),
        )
        return [_tracking(rule, kinds) for rule, kinds in tracked]

    def convolve(self, node: Apply) -> list[Symbol] | None:
        """y = x * w."""
        geometry = self._geometry(node)
        if geometry:
            x, w = node.inputs
            x, w = self.ops.to_map(x, geometry.x_channels), self.ops.to_kernel(w, geometry)
            y = self.ops.Convolve(geometry)(x, w)
            return [like(self.ops.from_map(y, geometry.y_channels), node)]
        return None

    def transpose(self, node: Apply) -> list[Symbol] | None:
        """x = w^T y."""
        geometry = self._geometry(node)
        if geometry:
            w, y, space = node.inputs
            w, y = self.ops.to_kernel(w, geometry), self.ops.to_map(y, geometry.y_channels)
            x = self.ops.Transpose(geometry)(w, y, space)
            return [like(self.ops.from_map(x, geometry.x_channels), node)]
        return None

    def kernel_gradient(self, node: Apply) -> list[Symbol] | None:
        """w from x and y."""
        geometry = self._geometry(node)
        if geometry:
            x, y, space = node.inputs
            x, y = self.ops.to_map(x, geometry.x_channels), self.ops.to_map(y, geometry.y_channels)
            w = self.ops.KernelGradient(geometry)(x, y, space)
            return [like(self.ops.from_kernel(w, geometry), node)]
        return None

    def pool(self, node: Apply) -> list[Symbol] | None:
        """The maximum of a map."""
        x, channels = self.ops.source(node.inputs[0])
        padding = _padding(node)
        if x is not None and padding is not None:
            y = self.ops.MaxPool(channels, padding)(x)[0]
            return [like(self.ops.from_map(y, channels), node)]
        return None

    def pool_gradient(self, node: Apply) -> list[Symbol] | None:
        """The gradient of a maximum, from the code that the forward pass has written."""
        x, channels = self.ops.source(node.inputs[0])
        padding = _padding(node)
        if x is None or padding is None:
            return None
        # Drawing a bias in has made further nodes of the same maximum: the last has it all.
        nodes = [n for n, _ in x.clients if n != "output" and isinstance(n.op, MaxPool)]
        _, code, size = max(nodes, key=_drawn_in).outputs
        dy = self.ops.to_map(node.inputs[2], channels)
        dx = self.ops.MaxPoolGradient(channels, padding)(dy, code, size)
        return [like(self.ops.from_map(dx, channels), node)]

    def bias(self, node: Apply) -> list[Symbol] | None:
        """A bias drawn into the op that makes the map."""
        if not (is_elementwise(node, scalar.Add) and len(node.inputs) == 2):
            return None
        for map_, other in (node.inputs, node.inputs[::-1]):
            vector = channel_vector(other)
            maker, channels = self._maker(map_)
            if vector is None or maker is None or _drawn_in(maker) != (0, False):
                continue
            made = maker.op(*maker.inputs, vector, return_list=True)[0]
            return [like(self.ops.from_map(made, channels), node)]
        return None

    def leaky(self, node: Apply) -> list[Symbol] | None:
        """A leaky ReLU drawn into the op that makes the map."""
        if not is_elementwise(node, LeakyReLU):
            return None
        maker, channels = self._maker(node.inputs[0])
        if maker is None or _drawn_in(maker)[1]:
            return None
        slope, kind = node.op.scalar_op.slope, type(maker.op)
        if isinstance(maker.op, MaxPool):
            op = kind(maker.op.channels, maker.op.padding, slope)
        else:
            op = kind(maker.op.geometry, slope)
        made = op(*maker.inputs, return_list=True)[0]
        return [like(self.ops.from_map(made, channels), node)]

    def leaky_gradient(self, node: Apply) -> list[Symbol] | None:
        """The gradient of a leaky ReLU on a map."""
        if not is_elementwise(node, LeakyReLUGradient):
            return None
        y, channels = self.ops.source(node.inputs[0])
        if y is not None:
            op = self.ops.LeakyGradient(channels, node.op.scalar_op.slope)
            dz = op(y, self.ops.to_map(node.inputs[1], channels))[0]
            return [like(self.ops.from_map(dz, channels), node)]
        return None

    def bias_gradient(self, node: Apply) -> list[Symbol] | None:
        """The sum over images and cells that the gradient of a leaky ReLU makes on its way."""
        axes = set(range(node.inputs[0].ndim)) - {1}
        if node.op.axis is None or set(node.op.axis) != axes:
            return None
        dz, _ = self.ops.source(node.inputs[0])
        if dz is not None and dz.owner and isinstance(dz.owner.op, BlockedLeakyGradient):
            return [like(self.ops.from_vector(dz.owner.outputs[1]), node)]
        return None

    def _geometry(self, node):
        """Return an abstract convolution's geometry, None where our ops do not serve."""
        op = node.op
        maps = [v for v in node.inputs if v.ndim > 1]
        symmetric = isinstance(op.border_mode, str) or all(
            isinstance(border, int) for border in op.border_mode
        )
        served = (
            symmetric and op.num_groups == 1 and not op.unshared and all(v.dtype == "float32" for v in maps)
        )
        y_channels, x_channels = map(self.ops.channels, op.kshp[:2])
        if not served or (None in (y_channels, x_channels) and not self.ops.plain_channels):
            return None
        return Geometry(
            space=op.convdim,
            border=op.border_mode,
            stride=tuple(op.subsample),
            dilation=tuple(op.filter_dilation),
            flip=bool(op.filter_flip),
            x_channels=x_channels,
            y_channels=y_channels,
            precision=self.ops.precision,
        )

    def _maker(self, x):
        """Return the node whose map is needed in no other form than ``x``, and its channels.

        The maxima before a bias are needed by their gradient too, but there the code stands in.
        """
        source, channels = self.ops.source(x)
        made = x if source is None else source
        maker = made.owner
        if maker is None or not isinstance(maker.op, (Convolve, Transpose, MaxPool)):
            return None, None
        if maker.outputs[0] is not made or not (_sole(x, maker) and _sole(made, maker)):
            return None, None
        return maker, channels


def _tracking(rule, kinds):
    def apply(node):
        return rule(node)

    apply.__name__ = rule.__name__
    return local_optimizer(kinds)(apply)


@local_optimizer([Elemwise])
def plain_leaky(node: Apply) -> list[Symbol] | None:
    """A leaky ReLU that stands alone, from what NumPy has: max(x, slope x)."""
    if is_elementwise(node, LeakyReLU) and node.op.scalar_op.slope <= 1:
        (x,) = node.inputs
        slope = tensor.constant(node.op.scalar_op.slope, dtype=x.dtype)
        return [tensor.maximum(x, slope * x)]
    return None


def _padding(node):
    """Return the padding of a pooling op that `MaxPool` can do, else None."""
    op, (window, stride, padding) = node.op, node.inputs[-3:]
    values = [constant(v) for v in (window, stride, padding)]
    if op.ndim != 2 or op.mode != "max" or not op.ignore_border or None in values:
        return None
    window, stride, padding = values
    return padding if window == stride == (2, 2) and max(padding) <= 1 else None


def _sole(x, maker):
    clients = [n for n, _ in x.clients]
    if isinstance(maker.op, MaxPool):
        clients = [n for n in clients if n == "output" or not isinstance(n.op, MaxPoolGrad)]
    return len(clients) == 1


def _drawn_in(node):
    """Return how many biases and whether a leaky ReLU have been drawn into a node."""
    if isinstance(node.op, MaxPool):
        return len(node.inputs) - 1, node.op.slope != 1
    plain = 3 if isinstance(node.op, Transpose) else 2
    return len(node.inputs) - plain, node.op.slope is not None
