"""Reading AC3D files (.ac), and the .acc files of car races, which add strips of triangles."""

import shlex
from collections.abc import Iterator

import numpy as np

from .polygons import check_corners, triangulate

POLYGON, STRIP = 0, 4  # kinds of surface; the others are lines
KIND = 0xF  # the bits of a surface's flags that say its kind


def read_parts(text: str) -> Iterator[tuple[np.ndarray | str | None, ...]]:
    """Read the objects of an AC3D file's text.

    Parameters
    ----------
    text : str
        The format has y up.

    Yields
    ------
    tuple of (vertices, faces, face_materials, corner_uv, materials, texture)
        The vertices (n, 3) in the file's frame, the faces (m, 3), the materials' numbers (m,),
        texture coordinates (m, 3, 2), all of the file's colours (k, 3), and the texture's name
        or None.

    Raises
    ------
    ValueError
        When the file is cut short or is no AC3D file.
    """
    lines = _Lines(text.split("\n"))
    if not lines.take().startswith("AC3D"):
        raise ValueError("it does not begin with AC3D")
    materials: list[list[float]] = []
    parts: list[tuple[np.ndarray, list, str | None]] = []
    while (line := lines.next_words()) is not None:
        if line[0] == "MATERIAL":
            at = line.index("rgb")
            materials.append([float(number) for number in line[at + 1 : at + 4]])
        elif line[0] == "MAT":  # version 12 has a line for each property
            while (line := lines.words())[0] != "ENDMAT":
                if line[0] == "rgb":
                    materials.append([float(number) for number in line[1:4]])
        elif line[0] == "OBJECT":
            _object(lines, parts, np.eye(3), np.zeros(3))
        else:
            raise ValueError(f"there is '{line[0]}' where an object is expected")
    colours = np.array(materials or [[0.65, 0.65, 0.65]]).clip(0, 1)
    for vertices, surfaces, texture in parts:
        corners = np.concatenate([refs for _, refs in surfaces])
        numbers = np.concatenate([np.full(len(refs), number) for number, refs in surfaces])
        faces = corners[..., 0].astype(np.int64)
        check_corners(faces, len(vertices))
        numbers = numbers.clip(0, len(colours) - 1)
        yield vertices, faces, numbers, corners[..., 1:], colours, texture


class _Lines:
    """A file's lines, taken one by one."""

    def __init__(self, lines: list[str]) -> None:
        self.lines, self.at = lines, 0

    def take(self):
        if self.at >= len(self.lines):
            raise ValueError("the file is cut short")
        self.at += 1
        return self.lines[self.at - 1]

    def next_words(self):
        """Return the words of the next line that has any, or None at the end."""
        while self.at < len(self.lines):
            line = self.take()
            if line.strip():
                return shlex.split(line) if '"' in line else line.split()
        return None

    def words(self):
        words = self.next_words()
        if words is None:
            raise ValueError("the file is cut short")
        return words

    def skip(self, count):
        """Pass over ``count`` characters of text, which may be several lines."""
        while count > 0:
            count -= len(self.take()) + 1


def _object(lines, parts, turn, place):
    """Read an object and its kids; add those with surfaces, moved as their parents are."""
    own_turn, own_place, texture = np.eye(3), np.zeros(3), None
    vertices, surfaces = np.zeros((0, 3)), []
    while True:
        key, *values = lines.words()
        if key == "rot":
            own_turn = np.array(values[:9], dtype=np.float64).reshape(3, 3)
        elif key == "loc":
            own_place = np.array(values[:3], dtype=np.float64)
        elif key == "data":
            lines.skip(int(values[0]))
        elif key == "texture":
            texture = texture or values[0]  # the first is the base; others are shadows and dirt
        elif key == "numvert":
            rows = [lines.words()[:3] for _ in range(int(values[0]))]
            vertices = np.array(rows, dtype=np.float64).reshape(-1, 3)
        elif key == "numsurf":
            surfaces = [_surface(lines, vertices) for _ in range(int(values[0]))]
        elif key == "kids":
            break
    place, turn = own_place @ turn + place, own_turn @ turn
    surfaces = [(number, refs) for number, refs in surfaces if len(refs)]
    if surfaces:
        parts.append((vertices @ turn + place, surfaces, texture))
    for _ in range(int(values[0])):
        lines.words()  # OBJECT
        _object(lines, parts, turn, place)


def _surface(lines, vertices):
    """Return a surface's material and its triangles' corners (m, 3, 3): vertex, u, v."""
    kind, material = POLYGON, 0
    while True:
        key, *values = lines.words()
        if key == "SURF":
            kind = int(values[0], 16) & KIND
        elif key == "mat":
            material = int(values[0])
        elif key == "refs":
            break
    rows = [(lines.words() + ["0", "0"])[:3] for _ in range(int(values[0]))]
    refs = np.array(rows, dtype=np.float64).reshape(-1, 3)
    if kind == STRIP:
        order = [(at, at + 1 + at % 2, at + 2 - at % 2) for at in range(len(refs) - 2)]
    elif kind == POLYGON and len(refs) >= 3:
        corners = refs[:, 0].astype(np.int64)
        check_corners(corners, len(vertices))
        order = triangulate(vertices[corners])
    else:
        order = []
    return material, refs[np.array(order, dtype=np.int64).reshape(-1, 3)]
