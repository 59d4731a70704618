"""Layers: named parameters and the expressions that the three parts of the network are made of.

Feature maps are ``(batch, channels, rows, columns)`` or ``(batch, channels, x, y, z)``. Every
layer adds its own bias and returns its pre-activation, the value before the non-linearity.
``convolution(x, W)`` is of stride 1 with zero padding that keeps the size; ``lib/ops`` says how it
is computed.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..lib.backend.door import Symbol, tensor, theano

import numpy as np

from ..lib.ops import expressions, leaky
from ..lib.ops.expressions import per_channel

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
    layer : str
        Such as ``encoder.conv1``; the three gates are one layer, ``lstm``.
    shape : tuple of int
    output_axes : tuple of int
        The axes along which the layer's outputs lie.
    """

    name: str
    variable: Symbol
    kind: str
    layer: str
    shape: tuple[int, ...]
    output_axes: tuple[int, ...] = (0,)


class Parameters(OrderedDict):
    """The parameters of one network by name, in the order in which they were made.

    Weights are drawn from N(0, 2 / n), n = (fan in + fan out) / 2: the normalised initialisation of
    Glorot and Bengio (2010), as 3D-R2N2 uses it. Biases are 0.1, as there.

    Parameters
    ----------
    seed : int
        Of the initial values; the same seed and definition give the same values.
    dtype : str
        ``"float32"`` or ``"float64"``. Values are drawn in float64 and rounded.
    """

    def __init__(self, seed: int, dtype: str) -> None:
        super().__init__()
        self.dtype = dtype
        self._random = np.random.default_rng(seed)

    def matrix(self, layer: str, name: str, shape: tuple[int, ...]) -> Symbol:
        """Make a matrix, ``(inputs, outputs)``, or one for each cell, ``(inputs, outputs, *cells)``."""
        value = self._normal(shape, *shape[:2])
        return self._add(layer, name, "weight", value, tuple(range(1, len(shape))))

    def kernel(self, layer: str, name: str, shape: tuple[int, ...]) -> Symbol:
        """Make the kernel of a convolution, ``(outputs, inputs, *kernel)``."""
        outputs, inputs, *kernel = shape
        size = int(np.prod(kernel))
        return self._add(layer, name, "weight", self._normal(shape, inputs * size, outputs * size))

    def bias(self, layer: str, name: str, size: int) -> Symbol:
        """Make a bias of ``size`` values."""
        return self._add(layer, name, "bias", np.full(size, INITIAL_BIAS))

    def _normal(self, shape, fan_in, fan_out):
        return self._random.normal(0, np.sqrt(2 / ((fan_in + fan_out) / 2)), shape)

    def _add(self, layer, name, kind, value, output_axes=(0,)):
        name = f"{layer}.{name}"
        variable = theano.shared(value.astype(self.dtype), name=name)
        self[name] = Parameter(name, variable, kind, layer, value.shape, output_axes)
        return variable


class Dense:
    """A fully connected layer, ``(batch, inputs) -> (batch, outputs)``."""

    def __init__(self, parameters: Parameters, name: str, inputs: int, outputs: int) -> None:
        self.W = parameters.matrix(name, "W", (inputs, outputs))
        self.b = parameters.bias(name, "b", outputs)

    def __call__(self, x: Symbol) -> Symbol:
        return pre_activation(tensor.dot(x, self.W) + self.b, self.W, self.b)


class Convolution:
    """A convolution: what the layers below share.

    ``W`` is ``(outputs, inputs, *kernel)``, ``b`` is ``(outputs,)``.

    Parameters
    ----------
    parameters : Parameters
        Takes the new parameters ``<name>.W`` and ``<name>.b``.
    name : str
    inputs, outputs : int
        Maps.
    kernel, size : int
        Of the kernel and of the input along each axis.

    Attributes
    ----------
    size : int
        Of the output along each axis.
    """

    axes = 3
    output_size: Callable[[int], int]

    def __init__(
        self, parameters: Parameters, name: str, inputs: int, outputs: int, kernel: int, size: int
    ) -> None:
        self.shape = (outputs, inputs) + self.axes * (kernel,)
        self.W = parameters.kernel(name, "W", self.shape)
        self.b = parameters.bias(name, "b", outputs)
        self.size = self.output_size(size)


class PooledConvolution2D(Convolution):
    """A convolution, then 2x2 maxima with stride 2 and a border of one."""

    axes = 2
    output_size = staticmethod(expressions.pooled_size)

    def __call__(self, x: Symbol) -> Symbol:
        # = max_pool(convolution(x, W) + b)
        y = expressions.convolve2d(x, self.W, self.shape)
        return pre_activation(expressions.add_and_max_pool(y, self.b), self.W, self.b)


class Convolution3D(Convolution):
    """A convolution that keeps the size."""

    @staticmethod
    def output_size(size: int) -> int:
        return size

    def __call__(self, x: Symbol) -> Symbol:
        # = convolution(x, W) + b
        y = expressions.convolve3d_to_fewer(x, self.W, self.shape, self.size)
        return pre_activation(y + per_channel(self.b, y.ndim), self.W, self.b)


class Upconvolution3D(Convolution):
    """A convolution of the unpooled map, which is twice as large along each axis.

    Unpooling puts each value into the even corner of a 2x2x2 block and zeros elsewhere, as in
    3D-R2N2.
    """

    @staticmethod
    def output_size(size: int) -> int:
        return 2 * size

    def __call__(self, x: Symbol) -> Symbol:
        # = convolution(unpool(x), W) + b
        y = expressions.unpool_and_convolve3d(x, self.W, self.shape, self.size)
        return pre_activation(y + per_channel(self.b, y.ndim), self.W, self.b)


def leaky_relu(x: Symbol) -> Symbol:
    """Return x where positive and 0.1 x elsewhere."""
    return leaky.leaky_relu(x, LEAKY_SLOPE)


def pre_activation(x: Symbol, W: Symbol, b: Symbol | None = None) -> Symbol:
    """Return ``x``, marked as the pre-activation that W makes, and b where it has been added.

    The mark holds names only: optimised graphs are kept on disk with their marks.
    """
    x.tag.pre_activation = (W.name, None if b is None else b.name)
    return x
