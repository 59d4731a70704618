"""Closed parts that procedural shapes are built of: boxes, tubes, lathes, lofts and prisms.

Every part is a watertight surface in metres, y up, front towards +x, z to the right.
"""

from dataclasses import dataclass

import numpy as np

from .mesh import Mesh


@dataclass
class Part:
    """A closed triangle mesh: vertices (n, 3), faces (m, 3)."""

    vertices: np.ndarray
    faces: np.ndarray

    def move(self, x=0.0, y=0.0, z=0.0):
        """Return the part moved."""
        return Part(self.vertices + (x, y, z), self.faces)

    def scale(self, x=1.0, y=1.0, z=1.0):
        """Return the part scaled about the origin; factors are positive."""
        return Part(self.vertices * (x, y, z), self.faces)

    def turn(self, axis, degrees):
        """Return the part turned about an axis ("x", "y" or "z") through the origin."""
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        angle = np.radians(degrees)
        vertices = self.vertices.copy()
        vertices[:, i] = np.cos(angle) * self.vertices[:, i] - np.sin(angle) * self.vertices[:, j]
        vertices[:, j] = np.sin(angle) * self.vertices[:, i] + np.cos(angle) * self.vertices[:, j]
        return Part(vertices, self.faces)

    def mirror(self):
        """Return the part on the other side, z to -z."""
        return Part(self.vertices * (1, 1, -1), self.faces[:, ::-1])


class Shape:
    """A model under construction: parts, each of a named material with one colour."""

    def __init__(self):
        self.parts, self.colours = [], {}

    def add(self, material, colour, *parts):
        """Add parts of one material; a material keeps its first colour."""
        self.colours.setdefault(material, tuple(colour))
        self.parts += [(material, part) for part in parts]

    def both(self, material, colour, *parts):
        """Add parts and their mirror images on the other side."""
        self.add(material, colour, *parts, *[part.mirror() for part in parts])

    def mesh(self):
        """Return (Mesh, names of the materials)."""
        names = list(self.colours)
        offsets = np.cumsum([0] + [len(part.vertices) for _, part in self.parts])
        faces = [part.faces + offset for (_, part), offset in zip(self.parts, offsets)]
        numbers = [np.full(len(part.faces), names.index(name)) for name, part in self.parts]
        return (
            Mesh(
                np.concatenate([part.vertices for _, part in self.parts]),
                np.concatenate(faces).astype(np.int64),
                np.array([self.colours[name] for name in names], dtype=np.float64),
                np.concatenate(numbers).astype(np.int64),
            ),
            names,
        )


def box(x, y, z, at=(0.0, 0.0, 0.0)):
    """Return a box of edges x, y, z with its centre at ``at``."""
    half = np.array([x, y, z]) / 2
    loop = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    sections = [np.column_stack([loop[:, 0], np.full(4, side), -loop[:, 1]]) for side in (-1, 1)]
    return loft([section * half + at for section in sections])


def span(x, y, z):
    """Return a box from three (low, high) pairs."""
    lows, highs = np.array([x, y, z], dtype=float).T
    return box(*(highs - lows), at=(lows + highs) / 2)


def cushion(x, y, z, at=(0.0, 0.0, 0.0), power=5.0, rings=8, sides=24):
    """Return a box with round edges, a superellipsoid; a larger ``power`` is sharper."""

    def curve(value):
        return np.sign(value) * np.abs(value) ** (2.0 / power)

    latitude = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    longitude = np.arange(sides) * 2 * np.pi / sides
    sections = [
        np.column_stack(
            [
                x / 2 * curve(np.cos(tilt)) * curve(np.cos(longitude)),
                np.full(sides, y / 2 * curve(np.sin(tilt))),
                -z / 2 * curve(np.cos(tilt)) * curve(np.sin(longitude)),
            ]
        )
        for tilt in latitude[1:-1]
    ]
    return loft(sections, tips=((0, -y / 2, 0), (0, y / 2, 0))).move(*at)


def ellipsoid(x, y, z, at=(0.0, 0.0, 0.0), rings=8, sides=14):
    """Return an ellipsoid of full widths x, y, z."""
    return cushion(x, y, z, at, power=2.0, rings=rings, sides=sides)


def rod(start, end, radius, end_radius=None, sides=12):
    """Return a cylinder, or a cone frustum, between two points."""
    return tube([start, end], [radius, radius if end_radius is None else end_radius], sides)


def tube(path, radius, sides=10):
    """Return a round tube along a path (n, 3); ``radius`` is a number or one for each point."""
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


