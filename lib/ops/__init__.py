"""Ops of our own for the CPU, most over oneDNN, and the optimisation that puts them in place.

`register` is called once by `lib.runtime.backend`; where oneDNN cannot be had, Theano's own ops
serve. The environment variable ``VOXLSTM_ONEDNN=0`` switches ours off.
"""


def available():
    """Return whether the oneDNN ops can serve here, and the version or the reason why not.

    Returns
    -------
    tuple of (bool, str)
    """
    from . import library

    return library.available()


def register():
    """Let graphs compiled from now on use the oneDNN ops on the CPU."""
    from . import registration

    registration.register()


def light_function(inputs, outputs):
    """Compile a graph that is run a few times.

    On the CPU the oneDNN ops do the work, and the few small ops between them run in NumPy, so that
    a first prediction does not wait for a compiler to make a module of each. A graph that keeps
    pooling or convolutions of Theano's own, which are slow or broken in Python, is compiled as
    usual.
    """
    import theano
    from theano.gof.vm import VM_Linker
    from theano.tensor.nnet.corr import BaseCorrMM
    from theano.tensor.nnet.corr3d import BaseCorr3dMM
    from theano.tensor.signal.pool import Pool

    from ..runtime.backend import device
    from . import registration

    settings = {"allow_input_downcast": False}
    if device() == "cpu" and theano.config.mode == "Mode" and available()[0]:
        # A lazy machine computes no more than the outputs asked for.
        linker = VM_Linker(use_cloop=False, lazy=True, c_thunks=False)
        mode = theano.Mode(linker, "fast_run").excluding("fusion").including(registration.LIGHT)
        function = theano.function(inputs, outputs, mode=mode, **settings)
        theirs = (BaseCorrMM, BaseCorr3dMM, Pool)
        nodes = function.maker.fgraph.apply_nodes
        if not any(isinstance(node.op, theirs) for node in nodes):
            return function
    return theano.function(inputs, outputs, **settings)
