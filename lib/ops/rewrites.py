"""The graph optimisation that puts the oneDNN ops in the place of Theano's own.

One walk from the inputs to the outputs. Convolutions take blocked maps and give blocked maps
(`layout`); what follows a convolution is drawn into it or made on the blocked map, so that the
conversions meet and vanish, and stay only at the ends of a chain.
"""

from typing import Any

from ..backend.door import Symbol, tensor

from theano import scalar
from theano.gof import Apply, Constant, FunctionGraph
from theano.gof.opt import in2out, local_optimizer
from theano.tensor.elemwise import DimShuffle, Elemwise, Sum
from theano.tensor.nnet import abstract_conv
from theano.tensor.opt import Assert
from theano.tensor.signal.pool import MaxPoolGrad, Pool

from .convolution import Convolve, Geometry, KernelGradient, Transpose
from .dense import Dense, DenseGradient, DenseKernelGradient, DenseSGDStep
from .layout import FromBlocked, ToBlocked, block
from .leaky import BlockedLeakyGradient, LeakyReLU, LeakyReLUGradient
from .pooling import MaxPool, MaxPoolGradient
from .update import SGDStep

FORWARD = (abstract_conv.AbstractConv2d, abstract_conv.AbstractConv3d)
TRANSPOSED = (abstract_conv.AbstractConv2d_gradInputs, abstract_conv.AbstractConv3d_gradInputs)
KERNEL = (abstract_conv.AbstractConv2d_gradWeights, abstract_conv.AbstractConv3d_gradWeights)


def serves(fgraph: FunctionGraph) -> bool:
    """Return whether a graph has convolutions that are not chosen yet."""
    kinds = FORWARD + TRANSPOSED + KERNEL
    return any(isinstance(node.op, kinds) for node in fgraph.apply_nodes)


