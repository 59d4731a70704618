"""Reading OFF files: vertices and polygons as text."""

import re

import numpy as np

from .polygons import cut


def read(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Read an OFF file; colours and normals are passed over.

    Returns
    -------
    vertices : (n, 3) float64
    faces : (m, 3) int64

    Raises
    ------
    ValueError
        When it is no OFF file of three dimensions or is cut short.
    """
    text = re.sub("#.*", "", text).strip()
    kind = re.match("(ST)?C?N?OFF(?![A-Z])", text, re.IGNORECASE)  # ModelNet's has "OFF490 518 0"
    if not kind:
        raise ValueError("it does not begin with OFF")
    lines = [line.split() for line in text[kind.end() :].split("\n") if line.strip()]
    if not lines:
        raise ValueError("it does not say how many vertices it has")
    total, polygons = map(int, lines[0][:2])
    if total < 0 or polygons < 0 or len(lines) < 1 + total + polygons:
        raise ValueError("it is cut short")
    vertices = np.array([line[:3] for line in lines[1 : total + 1]], np.float64).reshape(-1, 3)
    rings = [_ring(line) for line in lines[total + 1 : total + 1 + polygons]]
    corners = np.array([corner for ring in rings for corner in ring], dtype=np.int64)
    places, _ = cut(vertices, corners, np.array([len(ring) for ring in rings], dtype=np.int64))
    return vertices, corners[places]


def _ring(line):
    count = int(line[0])
    if len(line) <= count:
        raise ValueError("a face has fewer corners than it says")
    return [int(word) for word in line[1 : count + 1]]
