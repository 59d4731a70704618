"""Procedural airplanes: airliners, fighters and light aircraft. Noses towards +x."""

import numpy as np

from .dice import Draw
from .palettes import GLASS, LIGHT, METAL, TYRE
from .parts import Shape
from .primitives import box, cushion, ellipsoid, fin, hull, lathe, rod, span, wing

CAMOUFLAGE = [(0.35, 0.40, 0.33), (0.45, 0.48, 0.52), (0.30, 0.34, 0.40)]
WINDOW = (0.12, 0.14, 0.18)
STRUT = (0.3, 0.3, 0.3)


def airliner(draw: Draw) -> Shape:
    """A tube with swept wings, two or four engines below them, or two at the tail."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    length, radius, reach = draw(30, 60), draw(1.8, 3.0), draw(0.42, 0.55)
    sweep, root = draw(0.35, 0.65), draw(0.14, 0.2)
    taper, dihedral = draw(0.2, 0.4), draw(0.04, 0.12)
    shape.add("body", paint, _airliner_fuselage(length, radius))
    half, chord, x = length * reach, length * root, length * draw(0.06, 0.14)
    low = -radius * 0.55
    tip = (x - half * sweep, low + half * dihedral, half, chord * taper)
    shape.both("wing", draw.pick(paint, draw.shade(METAL)), wing((x, low, 0, chord), tip))
    if draw.chance(0.5):
        upper = (tip[0] - chord * 0.2, tip[1] + half * 0.09, half * 1.02, chord * 0.1)
        shape.both("tail", paint, fin(tip, upper))  # a winglet
    rear = -length / 2 + length * 0.15
    t_tail = _airliner_tail(draw, shape, paint, rear, length, radius, half)
    size, metal = radius * draw(0.42, 0.62), draw.pick(draw.shade(METAL), paint)
    if t_tail:
        place = rear + length * 0.1, radius * 0.6, radius + size * 1.1
        shape.both("engine", metal, *_engine(*place, size, length * 0.11))
    else:
        for share in draw.pick((0.32,), (0.32,), (0.28, 0.55)):
            at = x - half * share * sweep
            y, z = low + half * share * dihedral, half * share
            engine = _engine(at + length * 0.05, y - size * 1.15, z, size, length * 0.1)
            shape.both("engine", metal, *engine)
            pylon = (at - length * 0.02, y - size * 0.35, z)
            shape.both("engine", metal, box(length * 0.07, size * 0.8, size * 0.2, pylon))
    _airliner_windows(shape, length, radius)
    return shape


def _airliner_fuselage(length, radius):
    """Return the fuselage: a tube that rises to the tail."""
    nose, tail = length / 2, -length / 2
    stations = [
        (tail, radius * 0.15, radius * 0.3, radius * 0.9),
        (tail + length * 0.12, radius * 0.9, radius * 1.1, radius * 0.5),
        (tail + length * 0.32, 2 * radius, 2 * radius, 0),
        (nose - length * 0.14, 2 * radius, 2 * radius, 0),
        (nose - length * 0.07, 1.8 * radius, 1.75 * radius, -radius * 0.08),
        (nose - length * 0.02, radius, radius, -radius * 0.3),
        (nose, radius * 0.15, radius * 0.15, -radius * 0.4),
    ]
    return hull(stations, power=2.0)


def _airliner_tail(draw, shape, paint, rear, length, radius, half):
    """Add a fin and a tailplane; return whether this is a T-tail, with the tailplane on top."""
    colour = draw.paint()
    rise = length * draw(0.12, 0.17)
    top = (rear - rise * 0.75, radius * 0.8 + rise, 0, length * 0.055)
    shape.add("tail", colour, fin((rear, radius * 0.7, 0, length * 0.14), top))
    t_tail, reach = draw.chance(0.25), half * draw(0.3, 0.4)
    y = radius * 0.8 + rise * 0.95 if t_tail else radius * 0.5
    x = rear - rise * 0.65 if t_tail else rear - length * 0.02
    tip = (x - reach * 0.6, y + reach * 0.08, reach, length * 0.035)
    shape.both("wing", paint, wing((x, y, 0, length * 0.09), tip))
    return t_tail


def _engine(x, y, z, radius, length):
    """Return a nacelle, open at the front, with its fan and cone."""
    nacelle = [
        (radius * 0.9, 0), (radius, -length * 0.06), (radius, -length * 0.5),
        (radius * 0.55, -length), (radius * 0.4, -length), (radius * 0.8, -length * 0.3),
        (radius * 0.8, -length * 0.05), (radius * 0.9, 0),
    ]
    core = [
        (0, -length * 1.08), (radius * 0.35, -length), (radius * 0.82, -length * 0.35),
        (radius * 0.82, -length * 0.2), (radius * 0.2, -length * 0.2), (0, -length * 0.05),
    ]
    return [lathe(profile, 18).turn("z", -90).move(x, y, z) for profile in (nacelle, core)]


def _airliner_windows(shape, length, radius):
    """Add the windscreen and the rows of windows."""
    nose, tail = length / 2, -length / 2
    place = (nose - length * 0.055, 0.28 * radius + radius * 0.1, radius * 0.38)
    shape.both("glass", WINDOW, cushion(radius * 0.7, radius * 0.3, radius * 0.7, place, power=4))
    y, z = radius * 0.25, radius * 0.97
    shape.both("glass", WINDOW, *[
        box(length * 0.008, radius * 0.17, radius * 0.06, (x, y, z))
        for x in np.arange(tail + length * 0.3, nose - length * 0.12, length * 0.022)
    ])


def fighter(draw: Draw) -> Shape:
    """A pointed body with delta or swept wings, intakes, a canopy, one or two fins."""
    shape = Shape()
    paint = draw.pick(draw.shade(METAL), draw.shade(CAMOUFLAGE), draw.paint())
    length, width, tall = draw(13, 20), draw(1.5, 2.6), draw(1.3, 1.8)
    tail = -length / 2
    shape.add("body", paint, _fighter_fuselage(length, width, tall))
    half, chord, sweep = length * draw(0.26, 0.4), length * draw(0.3, 0.5), draw(0.5, 1.3)
    taper, x, fins = draw(0.08, 0.35), length * draw(0.06, 0.14), draw.whole(1, 2)
    tip = (max(x - half * sweep, tail + length * 0.12), 0.0, half, chord * taper)
    shape.both("wing", paint, wing((x, 0.05, width * 0.3, chord), tip, 0.07))
    if draw.chance(0.4):
        missile = [
            (tip[0] - chord * 0.35, 0.2, 0.2, 0),
            (tip[0] + length * 0.07, 0.2, 0.2, 0),
            (tip[0] + length * 0.1, 0.02, 0.02, 0),
        ]
        shape.both("weapon", draw.shade(LIGHT), hull(missile, 10, 2).move(z=half))
    _fighter_tail(draw, shape, paint, fins, length, width, tall, half)
    canopy = (length / 2 - length * draw(0.24, 0.3), tall * 0.4, 0)
    size = length * 0.17, tall * 0.75, width * 0.36
    shape.add("glass", draw.shade(GLASS), ellipsoid(*size, canopy, 8, 16))
    shape.both("body", paint, *_intake(length, width, tall, width * draw(0.22, 0.32)))
    nozzle = [
        (tall * 0.3, 0), (tall * 0.36, length * 0.07), (tall * 0.3, length * 0.07),
        (tall * 0.24, 0), (tall * 0.3, 0),
    ]
    for z in ((0,) if draw.chance(0.5) else (-width * 0.25, width * 0.25)):
        pipe = lathe(nozzle, 16).turn("z", -90).move(tail - length * 0.05, 0, z)
        shape.add("nozzle", (0.2, 0.2, 0.22), pipe)
    return shape


def _fighter_fuselage(length, width, tall):
    """Return the fuselage: wide at the engines, pointed at the nose."""
    nose, tail = length / 2, -length / 2
    stations = [
        (tail, width * 0.65, tall * 0.75, 0),
        (tail + length * 0.2, width, tall, 0),
        (0, width, tall, 0),
        (length * 0.18, width * 0.7, tall, 0),
        (nose - length * 0.12, width * 0.36, tall * 0.5, -tall * 0.08),
        (nose, 0.04, 0.04, -tall * 0.15),
    ]
    return hull(stations, power=2.6)


def _fighter_tail(draw, shape, paint, fins, length, width, tall, half):
    """Add one or two fins, and a tailplane behind or canards before the wing."""
    nose, tail = length / 2, -length / 2
    rise, rear = tall * draw(1.2, 1.8), tail + length * draw(0.2, 0.26)
    top = (rear - rise * 0.7, tall * 0.3 + rise, 0, length * 0.08)
    upright = fin((rear, tall * 0.3, 0, length * 0.2), top, 0.06)
    if fins == 1:
        shape.add("wing", paint, upright)
    else:
        shape.both("wing", paint, upright.turn("x", draw(5, 20)).move(z=width * 0.36))
    if draw.chance(0.75):
        shape.both("wing", paint, wing(
            (tail + length * 0.14, 0, width * 0.3, length * 0.14),
            (tail + length * 0.02, 0, half * draw(0.45, 0.6), length * 0.06),
            0.06,
        ))
    else:
        shape.both("wing", paint, wing(
            (nose - length * 0.24, tall * 0.15, width * 0.2, length * 0.1),
            (nose - length * 0.33, tall * 0.15, half * 0.5, length * 0.03),
            0.07,
        ))


def _intake(length, width, tall, size):
    """Return the four walls of the air intake on one side."""
    x, low, inner = (-length * 0.1, length * 0.12), -tall * 0.45, width * 0.42
    floors = [
        span(x, (low + rise, low + rise + 0.08), (inner, inner + size))
        for rise in (0, tall * 0.6)
    ]
    sides = [
        span(x, (low, tall * 0.2), (inner + across, inner + across + 0.08))
        for across in (0, size - 0.08)
    ]
    return floors + sides


def propeller_plane(draw: Draw) -> Shape:
    """A light aircraft with a high, low or double wing, a propeller and a fixed gear."""
    shape, paint = Shape(), draw.paint()
    second = draw.pick(paint, draw.shade(LIGHT), draw.paint())
    length, width, tall, half = draw(6.5, 9.0), draw(0.9, 1.2), draw(1.1, 1.5), draw(4.2, 6.2)
    nose, tail = length * 0.38, -length * 0.62
    chord, kind = draw(1.2, 1.7), draw.pick("high", "low", "biplane")
    shape.add("body", paint, _light_fuselage(length, width, tall))
    _light_wings(draw, shape, second, kind, nose, width, tall, half, chord)
    if kind != "biplane":
        place = (nose * 0.2, tall * 0.45, 0)
        cabin = cushion(length * 0.24, tall * 0.5, width * 0.82, place, power=3.5)
    else:
        cabin = box(0.06, tall * 0.3, width * 0.6, (-0.1, tall * 0.55, 0))  # a windscreen alone
    shape.add("glass", draw.shade(GLASS), cabin)
    rear, rise = tail + length * 0.12, tall * draw(0.8, 1.1)
    top = (rear - 0.4, tall * 0.25 + rise, 0, length * 0.08)
    shape.add("wing", second, fin((rear, tall * 0.2, 0, length * 0.13), top))
    tip = (rear - 0.15, tall * 0.25, half * draw(0.28, 0.36), length * 0.08)
    shape.both("wing", second, wing((rear, tall * 0.25, 0, length * 0.11), tip))
    _propeller(draw, shape, nose, width, tall)
    _landing_gear(draw, shape, nose, tail, width, tall)
    return shape


def _light_fuselage(length, width, tall):
    """Return the fuselage: from the cabin thin to the tail."""
    nose, tail = length * 0.38, -length * 0.62
    stations = [
        (tail, width * 0.1, tall * 0.22, tall * 0.2),
        (tail + length * 0.35, width * 0.6, tall * 0.6, tall * 0.1),
        (0, width, tall, 0),
        (nose * 0.55, width, tall * 0.8, -tall * 0.06),
        (nose * 0.95, width * 0.75, tall * 0.62, -tall * 0.05),
        (nose, width * 0.4, tall * 0.35, -tall * 0.05),
    ]
    return hull(stations, power=3)


def _light_wings(draw, shape, paint, kind, nose, width, tall, half, chord):
    """Add one wing or two, with the struts that hold a high wing or join a biplane's."""
    high, low = tall * 0.62, -tall * 0.4
    levels = {"high": (high,), "low": (low,), "biplane": (tall * 0.95, low)}[kind]
    taper, dihedral = draw(0.5, 1.0), draw(0.01, 0.09)
    back = nose * 0.42 - chord * (1 - taper) * 0.3
    for level in levels:
        tip = (back, level + half * dihedral, half, chord * taper)
        shape.both("wing", paint, wing((nose * 0.42, level, 0, chord), tip, 0.14))
    x = nose * 0.3
    if kind == "biplane":
        for z in (half * 0.35, half * 0.75):
            lower, upper = levels[1] + z * dihedral, levels[0] + z * dihedral
            shape.both("strut", STRUT, *[
                rod((x - aft, lower, z), (x - aft, upper, z), 0.05, sides=6)
                for aft in (0.0, chord * 0.5)
            ])
    if kind == "high":
        top = (x - 0.3, high + half * 0.5 * dihedral, half * 0.5)
        shape.both("strut", paint, rod((x - 0.3, -tall * 0.35, width * 0.45), top, 0.05, sides=6))


