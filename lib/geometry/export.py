"""A reconstruction as a file: a mesh or a grid, by the name's ending.

Pictures do not tell how large an object is. So a file is in a frame of its own, the same for every
format: y up, front towards +x, the bounding box of what the file holds centred on the origin, and
its **longest side of length 1**. To have a model in metres, multiply by its longest side in metres.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.io import savemat

from ..base.errors import UserError, need
from ..base.files import write_bytes
from ..base.hints import StrPath
from ..data import binvox
from . import surface

if TYPE_CHECKING:
    import trimesh

MESHES = (".obj", ".glb", ".ply", ".stl")
GRIDS = (".binvox", ".npy", ".mat")
SURFACES = ("smooth", "blocks")


def check_name(path: StrPath, kind: str = "smooth") -> None:
    """Refuse a file name whose ending `write` does not know or whose writer is not installed."""
    if Path(path).suffix.lower() not in MESHES + GRIDS:
        known = ", ".join(MESHES + GRIDS)
        raise UserError(f"{path} must end in one of {known}, which says what to write")
    if Path(path).suffix.lower() in MESHES:
        need("trimesh", "report")
        if kind == "smooth":
            need("skimage", "report")


def write(path: StrPath, occupancy: np.ndarray, threshold: float, kind: str = "smooth") -> None:
    """Write a reconstruction.

    ``.obj``, ``.glb``, ``.ply`` and ``.stl`` get a watertight surface and ``.binvox`` the occupied
    voxels, in the frame above; ``.npy`` gets the occupancy probabilities as the network gave them,
    float32 in (x, y, z), and ``.mat`` (MATLAB's) the same as ``occupancy`` and what is occupied as
    ``voxels``.

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
        For an unknown ending, or when nothing is above the threshold and it is not ``.npy`` or ``.mat``.
    """
    check_name(path)
    ending = Path(path).suffix.lower()
    if ending == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(occupancy, np.float32), allow_pickle=False)
        write_bytes(path, buffer.getvalue())
    elif ending == ".mat":
        buffer = io.BytesIO()
        probabilities = np.asarray(occupancy, np.float32)
        arrays = {"occupancy": probabilities, "voxels": (probabilities > threshold).astype(np.uint8)}
        savemat(buffer, arrays, do_compression=True)
        write_bytes(path, buffer.getvalue())
    elif ending == ".binvox":
        filled = occupancy > threshold
        binvox.write(path, filled, *_place(filled))
    else:
        content = to_mesh(occupancy, threshold, kind).export(file_type=ending[1:])
        # Never the dictionary that other formats are given as.
        write_bytes(path, content.encode() if isinstance(content, str) else content)  # type: ignore[arg-type]


def to_mesh(occupancy: np.ndarray, threshold: float, kind: str = "smooth") -> "trimesh.Trimesh":
    """Return the watertight surface of a reconstruction, in the frame of the files."""
    if kind not in SURFACES:
        raise UserError(f"the surface is {kind!r}; it must be one of {', '.join(SURFACES)}")
    blocks = kind == "blocks"
    mesh = surface.blocks(occupancy > threshold) if blocks else surface.smooth(occupancy, threshold)
    low, high = mesh.bounds
    mesh.vertices = (mesh.vertices - (low + high) / 2) / (high - low).max()
    return mesh


def _place(grid):
    """Return the low corner (3,) and the side of a grid in the frame of the files."""
    if not grid.any():
        raise UserError("there is no occupied voxel to write: lower the threshold")
    filled = np.argwhere(grid)
    low, high = filled.min(axis=0), filled.max(axis=0) + 1
    voxel = 1.0 / (high - low).max()
    return tuple(-(low + high) / 2 * voxel), len(grid) * voxel
