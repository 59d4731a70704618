"""The place of our graph optimisation among Theano's."""
import sys

from theano.compile import optdb
from theano.gof import toolbox
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.opt import Optimizer

TAG = "voxlstm"  # of all that every mode takes, to leave them out of one
LIGHT = "voxlstm_light"  # of what `light_function` takes besides
PRODUCTS = 1.65  # before Theano makes calls of its BLAS of them (1.7)
CONVOLUTIONS = 48.4  # before Theano chooses its own (48.6) and fuses elements (49)
INPLACE = 74  # with Theano's own, before element-wise ops (75)


class OneDNNOptimizer(Optimizer):
    """Puts our ops into graphs that have convolutions on the CPU, where oneDNN can be had.

    Everything is imported, and the native library built, by the first such graph.

    Parameters
    ----------
    walk : str
        Which of `rewrites`'s walks.
    """

    def __init__(self, walk):
        super().__init__()
        self.walk = walk

    def add_requirements(self, fgraph):
        fgraph.attach_feature(toolbox.ReplaceValidate())

    def apply(self, fgraph):
        from ..runtime.backend import device
        from . import library, rewrites

        if device() != "cpu":
            return  # Theano has convolutions of its own for a GPU
        if rewrites.serves(fgraph) and library.available()[0]:
            getattr(rewrites, self.walk).optimize(fgraph)


class InplaceOptimizer(Optimizer):
    """Lets the steps of parameters overwrite them."""

    def add_requirements(self, fgraph):
        fgraph.attach_feature(toolbox.ReplaceValidate())
        fgraph.attach_feature(DestroyHandler())

    def apply(self, fgraph):
        if "voxlstm.lib.ops.rewrites" in sys.modules:
            sys.modules["voxlstm.lib.ops.rewrites"].INPLACE.optimize(fgraph)


class PlainOptimizer(Optimizer):
    """Leaves no leaky ReLU that would run in Python, value by value."""

    def add_requirements(self, fgraph):
        fgraph.attach_feature(toolbox.ReplaceValidate())

    def apply(self, fgraph):
        from . import rewrites

        rewrites.PLAIN.optimize(fgraph)


def register():
    """Add the optimisations to Theano's, once."""
    if f"{TAG}_convolutions" in optdb.__db__:
        return
    modes = TAG, "fast_run", "fast_compile"
    optdb.register(f"{TAG}_dense", OneDNNOptimizer("DENSE"), PRODUCTS, *modes)
    optdb.register(f"{TAG}_convolutions", OneDNNOptimizer("WALK"), CONVOLUTIONS, *modes)
    optdb.register(f"{TAG}_plain", PlainOptimizer(), CONVOLUTIONS + 0.1, LIGHT)
    optdb.register(f"{TAG}_inplace", InplaceOptimizer(), INPLACE, TAG, "fast_run", "inplace")
