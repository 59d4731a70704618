"""Procedural models of ShapeNet's 13 categories, in several kinds each; a module a category.

Half of them are of one grey, as is one of the two published objects whose pictures were measured
(see `rendering`): many of ShapeNet's models have no colours of their own.

A kind of object is made by a function that takes a `dice.Draw` and returns a `parts.Shape`: in
metres, y up, front towards +x, z to the right. What it draws, and in which order, decides the bytes
of a data set: one draw more changes all that are made after it.
"""

import hashlib

import numpy as np

from ..mesh import Mesh
from . import (
    airplane, bench, cabinet, car, chair, display, lamp, loudspeaker, rifle, sofa, table, telephone,
    watercraft,
)
from .dice import Draw

GREY_SHARE = 0.5
GREYS = (0.6, 1.0)

KINDS = {
    "02691156": airplane.KINDS,
    "02828884": bench.KINDS,
    "02933112": cabinet.KINDS,
    "02958343": car.KINDS,
    "03001627": chair.KINDS,
    "03211117": display.KINDS,
    "03636649": lamp.KINDS,
    "03691459": loudspeaker.KINDS,
    "04090263": rifle.KINDS,
    "04256520": sofa.KINDS,
    "04379243": table.KINDS,
    "04401088": telephone.KINDS,
    "04530566": watercraft.KINDS,
}


def generate(synset: str, seed: int, index: int) -> tuple[Mesh, list[str]]:
    """Return one object of a category.

    Parameters
    ----------
    synset : str
        A key of `KINDS`.
    seed, index : int
        With the synset they decide the shape, and nothing else does.

    Returns
    -------
    mesh : voxlstm.lib.geometry.mesh.Mesh
        Closed parts in metres, y up, front towards +x.
    names : list of str
        The names of its materials.
    """
    mesh, names = KINDS[synset][kind(synset, index)](_draw("shape", seed, synset, index)).mesh()
    paint = _draw("paint", seed, synset, index)
    if paint.chance(GREY_SHARE):
        mesh.materials[:] = paint(*GREYS)
    return mesh, names


def kind(synset: str, index: int) -> str:
    """Return the name of the kind of object, such as "office chair": the kinds take turns.

    Parameters
    ----------
    synset : str
        A key of `KINDS`.
    index : int
        The object's number within the category.

    Returns
    -------
    str
    """
    names = list(KINDS[synset])
    return names[index % len(names)]


def _draw(*names):
    digest = hashlib.sha256("/".join(map(str, names)).encode("ascii")).hexdigest()
    return Draw(np.random.default_rng(int(digest, 16)))
