"""Compiling a graph that is run a few times."""

from collections.abc import Sequence

from ..backend.door import Function, Symbol, device, theano

from theano.gof.vm import VM_Linker
from theano.tensor.nnet.corr import BaseCorrMM
from theano.tensor.nnet.corr3d import BaseCorr3dMM
from theano.tensor.signal.pool import Pool

from .library import available
from .registration import LIGHT

SLOW_IN_PYTHON = BaseCorrMM, BaseCorr3dMM, Pool


def light_function(
    inputs: Sequence[Symbol], outputs: Symbol | Sequence[Symbol], subsets: bool = False
) -> Function:
    """Compile a graph that is run a few times.

    On the CPU the oneDNN ops do the work, and the few small ops between them run in NumPy, so that
    a first prediction does not wait for a compiler to make a module of each. A graph that keeps
    pooling or convolutions of Theano's own, which are slow or broken in Python, is compiled as
    usual.

    Parameters
    ----------
    inputs, outputs : symbolic variables
    subsets : bool
        Whether calls ask for some of the outputs (``output_subset``). Only a lazy machine then computes
        no more than these, but it loses more time between ops.
    """
    settings = {"allow_input_downcast": False}
    if device() == "cpu" and theano.config.mode == "Mode" and available()[0]:
        linker = VM_Linker(use_cloop=False, lazy=subsets or None, c_thunks=False)
        mode = theano.Mode(linker, "fast_run").excluding("fusion").including(LIGHT)
        function = theano.function(inputs, outputs, mode=mode, **settings)
        nodes = function.maker.fgraph.apply_nodes
        if not any(isinstance(node.op, SLOW_IN_PYTHON) for node in nodes):
            return function
    return theano.function(inputs, outputs, **settings)
