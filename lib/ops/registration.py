"""The place of our graph optimisations among Theano's."""
from ..runtime.backend import device

from theano.compile import optdb
from theano.gof import toolbox
from theano.gof.opt import Optimizer

from . import library, rewrites

TAG = "voxlstm"  # of all that every mode takes, to leave them out of one
LIGHT = "voxlstm_light"  # of what `light_function` takes besides
PRODUCTS = 1.65  # before Theano makes calls of its BLAS of them (1.7)
CONVOLUTIONS = 48.4  # before Theano chooses its own (48.6) and fuses elements (49)
INPLACE = 74  # with Theano's own, before element-wise ops (75)


class OneDNNOptimizer(Optimizer):
    """Puts our ops into graphs that have convolutions on the CPU, where oneDNN can be had.

    The native library is built by the first such graph.

    Parameters
    ----------
    rewrite : callable
        Takes the graph and changes it.
    """

    def __init__(self, rewrite):
        super().__init__()
        self.rewrite = rewrite

    def add_requirements(self, fgraph):
        fgraph.attach_feature(toolbox.ReplaceValidate())

    def apply(self, fgraph):
        if device() == "cpu" and rewrites.serves(fgraph) and library.available()[0]:
            self.rewrite(fgraph)


class CuDNNOptimizer(OneDNNOptimizer):
    """Puts our ops into graphs that have convolutions on a CUDA device, where cuDNN can be had."""

    def __init__(self):
        super().__init__(None)

    def apply(self, fgraph):
        if device().startswith("cuda") and rewrites.serves(fgraph):
            from .gpu import optimise  # Theano's GPU back end is there by now

            optimise(fgraph)


def register():
    """Add the optimisations to Theano's, once."""
    if f"{TAG}_convolutions" in optdb.__db__:
        return
    modes = TAG, "fast_run", "fast_compile"
    dense = OneDNNOptimizer(rewrites.DENSE.optimize)
    convolutions = OneDNNOptimizer(rewrites.WALK.optimize)
    optdb.register(f"{TAG}_dense", dense, PRODUCTS, *modes)
    optdb.register(f"{TAG}_convolutions", convolutions, CONVOLUTIONS, *modes)
    optdb.register(f"{TAG}_cudnn", CuDNNOptimizer(), CONVOLUTIONS, *modes)
    optdb.register(f"{TAG}_plain", rewrites.PLAIN, CONVOLUTIONS + 0.1, LIGHT)
    optdb.register(f"{TAG}_inplace", rewrites.INPLACE, INPLACE, TAG, "fast_run", "inplace")
