"""Triangles of polygons, concave ones too."""

import numpy as np

FLAT = 1e-12  # of a polygon's extent, squared: a corner that turns less lies on a straight line


def cut(points: np.ndarray, corners: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut many polygons into triangles.

    Parameters
    ----------
    points : (n, 3) array
    corners : (m,) int array
        Indices of points, one polygon after another.
    counts : (k,) int array
        Corners of each polygon; those with fewer than three give no triangle.

    Returns
    -------
    places : (t, 3) int64 array
        Places in ``corners``, in the polygons' order.
    polygons : (t,) int64 array
        The polygon that each triangle is of.

    Raises
    ------
    ValueError
        When a corner is no point.
    """
    check_corners(corners, len(points))
    starts = np.cumsum(counts) - counts
    found, owners = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    for count in np.unique(counts[counts >= 3]):
        members = np.flatnonzero(counts == count)
        rings = starts[members, None] + np.arange(count)
        triangles = rings[:, _fan(count)]
        shapes = points[corners[rings]]
        for row in np.flatnonzero(~are_convex(shapes)):
            triangles[row] = rings[row][triangulate(shapes[row])]
        found.append(triangles.reshape(-1, 3))
        owners.append(np.repeat(members, count - 2))
    places, polygons = np.concatenate(found), np.concatenate(owners)
    order = np.argsort(polygons, kind="stable")
    return places[order], polygons[order]


def check_corners(corners: np.ndarray, points: int) -> None:
    """Raise ValueError where a face names a vertex that is not there; ``points`` is how many there are."""
    if corners.size and not 0 <= corners.min() <= corners.max() < points:
        raise ValueError("a face has a vertex that is not there")


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
    points = np.asarray(points, dtype=np.float64)
    if count < 4 or are_convex(points[None])[0]:
        return _fan(count)
    flat = _flattened(points)
    left, triangles = list(range(count)), []
    while len(left) > 3:
        at = next((at for at in range(len(left)) if _is_ear(flat, left, at)), 0)
        triangles.append((left[at - 1], left[at], left[(at + 1) % len(left)]))
        del left[at]
    return np.array([*triangles, left], dtype=np.int64)


def are_convex(points: np.ndarray) -> np.ndarray:
    """Tell of polygons (k, n, 3) whether a fan covers each: all its turns one way, once round."""
    points = _scaled(points)
    edges = np.roll(points, -1, axis=1) - points
    following = np.roll(edges, -1, axis=1)
    turns = np.cross(edges, following)
    normals = np.cross(points, np.roll(points, -1, axis=1)).sum(axis=1)  # Newell
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    sines = np.einsum("knc,kc->kn", turns, normals / np.where(lengths > 0, lengths, 1))
    angles = np.arctan2(sines, (edges * following).sum(axis=2))
    return (sines >= -FLAT).all(axis=1) & (angles.sum(axis=1) < 3 * np.pi)


def _fan(count):
    """Return the triangles (n - 2, 3) of a polygon whose first corner sees all the others."""
    return np.array([(0, at, at + 1) for at in range(1, count - 1)], np.int64).reshape(-1, 3)


def _scaled(points):
    """Return polygons (k, n, 3) moved to their first corner, of extent 1: far ones keep digits."""
    points = points - points[:, :1]
    extents = np.abs(points).max(axis=(1, 2), keepdims=True)
    return points / np.where(extents > 0, extents, 1)


def _flattened(points):
    """Return the corners in the polygon's plane, anticlockwise."""
    points = _scaled(points[None])[0]
    normal = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, np.eye(3)[np.argmin(abs(normal))])
    first /= np.linalg.norm(first)
    return np.stack([points @ first, points @ np.cross(normal, first)], axis=1)


def _is_ear(flat, left, at):
    """Tell whether a corner's triangle lies inside the polygon and holds no other corner."""
    names = left[at - 1], left[at], left[(at + 1) % len(left)]
    corners = flat[list(names)]
    if _side(*corners) <= FLAT:
        return False
    others = flat[[name for name in left if name not in names]]
    pairs = zip(corners, np.roll(corners, -1, axis=0))
    inside = np.all([_side(start, end, others.T) >= -FLAT for start, end in pairs], axis=0)
    same = (others[:, None] == corners).all(axis=2).any(axis=1)  # a hole's seam passes twice
    return not (inside & ~same).any()


def _side(start, end, point):
    """Return twice the signed area of a triangle: positive where ``point`` is on the left."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
