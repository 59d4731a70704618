"""Procedural cars: sedans, hatchbacks, pickups, vans and roadsters. Noses towards +x."""

import numpy as np

from .dice import Draw
from .palettes import DARK, GLASS, METAL, TYRE
from .parts import Part, Shape
from .primitives import arc, box, cushion, ellipsoid, lathe, rod, span, tube
from .skins import loft, prism


def _wheels(draw, shape, places, z, radius, width):
    """Add wheels: a tyre with a hollow rim and spokes on both sides."""
    rim, spokes = draw.shade(METAL), draw.whole(4, 7)
    ring = [
        (radius * 0.62, -width / 2), (radius * 0.95, -width / 2), (radius, -width * 0.3),
        (radius, width * 0.3), (radius * 0.95, width / 2), (radius * 0.62, width / 2),
        (radius * 0.62, -width / 2),
    ]
    tyre = lathe(ring, 24).turn("x", 90)
    disc = rod((0, 0, -width * 0.2), (0, 0, width * 0.25), radius * 0.63, sides=20)
    arm = box(radius * 0.6, radius * 0.14, 0.03, (radius * 0.3, 0, width * 0.3))
    arms = [arm.turn("z", angle) for angle in np.arange(spokes) * 360.0 / spokes]
    for x in places:
        shape.both("tyre", TYRE, tyre.move(x, radius, z))
        shape.both("well", (0.12, 0.12, 0.13), disc.move(x, radius, z))
        shape.both("rim", rim, *[arm.move(x, radius, z) for arm in arms])


def _car(draw, length, width, waist, roof, profile, cabin, axles, wheel):
    """Build a car from its side view.

    Parameters
    ----------
    length, width, waist, roof : float
        In metres; the waist is the lower edge of the windows.
    profile, cabin : list of tuple
        The top line of the body, and of the windows on it, from tail to nose: points (share of the
        length, y in metres).
    axles : tuple of float
        Where the wheels are, as shares of the length.
    wheel : float
        Their radius, in metres.
    """
    shape, paint = Shape(), draw.paint()
    clearance, z = draw(0.14, 0.22), width / 2
    top = np.array(profile) * (length, 1.0)
    places = [share * length for share in axles]
    outline = np.concatenate([_arches(length, clearance, places, wheel * 1.15), top[::-1]])
    tuck = draw(0.03, 0.07)
    # The sides bulge: the outer slabs shrink from the outline of the middle one.
    shape.add("body", paint, prism(outline, -z + tuck, z - tuck))
    centre = np.array([length / 2, (waist + clearance) / 2])
    small = (outline - centre) * (0.985, 0.9) + centre
    for side in (-1, 1):
        shape.add("body", paint, _slab((outline, small), (z - tuck, z), side))
    glass = np.array(cabin) * (length, 1.0)
    _cabin(draw, shape, paint, glass, waist, roof, z - tuck, draw(0.72, 0.86))
    _wheels(draw, shape, places, z - 0.11, wheel, 0.2)
    _lamps_and_bumpers(draw, shape, length, width, clearance, top)
    mirror = (glass[-1][0] - 0.25, waist + 0.1, z + 0.08)
    shape.both("mirror", paint, ellipsoid(0.12, 0.13, 0.2, mirror, 6, 10))
    return shape


def _lamps_and_bumpers(draw, shape, length, width, clearance, top):
    """Add what the ends of a body with this top line carry."""
    nose, tail, z = top[-1], top[0], width / 2
    front = (nose[0] - 0.06, nose[1] - 0.06, z - 0.28)
    rear = (tail[0] + 0.01, tail[1] - 0.14, z - 0.24)
    shape.both("lamp", (0.95, 0.95, 0.88), ellipsoid(0.12, 0.14, 0.3, front, 6, 12))
    shape.both("rear lamp", (0.75, 0.08, 0.08), box(0.06, 0.14, 0.28, rear))
    shape.add(
        "trim", draw.shade(DARK),
        box(0.05, 0.16, width * 0.5, (length - 0.01, clearance + 0.28, 0)),
        box(0.12, 0.12, width * 0.92, (length - 0.02, clearance + 0.1, 0)),
        box(0.12, 0.14, width * 0.92, (0.02, clearance + 0.12, 0)),
    )


