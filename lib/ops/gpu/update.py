"""Stochastic gradient descent's step of all parameters in one kernel."""

from functools import lru_cache
from math import prod

from ...backend.door import DeviceArray, Symbol

from theano.gof import Apply, FunctionGraph
from theano.gpuarray.basic_ops import HostFromGpu

from ..hints import Shapes, Storage
from ..products import sgd_terms
from ..update import SGDStep
from . import kernels
from .maps import on_gpu

AT_ONCE = 64  # parameters of a launch: a kernel takes 4 KB of arguments
BLOCKS = 256  # for each parameter; the smaller ones leave most of them idle
OPERANDS = 4
ARGUMENTS = (
    "float *w{0}, float *v{0}, const float *g{0}, const float *rate{0}, unsigned size{0}, unsigned cells{0},"
    " unsigned channels{0}, unsigned to_image{0}, unsigned to_channel{0}, unsigned to_cell{0}, float decay{0}"
)
STEP = (
    "case {0}: step(w{0}, v{0}, g{0}, *rate{0}, momentum, decay{0}, size{0}, cells{0}, channels{0},"
    " to_image{0}, to_channel{0}, to_cell{0}); break;"
)


class GpuSGDStep(SGDStep):
    """The steps of many parameters; see `SGDStep`.

    Inputs are w, v, g and the rate of one parameter after the other, outputs w' and v' likewise.

    Parameters
    ----------
    momentum : float
    decay : tuple of float
        Of each parameter.
    inplace : bool
        Whether each w and v is overwritten.
    """

    decay: tuple[float, ...]  # type: ignore[assignment]  # SGDStep has that of its one parameter

    def __init__(self, momentum: float, decay: tuple[float, ...], inplace: bool = False) -> None:
        self.momentum, self.decay, self.inplace = momentum, decay, inplace
        if inplace:
            self.destroy_map = {
                2 * number + place: [OPERANDS * number + place]
                for number in range(len(decay))
                for place in (0, 1)
            }

    def make_node(self, *inputs: Symbol) -> Apply:
        operands = [on_gpu(x) for x in inputs]
        return Apply(self, operands, [x.type() for w, v, _, _ in _each(operands) for x in (w, v)])

    def perform(self, node: Apply, inputs: list[DeviceArray], outputs: Storage) -> None:
        arguments = []
        for number, (w, v, g, rate) in enumerate(_each(inputs)):
            if not w.shape == v.shape == g.shape:
                raise ValueError(f"shapes {w.shape}, {v.shape} and {g.shape} do not belong together")
            w, v = self.own(w, v)
            outputs[2 * number][0], outputs[2 * number + 1][0] = w, v
            g, reach = _reach(g)
            arguments.append((w, v, g, kernels.plain(rate), w.size, *reach, float(self.decay[number])))
        for start in range(0, len(arguments), AT_ONCE):
            _launch(self.momentum, arguments[start : start + AT_ONCE])

    def own(self, w: DeviceArray, v: DeviceArray) -> tuple[DeviceArray, DeviceArray]:
        """Return the arrays to be overwritten."""
        if not self.inplace:
            return w.copy("C"), v.copy("C")
        return kernels.plain(w), kernels.plain(v)

    def infer_shape(self, node: Apply, shapes: Shapes) -> Shapes:
        return [shape for w, v, _, _ in _each(shapes) for shape in (w, v)]


def merge_sgd(fgraph: FunctionGraph) -> None:
    """Put one op in the place of every ``w + (momentum v - rate (g + decay w))`` of a graph."""
    found = [(node, sgd_terms(node, _is_stored)) for node in fgraph.toposort()]
    steps = [(node, terms) for node, terms in found if terms]
    for momentum in {terms.momentum for _, terms in steps}:
        alike = [(node, terms) for node, terms in steps if terms.momentum == momentum]
        operands = [x for _, terms in alike for x in (terms.w, terms.v, terms.g, terms.rate)]
        op = GpuSGDStep(momentum, tuple(terms.decay for _, terms in alike))
        made = [x.transfer("cpu") for x in op(*operands, return_list=True)]
        replaced = [x for node, terms in alike for x in (node.outputs[0], terms.step)]
        fgraph.replace_all_validate(list(zip(replaced, made)), reason="merge_sgd")


def _each(values):
    """Return the operands of each parameter."""
    return [values[start : start + OPERANDS] for start in range(0, len(values), OPERANDS)]


def _is_stored(x):
    """Return whether a variable on the host is read from the GPU's memory, where nothing computes it."""
    return bool(x.owner) and isinstance(x.owner.op, HostFromGpu) and not x.owner.inputs[0].owner


def _reach(g):
    """Return a gradient, and how the kernel finds its values.

    Those are the cells and channels of a kernel's gradient, and how many values two images, channels
    and cells lie apart. Gradients with their channels last are not copied.
    """
    apart = [stride // g.itemsize for stride in g.strides]
    space = range(2, g.ndim)
    together = all(apart[axis] == apart[axis + 1] * g.shape[axis + 1] for axis in space[:-1])
    if not space or not together or g.flags.c_contiguous or g.offset:
        return kernels.plain(g), (g.size, 1, 0, 0, 1)
    return g, (prod(g.shape[2:]), g.shape[1], apart[0], apart[1], apart[-1])


def _launch(momentum, parameters):
    count = len(parameters)
    arguments = [argument for parameter in parameters for argument in parameter]
    kernels.launch("sgd", float(momentum), *arguments, blocks=(BLOCKS, count), more=_kernel(count))


@lru_cache(maxsize=None)
def _kernel(count):
    """Return the source of the kernel for so many parameters."""
    declared = ", ".join(ARGUMENTS.format(number) for number in range(count))
    cases = " ".join(STEP.format(number) for number in range(count))
    return (
        f'extern "C" __global__ void sgd(float momentum, {declared}) {{ switch (blockIdx.y) {{ {cases} }} }}'
    )
