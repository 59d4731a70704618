"""Procedural airplanes. Noses towards +x."""

import numpy as np

from .palettes import GLASS, LIGHT, METAL
from .parts import Shape
from .primitives import box, cushion, ellipsoid, fin, hull, lathe, rod, span, wing


def airliner(draw):
    """A tube with swept wings, two or four engines below them, or two at the tail."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    length, radius, reach = draw(30, 60), draw(1.8, 3.0), draw(0.42, 0.55)
    sweep, root = draw(0.35, 0.65), draw(0.14, 0.2)
    taper, dihedral = draw(0.2, 0.4), draw(0.04, 0.12)
    n, t, r = length / 2, -length / 2, radius
    shape.add("body", paint, hull(
        [
            (t, r * 0.15, r * 0.3, r * 0.9), (t + length * 0.12, r * 0.9, r * 1.1, r * 0.5),
            (t + length * 0.32, 2 * r, 2 * r, 0), (n - length * 0.14, 2 * r, 2 * r, 0),
            (n - length * 0.07, 1.8 * r, 1.75 * r, -r * 0.08), (n - length * 0.02, r, r, -r * 0.3),
            (n, r * 0.15, r * 0.15, -r * 0.4),
        ],
        power=2.0,
    ))
    half, chord, x = length * reach, length * root, length * draw(0.06, 0.14)
    low = -r * 0.55
    tip = (x - half * sweep, low + half * dihedral, half, chord * taper)
    shape.both("wing", draw.pick(paint, draw.shade(METAL)), wing((x, low, 0, chord), tip))
    if draw.chance(0.5):
        shape.both("tail", paint, fin(
            (tip[0], tip[1], half, chord * taper),
            (tip[0] - chord * 0.2, tip[1] + half * 0.09, half * 1.02, chord * 0.1),
        ))
    colour = draw.paint()
    rear, rise = t + length * 0.15, length * draw(0.12, 0.17)
    shape.add("tail", colour, fin(
        (rear, r * 0.7, 0, length * 0.14), (rear - rise * 0.75, r * 0.8 + rise, 0, length * 0.055)
    ))
    high_tail, span_tail = draw.chance(0.25), half * draw(0.3, 0.4)
    y = r * 0.8 + rise * 0.95 if high_tail else r * 0.5
    start = rear - rise * 0.65 if high_tail else rear - length * 0.02
    shape.both("wing", paint, wing(
        (start, y, 0, length * 0.09),
        (start - span_tail * 0.6, y + span_tail * 0.08, span_tail, length * 0.035),
    ))
    size, metal = r * draw(0.42, 0.62), draw.pick(draw.shade(METAL), paint)
    if high_tail:
        shape.both(
            "engine", metal,
            *_engine(rear + length * 0.1, r * 0.6, r + size * 1.1, size, length * 0.11),
        )
    else:
        for share in draw.pick((0.32,), (0.32,), (0.28, 0.55)):
            place = x - half * share * sweep
            shape.both(
                "engine", metal,
                *_engine(
                    place + length * 0.05, low + half * share * dihedral - size * 1.15,
                    half * share, size, length * 0.1,
                ),
            )
            shape.both("engine", metal, box(
                length * 0.07, size * 0.8, size * 0.2,
                (place - length * 0.02, low + half * share * dihedral - size * 0.35, half * share),
            ))
    _windscreen(shape, n - length * 0.055, r, 0.28 * r)
    windows = np.arange(t + length * 0.3, n - length * 0.12, length * 0.022)
    shape.both(
        "glass", (0.12, 0.14, 0.18),
        *[
            box(length * 0.008, r * 0.17, r * 0.06, (place, r * 0.25, r * 0.97))
            for place in windows
        ],
    )
    return shape


def _engine(x, y, z, radius, length):
    """Return a nacelle, open at the front, with its fan and cone."""
    profile = [
        (radius * 0.9, 0), (radius, -length * 0.06), (radius, -length * 0.5),
        (radius * 0.55, -length), (radius * 0.4, -length), (radius * 0.8, -length * 0.3),
        (radius * 0.8, -length * 0.05), (radius * 0.9, 0),
    ]
    pipe = lathe(profile, 18).turn("z", -90)
    core = lathe(
        [
            (0, -length * 1.08), (radius * 0.35, -length), (radius * 0.82, -length * 0.35),
            (radius * 0.82, -length * 0.2), (radius * 0.2, -length * 0.2), (0, -length * 0.05),
        ],
        18,
    ).turn("z", -90)
    return [pipe.move(x, y, z), core.move(x, y, z)]


def _windscreen(shape, x, radius, y):
    shape.both("glass", (0.12, 0.14, 0.18), cushion(
        radius * 0.7, radius * 0.3, radius * 0.7, (x, y + radius * 0.1, radius * 0.38), power=4
    ))


def fighter(draw):
    """A pointed body with delta or swept wings, intakes, a canopy, one or two fins."""
    shape = Shape()
    paint = draw.pick(
        draw.shade(METAL), draw.shade([(0.35, 0.40, 0.33), (0.45, 0.48, 0.52), (0.30, 0.34, 0.40)]),
        draw.paint(),
    )
    length, width, tall = draw(13, 20), draw(1.5, 2.6), draw(1.3, 1.8)
    nose, tail = length / 2, -length / 2
    shape.add("body", paint, hull(
        [
            (tail, width * 0.65, tall * 0.75, 0),
            (tail + length * 0.2, width, tall, 0),
            (0, width, tall, 0),
            (length * 0.18, width * 0.7, tall, 0),
            (nose - length * 0.12, width * 0.36, tall * 0.5, -tall * 0.08),
            (nose, 0.04, 0.04, -tall * 0.15),
        ],
        power=2.6,
    ))
    half, chord, sweep = length * draw(0.26, 0.4), length * draw(0.3, 0.5), draw(0.5, 1.3)
    taper, x, fins = draw(0.08, 0.35), length * draw(0.06, 0.14), draw.whole(1, 2)
    tip = (max(x - half * sweep, tail + length * 0.12), 0.0, half, chord * taper)
    shape.both("wing", paint, wing((x, 0.05, width * 0.3, chord), tip, 0.07))
    if draw.chance(0.4):
        shape.both("weapon", draw.shade(LIGHT), hull(
            [
                (tip[0] - chord * 0.35, 0.2, 0.2, 0),
                (tip[0] + length * 0.07, 0.2, 0.2, 0),
                (tip[0] + length * 0.1, 0.02, 0.02, 0),
            ],
            10, 2,
        ).move(z=half))
    rise, rear = tall * draw(1.2, 1.8), tail + length * draw(0.2, 0.26)
    upright = fin(
        (rear, tall * 0.3, 0, length * 0.2),
        (rear - rise * 0.7, tall * 0.3 + rise, 0, length * 0.08), 0.06,
    )
    if fins == 1:
        shape.add("wing", paint, upright)
    else:
        shape.both("wing", paint, upright.turn("x", draw(5, 20)).move(z=width * 0.36))
    if draw.chance(0.75):
        back = half * draw(0.45, 0.6)
        shape.both("wing", paint, wing(
            (tail + length * 0.14, 0, width * 0.3, length * 0.14),
            (tail + length * 0.02, 0, back, length * 0.06), 0.06,
        ))
    else:
        shape.both("wing", paint, wing(
            (nose - length * 0.24, tall * 0.15, width * 0.2, length * 0.1),
            (nose - length * 0.33, tall * 0.15, half * 0.5, length * 0.03), 0.07,
        ))
    canopy = nose - length * draw(0.24, 0.3)
    shape.add("glass", draw.shade(GLASS), ellipsoid(
        length * 0.17, tall * 0.75, width * 0.36, (canopy, tall * 0.4, 0), 8, 16
    ))
    box_size = width * draw(0.22, 0.32)
    lips = [
        span(
            (-length * 0.1, length * 0.12),
            (-tall * 0.45 + off, -tall * 0.45 + off + 0.08),
            (width * 0.42, width * 0.42 + box_size),
        )
        for off in (0, tall * 0.6)
    ]
    lips += [
        span(
            (-length * 0.1, length * 0.12),
            (-tall * 0.45, tall * 0.2),
            (width * 0.42 + side, width * 0.42 + side + 0.08),
        )
        for side in (0, box_size - 0.08)
    ]
    shape.both("body", paint, *lips)
    for z in ((0,) if draw.chance(0.5) else (-width * 0.25, width * 0.25)):
        pipe = [
            (tall * 0.3, 0), (tall * 0.36, length * 0.07), (tall * 0.3, length * 0.07),
            (tall * 0.24, 0), (tall * 0.3, 0),
        ]
        shape.add(
            "nozzle", (0.2, 0.2, 0.22),
            lathe(pipe, 16).turn("z", -90).move(tail - length * 0.05, 0, z),
        )
    return shape


def propeller_plane(draw):
    """A light aircraft with a high, low or double wing, a propeller and a fixed gear."""
    shape, paint = Shape(), draw.paint()
    second = draw.pick(paint, draw.shade(LIGHT), draw.paint())
    length, width, tall, half = draw(6.5, 9.0), draw(0.9, 1.2), draw(1.1, 1.5), draw(4.2, 6.2)
    nose, tail = length * 0.38, -length * 0.62
    chord, kind = draw(1.2, 1.7), draw.pick("high", "low", "biplane")
    shape.add("body", paint, hull(
        [
            (tail, width * 0.1, tall * 0.22, tall * 0.2),
            (tail + length * 0.35, width * 0.6, tall * 0.6, tall * 0.1),
            (0, width, tall, 0),
            (nose * 0.55, width, tall * 0.8, -tall * 0.06),
            (nose * 0.95, width * 0.75, tall * 0.62, -tall * 0.05),
            (nose, width * 0.4, tall * 0.35, -tall * 0.05),
        ],
        power=3,
    ))
    levels = {
        "high": (tall * 0.62,), "low": (-tall * 0.4,), "biplane": (tall * 0.95, -tall * 0.4)
    }[kind]
    taper, dihedral = draw(0.5, 1.0), draw(0.01, 0.09)
    for level in levels:
        shape.both("wing", second, wing(
            (nose * 0.42, level, 0, chord),
            (nose * 0.42 - chord * (1 - taper) * 0.3, level + half * dihedral, half, chord * taper),
            0.14,
        ))
    x = nose * 0.3
    if kind == "biplane":
        for share in (0.35, 0.75):
            z = half * share
            shape.both(
                "strut", (0.3, 0.3, 0.3),
                *[
                    rod(
                        (x - off, levels[1] + z * dihedral, z),
                        (x - off, levels[0] + z * dihedral, z), 0.05, sides=6,
                    )
                    for off in (0.0, chord * 0.5)
                ],
            )
    if kind == "high":
        shape.both("strut", second, rod(
            (x - 0.3, -tall * 0.35, width * 0.45),
            (x - 0.3, levels[0] + half * 0.5 * dihedral, half * 0.5), 0.05, sides=6,
        ))
    if kind != "biplane":
        shape.add("glass", draw.shade(GLASS), cushion(
            length * 0.24, tall * 0.5, width * 0.82, (nose * 0.2, tall * 0.45, 0), power=3.5
        ))
    else:
        shape.add("glass", draw.shade(GLASS), box(
            0.06, tall * 0.3, width * 0.6, (-0.1, tall * 0.55, 0)
        ))
    rear, rise = tail + length * 0.12, tall * draw(0.8, 1.1)
    shape.add("wing", second, fin(
        (rear, tall * 0.2, 0, length * 0.13), (rear - 0.4, tall * 0.25 + rise, 0, length * 0.08)
    ))
    shape.both("wing", second, wing(
        (rear, tall * 0.25, 0, length * 0.11),
        (rear - 0.15, tall * 0.25, half * draw(0.28, 0.36), length * 0.08),
    ))
    blades, radius = draw.whole(2, 4), tall * draw(0.65, 0.85)
    shape.add(
        "propeller", (0.15, 0.15, 0.16),
        *[
            box(
                0.06, radius, 0.16, (nose + 0.12, radius / 2, 0)
            ).move(y=tall * 0.05).turn("x", turn).move(y=-tall * 0.05)
            for turn in np.arange(blades) * 360.0 / blades + 20
        ],
    )
    shape.add(
        "spinner", draw.paint(),
        lathe(
            [(0, -0.1), (width * 0.22, 0), (width * 0.12, 0.25), (0, 0.33)], 14
        ).turn("z", -90).move(nose, -tall * 0.05, 0),
    )
    wheel, track = draw(0.2, 0.28), width * draw(0.8, 1.1)
    ground = -tall * 0.5 - draw(0.5, 0.8)
    shape.both("strut", (0.3, 0.3, 0.3), rod(
        (x, -tall * 0.4, width * 0.35), (x, ground + wheel, track), 0.06, sides=6
    ))
    shape.both("tyre", (0.06, 0.06, 0.06), rod(
        (x, ground + wheel, track - 0.08), (x, ground + wheel, track + 0.08), wheel, sides=18
    ))
    third = nose * 0.85 if draw.chance(0.5) else tail + 0.6
    shape.add("strut", (0.3, 0.3, 0.3), rod(
        (third, -tall * 0.1, 0), (third, ground + wheel * 0.7, 0), 0.05, sides=6
    ))
    shape.add("tyre", (0.06, 0.06, 0.06), rod(
        (third, ground + wheel * 0.7, -0.06), (third, ground + wheel * 0.7, 0.06), wheel * 0.7,
        sides=16,
    ))
    return shape


KINDS = {"airliner": airliner, "fighter": fighter, "propeller plane": propeller_plane}
