"""Initial weights fitted to a first batch, for networks that must learn in few steps."""
import numpy as np

from ..lib.backend.door import tensor
from ..lib.data.views import as_float
from ..lib.ops import light_function
from ..lib.ops.graph_cache import compiled

LAST_SPREAD = 0.3  # of the logits, so that the first loss is that of the share of occupied voxels


def fit_initial_weights(network, views, voxels):
    """Scale the weights so that every layer tells the objects of a batch apart.

    Pictures have most of their pixels in common, and a deep network passes on little else at
    first. Layer by layer, weights and bias are changed so that each channel of its response has
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
    statistics = compiled(
        "responses", network.describe(), network.shared(), lambda: _build_statistics(network)
    )
    views = as_float(views)
    names = [name.removesuffix(".W") for name in network.parameters if name.endswith(".W")]
    for position, name in enumerate(names):
        mean, deviation = np.float64(statistics(views, output_subset=[position])[0])
        deviation = np.where(deviation > 1e-6, deviation, 1.0)
        if name == names[-1]:
            deviation = deviation / LAST_SPREAD
        W, b = (network.parameters[f"{name}.{kind}"].variable for kind in "Wb")
        W.set_value(_divided(W.get_value(), deviation, name).astype(network.dtype))
        if not name.startswith("lstm"):
            b.set_value(((b.get_value() - mean) / deviation).astype(network.dtype))
    odds = _log_odds(voxels.mean(dtype=float))
    b.set_value((b.get_value() + [-odds / 2, odds / 2]).astype(network.dtype))


def _build_statistics(network):
    inputs, _ = network.inputs()
    responses = network.responses(inputs).values()
    return light_function([inputs], [_statistics(response) for response in responses])


def _statistics(response):
    axes = [axis for axis in range(response.ndim) if axis != 1]
    return tensor.stack([response.mean(axis=axes), response.std(axis=axes)])


def _divided(weight, deviation, name):
    # A convolution's outputs come first, a matrix's last (and a cell's with its place behind).
    shape = (-1,) + (weight.ndim - 1) * (1,) if ".conv" in name else weight.shape[1:]
    return weight / deviation.reshape(shape)


def _log_odds(share):
    share = min(max(share, 1e-3), 1 - 1e-3)
    return np.log(share / (1 - share))
