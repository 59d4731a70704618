"""Solids that shapes are built of: boxes, superellipsoids, tubes, lathes, hulls and wings.

Each is a closed `Part` in metres, y up, front towards +x, z to the right.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .parts import Part
from .skins import loft

# Points (along the chord, across it) of a wing's section, with a half thickness of 1.
AEROFOIL = np.array([
    [0, 0], [0.06, 0.55], [0.25, 1.0], [0.55, 0.75], [1, 0.08],
    [1, -0.08], [0.55, -0.45], [0.25, -0.7], [0.06, -0.5],
])


def box(x: float, y: float, z: float, at: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0)) -> Part:
    """Return a box.

    Parameters
    ----------
    x, y, z : float
        Its edges, in metres.
    at : tuple of float
        Its centre, in metres.
    """
    half = np.array([x, y, z]) / 2
    loop = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    sections = [np.column_stack([loop[:, 0], np.full(4, side), -loop[:, 1]]) for side in (-1, 1)]
    return loft([section * half + at for section in sections])


def span(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> Part:
    """Return a box by its bounds.

    Parameters
    ----------
    x, y, z : tuple of float
        (low, high), in metres.
    """
    lows, highs = np.array([x, y, z], dtype=float).T
    width, height, depth = highs - lows
    return box(width, height, depth, at=(lows + highs) / 2)


def cushion(
    x: float,
    y: float,
    z: float,
    at: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    power: float = 5.0,
    rings: int = 8,
    sides: int = 24,
) -> Part:
    """Return a box with round edges, a superellipsoid.

    Parameters
    ----------
    x, y, z : float
        Its full widths, in metres.
    at : tuple of float
        Its centre, in metres.
    power : float
        Exponent of the superellipses: 2 is an ellipsoid, and a larger one has sharper edges.
    rings, sides : int
        Faces from pole to pole, and about the y axis.
    """

    def curve(value):
        return np.sign(value) * np.abs(value) ** (2.0 / power)

    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    longitude = np.arange(sides) * 2 * np.pi / sides
    sections = [
        np.column_stack([
            x / 2 * curve(np.cos(tilt)) * curve(np.cos(longitude)),
            np.full(sides, y / 2 * curve(np.sin(tilt))),
            -z / 2 * curve(np.cos(tilt)) * curve(np.sin(longitude)),
        ])
        for tilt in latitude[1:-1]
    ]
    return loft(sections, tips=((0, -y / 2, 0), (0, y / 2, 0))).move(*at)


def ellipsoid(
    x: float,
    y: float,
    z: float,
    at: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    rings: int = 8,
    sides: int = 14,
) -> Part:
    """Return an ellipsoid; the parameters are those of `cushion`."""
    return cushion(x, y, z, at, power=2.0, rings=rings, sides=sides)


def rod(
    start: ArrayLike,
    end: ArrayLike,
    radius: float,
    end_radius: float | None = None,
    sides: int = 12,
) -> Part:
    """Return a cylinder, or the frustum of a cone.

    Parameters
    ----------
    start, end : (3,) array_like
        The centres of its two ends, in metres.
    radius : float
        In metres.
    end_radius : float, optional
        The radius at the end, in metres, where it is another.
    sides : int
        Faces around.
    """
    return tube(np.array([start, end], float), [radius, radius if end_radius is None else end_radius], sides)


def tube(path: ArrayLike, radius: ArrayLike, sides: int = 10) -> Part:
    """Return a round tube along a path.

    Parameters
    ----------
    path : (n, 3) array_like
        Points of its centre line, in metres.
    radius : float or (n,) array_like
        In metres: one, or one for each point.
    sides : int
        Faces around.
    """
    path = np.asarray(path, dtype=float)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), len(path))
    steps = _unit(np.diff(path, axis=0))
    tangents = _unit(np.vstack([steps[:1], steps[:-1] + steps[1:], steps[-1:]]))
    across = np.cross(tangents[0], np.eye(3)[np.argmin(np.abs(tangents[0]))])
    angles = np.arange(sides) * 2 * np.pi / sides
    sections = []
    for index, (point, tangent, size) in enumerate(zip(path, tangents, radii)):
        # The frame of the last section, turned as little as the path demands.
        across = _unit(across - tangent * (across @ tangent))
        other = np.cross(tangent, across)
        # At a bend the section is an ellipse, so that the tube keeps its width.
        bend = steps[min(index, len(steps) - 1)]
        stretch = 1.0 / max(tangent @ bend, 0.5)
        outward = bend - tangent * (bend @ tangent)
        ring = np.outer(np.cos(angles), across) + np.outer(np.sin(angles), other)
        if outward @ outward > 1e-9:
            outward = _unit(outward)
            ring += np.outer((ring @ outward) * (stretch - 1.0), outward)
        sections.append(point + size * ring)
    return loft(sections)


def lathe(profile: ArrayLike, sides: int = 24) -> Part:
    """Return a solid of revolution about the y axis.

    Parameters
    ----------
    profile : (n, 2) array_like
        Points (radius, y), in metres: a line from the lower to the upper end, or, for a hollow body
        such as a lamp's shade, a line that returns to its start (first point = last point).
    sides : int
        Faces around.
    """
    profile = np.asarray(profile, dtype=float)
    angles = np.arange(sides) * 2 * np.pi / sides
    circle = np.column_stack([np.cos(angles), np.zeros(sides), -np.sin(angles)])
    sections = [circle * (radius, 0, radius) + (0, y, 0) for radius, y in profile]
    if np.allclose(profile[0], profile[-1]):
        return loft(sections[:-1], ring=True)
    return loft(sections)


def _superellipse(width, height, power, sides):
    """Return a superellipse (sides, 2) of a full width and height about the origin."""
    angles = np.arange(sides) * 2 * np.pi / sides
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    return np.sign(points) * np.abs(points) ** (2.0 / power) * (width / 2, height / 2)


def hull(
    stations: Iterable[tuple[float, float, float, float]], sides: int = 20, power: float = 2.5
) -> Part:
    """Return a body along x whose sections are superellipses.

    Parameters
    ----------
    stations : sequence of tuple
        (x, width, height, y of the centre) of each section, in metres.
    sides : int
        Faces around.
    power : float
        Exponent of the superellipses, as in `cushion`.
    """
    sections = []
    for x, width, height, y in stations:
        loop = _superellipse(width, height, power, sides)
        sections.append(np.column_stack([np.full(sides, x), y + loop[:, 1], -loop[:, 0]]))
    return loft(sections)


def wing(root: Sequence[float], tip: Sequence[float], thickness: float = 0.12) -> Part:
    """Return a lying wing of one aerofoil, thin at its edges.

    Parameters
    ----------
    root, tip : tuple of float
        (x of the leading edge, y, z, chord) of the two sections, in metres.
    thickness : float
        As a share of the chord.
    """
    along, across = AEROFOIL.T
    return loft([
        np.column_stack([
            x - along * chord, y + across * chord * thickness / 2, np.full(len(along), z)
        ])
        for x, y, z, chord in (root, tip)
    ])


def fin(root: Sequence[float], tip: Sequence[float], thickness: float = 0.1) -> Part:
    """Return an upright wing; the parameters are those of `wing`."""
    inner, outer = ((x, -z, y, chord) for x, y, z, chord in (root, tip))
    return wing(inner, outer, thickness).turn("x", -90)


def arc(
    centre: ArrayLike, radius: float, start: float, end: float, points: int = 10, plane: str = "xy"
) -> np.ndarray:
    """Return points on an arc.

    Parameters
    ----------
    centre : (3,) array_like
        In metres.
    radius : float
        In metres.
    start, end : float
        Its ends, in degrees anticlockwise.
    points : int
        Their number, both ends included.
    plane : str
        The two axes of its plane, such as "xz": 0 degrees is the first, 90 the second.

    Returns
    -------
    (points, 3) ndarray
    """
    angles = np.radians(np.linspace(start, end, points))
    result = np.tile(np.asarray(centre, dtype=float), (points, 1))
    first, second = ("xyz".index(axis) for axis in plane)
    result[:, first] += radius * np.cos(angles)
    result[:, second] += radius * np.sin(angles)
    return result


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
