"""The ops over oneDNN in the place of Theano's own: their maps, and the walks over a graph."""

from ..backend.door import Symbol

from theano.gof.opt import in2out

from .activation import activation
from .convolution import Convolve, Geometry, KernelGradient, Transpose
from .layout import FromBlocked, ToBlocked, block, dtype_of
from .leaky import BlockedLeakyGradient
from .patterns import bare
from .pooling import MaxPool, MaxPoolGradient
from .products import dense, sgd, sgd_inplace
from .rewrites import Rules, plain_leaky


class OnCPU:
    """The ops over oneDNN, and how their maps are had from plain ones.

    Parameters
    ----------
    precision : str
        Of the products' factors and the maps: ``"float32"`` or ``"bfloat16"``.
    """

    Convolve, Transpose, KernelGradient = Convolve, Transpose, KernelGradient
    MaxPool, MaxPoolGradient, LeakyGradient = MaxPool, MaxPoolGradient, BlockedLeakyGradient
    plain_channels = True  # a map may stay plain; then its channels are None

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self._dtype = dtype_of(precision)

    def channels(self, count: int | None) -> int | None:
        """Return the channels of a blocked map, None where it had better be plain."""
        # Fewer channels than half a block would mostly move zeros.
        if count is None or 2 * int(count) < block():
            return None
        return int(count)

    def to_map(self, x: Symbol, channels: int | None) -> Symbol:
        """Return the map as ``channels`` says: blocked, or plain for None."""
        x = bare(x)
        if channels is None:
            return x
        if x.owner and x.owner.op == FromBlocked(channels):
            return x.owner.inputs[0]
        return ToBlocked(channels, self._dtype)(x)

    def from_map(self, x: Symbol, channels: int | None) -> Symbol:
        """Return the plain map; ``channels`` is None for one that is plain already."""
        return x if channels is None else FromBlocked(channels)(x)

    def source(self, x: Symbol) -> tuple[Symbol | None, int | None]:
        """Return the blocked map behind a plain one and its channels, or (None, None)."""
        if x.owner and isinstance(x.owner.op, FromBlocked):
            return x.owner.inputs[0], x.owner.op.channels
        return None, None

    def to_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return a convolution's kernel as the ops take it."""
        return bare(w)

    def from_kernel(self, w: Symbol, geometry: Geometry) -> Symbol:
        """Return the plain kernel of what `KernelGradient` gave."""
        return w

    def from_vector(self, b: Symbol) -> Symbol:
        """Return an op's vector as other ops take it."""
        return b


DENSE = in2out(dense, name="onednn_dense")
WALKS = {
    precision: in2out(*Rules(OnCPU(precision)).walk(), sgd, activation, name=f"onednn_{precision}")
    for precision in ("float32", "bfloat16")
}
PLAIN = in2out(plain_leaky, name="onednn_plain")
INPLACE = in2out(sgd_inplace, name="onednn_inplace")
