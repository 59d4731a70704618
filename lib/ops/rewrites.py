"""The graph optimisation that puts the oneDNN ops in the place of Theano's own.

One walk from the inputs to the outputs. Convolutions take blocked maps and give blocked maps
(`layout`); what follows a convolution is drawn into it or made on the blocked map, so that the
conversions meet and vanish, and stay only at the ends of a chain.
"""
from dataclasses import replace

from ..runtime.backend import tensor

from theano import scalar
from theano.gof import Constant
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


def serves(fgraph):
    """Return whether a graph has convolutions for the CPU."""
    kinds = FORWARD + TRANSPOSED + KERNEL
    return any(isinstance(node.op, kinds) for node in fgraph.apply_nodes)


@local_optimizer(FORWARD)
def convolve(node):
    """y = x * w."""
    geometry = _geometry(node)
    if geometry:
        x, w = node.inputs
        y = Convolve(geometry)(to_blocked(x, geometry.x_channels), _bare(w))
        return [_like(from_blocked(y, geometry.y_channels), node)]


@local_optimizer(TRANSPOSED)
def transpose(node):
    """x = w^T y."""
    geometry = _geometry(node)
    if geometry:
        w, y, space = node.inputs
        x = Transpose(geometry)(_bare(w), to_blocked(y, geometry.y_channels), space)
        return [_like(from_blocked(x, geometry.x_channels), node)]


@local_optimizer(KERNEL)
def kernel_gradient(node):
    """w from x and y."""
    geometry = _geometry(node)
    if geometry:
        x, y, space = node.inputs
        x, y = to_blocked(x, geometry.x_channels), to_blocked(y, geometry.y_channels)
        return [_like(KernelGradient(geometry)(x, y, space), node)]


@local_optimizer([Pool])
def pool(node):
    """The maximum of a blocked map."""
    x, channels = blocked_source(node.inputs[0])
    padding = _padding(node)
    if x is not None and padding is not None:
        y = MaxPool(channels, padding)(x)[0]
        return [_like(from_blocked(y, channels), node)]


@local_optimizer([MaxPoolGrad])
def pool_gradient(node):
    """The gradient of a maximum, from the code that the forward pass has written."""
    x, channels = blocked_source(node.inputs[0])
    padding = _padding(node)
    if x is None or padding is None:
        return
    # Drawing a bias in has made further nodes of the same maximum: the last has it all.
    nodes = [n for n, _ in x.clients if n != "output" and isinstance(n.op, MaxPool)]
    _, code, size = max(nodes, key=_drawn_in).outputs
    dy = to_blocked(node.inputs[2], channels)
    dx = MaxPoolGradient(channels, padding)(dy, code, size)
    return [_like(from_blocked(dx, channels), node)]


@local_optimizer([Elemwise])
def bias(node):
    """A bias drawn into the op that makes the map."""
    if not (_is_elemwise(node, scalar.Add) and len(node.inputs) == 2):
        return
    for map_, other in (node.inputs, node.inputs[::-1]):
        vector = _channel_vector(other)
        maker, channels = _maker(map_)
        if vector is None or maker is None or _drawn_in(maker) != (0, False):
            continue
        made = maker.op(*maker.inputs, vector, return_list=True)[0]
        return [_like(from_blocked(made, channels), node)]


@local_optimizer([Elemwise])
def leaky(node):
    """A leaky ReLU drawn into the op that makes the map."""
    if not _is_elemwise(node, LeakyReLU):
        return
    maker, channels = _maker(node.inputs[0])
    if maker is None or _drawn_in(maker)[1]:
        return
    slope = node.op.scalar_op.slope
    if isinstance(maker.op, MaxPool):
        op = MaxPool(maker.op.channels, maker.op.padding, slope)
    else:
        op = type(maker.op)(maker.op.geometry, slope)
    made = op(*maker.inputs, return_list=True)[0]
    return [_like(from_blocked(made, channels), node)]


@local_optimizer([Elemwise])
def leaky_gradient(node):
    """The gradient of a leaky ReLU on blocked maps."""
    if not _is_elemwise(node, LeakyReLUGradient):
        return
    y, channels = blocked_source(node.inputs[0])
    if y is not None:
        op = BlockedLeakyGradient(channels, node.op.scalar_op.slope)
        dz = op(y, to_blocked(node.inputs[1], channels))[0]
        return [_like(from_blocked(dz, channels), node)]


@local_optimizer([Elemwise])
def plain_leaky(node):
    """A leaky ReLU that stands alone, from what NumPy has: max(x, slope x)."""
    if _is_elemwise(node, LeakyReLU) and node.op.scalar_op.slope <= 1:
        (x,) = node.inputs
        slope = tensor.constant(node.op.scalar_op.slope, dtype=x.dtype)
        return [tensor.maximum(x, slope * x)]


