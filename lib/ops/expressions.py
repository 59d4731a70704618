"""The network's convolutions and maxima, each written in the form that costs least.

The first line of each function says what it equals; the tests compare it with that. Maps are
``(batch, channels, rows, columns)`` or ``(batch, channels, x, y, z)``, kernels ``W`` are
``(outputs, inputs, *kernel)`` of the given static ``shape``. Convolutions are cross-correlations
of stride 1 with zero padding that keeps the size, as in other frameworks: kernels are not turned
over.
"""

from ..backend.door import Symbol, tensor

from theano.tensor.nnet import abstract_conv
from theano.tensor.signal.pool import pool_2d


def convolve2d(x: Symbol, W: Symbol, shape: tuple[int, ...]) -> Symbol:
    """Return convolution(x, W) of maps with two axes."""
    return tensor.nnet.conv2d(x, W, filter_shape=shape, border_mode="half", filter_flip=False)


def convolve3d(x: Symbol, W: Symbol, shape: tuple[int, ...]) -> Symbol:
    """Return convolution(x, W) of maps with three axes."""
    # The gradient asks for W's shape; a static one need not be fetched from a GPU at every view.
    W = tensor.specify_shape(W, shape)
    return tensor.nnet.conv3d(x, W, filter_shape=shape, border_mode="half", filter_flip=False)


def convolve3d_to_fewer(x: Symbol, W: Symbol, shape: tuple[int, ...], size: int) -> Symbol:
    """Return convolution(x, W) where the maps become fewer, as they do in a decoder.

    It is written as a transposed convolution, since Theano's own holds a column buffer of the
    maps of its output, and that of a convolution one of the maps of its input.

    Parameters
    ----------
    size : int
        Cells along each axis of the result.
    """
    return _transposed(x, W, shape, size, 1)


def unpool_and_convolve3d(x: Symbol, W: Symbol, shape: tuple[int, ...], size: int) -> Symbol:
    """Return convolution(unpool(x), W).

    Unpooling puts each value into the even corner of a 2x2x2 block and zeros elsewhere. The
    convolution of such a map is a transposed convolution of stride 2, which skips the seven
    products in eight that have a zero in them.

    Parameters
    ----------
    size : int
        Cells along each axis of the result, twice those of ``x``.
    """
    return _transposed(x, W, shape, size, 2)


def max_pool(x: Symbol) -> Symbol:
    """Return 2x2 maxima, stride 2, with a border of one that never enters a maximum."""
    return pool_2d(x, ws=(2, 2), stride=(2, 2), pad=(1, 1), ignore_border=True, mode="max")


def pooled_size(size: int) -> int:
    """Return the rows that `max_pool` makes of ``size`` rows."""
    return size // 2 + 1


def add_and_max_pool(x: Symbol, b: Symbol) -> Symbol:
    """Return max_pool(x + b), for one value of ``b`` a channel."""
    # max(x) + b = max(x + b): the bias is added where there are fewer values.
    return max_pool(x) + per_channel(b, x.ndim)


def per_channel(b: Symbol, ndim: int) -> Symbol:
    """Return a vector of one value a channel as it adds to a map of so many axes."""
    return b.dimshuffle("x", 0, *("x" * (ndim - 2)))


def _transposed(x, W, shape, size, stride):
    outputs, inputs, *kernel = shape
    # A transposed convolution scatters what a convolution gathers: its kernel is turned over.
    return abstract_conv.conv3d_grad_wrt_inputs(
        x,
        W.dimshuffle(1, 0, 2, 3, 4),
        input_shape=(None, outputs) + 3 * (size,),
        filter_shape=(inputs, outputs, *kernel),
        border_mode="half",
        subsample=3 * (stride,),
        filter_flip=True,
    )
