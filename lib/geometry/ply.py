"""Reading PLY files, text and binary: vertices, polygons of any size, colours, texture coordinates."""

from typing import NamedTuple

import numpy as np

from .polygons import cut
from .text import decode

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "float16": "f2",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
FORMATS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
CORNERS = ("vertex_indices", "vertex_index")
COORDINATES = (("texture_u", "texture_v"), ("u", "v"), ("s", "t"))
MAX_HEADER = 1 << 16  # bytes


class Ply(NamedTuple):
    """What a file holds; None for what it lacks.

    Attributes
    ----------
    vertices : (n, 3) float64
    faces : (m, 3) int64
    corner_colours : (m, 3, 3) float64 or None
        In 0..1; those of the vertices before those of the faces.
    corner_uv : (m, 3, 2) float64 or None
    texture : str or None
        Name of a picture.
    """

    vertices: np.ndarray
    faces: np.ndarray
    corner_colours: np.ndarray | None
    corner_uv: np.ndarray | None
    texture: str | None


class _Ragged(NamedTuple):
    """A list for each row: the rows' lengths, and all values one after another."""

    counts: np.ndarray
    values: np.ndarray


def read(data: bytes) -> Ply:
    """Read the bytes of a PLY file; bytes after the last element are passed over.

    Raises
    ------
    ValueError
        When it is no PLY file or is cut short.
    """
    order, elements, texture, body = _header(data)
    source = _Words(body) if order == "" else _Bytes(body, order)
    found = {name: _element(source, *element) for name, element in elements.items()}
    if "tristrips" in found:
        raise ValueError("its surface is strips of triangles, which are not read")
    vertex, face = found.get("vertex", {}), found.get("face", {})
    if not all(axis in vertex for axis in "xyz"):
        raise ValueError("it has no vertices with x, y and z")
    vertices = np.stack([vertex[axis] for axis in "xyz"], axis=1).astype(np.float64)
    name = next((name for name in CORNERS if isinstance(face.get(name), _Ragged)), None)
    rings = face[name] if name else _Ragged(np.zeros(0, np.int64), np.zeros(0, np.int64))
    corners = rings.values.astype(np.int64)
    places, polygons = cut(vertices, corners, rings.counts)
    faces = corners[places]
    colours = _colours(vertex)
    colours = colours[faces] if colours is not None else _of_faces(_colours(face), polygons)
    return Ply(vertices, faces, colours, _coordinates(vertex, face, faces, places), texture)


def _header(data):
    """Return byte order, {element: (count, properties)}, the texture's name and the data's bytes."""
    end = data.find(b"end_header", 0, MAX_HEADER)
    if end < 0:
        text, body = _wide_header(data)
    else:
        text, body = decode(data[:end]), data[end:].partition(b"\n")[2]
        if data[end + 10 : end + 11] == b"\r" and data[end + 11 : end + 12] != b"\n":
            body = data[end + 11 :]  # lines that end as on an old Mac
    lines = [line.split() for line in text.split("\n") if line.strip()]
    if not lines or lines[0] != ["ply"]:
        raise ValueError("it does not begin with ply")
    order, elements, texture, properties = None, {}, None, []
    for key, *values in lines[1:]:
        if key == "format":
            order = FORMATS.get(values[0])
        elif key == "element":
            properties = []
            elements[values[0]] = int(values[1]), properties
        elif key == "property":
            properties.append((values[-1], [TYPES[kind] for kind in values[:-1] if kind != "list"]))
        elif key == "comment" and len(values) > 1 and values[0].lower() == "texturefile":
            texture = " ".join(values[1:])
    if order is None:
        raise ValueError("its header does not name a format")
    return order, elements, texture, body


def _wide_header(data):
    """Return header and body of a text file whose characters have two bytes."""
    head, found, body = decode(data).partition("end_header\n")
    if not found:
        raise ValueError("its header has no end")
    return head, body.encode()


