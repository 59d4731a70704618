"""The skin of a solid: over a row of sections, or of an outline with a depth."""

import numpy as np
from numpy.typing import ArrayLike

from .parts import Part


def loft(sections: ArrayLike, tips: ArrayLike | None = None, ring: bool = False) -> Part:
    """Return the skin over a row of sections.

    Parameters
    ----------
    sections : (k, n, 3) array_like
        Closed loops of n points each, in metres.
    tips : (2, 3) array_like, optional
        The points that fans close the first and the last section with; their means unless given.
    ring : bool
        Whether the last section joins the first, instead of fans.
    """
    loops = np.asarray(sections, dtype=float)
    count, sides = loops.shape[:2]
    index = np.arange(count * sides).reshape(count, sides)
    upper = np.roll(index, -1, axis=0) if ring else index[1:]
    lower = index if ring else index[:-1]
    a, b = lower, np.roll(lower, -1, axis=1)
    c, d = np.roll(upper, -1, axis=1), upper
    faces = [np.stack(corners, axis=-1).reshape(-1, 3) for corners in ([a, b, c], [a, c, d])]
    vertices = [loops.reshape(-1, 3)]
    if not ring:
        ends = tips if tips is not None else (loops[0].mean(axis=0), loops[-1].mean(axis=0))
        vertices.append(np.asarray(ends, dtype=float))
        first, last = count * sides, count * sides + 1
        turn = np.roll(index, -1, axis=1)
        faces.append(np.column_stack([turn[0], index[0], np.full(sides, first)]))
        faces.append(np.column_stack([index[-1], turn[-1], np.full(sides, last)]))
    return _outwards(np.concatenate(vertices), np.concatenate(faces))


def prism(outline: ArrayLike, low: float, high: float) -> Part:
    """Return an outline in the x-y plane given a depth along z.

    Parameters
    ----------
    outline : (n, 2) array_like
        Points (x, y), anticlockwise, in metres. It may be concave; it must not cross itself.
    low, high : float
        Where it begins and ends along z, in metres.
    """
    outline = np.asarray(outline, dtype=float)
    count = len(outline)
    ends = [np.column_stack([outline, np.full(count, depth)]) for depth in (low, high)]
    caps = np.array(_ears(outline))
    a, b = np.arange(count), np.roll(np.arange(count), -1)
    sides = [np.column_stack([a, b, b + count]), np.column_stack([a, b + count, a + count])]
    faces = np.concatenate([caps[:, ::-1], caps + count, *sides])
    return _outwards(np.concatenate(ends), faces)


def _outwards(vertices, faces):
    """Return a closed part whose faces are seen anticlockwise from outside."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    inverted = np.einsum("mi,mi->", a, np.cross(b, c)) < 0
    return Part(vertices, faces[:, ::-1] if inverted else faces)


def _ears(outline):
    """Triangulate an anticlockwise polygon (n, 2) by cutting off its ears."""

    def cross(a, b, c):
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    left, triangles = list(range(len(outline))), []
    while len(left) > 3:
        for place in range(len(left)):
            i, j, k = left[place - 1], left[place], left[(place + 1) % len(left)]
            a, b, c = outline[i], outline[j], outline[k]
            if cross(a, b, c) <= 0:
                continue
            others = [outline[n] for n in left if n not in (i, j, k)]
            if not any(
                cross(a, b, p) >= 0 and cross(b, c, p) >= 0 and cross(c, a, p) >= 0 for p in others
            ):
                break
        triangles.append((left[place - 1], left[place], left[(place + 1) % len(left)]))
        del left[place]
    return triangles + [tuple(left)]
