"""A data set and a network small enough to train for a few steps in a test."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from voxlstm.lib.data import binvox

ROOT = Path(__file__).resolve().parents[2]
SYNSETS = ("02691156", "03001627")
NETWORK = {
    "image": 127,
    "encoder_widths": [2, 2, 2, 3, 3, 4],
    "encoder_kernels": [3] * 6,
    "features": 8,
    "grid": 4,
    "channels": 4,
    "kernel": 1,
    "decoder_widths": [4, 4, 3, 2],
    "unpoolings": 3,
}
RECIPE = {
    "optimiser": {"sgd": {"momentum": 0.9, "weight_decay": 5e-5}},
    "rate": 0.05,
    "batch": 3,
    "iterations": 12,
    "views": [1, 2],
    "validation": 0.2,
    "checkpoint_every": 4,
    "validate_every": 6,
    "log_every": 3,
    "seed": 5,
}


def make_data(folder, objects=10, views=3, size=32, seed=0, first=0):
    """Write boxes of two categories, ``size`` voxels a side, ids from ``first``; return the folder."""
    generator = np.random.default_rng(seed)
    for synset in SYNSETS:
        for number in range(first, first + objects):
            low, high = generator.integers(4, 14, 3), generator.integers(18, 28, 3)
            _write_object(Path(folder), synset, f"{number:04d}", low, high, views, size)
    return Path(folder)


def write_definitions(folder, network=None, recipe=None):
    """Write the tiny definitions with some values changed; return their paths."""
    paths = Path(folder) / "tiny.yaml", Path(folder) / "recipe.yaml"
    for path, value, changed in zip(paths, (NETWORK, RECIPE), (network, recipe)):
        path.write_text(yaml.safe_dump({**value, **(changed or {})}))
    return paths


def _write_object(root, synset, model, low, high, views, size):
    grid = np.zeros((32, 32, 32), bool)
    grid[tuple(slice(a, b) for a, b in zip(low, high))] = True
    folder = root / "ShapeNetVox32" / synset / model
    folder.mkdir(parents=True)
    if size < 32:
        grid = grid[:: 32 // size, :: 32 // size, :: 32 // size]
    elif size > 32:
        grid = np.kron(grid, np.ones(3 * (size // 32,), bool))
    binvox.write(folder / "model.binvox", grid)
    folder = root / "ShapeNetRendering" / synset / model / "rendering"
    folder.mkdir(parents=True)
    for view in range(views):
        pixels = np.zeros((137, 137, 4), np.uint8)
        rows, columns = slice(*(128 - 4 * np.array([high[1], low[1]]))), slice(4 * low[0], 4 * high[0])
        pixels[rows, columns] = 40 * (view + 1), 90, 10 * high[2] - 100, 255
        Image.fromarray(pixels).save(folder / f"{view:02d}.png")
    lines = [f"{120 * view} 27 0 0.8 25\n" for view in range(views)]
    (folder / "rendering_metadata.txt").write_text("".join(lines))