@local_optimizer([Sum])
def bias_gradient(node):
    """The sum over images and cells that the gradient of a leaky ReLU makes on its way."""
    axes = set(range(node.inputs[0].ndim)) - {1}
    if node.op.axis is None or set(node.op.axis) != axes:
        return
    dz, _ = blocked_source(node.inputs[0])
    if dz is not None and dz.owner and isinstance(dz.owner.op, BlockedLeakyGradient):
        return [_like(dz.owner.outputs[1], node)]


@local_optimizer([tensor.Dot])
def dense(node):
    """y = x w, or one of its gradients."""
    if not isinstance(node.op, tensor.Dot) or not all(map(_is_matrix, node.inputs)):
        return
    a, b = node.inputs
    if _transposed(a) and _transposed(b):
        return
    if _transposed(b):
        made = DenseGradient()(a, b.owner.inputs[0])
    elif _transposed(a):
        made = DenseKernelGradient()(a.owner.inputs[0], b)
    else:
        made = Dense()(a, b)
    return [_like(made, node)]


@local_optimizer([Elemwise])
def sgd(node):
    """``w + (momentum v - rate (g + decay w))`` and the new v in one pass."""
    if not _is_elemwise(node, scalar.Add) or len(node.inputs) != 2:
        return
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


@local_optimizer([SGDStep, DenseSGDStep])
def sgd_inplace(node):
    """The step upon the parameter's own memory."""
    if isinstance(node.op, SGDStep) and not node.op.inplace:
        op = type(node.op)(node.op.momentum, node.op.decay, True)
        return op(*node.inputs, return_list=True)


RULES = (
    convolve,
    transpose,
    kernel_gradient,
    pool,
    pool_gradient,
    bias,
    leaky,
    leaky_gradient,
    bias_gradient,
    sgd,
)


DENSE = in2out(dense, name="onednn_dense")
WALK = in2out(*RULES, name="onednn")
PLAIN = in2out(plain_leaky, name="onednn_plain")
INPLACE = in2out(sgd_inplace, name="onednn_inplace")


def to_blocked(x, channels):
    """Return the map as ``channels`` says: blocked, or plain for None."""
    x = _bare(x)
    if channels is None:
        return x
    if x.owner and x.owner.op == FromBlocked(channels):
        return x.owner.inputs[0]
    return ToBlocked(channels)(x)


def from_blocked(x, channels):
    """Return the plain map; ``channels`` is None for one that is plain already."""
    return x if channels is None else FromBlocked(channels)(x)


def blocked_source(x):
    """Return the blocked map behind a plain one and its channels, or (None, None)."""
    if x.owner and isinstance(x.owner.op, FromBlocked):
        return x.owner.inputs[0], x.owner.op.channels
    return None, None


def _geometry(node):
    """Return an abstract convolution's geometry, None where oneDNN's ops do not serve."""
    op = node.op
    maps = [v for v in node.inputs if v.ndim > 1]
    symmetric = isinstance(op.border_mode, str) or all(
        isinstance(border, int) for border in op.border_mode
    )
    served = (
        symmetric
        and op.num_groups == 1
        and not op.unshared
        and all(v.dtype == "float32" for v in maps)
    )
    if not served:
        return None
    y_channels, x_channels = map(_blocked_channels, op.kshp[:2])
    return Geometry(
        space=op.convdim,
        border=op.border_mode,
        stride=tuple(op.subsample),
        dilation=tuple(op.filter_dilation),
        flip=bool(op.filter_flip),
        x_channels=x_channels,
        y_channels=y_channels,
    )


def _blocked_channels(channels):
    # Fewer channels than half a block would mostly move zeros.
    if channels is None or 2 * int(channels) < block():
        return None
    return int(channels)


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


def _maker(x):
    """Return the node whose map is needed in no other form than ``x``, and its channels.

    The maxima before a bias are needed by their gradient too, but there the code stands in.
    """
    blocked, channels = blocked_source(x)
    made = x if blocked is None else blocked
    maker = made.owner
    if maker is None or not isinstance(maker.op, (Convolve, Transpose, MaxPool)):
        return None, None
    if maker.outputs[0] is not made or not (_sole(x, maker) and _sole(made, maker)):
        return None, None
    return maker, channels


def _sole(x, maker):
    clients = [n for n, _ in x.clients]
    if isinstance(maker.op, MaxPool):
        clients = [n for n in clients if n == "output" or not isinstance(n.op, MaxPoolGrad)]
    return len(clients) == 1


def _drawn_in(node):
    """Return how many biases and whether a leaky ReLU have been drawn into a node."""
    if isinstance(node.op, MaxPool):
        return len(node.inputs) - 1, node.op.slope != 1
    plain = {Convolve: 2, Transpose: 3}[type(node.op)]
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
