"""Layers: named parameters and the expressions that the three parts of the network are made of.

Feature maps are ``(batch, channels, rows, columns)`` or ``(batch, channels, x, y, z)``.
Convolutions are cross-correlations, as in other frameworks: kernels are not turned over.
"""
from collections import OrderedDict
from dataclasses import dataclass

from ..lib.backend.door import tensor, theano

import numpy as np
from theano.tensor.nnet import abstract_conv
from theano.tensor.signal.pool import pool_2d

from ..lib.ops import leaky

LEAKY_SLOPE = 0.1  # paper, "Implementation"
INITIAL_BIAS = 0.1


@dataclass(frozen=True)
class Parameter:
    """A trained array of the network.

    Attributes
    ----------
    name : str
        Such as ``encoder.conv1.W``.
    variable : theano shared variable
        Holds the value.
    kind : str
        ``"weight"`` or ``"bias"``; weight decay acts on weights only.
    shape : tuple of int
    """

    name: str
    variable: object
    kind: str
    shape: tuple


class Parameters(OrderedDict):
    """The parameters of one network by name, in the order in which they were made.

    Parameters
    ----------
    seed : int
        Of the initial values; the same seed and definition give the same values.
    dtype : str
        ``"float32"`` or ``"float64"``. Values are drawn in float64 and rounded.
    """

    def __init__(self, seed, dtype):
        super().__init__()
        self.dtype = dtype
        self._random = np.random.default_rng(seed)

    def weight(self, name, shape, fan_in, fan_out):
        """Make a weight with values from N(0, 2 / n), n = (fan_in + fan_out) / 2.

        This is the normalised initialisation of Glorot and Bengio (2010), as 3D-R2N2 uses it.
        """
        deviation = np.sqrt(2 / ((fan_in + fan_out) / 2))
        return self._add(name, self._random.normal(0, deviation, shape), "weight")

    def bias(self, name, size):
        """Make a bias of ``size`` values, all 0.1 as in 3D-R2N2."""
        return self._add(name, np.full(size, INITIAL_BIAS), "bias")

    def _add(self, name, value, kind):
        variable = theano.shared(value.astype(self.dtype), name=name)
        self[name] = Parameter(name, variable, kind, value.shape)
        return variable


class Dense:
    """A fully connected layer, ``(batch, inputs) -> (batch, outputs)``."""

    def __init__(self, parameters, name, inputs, outputs):
        self.W = parameters.weight(f"{name}.W", (inputs, outputs), inputs, outputs)
        self.b = parameters.bias(f"{name}.b", outputs)

    def __call__(self, x):
        return tensor.dot(x, self.W) + self.b


class Convolution2D:
    """A convolution of stride 1 with zero padding that keeps the size, without its bias.

    ``W`` is ``(outputs, inputs, kernel, kernel)``. The bias is a parameter of the layer, added by
    `add_bias`, so that a pooling layer can come between.
    """

    def __init__(self, parameters, name, inputs, outputs, kernel):
        self.shape = (outputs, inputs, kernel, kernel)
        self.W = convolution_weight(parameters, f"{name}.W", self.shape)
        self.b = parameters.bias(f"{name}.b", outputs)

    def __call__(self, x):
        return tensor.nnet.conv2d(
            x, self.W, filter_shape=self.shape, border_mode="half", filter_flip=False
        )


class Convolution3D:
    """A convolution that keeps the size, or doubles it when unpooling comes before it.

    Unpooling puts each value into the even corner of a 2x2x2 block and zeros elsewhere (as in
    3D-R2N2). The convolution of such a map is a transposed convolution of stride 2, which skips
    the seven products in eight that have a zero in them. Without unpooling the same expression
    with stride 1 is used, since its column buffer holds the maps of the output, which are fewer
    in a decoder than those of the input.

    ``W`` is ``(outputs, inputs, kernel, kernel, kernel)``.

    Parameters
    ----------
    size : int
        Cells along each axis of the input.
    unpool : bool
    """

    def __init__(self, parameters, name, inputs, outputs, kernel, size, unpool):
        self.shape = (outputs, inputs, kernel, kernel, kernel)
        self.W = convolution_weight(parameters, f"{name}.W", self.shape)
        self.b = parameters.bias(f"{name}.b", outputs)
        self.stride = 2 if unpool else 1
        self.size = size * self.stride

    def __call__(self, x):
        outputs, inputs, *kernel = self.shape
        # A transposed convolution scatters what a convolution gathers: its kernel is turned over.
        y = abstract_conv.conv3d_grad_wrt_inputs(
            x,
            self.W.dimshuffle(1, 0, 2, 3, 4),
            input_shape=(None, outputs) + 3 * (self.size,),
            filter_shape=(inputs, outputs, *kernel),
            border_mode="half",
            subsample=3 * (self.stride,),
            filter_flip=True,
        )
        return add_bias(y, self.b)


def convolution_weight(parameters, name, shape):
    """Make the weight of a convolution, shape ``(outputs, inputs, *kernel)``."""
    outputs, inputs, *kernel = shape
    size = int(np.prod(kernel))
    return parameters.weight(name, shape, inputs * size, outputs * size)


def convolve3d(x, W, shape):
    """Convolve ``x`` with ``W`` of the given static shape; stride 1, size kept."""
    # The gradient asks for W's shape; a static one need not be fetched from a GPU at every view.
    W = tensor.specify_shape(W, shape)
    return tensor.nnet.conv3d(x, W, filter_shape=shape, border_mode="half", filter_flip=False)


def add_bias(x, b):
    """Add one value a channel to a feature map of any number of axes."""
    return x + b.dimshuffle("x", 0, *("x" * (x.ndim - 2)))


def leaky_relu(x):
    """Return x where positive and 0.1 x elsewhere."""
    return leaky.leaky_relu(x, LEAKY_SLOPE)


def max_pool(x):
    """Pool 2x2 maxima, stride 2, with a border of one that never enters a maximum."""
    return pool_2d(x, ws=(2, 2), stride=(2, 2), pad=(1, 1), ignore_border=True, mode="max")


def pooled_size(size):
    """Return the rows that `max_pool` makes of ``size`` rows."""
    return size // 2 + 1
