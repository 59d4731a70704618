"""A small data set in ShapeNet's layout, every picture and grid of it telling what it is."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.data import binvox


def make_tree(root, models, views=3):
    """Write a data set.

    Parameters
    ----------
    root : path-like
    models : dict
        ``{category folder: number of models}``; the models are called m000, m001, ...
    views : int
        Renderings of each. In all of them the middle is opaque and of colour
        (category's place, model, view), the rest is transparent.
    """
    for place, (synset, count) in enumerate(models.items()):
        for number in range(count):
            add_model(root, synset, f"m{number:03d}", (place, number), views)


def add_model(root, synset, model, code=(0, 0), views=3):
    """Write one model; ``code`` are the red and green of its pictures."""
    folder = Path(root, "ShapeNetRendering", synset, model, "rendering")
    folder.mkdir(parents=True)
    for view in range(views):
        picture = np.zeros((137, 137, 4), np.uint8)
        picture[20:-20, 20:-20] = (*code, view, 255)
        Image.fromarray(picture).save(folder / f"{view:02d}.png", compress_level=1)
    (folder / "rendering_metadata.txt").write_text("30 27.5 0 0.8 25\n" * views)
    binvox.write(Path(root, "ShapeNetVox32", synset, model, "model.binvox"), grid_of(code))


def grid_of(code):
    """Return the voxels of the model with this code."""
    return np.random.default_rng(code).random((32, 32, 32)) < 0.1


def code_of(view):
    """Return (category's place, model, view) of a view that was read, (3, 127, 127)."""
    return tuple(view[:, 63, 63].tolist())


def age(root, seconds=60):
    """Make all the folders look as if they had been at rest for a while."""
    for folder, _, _ in os.walk(root):
        before = os.stat(folder).st_mtime_ns - seconds * 1_000_000_000
        os.utime(folder, ns=(before, before))
