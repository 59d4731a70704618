"""A Theano implementation of 3-D reconstruction from views by a 3-D convolutional LSTM.

Import it before NumPy: it chooses the kernels that NumPy's BLAS loads. ::

    import voxlstm

    net = voxlstm.load()
    occupancy = net.predict(["front.jpg", "side.png"])
    voxlstm.to_mesh(occupancy, net.threshold).export("object.glb")
"""

from typing import TYPE_CHECKING

from . import lib

if TYPE_CHECKING:
    from .lib.api import Reconstructor, evaluate, load, reconstruct, to_mesh, train

__version__ = "0.1.0"
__all__ = ["Reconstructor", "evaluate", "load", "reconstruct", "to_mesh", "train"]


def __getattr__(name: str) -> object:
    """Give what the list above names; only then is Theano imported, which takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .lib import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
