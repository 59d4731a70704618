"""The place of our graph optimisation among Theano's."""
import sys

from theano.compile import optdb
from theano.gof import toolbox
from theano.gof.destroyhandler import DestroyHandler
from theano.gof.opt import Optimizer

LIGHT = "voxlstm_light"
INPLACE = 74  # with Theano's own, before element-wise ops (75)
NAME = "voxlstm_onednn"
POSITION = 48.4  # before Theano chooses its own convolutions (48.6) and fuses elements (49)


class OneDNNOptimizer(Optimizer):
    """Puts the oneDNN ops into graphs that have convolutions on the CPU, where it can be had.

    Everything is imported, and the native library built, by the first such graph.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(toolbox.ReplaceValidate())

    def apply(self, fgraph):
        from ..runtime.backend import device
        from . import library, rewrites

        if device() != "cpu":
            return  # Theano has convolutions of its own for a GPU
        if rewrites.serves(fgraph) and library.available()[0]:
            rewrites.WALK.optimize(fgraph)


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
    if NAME not in optdb.__db__:
        optdb.register(NAME, OneDNNOptimizer(), POSITION, "fast_run", "fast_compile")
        optdb.register(NAME + "_plain", PlainOptimizer(), POSITION + 0.1, LIGHT)
        optdb.register(NAME + "_inplace", InplaceOptimizer(), INPLACE, "fast_run", "inplace")