def _arches(length, low, centres, radius):
    """Return the lower line of a car's body from tail to nose with round wheel arches."""
    points = [(0.04, low + 0.1), (0.15, low)]
    for centre in sorted(centres):
        chord = np.sqrt(max(radius**2 - (low - radius * 0.87) ** 2, 0.01))
        end = np.degrees(np.arctan2(low - radius * 0.87, chord))
        points += [tuple(p[:2]) for p in arc((centre, radius * 0.87, 0), radius, 180 - end, end, 9)]
    return np.array(points + [(length - 0.15, low), (length - 0.04, low + 0.1)])


def _slab(outlines, depths, side):
    """Return the solid between two outlines of as many points, each at its distance from z = 0."""
    ends = [
        np.column_stack([points, np.full(len(points), side * depth)])
        for points, depth in zip(outlines, depths)
    ]
    # The faces of a prism over the first outline serve for both, lower end first.
    return Part(np.concatenate(ends[::side]), prism(outlines[0], 0.0, 1.0).faces)


def _cabin(draw, shape, paint, line, waist, roof, z, narrow):
    """Add glass from the waist to the roof, the roof itself and the pillars between them."""
    x0, x1, x2, x3 = line[:, 0]
    upper = z * narrow
    low, high, wide = waist - 0.03, roof - 0.04, z * 0.98
    base = [(x0, low, -wide), (x0, low, wide), (x3, low, wide), (x3, low, -wide)]
    head = [(x1, high, -upper), (x1, high, upper), (x2, high, upper), (x2, high, -upper)]
    shape.add("glass", draw.shade(GLASS), loft([base, head]))
    middle = ((x1 + x2) / 2, roof - 0.035, 0)
    shape.add("body", paint, cushion(x2 - x1 + 0.12, 0.09, 2 * upper + 0.08, middle, power=7))
    ends = [
        rod((a, low, z * 0.97), (b, high, upper), 0.04, sides=6) for a, b in ((x0, x1), (x3, x2))
    ]
    between = [
        rod(
            (x0 + (x3 - x0) * share, low, wide), (x1 + (x2 - x1) * share, high, upper),
            0.035, sides=6,
        )
        for share in (0.38, 0.68)
    ]
    shape.both("body", paint, *ends, *between)


def sedan(draw: Draw) -> Shape:
    """Three boxes: bonnet, cabin, boot."""
    length, width, waist, roof = draw(4.2, 5.0), draw(1.68, 1.9), draw(0.82, 0.95), draw(1.35, 1.52)
    bonnet, boot, wheel = draw(0.66, 0.74), draw(0.14, 0.22), draw(0.29, 0.35)
    profile = [
        (0.0, waist - 0.1), (0.03, waist), (boot + 0.05, waist + 0.01), (bonnet, waist),
        (0.93, waist - 0.15), (1.0, waist - 0.3),
    ]
    cabin = [
        (boot, waist),
        (boot + draw(0.1, 0.17), roof),
        (bonnet - draw(0.14, 0.2), roof),
        (bonnet + 0.03, waist),
    ]
    axles = draw(0.18, 0.21), draw(0.80, 0.83)
    return _car(draw, length, width, waist, roof, profile, cabin, axles, wheel)


def hatchback(draw: Draw) -> Shape:
    """A short car with a steep tail, up to an off-roader's height."""
    length, width, tall = draw(3.5, 4.6), draw(1.6, 1.95), draw(0, 1)
    waist, roof = 0.86 + 0.22 * tall, 1.42 + 0.4 * tall
    bonnet, wheel = draw(0.70, 0.78), 0.29 + 0.09 * tall
    profile = [
        (0.0, waist - 0.15), (0.01, waist), (bonnet, waist), (0.95, waist - 0.12),
        (1.0, waist - 0.3),
    ]
    cabin = [
        (0.02, waist),
        (draw(0.05, 0.14), roof),
        (bonnet - draw(0.12, 0.2), roof),
        (bonnet + 0.03, waist),
    ]
    axles = draw(0.18, 0.2), draw(0.79, 0.82)
    shape = _car(draw, length, width, waist, roof, profile, cabin, axles, wheel)
    if draw.chance(0.4):
        low, high, z = roof - 0.02, roof + 0.07, width * 0.34
        rail = [
            (length * 0.2, low, z), (length * 0.24, high, z), (length * 0.5, high, z),
            (length * 0.54, low, z),
        ]
        shape.both("rack", draw.shade(METAL + DARK), tube(rail, 0.02, 6))
    return shape


