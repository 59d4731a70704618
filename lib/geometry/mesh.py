"""Triangle meshes with colours: reading a user's files, the data set's frame, writing OBJ."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..base.errors import UserError, need
from ..base.files import write_text
from ..base.hints import StrPath
from . import ac3d

AC3D = (".ac", ".acc")
SUFFIXES = (".obj", ".ply", ".stl", ".off", ".glb", *AC3D)
GREY = (0.65, 0.65, 0.65)
TEXTURE_SIZE = 512  # a picture of 137 pixels cannot show more, and a smaller one aliases less
UPWARDS = {  # the rotation that brings an axis of the file to y
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}


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


def read(path: StrPath, up: str = "y") -> Mesh:
    """Read a mesh file, all of its objects, into one `Mesh` in the file's own units.

    Parameters
    ----------
    path : path
        An OBJ, PLY, STL, OFF, GLB or AC3D file.
    up : {"x", "y", "z"}
        The axis of the file that points up; it becomes y.

    Raises
    ------
    UserError
        When the file has no triangles or coordinates that are not finite. Textures that are
        missing or unreadable are not an error: the material's colour is used.
    """
    path = Path(path)
    parts = _read_ac3d(path) if path.suffix.lower() in AC3D else _read_trimesh(path)
    if not parts:
        raise UserError(f"{path} has no triangles: export it as a triangle or polygon mesh")
    mesh = join(parts)
    mesh.vertices = mesh.vertices @ UPWARDS[up].T
    return check(mesh, path)


def _read_trimesh(path):
    trimesh = need("trimesh", "data")
    # Without processing nothing is merged or dropped in silence.
    loaded = trimesh.load(path, process=False)
    scene = loaded if isinstance(loaded, trimesh.Scene) else trimesh.Scene(loaded)
    parts = []
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        part = scene.geometry[name]
        if isinstance(part, trimesh.Trimesh) and len(part.faces):
            parts.append(_convert(part, transform))
    return parts


def _read_ac3d(path):
    parts = []
    try:
        found = list(ac3d.read_parts(path))
    except (ValueError, IndexError) as error:
        raise UserError(f"{path} is no AC3D file that can be read: {error}; export it again")
    pictures = {name: _picture(path, name) for *_, name in found if name}
    for vertices, faces, numbers, uv, materials, name in found:
        used, numbers = np.unique(numbers, return_inverse=True)
        mesh = Mesh(vertices, faces, materials[used], numbers)
        if pictures.get(name) is not None:
            mesh.corner_uv = uv
            mesh.textures = dict.fromkeys(range(len(used)), pictures[name])
        parts.append(mesh)
    return parts


def _picture(path, name):
    """Return the texture of that name beside a model's file, or None."""
    place = path.parent / name.replace("\\", "/")
    try:
        with Image.open(place if place.is_file() else path.parent / place.name) as image:
            return _texture(image)
    except (OSError, ValueError, SyntaxError):  # missing or damaged: the material's colour
        return None


def check(mesh: Mesh, name: StrPath) -> Mesh:
    """Return ``mesh`` if it can be placed in the data set's frame, else raise `UserError`."""
    used = mesh.vertices[mesh.faces]
    if not np.isfinite(used).all():
        raise UserError(
            f"{name} has coordinates that are not finite numbers: repair or export it again"
        )
    if not np.linalg.norm(np.ptp(used.reshape(-1, 3), axis=0)) > 0:
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


def write_obj(
    path: StrPath, mesh: Mesh, names: Sequence[str] | None = None, textures: bool = False
) -> None:
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


def _convert(part, transform):
    """Return a `Mesh` of a ``trimesh.Trimesh`` in its place, with its texture or colours."""
    faces = np.asarray(part.faces, dtype=np.int64)
    colour, texture, uv, corners = np.array(GREY), None, None, None
    visual = part.visual
    if visual.kind == "texture":
        colour, texture = _material(visual.material)
        if visual.uv is not None and len(visual.uv) == len(part.vertices):
            uv = np.asarray(visual.uv, dtype=np.float64)[faces]
    elif visual.kind == "vertex":
        corners = np.asarray(visual.vertex_colors)[faces][..., :3] / 255.0
    elif visual.kind == "face":
        corners = np.repeat(np.asarray(visual.face_colors)[:, None, :3] / 255.0, 3, axis=1)
    return Mesh(
        np.asarray(part.vertices, dtype=np.float64) @ transform[:3, :3].T + transform[:3, 3],
        faces,
        colour[None, :],
        np.zeros(len(faces), dtype=np.int64),
        corners,
        uv,
        {0: texture} if texture is not None and uv is not None else {},
    )


def _material(material):
    """Return (colour (3,), texture or None) of a trimesh material of either kind."""
    image = getattr(material, "baseColorTexture", None)
    if image is None:
        image = getattr(material, "image", None)
    colour = np.asarray(material.main_color, dtype=np.float64)[:3] / 255.0
    if image is None:
        return colour, None
    try:
        return colour, _texture(image)
    except OSError:  # a texture cut short: the same as one that is missing
        return colour, None


def _texture(image):
    image = image.convert("RGB")
    image.thumbnail((TEXTURE_SIZE, TEXTURE_SIZE))
    return np.asarray(image)


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
