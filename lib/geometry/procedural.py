"""Procedural models of ShapeNet's 13 categories, in several kinds each.

Half of them are of one grey, as is one of the two published objects whose pictures were measured
(see `rendering`): many of ShapeNet's models have no colours of their own.
"""

import hashlib

import numpy as np

from .devices import DISPLAYS, LOUDSPEAKERS, TELEPHONES
from .draw import Draw
from .furnishings import CABINETS, LAMPS, TABLES
from .rifles import RIFLES
from .seating import BENCHES, CHAIRS, SOFAS
from .vehicles import AIRPLANES, CARS, WATERCRAFT

GREY_SHARE = 0.5
GREYS = (0.6, 1.0)

KINDS = {
    "02691156": AIRPLANES,
    "02828884": BENCHES,
    "02933112": CABINETS,
    "02958343": CARS,
    "03001627": CHAIRS,
    "03211117": DISPLAYS,
    "03636649": LAMPS,
    "03691459": LOUDSPEAKERS,
    "04090263": RIFLES,
    "04256520": SOFAS,
    "04379243": TABLES,
    "04401088": TELEPHONES,
    "04530566": WATERCRAFT,
}


def generate(synset, seed, index):
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


def kind(synset, index):
    """Return the name of the kind of object, such as "office chair": the kinds take turns."""
    names = list(KINDS[synset])
    return names[index % len(names)]


def _draw(*names):
    digest = hashlib.sha256("/".join(map(str, names)).encode("ascii")).hexdigest()
    return Draw(np.random.default_rng(int(digest, 16)))