def lathe(profile, sides=24):
    """Return the body that a closed profile of (radius, y) points sweeps about the y axis.

    The profile is an open line from the lower to the upper end of the axis side, or, for a
    hollow body such as a lamp shade, a line that returns to its start: first point = last point.
    """
    profile = np.asarray(profile, dtype=float)
    angles = np.arange(sides) * 2 * np.pi / sides
    circle = np.column_stack([np.cos(angles), np.zeros(sides), -np.sin(angles)])
    sections = [circle * (radius, 0, radius) + (0, y, 0) for radius, y in profile]
    if np.allclose(profile[0], profile[-1]):
        return loft(sections[:-1], ring=True)
    return loft(sections)


def loft(sections, tips=None, ring=False):
    """Return the skin of a row of loops (n, 3) each, of the same number of points.

    The ends are closed with fans to the loop's centre, or to the two points ``tips``; with
    ``ring`` the last loop joins the first instead.
    """
    loops = np.asarray(sections, dtype=float)
    count, sides = loops.shape[:2]
    index = np.arange(count * sides).reshape(count, sides)
    upper = np.roll(index, -1, axis=0) if ring else index[1:]
    lower = index if ring else index[:-1]
    a, b = lower, np.roll(lower, -1, axis=1)
    c, d = np.roll(upper, -1, axis=1), upper
    faces = [
        np.stack([a, b, c], axis=-1).reshape(-1, 3),
        np.stack([a, c, d], axis=-1).reshape(-1, 3),
    ]
    vertices = [loops.reshape(-1, 3)]
    if not ring:
        ends = tips if tips is not None else (loops[0].mean(axis=0), loops[-1].mean(axis=0))
        vertices.append(np.asarray(ends, dtype=float))
        first, last = count * sides, count * sides + 1
        turn = np.roll(index, -1, axis=1)
        faces.append(np.column_stack([turn[0], index[0], np.full(sides, first)]))
        faces.append(np.column_stack([index[-1], turn[-1], np.full(sides, last)]))
    return _outwards(np.concatenate(vertices), np.concatenate(faces))


def prism(outline, low, high):
    """Return an outline (n, 2) in the x-y plane, anticlockwise, given a depth from z low to high.

    The outline may be concave; it must not cross itself.
    """
    outline = np.asarray(outline, dtype=float)
    count = len(outline)
    vertices = np.concatenate(
        [np.column_stack([outline, np.full(count, depth)]) for depth in (low, high)]
    )
    caps = np.array(_ears(outline))
    a, b = np.arange(count), np.roll(np.arange(count), -1)
    sides = np.concatenate(
        [np.column_stack([a, b, b + count]), np.column_stack([a, b + count, a + count])]
    )
    return _outwards(vertices, np.concatenate([caps[:, ::-1], caps + count, sides]))


def oval(width, height, power=2.0, sides=20):
    """Return a superellipse (sides, 2) of full width and height about the origin."""
    angles = np.arange(sides) * 2 * np.pi / sides
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    return np.sign(points) * np.abs(points) ** (2.0 / power) * (width / 2, height / 2)


def hull(stations, sides=20, power=2.5):
    """Return a body along x of superellipse sections.

    ``stations`` are (x, width, height, y of the centre) or, with a fifth value, its own power.
    """
    sections = []
    for x, width, height, y, *own in stations:
        loop = oval(width, height, own[0] if own else power, sides)
        sections.append(np.column_stack([np.full(sides, x), y + loop[:, 1], -loop[:, 0]]))
    return loft(sections)


def wing(root, tip, thickness=0.12):
    """Return a wing between two sections (leading edge x, y, z, chord), thin at its edges."""
    shape = np.array(
        [
            [0, 0],
            [0.06, 0.55],
            [0.25, 1.0],
            [0.55, 0.75],
            [1, 0.08],
            [1, -0.08],
            [0.55, -0.45],
            [0.25, -0.7],
            [0.06, -0.5],
        ]
    )
    sections = []
    for x, y, z, chord in (root, tip):
        sections.append(
            np.column_stack(
                [
                    x - shape[:, 0] * chord,
                    y + shape[:, 1] * chord * thickness / 2,
                    np.full(len(shape), z),
                ]
            )
        )
    return loft(sections)


def fin(root, tip, thickness=0.1):
    """Return a wing that stands upright: sections are (leading edge x, y, z, chord)."""
    lying = [(x, -z, y, chord) for x, y, z, chord in (root, tip)]
    return wing(*lying, thickness).turn("x", -90)


def arc(centre, radius, start, end, points=10, plane="xy"):
    """Return points (n, 3) on an arc, in degrees anticlockwise in the named plane."""
    angles = np.radians(np.linspace(start, end, points))
    result = np.tile(np.asarray(centre, dtype=float), (points, 1))
    first, second = ("xyz".index(axis) for axis in plane)
    result[:, first] += radius * np.cos(angles)
    result[:, second] += radius * np.sin(angles)
    return result


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


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