def pickup(draw: Draw) -> Shape:
    """A cab in front of an open bed."""
    length, width, waist, roof = draw(4.8, 5.6), draw(1.8, 2.0), draw(0.98, 1.12), draw(1.65, 1.85)
    bonnet, bed, wheel = draw(0.70, 0.76), draw(0.34, 0.46), draw(0.36, 0.42)
    floor, wall = waist - draw(0.3, 0.42), 0.07
    profile = [
        (0.0, floor), (bed - 0.02, floor), (bed, waist), (bonnet, waist), (0.96, waist - 0.1),
        (1.0, waist - 0.28),
    ]
    cabin = [
        (bed + 0.02, waist),
        (bed + draw(0.03, 0.07), roof),
        (bonnet - draw(0.1, 0.14), roof),
        (bonnet + 0.02, waist),
    ]
    axles = draw(0.18, 0.21), draw(0.80, 0.83)
    shape = _car(draw, length, width, waist, roof, profile, cabin, axles, wheel)
    paint = shape.colours["body"]
    x, y, z = bed * length, (floor - 0.1, waist), width / 2
    shape.both("body", paint, span((0, x), y, (z - wall - 0.02, z - 0.02)))
    shape.add("body", paint, span((0, wall), y, (-z + 0.03, z - 0.03)))
    if draw.chance(0.35):
        bar = [
            (x - 0.15, floor, z - 0.12), (x - 0.2, roof - 0.05, z - 0.18),
            (x - 0.2, roof - 0.05, -z + 0.18), (x - 0.15, floor, -z + 0.12),
        ]
        shape.add("bar", draw.shade(METAL + DARK), tube(bar, 0.035, 8))
    return shape


def van(draw: Draw) -> Shape:
    """One tall box with a short nose: a delivery van or a small bus."""
    length, width, waist, roof = draw(4.4, 6.2), draw(1.8, 2.1), draw(1.05, 1.25), draw(1.85, 2.5)
    bonnet, wheel = draw(0.84, 0.92), draw(0.32, 0.38)
    closed = draw.chance(0.5)
    wall = bonnet - draw(0.2, 0.26)
    if closed:
        profile = [
            (0.0, waist - 0.3), (0.005, roof - 0.05), (wall, roof - 0.05), (wall, waist),
            (bonnet, waist), (0.98, waist - 0.2), (1.0, waist - 0.5),
        ]
        cabin = [
            (wall - 0.05, waist),
            (wall - 0.04, roof),
            (wall + 0.07, roof),
            (bonnet + 0.03, waist),
        ]
    else:
        profile = [
            (0.0, waist - 0.3), (0.005, waist), (bonnet, waist), (0.98, waist - 0.2),
            (1.0, waist - 0.5),
        ]
        cabin = [
            (0.01, waist),
            (draw(0.02, 0.05), roof),
            (bonnet - draw(0.1, 0.16), roof),
            (bonnet + 0.04, waist),
        ]
    axles = draw(0.18, 0.24), draw(0.80, 0.84)
    return _car(draw, length, width, waist, roof, profile, cabin, axles, wheel)


def roadster(draw: Draw) -> Shape:
    """A low sports car, open or with a low roof, some with a spoiler."""
    length, width, waist = draw(3.9, 4.6), draw(1.75, 2.0), draw(0.72, 0.82)
    roof, bonnet, wheel = waist + draw(0.32, 0.42), draw(0.6, 0.68), draw(0.31, 0.36)
    profile = [
        (0.0, waist - 0.08), (0.02, waist + 0.06), (0.2, waist + 0.03), (bonnet, waist),
        (0.9, waist - 0.14), (1.0, waist - 0.32),
    ]
    start = draw(0.16, 0.3)
    cabin = [
        (start, waist),
        (start + draw(0.1, 0.16), roof),
        (bonnet - draw(0.1, 0.15), roof),
        (bonnet + 0.06, waist),
    ]
    axles = draw(0.17, 0.2), draw(0.8, 0.83)
    shape = _car(draw, length, width, waist, roof, profile, cabin, axles, wheel)
    if draw.chance(0.6):
        paint = shape.colours["body"]
        rise = draw(0.12, 0.26)
        shape.add("body", paint, box(0.24, 0.03, width * 0.9, (0.12, waist + rise, 0)))
        shape.both("body", paint, box(0.1, rise, 0.03, (0.14, waist + rise / 2, width * 0.3)))
    return shape


KINDS = {
    "sedan": sedan,
    "hatchback": hatchback,
    "pickup": pickup,
    "van": van,
    "roadster": roadster,
}