def _propeller(draw, shape, nose, width, tall):
    """Add the blades and the spinner, on an axis a little below y = 0."""
    blades, radius = draw.whole(2, 4), tall * draw(0.65, 0.85)
    blade = box(0.06, radius, 0.16, (nose + 0.12, radius / 2, 0)).move(y=tall * 0.05)
    shape.add("propeller", (0.15, 0.15, 0.16), *[
        blade.turn("x", angle).move(y=-tall * 0.05)
        for angle in np.arange(blades) * 360.0 / blades + 20
    ])
    cone = lathe([(0, -0.1), (width * 0.22, 0), (width * 0.12, 0.25), (0, 0.33)], 14)
    shape.add("spinner", draw.paint(), cone.turn("z", -90).move(nose, -tall * 0.05, 0))


def _landing_gear(draw, shape, nose, tail, width, tall):
    """Add two main wheels, and a third below the nose or the tail."""
    radius, track = draw(0.2, 0.28), width * draw(0.8, 1.1)
    ground, x = -tall * 0.5 - draw(0.5, 0.8), nose * 0.3
    y = ground + radius
    leg = rod((x, -tall * 0.4, width * 0.35), (x, y, track), 0.06, sides=6)
    shape.both("strut", STRUT, leg)
    shape.both("tyre", TYRE, rod((x, y, track - 0.08), (x, y, track + 0.08), radius, sides=18))
    x = nose * 0.85 if draw.chance(0.5) else tail + 0.6
    small = radius * 0.7
    y = ground + small
    shape.add("strut", STRUT, rod((x, -tall * 0.1, 0), (x, y, 0), 0.05, sides=6))
    shape.add("tyre", TYRE, rod((x, y, -0.06), (x, y, 0.06), small, sides=16))


KINDS = {"airliner": airliner, "fighter": fighter, "propeller plane": propeller_plane}
