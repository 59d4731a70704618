"""The work that devices and frameworks are compared on: a network with fixed weights, random batches."""

from dataclasses import replace
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np

from voxlstm.models.network import Network, NetworkConfig
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Solver

ROOT = Path(__file__).resolve().parents[1]


def make_solver(name, **changes):
    """Return a solver of a network definition in ``models/`` with the paper's recipe."""
    recipe = replace(Recipe.from_file(ROOT / "solvers/sgd_3d_r2n2.yaml"), **changes)
    network = Network(NetworkConfig.from_file(ROOT / f"models/{name}.yaml"), seed=0)
    return Solver(network, recipe)


def make_batch(config, views, batch, seed=0):
    """Return random views and random solid boxes as voxels, both of uint8."""
    random = np.random.default_rng(seed)
    size, cells = config.image, config.resolution
    pictures = random.integers(0, 256, (views, batch, 3, size, size), np.uint8)
    voxels = np.zeros((batch, cells, cells, cells), np.uint8)
    for grid in voxels:
        low, high = np.sort(random.integers(0, cells, (2, 3)), axis=0)
        grid[tuple(slice(a, b + 1) for a, b in zip(low, high))] = 1
    return pictures, voxels
