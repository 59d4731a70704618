"""A reconstruction as a file: a mesh or a grid, by the name's ending."""
import io
from pathlib import Path

import numpy as np

from ..data import binvox
from ..runtime.errors import UserError
from ..runtime.files import write_bytes
from . import surface

MESHES = (".obj", ".glb", ".ply", ".stl")
GRIDS = (".binvox", ".npy")
SURFACES = ("smooth", "blocks")


def check_name(path):
    """Refuse a file name whose ending is none that `write` knows."""
    if Path(path).suffix.lower() not in MESHES + GRIDS:
        known = ", ".join(MESHES + GRIDS)
        raise UserError(f"{path} must end in one of {known}, which says what to write")


def write(path, occupancy, threshold, kind="smooth"):
    """Write a reconstruction.

    ``.obj``, ``.glb``, ``.ply`` and ``.stl`` get a watertight surface in the data set's frame (y
    up, front towards +x, the cube from -0.5 to 0.5), ``.binvox`` the occupied voxels and ``.npy``
    the occupancy probabilities, float32 in (x, y, z).

    Parameters
    ----------
    path : path-like
    occupancy : ndarray (d, d, d)
        Probabilities.
    threshold : float
        Above it a voxel counts as occupied.
    kind : str
        ``"smooth"`` (marching cubes) or ``"blocks"`` (the voxels as they are).

    Raises
    ------
    UserError
        For an unknown ending, or when a mesh is asked for and nothing is above the threshold.
    """
    check_name(path)
    ending = Path(path).suffix.lower()
    if ending == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(occupancy, np.float32), allow_pickle=False)
        write_bytes(path, buffer.getvalue())
    elif ending == ".binvox":
        binvox.write(path, occupancy > threshold)
    else:
        mesh = make_surface(occupancy, threshold, kind)
        content = mesh.export(file_type=ending[1:])
        write_bytes(path, content.encode() if isinstance(content, str) else content)


def make_surface(occupancy, threshold, kind):
    """Return the watertight surface of a reconstruction as a ``trimesh.Trimesh``."""
    if kind not in SURFACES:
        raise UserError(f"the surface is {kind!r}; it must be one of {', '.join(SURFACES)}")
    if kind == "blocks":
        return surface.blocks(occupancy > threshold)
    return surface.smooth(occupancy, threshold)
