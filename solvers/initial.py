"""Initial weights fitted to a first batch, for networks that must learn in few steps."""

import numpy as np

from ..lib.backend.door import tensor
from ..lib.data.views import as_float
from ..lib.ops import light_function
from ..lib.ops.graph_cache import compiled
from ..models.network import Network

LAST_SPREAD = 0.3  # of the logits, so that the first loss is that of the share of occupied voxels


def fit_initial_weights(network: Network, views: np.ndarray, voxels: np.ndarray) -> None:
    """Scale the weights so that every layer tells the objects of a batch apart.

    Pictures have most of their pixels in common, and a deep network passes on little else at
    first. Layer by layer, weights and bias are changed so that each channel of its pre-activation has
    mean 0 and deviation 1 over the batch; the LSTM's W are scaled only, since a cell has no bias of
    its own. The last bias becomes the log-odds of a voxel's being occupied.

    Parameters
    ----------
    network : Network
        Changed in place.
    views : array (views, batch, 3, rows, columns)
        uint8, or float32 in [0, 1].
    voxels : array (batch, x, y, z)

    References
    ----------
    Mishkin and Matas, "All you need is a good init", and Kraehenbuehl et al., "Data-dependent
    initializations of convolutional neural networks", both ICLR 2016; for the last bias Lin et al.,
    "Focal loss for dense object detection", ICCV 2017.
    """
    inputs, _ = network.inputs()
    layers = network.pre_activations(network.outputs(inputs))
    statistics = compiled(
        "pre_activations",
        network.describe(),
        network.shared(),
        lambda: light_function([inputs], [_statistics(layer.variable) for layer in layers], subsets=True),
    )
    views = as_float(views)
    for position, (_, weight, bias) in enumerate(layers):
        mean, deviation = np.asarray(statistics(views, output_subset=[position])[0], np.float64)
        deviation = np.where(deviation > 1e-6, deviation, 1.0)
        if position == len(layers) - 1:
            deviation = deviation / LAST_SPREAD
        _set(weight, _divided(weight, deviation))
        if bias:
            _set(bias, (bias.variable.get_value() - mean) / deviation)
    odds = _log_odds(voxels.mean(dtype=float))
    _set(bias, bias.variable.get_value() + [-odds / 2, odds / 2])


def _statistics(x):
    axes = [axis for axis in range(x.ndim) if axis != 1]
    return tensor.stack([x.mean(axis=axes), x.std(axis=axes)])


def _divided(weight, deviation):
    shape = [n if axis in weight.output_axes else 1 for axis, n in enumerate(weight.shape)]
    return weight.variable.get_value() / deviation.reshape(shape)


def _set(parameter, value):
    parameter.variable.set_value(value.astype(parameter.variable.dtype))


def _log_odds(share):
    share = min(max(share, 1e-3), 1 - 1e-3)
    return np.log(share / (1 - share))
