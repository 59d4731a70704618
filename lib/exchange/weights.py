"""The weights in the form in which ONNX and PyTorch compute with them, and back, bit for bit."""

import math
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from ...models.config import NetworkConfig
from ...models.conv_lstm import GATES

Weights = Mapping[str, np.ndarray]
# A parameter of the gates, and the axis along which its gates lie one behind the other.
JOINED = {"W": 1, "U": 0, "b": 0}


def to_operators(weights: Weights, config: NetworkConfig) -> OrderedDict[str, np.ndarray]:
    """Return the weights as other frameworks' operators take them.

    The gates are joined (forget, input, candidate) into ``lstm.W``, ``lstm.U`` and ``lstm.b``, and
    the kernels behind an unpooling are those of a transposed convolution: ``(in, out, x, y, z)``,
    turned over. All others are the project's own.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By the names of the network.
    config : NetworkConfig
    """
    result = OrderedDict((name, value) for name, value in weights.items() if not name.startswith("lstm."))
    for part, axis in JOINED.items():
        gates = [weights[f"lstm.{gate}.{part}"] for gate in GATES]
        result[f"lstm.{part}"] = np.concatenate(gates, axis)
    return _turn_kernels(result, config)


def from_operators(weights: Weights, config: NetworkConfig) -> OrderedDict[str, np.ndarray]:
    """Return the weights that `to_operators` was given.

    What is missing or does not fit stays so: whoever makes a network of them refuses it by name.
    """
    result = OrderedDict((name, value) for name, value in weights.items() if not name.startswith("lstm."))
    cells = config.features, len(GATES) * config.channels, *3 * (config.grid,)
    for part, axis in JOINED.items():
        joined = weights.get(f"lstm.{part}")
        if part == "W" and joined is not None and joined.size == math.prod(cells):
            joined = joined.reshape(cells)  # ONNX has one matrix for all cells
        if joined is not None and joined.ndim > axis and joined.shape[axis] % len(GATES) == 0:
            for gate, value in zip(GATES, np.split(joined, len(GATES), axis)):
                result[f"lstm.{gate}.{part}"] = value
    return _turn_kernels(result, config)


def _turn_kernels(weights, config):
    for number in range(1, config.unpoolings + 1):
        name = f"decoder.conv{number}.W"
        if name in weights and weights[name].ndim == 5:
            weights[name] = np.ascontiguousarray(weights[name].swapaxes(0, 1)[..., ::-1, ::-1, ::-1])
    return weights
