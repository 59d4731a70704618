"""Networks with weights in which no two parts are alike."""

import numpy as np

from voxlstm.models.network import Network
from voxlstm.solvers.checkpoint import Checkpoint, save

SPLIT = "train\t02691156\tone\ntest\t02691156\ttwo\n"


def drawn(config, seed=0):
    """Return a network whose biases are drawn too, which are otherwise equal."""
    network = Network(config, seed)
    random = np.random.default_rng(seed)
    weights = network.get_weights()
    for name, value in weights.items():
        if name.endswith(".b"):
            weights[name] = random.normal(0, 0.3, value.shape).astype(np.float32)
    network.set_weights(weights)
    return network


def checkpoint(network):
    """Return a checkpoint of a network as training leaves it."""
    return Checkpoint(
        network.get_weights(),
        iteration=7,
        network=network.config.to_dict(),
        recipe={"rate": 0.5},
        extra={"trained_on": "boxes", "best": {"threshold": 0.35}, "data": "/home/me/boxes"},
        split=SPLIT,
    )


def write(network, path):
    """Write a network's checkpoint; return its path."""
    save(path, checkpoint(network))
    return path
