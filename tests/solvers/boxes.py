"""A tiny network and eight boxes with their silhouettes, to train in seconds."""

import numpy as np

from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.optimisers import SGD, Optimiser
from voxlstm.solvers.recipe import Recipe

IMAGE, SIZE, VIEWS, OBJECTS = 31, 16, 3, 8
STEPS = 700

DEFINITION = NetworkConfig(
    image=IMAGE,
    encoder_widths=(8, 16, 16),
    encoder_kernels=(5, 3, 3),
    features=64,
    grid=4,
    channels=16,
    kernel=3,
    decoder_widths=(16, 16, 8),
    unpoolings=2,
)


def make_network(seed=0):
    return Network(DEFINITION, seed=seed)


def make_recipe(momentum=0.9, weight_decay=5e-5, **changes):
    """The paper's settings but for a batch of all objects, early drops, and short steps where the
    gradient is large: at this rate a network so small diverges on some machines without."""
    values = {
        "optimiser": Optimiser(sgd=SGD(momentum, weight_decay)),
        "rate": 0.1,
        "batch": OBJECTS,
        "iterations": STEPS,
        "views": (VIEWS, VIEWS),
        "rate_drops": ((250, 0.5), (500, 0.5)),
        "clip_norm": 0.3,
    }
    return Recipe(**{**values, **changes})


def make_batch(views=VIEWS, objects=OBJECTS):
    """Return views ``(views, objects, 3, IMAGE, IMAGE)`` along each axis, and their voxels, as uint8."""
    random = np.random.default_rng(0)
    voxels = np.zeros((objects,) + 3 * (SIZE,), "uint8")
    pictures = np.full((views, objects, 3, IMAGE, IMAGE), 255, "uint8")
    pick = np.arange(IMAGE) * SIZE // IMAGE
    colour = np.array([230, 128, 51], "uint8")[:, None, None]
    for k in range(objects):
        low, high = random.integers(1, 7, 3), random.integers(9, 16, 3)
        voxels[k][tuple(map(slice, low, high))] = 1
        for v in range(views):
            silhouette = voxels[k].max(axis=v % 3)[pick][:, pick]
            pictures[v, k] -= silhouette * colour
    return pictures, voxels


def iou(occupancy, voxels, threshold=0.4):
    """Return each object's intersection over union."""
    predicted, actual = occupancy > threshold, voxels > 0
    axes = (1, 2, 3)
    return (predicted & actual).sum(axes) / (predicted | actual).sum(axes)
