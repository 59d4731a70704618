"""Reading a user's 3-D models: every format becomes one `Mesh`, or a sentence that says why not."""

from io import BytesIO
from pathlib import Path

import numpy as np

from ..base.errors import UserError, is_of_the_machine, need
from ..base.hints import StrPath
from ..base.inputs import regular
from ..data.decoding import opened, reduced
from . import ac3d, gltf, off, ply
from .mesh import Mesh, check, join
from .polygons import check_corners
from .text import Beside, decode
from .wavefront import simplified

GREY = (0.65, 0.65, 0.65)
TEXTURE_SIZE = 512  # a picture of 137 pixels cannot show more, and a smaller one aliases less
UPWARDS = {  # the rotation that brings an axis of the file to y
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
STL_HEADER, STL_FACE = 84, 50  # bytes


def read(path: StrPath, up: str = "y") -> Mesh:
    """Read a model's file, all of its objects, into one `Mesh` in the file's own units.

    Parameters
    ----------
    path : path
        A file with one of `SUFFIXES`.
    up : {"x", "y", "z"}
        The axis of the file that points up; it becomes y.

    Raises
    ------
    UserError
        When the file cannot be read whole, has no triangles, or has coordinates that are not finite
        or without extent. Textures that are missing or unreadable are not an error: the material's
        colour is used.
    """
    path = Path(path)
    trimesh = need("trimesh", "data")
    try:
        data = regular(path).read_bytes()
        parts = READERS[path.suffix.lower()](data, Beside(path.parent), trimesh)
        _check_faces(parts)
    except UserError:
        raise
    except MemoryError as error:  # most often a damaged size
        raise UserError(f"{path} needs more memory than there is: repair or export it again") from error
    except Exception as error:  # readers fail in as many ways as files are broken
        if is_of_the_machine(error):
            raise
        raise UserError(f"{path} cannot be read: {_reason(error)}; repair or export it again") from error
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise UserError(f"{path} has no triangles: export it as a triangle or polygon mesh")
    mesh = join(parts)
    check(mesh, path)
    mesh.vertices = mesh.vertices @ UPWARDS[up].T
    return mesh


def _check_faces(parts):
    for part in parts:  # apart: in the whole, such a face would take a vertex of the next part
        check_corners(part.faces, len(part.vertices))


def _reason(error):
    """Return what an error says in one line; its kind where that is not said in words."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
    said = isinstance(error, (ValueError, OSError)) and text
    return text if said else f"{type(error).__name__} {text}".strip()


def _read_ac3d(data, beside, trimesh):
    # A character is a byte, since the format counts them.
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r\n", "\n")
    parts, found = [], list(ac3d.read_parts(text))
    pictures = {name: _picture(beside, name) for *_, name in found if name}
    for vertices, faces, numbers, uv, materials, name in found:
        used, numbers = np.unique(numbers, return_inverse=True)
        mesh = Mesh(vertices, faces, materials[used], numbers)
        if pictures.get(name) is not None:
            mesh.corner_uv = uv
            mesh.textures = dict.fromkeys(range(len(used)), pictures[name])
        parts.append(mesh)
    return parts


def _read_obj(data, beside, trimesh):
    text = simplified(decode(data))
    return _scene(trimesh, _load(trimesh, text.encode(), "obj", beside))


def _read_off(data, beside, trimesh):
    return [_grey(*off.read(decode(data)))]


def _read_ply(data, beside, trimesh):
    found = ply.read(data)
    mesh = _grey(found.vertices, found.faces)
    mesh.corner_colours = found.corner_colours
    picture = _picture(beside, found.texture) if found.texture else None
    if picture is not None and found.corner_uv is not None:
        mesh.corner_uv, mesh.textures = found.corner_uv, {0: picture}
    return [mesh]


def _read_stl(data, beside, trimesh):
    """Read STL; a binary file may be longer than its triangles, a text of any encoding."""
    faces = int.from_bytes(data[STL_HEADER - 4 : STL_HEADER], "little")
    end = STL_HEADER + STL_FACE * faces
    text = decode(data) if len(data) != end else ""
    if text.lstrip()[:5].lower() == "solid" and "facet" in text.lower():
        data = text.encode()
    elif len(data) < max(end, STL_HEADER):
        raise ValueError("it is cut short")
    else:
        data = bytes(80) + data[80:end]  # the header may be text of any encoding
    return _scene(trimesh, _load(trimesh, data, "stl", beside))


def _read_gltf(data, beside, trimesh):
    surfaces = gltf.check(data)
    binary = data[:4] == b"glTF"
    if binary:
        length = int.from_bytes(data[8:12], "little")
        if length > len(data):
            raise ValueError("it is cut short")
        data = data[:length]
    loaded = _load(trimesh, data, "glb" if binary else "gltf", beside)
    read = sum(isinstance(part, trimesh.Trimesh) for part in loaded.geometry.values())
    if read < surfaces:
        raise ValueError(f"only {read} of its {surfaces} surfaces can be read")
    return _scene(trimesh, loaded)


READERS = {
    ".obj": _read_obj,
    ".ply": _read_ply,
    ".stl": _read_stl,
    ".off": _read_off,
    ".glb": _read_gltf,
    ".gltf": _read_gltf,
    ".ac": _read_ac3d,
    ".acc": _read_ac3d,
}
SUFFIXES = tuple(READERS)


def _load(trimesh, data, kind, beside):
    # Without processing nothing is merged or dropped in silence.
    return trimesh.load(BytesIO(data), file_type=kind, resolver=beside, process=False)


def _scene(trimesh, loaded):
    """Return the meshes of what trimesh has loaded, in their places."""
    scene = loaded if isinstance(loaded, trimesh.Scene) else trimesh.Scene(loaded)
    parts = []
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        part = scene.geometry[name]
        if isinstance(part, trimesh.Trimesh) and len(part.faces):
            parts.append(_convert(part, transform))
    return parts


def _grey(vertices, faces):
    return Mesh(vertices, faces, np.array([GREY]), np.zeros(len(faces), dtype=np.int64))


def _picture(beside, name):
    """Return the texture of that name beside a model's file, or None."""
    try:
        with opened(beside.find(name), "texture") as image:
            return _texture(image)
    except Exception:  # missing, or damaged in any way: the material's colour
        return None


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
    except Exception:  # cut short or damaged: the same as one that is missing
        return colour, None


def _texture(image):
    image = reduced(image, TEXTURE_SIZE, lambda part: part.convert("RGB"), turn=False)
    image.thumbnail((TEXTURE_SIZE, TEXTURE_SIZE))
    return np.asarray(image)
