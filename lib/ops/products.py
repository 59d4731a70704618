"""Rules for matrix products, and for a step of SGD in one pass."""

from collections.abc import Callable
from typing import NamedTuple

from ..backend.door import Symbol, tensor

from theano import scalar
from theano.gof import Apply, Constant
from theano.gof.opt import local_optimizer
from theano.tensor.elemwise import DimShuffle, Elemwise

from .dense import Dense, DenseGradient, DenseKernelGradient, DenseSGDStep
from .patterns import is_elementwise, like, operands, scaled
from .update import SGDStep


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
    return [like(made, node)]


@local_optimizer([Elemwise])
def sgd(node: Apply) -> dict[Symbol, Symbol] | None:
    """``w + (momentum v - rate (g + decay w))`` and the new v in one pass."""
    found = sgd_terms(node)
    if found:
        factors = _sole_dense_gradient(found.g)
        if factors:
            new_w, new_v = DenseSGDStep(found.momentum, found.decay)(found.w, found.v, *factors, found.rate)
        else:
            new_w, new_v = SGDStep(found.momentum, found.decay)(found.w, found.v, found.g, found.rate)
        return {node.outputs[0]: new_w, found.step: new_v}
    return None


@local_optimizer([SGDStep, DenseSGDStep])
def sgd_inplace(node: Apply) -> list[Symbol] | None:
    """The step upon the parameter's own memory."""
    if isinstance(node.op, SGDStep) and not node.op.inplace:
        op = type(node.op)(node.op.momentum, node.op.decay, True)
        return op(*node.inputs, return_list=True)
    return None


class SGDTerms(NamedTuple):
    """What a step of SGD is made of: variables, the step itself, and two numbers."""

    w: Symbol
    v: Symbol
    g: Symbol
    rate: Symbol
    step: Symbol
    momentum: float
    decay: float


def sgd_terms(node: Apply, stored: Callable[[Symbol], bool] = lambda x: not x.owner) -> SGDTerms | None:
    """Return the terms of a node that is ``w + (momentum v - rate (g + decay w))``, else None.

    Parameters
    ----------
    node : Apply
    stored : callable
        Returns whether a variable is one in memory, as parameters and velocities are.
    """
    if not is_elementwise(node, scalar.Add) or len(node.inputs) != 2:
        return None
    for w, step in (node.inputs, node.inputs[::-1]):
        parts = operands(step, scalar.Sub)
        if not parts or not stored(w):
            continue
        momentum, v = scaled(parts[0])
        rate, gradient = scaled(parts[1])
        if v is None or gradient is None or not stored(v) or not isinstance(momentum, Constant):
            continue
        g, decay = _without_decay(gradient, w)
        if w.type == v.type == g.type and w.dtype == "float32":
            return SGDTerms(w, v, g, rate, step, float(momentum.data), decay)
    return None


def _without_decay(gradient, w):
    """Return g and decay of ``g + decay w``."""
    terms = operands(gradient, scalar.Add)
    for g, other in (terms, terms[::-1]) if len(terms) == 2 else ():
        factor, decayed = scaled(other)
        if decayed is w and isinstance(factor, Constant):
            return g, float(factor.data)
    return gradient, 0.0


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
