"""What rules look for in graphs."""

from collections.abc import Sequence
from typing import Any

from ..backend.door import Symbol, tensor

from theano import scalar
from theano.gof import Apply, Constant
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.opt import Assert


def bare(x: Symbol) -> Symbol:
    """Return what stands behind assertions of a variable's shape."""
    # The ops check shapes themselves.
    while x.owner and isinstance(x.owner.op, Assert):
        x = x.owner.inputs[0]
    return x


def like(new: Symbol, node: Apply) -> Symbol:
    """Return a variable that broadcasts as a node's output does."""
    return tensor.patternbroadcast(new, node.outputs[0].broadcastable)


def constant(x: Symbol) -> tuple[int, ...] | None:
    """Return the numbers of a constant vector, else None."""
    try:
        value = tensor.get_vector_length(x) and [tensor.get_scalar_constant_value(v) for v in x]
        return tuple(int(v) for v in value)
    except (ValueError, tensor.NotScalarConstantError):
        return None


def is_elementwise(node: Apply, kind: Any) -> bool:
    """Return whether a node computes a kind of scalar op on every element."""
    return isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, kind)


def channel_vector(x: Symbol) -> Symbol | None:
    """Return b of ``b.dimshuffle("x", 0, "x", ...)``, else None."""
    if x.owner and isinstance(x.owner.op, DimShuffle):
        if x.owner.op.new_order == ("x", 0) + (x.ndim - 2) * ("x",):
            vector = x.owner.inputs[0]
            return vector if vector.dtype == "float32" else None
    return None


def operands(x: Symbol, kind: Any) -> Sequence[Symbol]:
    """Return the inputs of the kind of element-wise op that makes a variable; none of any other."""
    return x.owner.inputs if x.owner and is_elementwise(x.owner, kind) else ()


def scaled(x: Symbol) -> tuple[Symbol | None, Symbol | None]:
    """Return the scalar and the tensor of their product, else (None, None)."""
    factors = operands(x, scalar.Mul)
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
