"""Whether the grids of a data set have the network's number of voxels a side."""

from collections.abc import Sequence

from ..base.errors import UserError
from . import binvox
from .shapenet import Item


def check_resolution(items: Sequence[Item], resolution: int) -> None:
    """Refuse objects whose grids are of another resolution, before any work is done.

    The first and the last object of each category are looked at; `Plan` refuses any other when its
    turn comes.

    Parameters
    ----------
    items : sequence of Item
    resolution : int
        Voxels a side that are needed.

    Raises
    ------
    UserError
        Naming the first such file.
    """
    ends: dict[str, tuple[Item, Item]] = {}
    for item in items:
        first, _ = ends.get(item.synset, (item, item))
        ends[item.synset] = first, item
    for item in dict.fromkeys(item for pair in ends.values() for item in pair):
        found = binvox.edge(item.voxels_path)
        if found != resolution:
            raise UserError(binvox.misfit(item.voxels_path, found, resolution))
