"""Triangle meshes with colours: joining them, writing OBJ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..base.errors import UserError
from ..base.files import write_text
from ..base.hints import StrPath

LARGEST = 1e30  # of a coordinate, and its inverse of an extent: squares must be numbers too


@dataclass
class Mesh:
    """Triangles, their materials and what a renderer needs to colour them.

    Attributes
    ----------
    vertices : (n, 3) float64
    faces : (m, 3) int64
        Indices of vertices; nothing is assumed of their order, nor that the mesh is closed.
    materials : (k, 3) float64
        Red, green, blue in 0..1.
    face_materials : (m,) int64
        The material of every face.
    corner_colours : (m, 3, 3) float64 or None
        Colour of every corner of every face, for files with colours at the vertices; they take
        the material's place.
    corner_uv : (m, 3, 2) float64 or None
        Texture coordinates of every corner, v upwards.
    textures : dict
        Material number to (height, width, 3) uint8; a material that is not here has one colour.
    """

    vertices: np.ndarray
    faces: np.ndarray
    materials: np.ndarray
    face_materials: np.ndarray
    corner_colours: np.ndarray | None = None
    corner_uv: np.ndarray | None = None
    textures: dict[int, np.ndarray] = field(default_factory=dict)


def check(mesh: Mesh, name: StrPath) -> Mesh:
    """Return ``mesh`` if it can be placed in the data set's frame, else raise `UserError`."""
    used = mesh.vertices[mesh.faces].reshape(-1, 3)
    if not np.isfinite(used).all():
        raise UserError(f"{name} has coordinates that are not finite numbers: repair or export it again")
    if not np.abs(used).max() <= LARGEST:
        raise UserError(
            f"{name} has coordinates up to {np.abs(used).max():.0e}, which no model has: repair or"
            " export it again in other units"
        )
    if not np.ptp(used, axis=0).max() >= 1 / LARGEST:
        raise UserError(f"{name} has no extent, all its triangles are one point: export it again")
    return mesh


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Return one `Mesh` of several; each keeps its own materials."""
    vertex, material, textures = 0, 0, {}
    faces, face_materials = [], []
    for mesh in meshes:
        faces.append(mesh.faces + vertex)
        face_materials.append(mesh.face_materials + material)
        textures.update({number + material: image for number, image in mesh.textures.items()})
        vertex += len(mesh.vertices)
        material += len(mesh.materials)
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate(faces),
        np.concatenate([mesh.materials for mesh in meshes]),
        np.concatenate(face_materials),
        _join_colours(meshes),
        _join_uv(meshes),
        textures,
    )


def write_obj(path: StrPath, mesh: Mesh, names: Sequence[str] | None = None, textures: bool = False) -> None:
    """Write ``mesh`` as Wavefront OBJ with a .mtl file beside it, in ShapeNetCore.v1's manner.

    Colours are written by material; those at vertices are not. ``names`` are the materials'
    names; with ``textures``, pictures are written too, as .png files beside it.
    """
    path = Path(path)
    names = names or [f"material{number}" for number in range(len(mesh.materials))]
    lines = [f"mtllib {path.stem}.mtl"]
    lines += ["v %.6f %.6f %.6f" % tuple(vertex) for vertex in mesh.vertices + 0.0]
    pictures = mesh.textures if textures else {}
    for number, name in enumerate(names):
        chosen = mesh.face_materials == number
        members = mesh.faces[chosen] + 1
        if len(members):
            lines += [f"g {name}", f"usemtl {name}"]
            if number in pictures and mesh.corner_uv is not None:
                lines += _textured_faces(members, mesh.corner_uv[chosen])
            else:
                lines += ["f %d %d %d" % tuple(face) for face in members]
    library: list[str] = []
    saved: dict[int, str] = {}
    for number, (name, colour) in enumerate(zip(names, mesh.materials)):
        library += [f"newmtl {name}", "Kd %.4f %.4f %.4f" % tuple(colour), "Ka 0 0 0", "d 1"]
        if number in pictures:
            picture = path.with_name(f"{path.stem}_{number}.png")
            if id(pictures[number]) not in saved:  # parts of an object share their textures
                Image.fromarray(pictures[number]).save(picture)
            library.append(f"map_Kd {saved.setdefault(id(pictures[number]), picture.name)}")
        library.append("")
    write_text(path.with_suffix(".mtl"), "\n".join(library))
    write_text(path, "\n".join(lines) + "\n")


def _textured_faces(members, corner_uv):
    """Return lines with three texture coordinates of its own for each face, and the face."""
    lines = []
    for face, uv in zip(members, corner_uv):
        lines += ["vt %.5f %.5f" % tuple(corner) for corner in uv]
        lines.append("f %d/-3 %d/-2 %d/-1" % tuple(face))
    return lines


def _join_colours(meshes):
    if all(mesh.corner_colours is None for mesh in meshes):
        return None
    parts = []
    for mesh in meshes:
        plain = np.repeat(mesh.materials[mesh.face_materials][:, None], 3, axis=1)
        parts.append(plain if mesh.corner_colours is None else mesh.corner_colours)
    return np.concatenate(parts)


def _join_uv(meshes):
    if all(mesh.corner_uv is None for mesh in meshes):
        return None
    blank = [np.zeros((len(mesh.faces), 3, 2)) for mesh in meshes]
    return np.concatenate(
        [zero if mesh.corner_uv is None else mesh.corner_uv for mesh, zero in zip(meshes, blank)]
    )
