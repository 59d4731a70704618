"""The place of our graph optimisations among Theano's."""

from collections.abc import Callable

from ..backend.door import device, precision

from theano.compile import optdb
from theano.gof import FunctionGraph, toolbox
from theano.gof.opt import Optimizer

from . import library, on_cpu, rewrites

TAG = "voxlstm"  # of all that every mode takes, to leave them out of one
LIGHT = "voxlstm_light"  # of what `light_function` takes besides
PRODUCTS = 1.65  # before Theano makes calls of its BLAS of them (1.7)
CONVOLUTIONS = 48.4  # before Theano chooses its own (48.6) and fuses elements (49)
INPLACE = 74  # with Theano's own, before element-wise ops (75)


class Placement(Optimizer):
    """Puts our ops into graphs that have convolutions, on the devices that they serve.

    Parameters
    ----------
    serves : callable
        Returns whether the ops can be used on the device in use.
    rewrite : callable
        Takes the graph and changes it.
    """

    def __init__(self, serves: Callable[[], bool], rewrite: Callable[[FunctionGraph], object]) -> None:
        super().__init__()
        self.serves, self.rewrite = serves, rewrite

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        fgraph.attach_feature(toolbox.ReplaceValidate())

    def apply(self, fgraph: FunctionGraph) -> None:
        if rewrites.serves(fgraph) and self.serves():
            self.rewrite(fgraph)


def onednn_serves() -> bool:
    """Return whether the device is the CPU and oneDNN can be had; builds the native library."""
    return device() == "cpu" and library.available()[0]


def cudnn_serves() -> bool:
    """Return whether the device is a CUDA device and cuDNN can be had."""
    if not device().startswith("cuda"):
        return False
    from .gpu import serves  # Theano's GPU back end is there by now

    return serves()


def place_on_cpu(fgraph: FunctionGraph) -> None:
    """Put the ops over oneDNN into a graph, of the precision in use."""
    on_cpu.WALKS[precision()].optimize(fgraph)


def place_on_cuda(fgraph: FunctionGraph) -> None:
    """Put the ops over cuDNN into a graph."""
    from .gpu import optimise

    optimise(fgraph)


def merge_on_cuda(fgraph: FunctionGraph) -> None:
    """Make one op of SGD's steps of all parameters."""
    from .gpu.update import merge_sgd

    merge_sgd(fgraph)


def register() -> None:
    """Add the optimisations to Theano's, once."""
    if f"{TAG}_convolutions" in optdb.__db__:
        return
    modes = TAG, "fast_run", "fast_compile"
    dense = Placement(onednn_serves, on_cpu.DENSE.optimize)
    convolutions = Placement(onednn_serves, place_on_cpu)
    on_cuda = Placement(cudnn_serves, place_on_cuda)
    merged = Placement(cudnn_serves, merge_on_cuda)
    optdb.register(f"{TAG}_dense", dense, PRODUCTS, *modes)
    optdb.register(f"{TAG}_merged", merged, PRODUCTS, *modes)
    optdb.register(f"{TAG}_convolutions", convolutions, CONVOLUTIONS, *modes)
    optdb.register(f"{TAG}_cudnn", on_cuda, CONVOLUTIONS, *modes)
    optdb.register(f"{TAG}_plain", on_cpu.PLAIN, CONVOLUTIONS + 0.1, LIGHT)
    optdb.register(f"{TAG}_inplace", on_cpu.INPLACE, INPLACE, TAG, "fast_run", "inplace")