class _Bytes:
    """Numbers of a binary file, in their order."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data, self.order, self.at = data, order, 0

    def take(self, kind, count=1):
        """Return the next numbers of a type; ValueError where there are too few."""
        kind = np.dtype(kind).newbyteorder(self.order)
        if count * kind.itemsize > len(self.data) - self.at:
            raise ValueError("it is cut short")
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += count * kind.itemsize
        return values


class _Words:
    """Numbers of a text file, in their order."""

    def __init__(self, data: bytes) -> None:
        self.words, self.at = np.array(decode(data).split(), dtype=np.float64), 0

    def take(self, kind, count=1):
        """Return the next numbers; a record of several is a structured array."""
        kind = np.dtype(kind)
        width = len(_leaves(kind))
        if count * width > len(self.words) - self.at:
            raise ValueError("it is cut short")
        values = self.words[self.at : self.at + count * width]
        self.at += count * width
        if kind.names is None:
            return values
        rows, columns = values.reshape(count, width), iter(range(width))
        record = np.empty(count, np.dtype([(name, "f8", kind[name].shape) for name in kind.names]))
        for name in kind.names:
            size = int(np.prod(kind[name].shape))
            block = rows[:, [next(columns) for _ in range(size)]]
            record[name] = block.reshape(count, *kind[name].shape)
        return record


def _leaves(kind):
    if kind.names is None:
        return [kind]
    return [part for name in kind.names for part in [kind[name]] * int(np.prod(kind[name].shape))]


def _element(source, count, properties):
    """Return {property: numbers (count,) or `_Ragged`} of an element's rows."""
    if not count or not properties:
        return {name: np.zeros(0) for name, kinds in properties if len(kinds) == 1}
    start = source.at
    lengths = _lengths(source, properties)
    source.at = start
    fields = []
    for name, kinds in properties:
        if len(kinds) == 2:
            fields += [(f"{name} length", kinds[0]), (name, kinds[1], (lengths[name],))]
        else:
            fields.append((name, kinds[0]))
    try:
        table = source.take(fields, count)
        if all((table[f"{name} length"] == length).all() for name, length in lengths.items()):
            return {
                name: _Ragged(np.full(count, lengths[name]), table[name].reshape(-1))
                if name in lengths else table[name].astype(kinds[0])
                for name, kinds in properties
            }  # fmt: skip
    except ValueError:
        if not lengths:
            raise
    source.at = start
    return _row_by_row(source, count, properties)


def _lengths(source, properties):
    """Return {name: length} of the lists in the next row."""
    lengths = {}
    for name, kinds in properties:
        value = source.take(kinds[0])[0]
        if len(kinds) == 2:
            lengths[name] = int(value)
            source.take(kinds[1], lengths[name])
    return lengths


def _row_by_row(source, count, properties):
    """Return what `_element` does where lists have different lengths."""
    found = {name: [] for name, _ in properties}
    for _ in range(count):
        for name, kinds in properties:
            value = source.take(kinds[0])
            if len(kinds) == 2:
                value = source.take(kinds[1], int(value[0]))
            found[name].append(value)
    return {
        name: _Ragged(np.array([len(row) for row in found[name]]), np.concatenate(found[name]))
        if len(kinds) == 2 else np.concatenate(found[name]).astype(kinds[0])
        for name, kinds in properties
    }  # fmt: skip


def _colours(element):
    """Return the colours (n, 3) of an element in 0..1, or None."""
    for prefix in ("", "diffuse_"):
        channels = [element.get(prefix + name) for name in ("red", "green", "blue")]
        if all(channel is not None and len(channel) for channel in channels):
            values = np.stack(channels, axis=1)
            top = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1
            return np.nan_to_num(values / top).clip(0, 1)
    return None


def _of_faces(colours, polygons):
    return None if colours is None else np.repeat(colours[polygons][:, None], 3, axis=1)


def _coordinates(vertex, face, faces, places):
    """Return texture coordinates (m, 3, 2) of the triangles' corners, or None."""
    listed = face.get("texcoord")
    if isinstance(listed, _Ragged) and len(listed.values) >= 2 * (places.max(initial=-1) + 1) > 0:
        return listed.values.reshape(-1, 2).astype(np.float64)[places]
    for names in COORDINATES:
        if all(name in vertex for name in names):
            return np.stack([vertex[name] for name in names], axis=1).astype(np.float64)[faces]
    return None
