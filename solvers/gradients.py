"""What is done to gradients and rates before any optimiser: centring, clipping, relative rates."""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from ..lib.backend.door import Symbol, tensor
from ..models.layers import Parameter


def centred(gradients: Mapping[str, Symbol], parameters: Mapping[str, Parameter]) -> OrderedDict[str, Symbol]:
    """Return the gradients, those of weights less their mean over each output's inputs.

    What all inputs have in common is a bias's matter. Pictures on light ground, and maps behind a
    leaky ReLU, are far from mean 0, so that it makes up half of most gradients (docs/training.rst).

    Parameters
    ----------
    gradients : mapping of str to variable
    parameters : mapping of str to Parameter

    Returns
    -------
    OrderedDict of str to variable

    References
    ----------
    Yong et al., "Gradient centralization: a new optimization technique for deep neural networks",
    ECCV 2020.
    """
    found = OrderedDict(gradients)
    for name, parameter in parameters.items():
        if parameter.kind == "weight":
            axes = [axis for axis in range(len(parameter.shape)) if axis not in parameter.output_axes]
            found[name] = gradients[name] - gradients[name].mean(axis=axes, keepdims=True)
    return found


def clipped(gradients: Mapping[str, Symbol], norm: float) -> OrderedDict[str, Symbol]:
    """Return the gradients, made shorter where the norm of all together exceeds a limit.

    All are multiplied by ``min(1, norm / |g|)``, where ``g`` is all of them as one vector.

    Parameters
    ----------
    gradients : mapping of str to variable
    norm : float
        The limit.

    Returns
    -------
    OrderedDict of str to variable

    References
    ----------
    Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    # Float32 constants keep the whole update in float32.
    length = tensor.sqrt(sum(tensor.sqr(gradient).sum() for gradient in gradients.values()))
    factor = tensor.switch(tensor.gt(length, norm), np.float32(norm) / length, np.float32(1))
    return OrderedDict((name, gradient * factor) for name, gradient in gradients.items())


def relative_rates(
    rate: Symbol | float, gradients: Mapping[str, Symbol], parameters: Mapping[str, Parameter]
) -> dict[str, Symbol | float]:
    """Return ``rate |w| / |g|`` by parameter; w and g are its layer's weights and their gradients.

    With SGD all layers then change at the same relative pace.

    Parameters
    ----------
    rate : scalar variable or float
    gradients : mapping of str to variable
        Before `clipped`, for the quotient undoes the clipping.
    parameters : mapping of str to Parameter

    Returns
    -------
    dict of str to variable

    References
    ----------
    You et al., "Large batch training of convolutional networks", 2017, without the decay in the
    quotient.
    """
    # The gates are one layer: with one view the forget gate has no gradient to be measured.
    squares: dict[str, list[list[Symbol]]] = {}
    for name, parameter in parameters.items():
        if parameter.kind == "weight":
            pair = [tensor.sqr(x).sum() for x in (parameter.variable, gradients[name])]
            squares.setdefault(parameter.layer, []).append(pair)
    rates = {}
    for layer, pairs in squares.items():
        weight, gradient = (tensor.sqrt(sum(part)) for part in zip(*pairs))
        rates[layer] = rate * (weight / (gradient + np.float32(1e-12))).dimshuffle("x")
    return {name: rates.get(parameter.layer, rate) for name, parameter in parameters.items()}
