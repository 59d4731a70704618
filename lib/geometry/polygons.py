"""Triangles of polygons, concave ones too."""

import numpy as np


def triangulate(points: np.ndarray) -> np.ndarray:
    """Cut a simple polygon into triangles by clipping its ears.

    Parameters
    ----------
    points : (n, 3) array
        Corners in order, about in one plane; the polygon may be concave.

    Returns
    -------
    (n - 2, 3) int64 array
        Indices of corners, each triangle in the polygon's own order.
    """
    count = len(points)
    flat = None if count < 4 else _flattened(np.asarray(points, dtype=np.float64))
    if flat is None or _is_convex(flat):
        return np.array([(0, at, at + 1) for at in range(1, count - 1)], np.int64).reshape(-1, 3)
    left, triangles = list(range(count)), []
    while len(left) > 3:
        at = next((at for at in range(len(left)) if _is_ear(flat, left, at)), 0)
        triangles.append((left[at - 1], left[at], left[(at + 1) % len(left)]))
        del left[at]
    return np.array([*triangles, left], dtype=np.int64)


def _flattened(points):
    """Return the corners in the polygon's plane, anticlockwise; None for one with no area."""
    normal = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)  # Newell
    length = np.linalg.norm(normal)
    if length == 0:
        return None
    normal = normal / length
    first = np.cross(normal, np.eye(3)[np.argmin(abs(normal))])
    first /= np.linalg.norm(first)
    return np.stack([points @ first, points @ np.cross(normal, first)], axis=1)


def _is_convex(flat):
    """Tell whether an anticlockwise polygon turns left at every corner, and round once."""
    edges = np.roll(flat, -1, axis=0) - flat
    following = np.roll(edges, -1, axis=0)
    cross = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    turns = np.arctan2(cross, (edges * following).sum(axis=1))
    return (cross >= 0).all() and turns.sum() < 3 * np.pi


def _is_ear(flat, left, at):
    """Tell whether a corner's triangle lies inside the polygon and holds no other corner."""
    names = left[at - 1], left[at], left[(at + 1) % len(left)]
    corners = flat[list(names)]
    if _side(*corners) <= 0:
        return False
    others = np.array([flat[name] for name in left if name not in names])
    pairs = zip(corners, np.roll(corners, -1, axis=0))
    inside = np.all([_side(start, end, others.T) >= 0 for start, end in pairs], axis=0)
    same = (others[:, None] == corners).all(axis=2).any(axis=1)  # a hole's seam passes twice
    return not (inside & ~same).any()


def _side(start, end, point):
    """Return twice the signed area of a triangle: positive where ``point`` is on the left."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