class OnCPU:
    """The ops over oneDNN, and how their maps are had from plain ones."""

    Convolve, Transpose, KernelGradient = Convolve, Transpose, KernelGradient
    MaxPool, MaxPoolGradient, LeakyGradient = MaxPool, MaxPoolGradient, BlockedLeakyGradient
    plain_channels = True  # a map may stay plain; then its channels are None
    precision = "float32"

    def channels(self, count: int | None) -> int | None:
        """Return the channels of a blocked map, None where it had better be plain."""
        # Fewer channels than half a block would mostly move zeros.
        if count is None or 2 * int(count) < block():
            return None
        return int(count)

    def to_map(self, x: Symbol, channels: int | None) -> Symbol:
        """Return the map as ``channels`` says: blocked, or plain for None."""
        x = _bare(x)
        if channels is None:
            return x
        if x.owner and x.owner.op == FromBlocked(channels):
            return x.owner.inputs[0]
        return ToBlocked(channels)(x)

    def from_map(self, x: Symbol, channels: int | None) -> Symbol:
        """Return the plain map; ``channels`` is None for one that is plain already."""
        return x if channels is None else FromBlocked(channels)(x)

    def source(self, x: Symbol) -> tuple[Symbol | None, int | None]:
        """Return the blocked map behind a plain one and its channels, or (None, None)."""
        if x.owner and isinstance(x.owner.op, FromBlocked):
            return x.owner.inputs[0], x.owner.op.channels
        return None, None

    def to_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return a convolution's kernel as the ops take it."""
        return _bare(w)

    def from_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return the plain kernel of what `KernelGradient` gave."""
        return w

    def from_vector(self, b: Symbol) -> Symbol:
        """Return an op's vector as other ops take it."""
        return b


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
            return [_like(self.ops.from_map(y, geometry.y_channels), node)]
        return None

    def transpose(self, node: Apply) -> list[Symbol] | None:
        """x = w^T y."""
        geometry = self._geometry(node)
        if geometry:
            w, y, space = node.inputs
            w, y = self.ops.to_kernel(w, geometry), self.ops.to_map(y, geometry.y_channels)
            x = self.ops.Transpose(geometry)(w, y, space)
            return [_like(self.ops.from_map(x, geometry.x_channels), node)]
        return None

    def kernel_gradient(self, node: Apply) -> list[Symbol] | None:
        """w from x and y."""
        geometry = self._geometry(node)
        if geometry:
            x, y, space = node.inputs
            x, y = self.ops.to_map(x, geometry.x_channels), self.ops.to_map(y, geometry.y_channels)
            w = self.ops.KernelGradient(geometry)(x, y, space)
            return [_like(self.ops.from_kernel(w, geometry), node)]
        return None

    def pool(self, node: Apply) -> list[Symbol] | None:
        """The maximum of a map."""
        x, channels = self.ops.source(node.inputs[0])
        padding = _padding(node)
        if x is not None and padding is not None:
            y = self.ops.MaxPool(channels, padding)(x)[0]
            return [_like(self.ops.from_map(y, channels), node)]
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
        return [_like(self.ops.from_map(dx, channels), node)]

    def bias(self, node: Apply) -> list[Symbol] | None:
        """A bias drawn into the op that makes the map."""
        if not (_is_elemwise(node, scalar.Add) and len(node.inputs) == 2):
            return None
        for map_, other in (node.inputs, node.inputs[::-1]):
            vector = _channel_vector(other)
            maker, channels = self._maker(map_)
            if vector is None or maker is None or _drawn_in(maker) != (0, False):
                continue
            made = maker.op(*maker.inputs, vector, return_list=True)[0]
            return [_like(self.ops.from_map(made, channels), node)]
        return None

    def leaky(self, node: Apply) -> list[Symbol] | None:
        """A leaky ReLU drawn into the op that makes the map."""
        if not _is_elemwise(node, LeakyReLU):
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
        return [_like(self.ops.from_map(made, channels), node)]

    def leaky_gradient(self, node: Apply) -> list[Symbol] | None:
        """The gradient of a leaky ReLU on a map."""
        if not _is_elemwise(node, LeakyReLUGradient):
            return None
        y, channels = self.ops.source(node.inputs[0])
        if y is not None:
            op = self.ops.LeakyGradient(channels, node.op.scalar_op.slope)
            dz = op(y, self.ops.to_map(node.inputs[1], channels))[0]
            return [_like(self.ops.from_map(dz, channels), node)]
        return None

    def bias_gradient(self, node: Apply) -> list[Symbol] | None:
        """The sum over images and cells that the gradient of a leaky ReLU makes on its way."""
        axes = set(range(node.inputs[0].ndim)) - {1}
        if node.op.axis is None or set(node.op.axis) != axes:
            return None
        dz, _ = self.ops.source(node.inputs[0])
        if dz is not None and dz.owner and isinstance(dz.owner.op, BlockedLeakyGradient):
            return [_like(self.ops.from_vector(dz.owner.outputs[1]), node)]
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
    if _is_elemwise(node, LeakyReLU) and node.op.scalar_op.slope <= 1:
        (x,) = node.inputs
        slope = tensor.constant(node.op.scalar_op.slope, dtype=x.dtype)
        return [tensor.maximum(x, slope * x)]
    return None


@local_optimizer([tensor.Dot])
def dense(node: Apply) -> list[Symbol] | None:
    """y = x w, or one of its gradients."""
    if not isinstance(node.op, tensor.Dot) or not all(map(_is_matrix, node.inputs)):
        return None
    a, b = node.inputs
    if _transposed(a) and _transposed(b):
        return None
    if _transposed(b):
        made = DenseGradient()(a, b.owner.inputs[0])
    elif _transposed(a):
        made = DenseKernelGradient()(a.owner.inputs[0], b)
    else:
        made = Dense()(a, b)
    return [_like(made, node)]


@local_optimizer([Elemwise])
def sgd(node: Apply) -> dict[Symbol, Symbol] | None:
    """``w + (momentum v - rate (g + decay w))`` and the new v in one pass."""
    if not _is_elemwise(node, scalar.Add) or len(node.inputs) != 2:
        return None
    for w, step in (node.inputs, node.inputs[::-1]):
        found = _sgd_terms(w, step)
        if found:
            momentum, v, rate, g, decay = found
            factors = _sole_dense_gradient(g)
            if factors:
                new_w, new_v = DenseSGDStep(momentum, decay)(w, v, *factors, rate)
            else:
                new_w, new_v = SGDStep(momentum, decay)(w, v, g, rate)
            return {node.outputs[0]: new_w, step: new_v}
    return None


