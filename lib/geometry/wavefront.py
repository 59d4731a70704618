"""Wavefront OBJ as trimesh reads it rightly: concave polygons cut, indices counted from the start."""

import re

import numpy as np

from .polygons import are_convex, check_corners, triangulate

COUNTED = ("v", "vt", "vn")  # what a corner's three indices count
UNUSUAL = re.compile(r"^f[ \t]+(?:.*-|\S+[ \t]+\S+[ \t]+\S+[ \t]+\S)", re.MULTILINE)


def simplified(text: str) -> str:
    """Return the text of an OBJ file with other faces where trimesh would misread them.

    A concave polygon becomes the triangles that it consists of, where a fan would fill its notches;
    indices counted backwards become indices from the start. All else stays as it is.

    Raises
    ------
    ValueError
        When a face has a corner that is not there.
    """
    # Faces behind blanks would not be seen.
    text = re.sub(r"^[ \t]+", "", text.replace("\\\n", ""), flags=re.MULTILINE)
    if not UNUSUAL.search(text):
        return text
    lines, vertices, polygons = text.split("\n"), [], {}
    seen = dict.fromkeys(COUNTED, 0)
    for number, line in enumerate(lines):
        key, *values = line.partition("#")[0].split() or [""]
        if key in seen:
            seen[key] += 1
            if key == "v":
                vertices.append(values[:3])
        elif key == "f" and (len(values) > 3 or "-" in line):
            corners = [_counted(corner, seen) for corner in values]
            lines[number] = "f " + " ".join(corners)
            if len(corners) > 3:
                polygons[number] = corners
    _cut(lines, np.array(vertices, dtype=np.float64).reshape(-1, 3), polygons)
    return "\n".join(lines)


def _counted(corner, seen):
    """Return a corner, ``v/vt/vn``, with its indices counted from the start."""
    indices = corner.split("/")
    for place, (index, name) in enumerate(zip(indices, COUNTED)):
        if index.startswith("-"):
            indices[place] = str(seen[name] + 1 + int(index))
    return "/".join(indices)


def _cut(lines, points, polygons):
    """Replace the lines of concave polygons, ``{line: corners}``, by lines of their triangles."""
    sizes = {}
    for number, corners in polygons.items():
        sizes.setdefault(len(corners), []).append(number)
    for numbers in sizes.values():
        names = [[corner.partition("/")[0] for corner in polygons[number]] for number in numbers]
        indices = np.array(names, dtype=np.int64) - 1
        check_corners(indices, len(points))
        shapes = points[indices]
        for row in np.flatnonzero(~are_convex(shapes)):
            corners = polygons[numbers[row]]
            triangles = [" ".join(corners[at] for at in face) for face in triangulate(shapes[row])]
            lines[numbers[row]] = "\n".join(f"f {triangle}" for triangle in triangles)
