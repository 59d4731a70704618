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


def light_function(inputs: Sequence[Symbol], outputs: Symbol | Sequence[Symbol]) -> Function:
    """Compile a graph that is run a few times.

    On the CPU the oneDNN ops do the work, and the few small ops between them run in NumPy, so that
    a first prediction does not wait for a compiler to make a module of each. A graph that keeps
    pooling or convolutions of Theano's own, which are slow or broken in Python, is compiled as
    usual.
    """
    settings = {"allow_input_downcast": False}
    if device() == "cpu" and theano.config.mode == "Mode" and available()[0]:
        # A lazy machine computes no more than the outputs asked for.
        linker = VM_Linker(use_cloop=False, lazy=True, c_thunks=False)
        mode = theano.Mode(linker, "fast_run").excluding("fusion").including(LIGHT)
        function = theano.function(inputs, outputs, mode=mode, **settings)
        nodes = function.maker.fgraph.apply_nodes
        if not any(isinstance(node.op, SLOW_IN_PYTHON) for node in nodes):
            return function
    return theano.function(inputs, outputs, **settings)