@local_optimizer([SGDStep, DenseSGDStep])
def sgd_inplace(node: Apply) -> list[Symbol] | None:
    """The step upon the parameter's own memory."""
    if isinstance(node.op, SGDStep) and not node.op.inplace:
        op = type(node.op)(node.op.momentum, node.op.decay, True)
        return op(*node.inputs, return_list=True)
    return None


DENSE = in2out(dense, name="onednn_dense")
WALK = in2out(*Rules(OnCPU()).walk(), sgd, name="onednn")
PLAIN = in2out(plain_leaky, name="onednn_plain")
INPLACE = in2out(sgd_inplace, name="onednn_inplace")


def _bare(x):
    # The ops check shapes themselves.
    while x.owner and isinstance(x.owner.op, Assert):
        x = x.owner.inputs[0]
    return x


def _like(new, node):
    return tensor.patternbroadcast(new, node.outputs[0].broadcastable)


def _padding(node):
    """Return the padding of a pooling op that `MaxPool` can do, else None."""
    op, (window, stride, padding) = node.op, node.inputs[-3:]
    values = [_constant(v) for v in (window, stride, padding)]
    if op.ndim != 2 or op.mode != "max" or not op.ignore_border or None in values:
        return None
    window, stride, padding = values
    return padding if window == stride == (2, 2) and max(padding) <= 1 else None


def _constant(x):
    try:
        value = tensor.get_vector_length(x) and [tensor.get_scalar_constant_value(v) for v in x]
        return tuple(int(v) for v in value)
    except (ValueError, tensor.NotScalarConstantError):
        return None


def _is_elemwise(node, kind):
    return isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, kind)


def _channel_vector(x):
    """Return b of ``b.dimshuffle("x", 0, "x", ...)``, else None."""
    if x.owner and isinstance(x.owner.op, DimShuffle):
        if x.owner.op.new_order == ("x", 0) + (x.ndim - 2) * ("x",):
            vector = x.owner.inputs[0]
            return vector if vector.dtype == "float32" else None
    return None


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


def _sgd_terms(w, step):
    """Return momentum, v, rate, g and decay of ``momentum v - rate (g + decay w)``, else None."""
    parts = _operands(step, scalar.Sub)
    if w.owner or not parts:
        return None
    momentum, v = _scaled(parts[0])
    rate, gradient = _scaled(parts[1])
    if v is None or gradient is None or v.owner or momentum.owner:
        return None
    decay, g = 0.0, gradient
    terms = _operands(gradient, scalar.Add)
    for one, other in (terms, terms[::-1]) if len(terms) == 2 else ():
        factor, decayed = _scaled(other)
        if decayed is w and isinstance(factor, Constant):
            decay, g = float(factor.data), one
    same = w.type == v.type and g.type == w.type and w.dtype == "float32"
    if not same or not isinstance(momentum, Constant):
        return None
    return float(momentum.data), v, rate, g, decay


def _sole_dense_gradient(g):
    """Return the factors of the product that ``g`` is, if needed for nothing else, else None."""
    made = g.owner.inputs[0] if g.owner and isinstance(g.owner.op, tensor.Reshape) else g
    if made.owner and isinstance(made.owner.op, DenseKernelGradient):
        if len(g.clients) == 1 and len(made.clients) == 1:
            return made.owner.inputs


def _is_matrix(x):
    return x.ndim == 2 and x.dtype == "float32"


def _transposed(x):
    return x.owner and isinstance(x.owner.op, DimShuffle) and x.owner.op.new_order == (1, 0)


def _operands(x, kind):
    return x.owner.inputs if x.owner and _is_elemwise(x.owner, kind) else ()


def _scaled(x):
    """Return the scalar and the tensor of their product, else (None, None)."""
    factors = _operands(x, scalar.Mul)
    for factor, other in (factors, factors[::-1]) if len(factors) == 2 else ():
        if all(factor.broadcastable) and not all(other.broadcastable):
            return _scalar(factor), other
    return None, None


def _scalar(x):
    """Return the variable without axes behind one that has only broadcast axes."""
    if isinstance(x, Constant):
        return tensor.constant(x.data.reshape(()))
    if x.owner and isinstance(x.owner.op, DimShuffle) and x.owner.inputs[0].ndim == 0:
        return x.owner.inputs[0]
    return x.dimshuffle()
