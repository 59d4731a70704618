"""Procedural airplanes, cars and watercraft. Sizes in metres, noses and bows towards +x."""

import numpy as np

from .draw import DARK, GLASS, LIGHT, METAL, WOOD
from .primitives import (
    Shape,
    arc,
    box,
    cushion,
    ellipsoid,
    fin,
    hull,
    lathe,
    loft,
    prism,
    rod,
    span,
    tube,
    wing,
)


def airliner(draw):
    """A tube with swept wings, two or four engines below them, or two at the tail."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    length, radius, reach = draw(30, 60), draw(1.8, 3.0), draw(0.42, 0.55)
    sweep, root, taper, dihedral = (
        draw(0.35, 0.65),
        draw(0.14, 0.2),
        draw(0.2, 0.4),
        draw(0.04, 0.12),
    )
    n, t, r = length / 2, -length / 2, radius
    shape.add(
        "body",
        paint,
        hull(
            [
                (t, r * 0.15, r * 0.3, r * 0.9),
                (t + length * 0.12, r * 0.9, r * 1.1, r * 0.5),
                (t + length * 0.32, 2 * r, 2 * r, 0),
                (n - length * 0.14, 2 * r, 2 * r, 0),
                (n - length * 0.07, 1.8 * r, 1.75 * r, -r * 0.08),
                (n - length * 0.02, r, r, -r * 0.3),
                (n, r * 0.15, r * 0.15, -r * 0.4),
            ],
            power=2.0,
        ),
    )
    half, chord, x = length * reach, length * root, length * draw(0.06, 0.14)
    low = -r * 0.55
    tip = (x - half * sweep, low + half * dihedral, half, chord * taper)
    shape.both("wing", draw.pick(paint, draw.shade(METAL)), wing((x, low, 0, chord), tip))
    if draw.chance(0.5):
        shape.both(
            "tail",
            paint,
            fin(
                (tip[0], tip[1], half, chord * taper),
                (tip[0] - chord * 0.2, tip[1] + half * 0.09, half * 1.02, chord * 0.1),
            ),
        )
    colour = draw.paint()
    rear, rise = t + length * 0.15, length * draw(0.12, 0.17)
    shape.add(
        "tail",
        colour,
        fin(
            (rear, r * 0.7, 0, length * 0.14),
            (rear - rise * 0.75, r * 0.8 + rise, 0, length * 0.055),
        ),
    )
    high_tail, span_tail = draw.chance(0.25), half * draw(0.3, 0.4)
    y = r * 0.8 + rise * 0.95 if high_tail else r * 0.5
    start = rear - rise * 0.65 if high_tail else rear - length * 0.02
    shape.both(
        "wing",
        paint,
        wing(
            (start, y, 0, length * 0.09),
            (start - span_tail * 0.6, y + span_tail * 0.08, span_tail, length * 0.035),
        ),
    )
    size, metal = r * draw(0.42, 0.62), draw.pick(draw.shade(METAL), paint)
    if high_tail:
        shape.both(
            "engine",
            metal,
            *_engine(rear + length * 0.1, r * 0.6, r + size * 1.1, size, length * 0.11),
        )
    else:
        for share in draw.pick((0.32,), (0.32,), (0.28, 0.55)):
            place = x - half * share * sweep
            shape.both(
                "engine",
                metal,
                *_engine(
                    place + length * 0.05,
                    low + half * share * dihedral - size * 1.15,
                    half * share,
                    size,
                    length * 0.1,
                ),
            )
            shape.both(
                "engine",
                metal,
                box(
                    length * 0.07,
                    size * 0.8,
                    size * 0.2,
                    (
                        place - length * 0.02,
                        low + half * share * dihedral - size * 0.35,
                        half * share,
                    ),
                ),
            )
    _windscreen(shape, n - length * 0.055, r, 0.28 * r)
    windows = np.arange(t + length * 0.3, n - length * 0.12, length * 0.022)
    shape.both(
        "glass",
        (0.12, 0.14, 0.18),
        *[
            box(length * 0.008, r * 0.17, r * 0.06, (place, r * 0.25, r * 0.97))
            for place in windows
        ],
    )
    return shape


def _engine(x, y, z, radius, length):
    """Return a nacelle, open at the front, with its fan and cone."""
    profile = [
        (radius * 0.9, 0),
        (radius, -length * 0.06),
        (radius, -length * 0.5),
        (radius * 0.55, -length),
        (radius * 0.4, -length),
        (radius * 0.8, -length * 0.3),
        (radius * 0.8, -length * 0.05),
        (radius * 0.9, 0),
    ]
    pipe = lathe(profile, 18).turn("z", -90)
    core = lathe(
        [
            (0, -length * 1.08),
            (radius * 0.35, -length),
            (radius * 0.82, -length * 0.35),
            (radius * 0.82, -length * 0.2),
            (radius * 0.2, -length * 0.2),
            (0, -length * 0.05),
        ],
        18,
    ).turn("z", -90)
    return [pipe.move(x, y, z), core.move(x, y, z)]


def _windscreen(shape, x, radius, y):
    shape.both(
        "glass",
        (0.12, 0.14, 0.18),
        cushion(
            radius * 0.7, radius * 0.3, radius * 0.7, (x, y + radius * 0.1, radius * 0.38), power=4
        ),
    )


def fighter(draw):
    """A pointed body with delta or swept wings, intakes, a canopy, one or two fins."""
    shape, paint = Shape(), draw.pick(
        draw.shade(METAL),
        draw.shade([(0.35, 0.40, 0.33), (0.45, 0.48, 0.52), (0.30, 0.34, 0.40)]),
        draw.paint(),
    )
    length, width, tall = draw(13, 20), draw(1.5, 2.6), draw(1.3, 1.8)
    nose, tail = length / 2, -length / 2
    shape.add(
        "body",
        paint,
        hull(
            [
                (tail, width * 0.65, tall * 0.75, 0),
                (tail + length * 0.2, width, tall, 0),
                (0, width, tall, 0),
                (length * 0.18, width * 0.7, tall, 0),
                (nose - length * 0.12, width * 0.36, tall * 0.5, -tall * 0.08),
                (nose, 0.04, 0.04, -tall * 0.15),
            ],
            power=2.6,
        ),
    )
    half, chord, sweep = length * draw(0.26, 0.4), length * draw(0.3, 0.5), draw(0.5, 1.3)
    taper, x, fins = draw(0.08, 0.35), length * draw(0.06, 0.14), draw.whole(1, 2)
    tip = (max(x - half * sweep, tail + length * 0.12), 0.0, half, chord * taper)
    shape.both("wing", paint, wing((x, 0.05, width * 0.3, chord), tip, 0.07))
    if draw.chance(0.4):
        shape.both(
            "weapon",
            draw.shade(LIGHT),
            hull(
                [
                    (tip[0] - chord * 0.35, 0.2, 0.2, 0),
                    (tip[0] + length * 0.07, 0.2, 0.2, 0),
                    (tip[0] + length * 0.1, 0.02, 0.02, 0),
                ],
                10,
                2,
            ).move(z=half),
        )
    rise, rear = tall * draw(1.2, 1.8), tail + length * draw(0.2, 0.26)
    upright = fin(
        (rear, tall * 0.3, 0, length * 0.2),
        (rear - rise * 0.7, tall * 0.3 + rise, 0, length * 0.08),
        0.06,
    )
    if fins == 1:
        shape.add("wing", paint, upright)
    else:
        shape.both("wing", paint, upright.turn("x", draw(5, 20)).move(z=width * 0.36))
    if draw.chance(0.75):
        back = half * draw(0.45, 0.6)
        shape.both(
            "wing",
            paint,
            wing(
                (tail + length * 0.14, 0, width * 0.3, length * 0.14),
                (tail + length * 0.02, 0, back, length * 0.06),
                0.06,
            ),
        )
    else:
        shape.both(
            "wing",
            paint,
            wing(
                (nose - length * 0.24, tall * 0.15, width * 0.2, length * 0.1),
                (nose - length * 0.33, tall * 0.15, half * 0.5, length * 0.03),
                0.07,
            ),
        )
    canopy = nose - length * draw(0.24, 0.3)
    shape.add(
        "glass",
        draw.shade(GLASS),
        ellipsoid(length * 0.17, tall * 0.75, width * 0.36, (canopy, tall * 0.4, 0), 8, 16),
    )
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
            (tall * 0.3, 0),
            (tall * 0.36, length * 0.07),
            (tall * 0.3, length * 0.07),
            (tall * 0.24, 0),
            (tall * 0.3, 0),
        ]
        shape.add(
            "nozzle",
            (0.2, 0.2, 0.22),
            lathe(pipe, 16).turn("z", -90).move(tail - length * 0.05, 0, z),
        )
    return shape


def propeller_plane(draw):
    """A light aircraft with a high, low or double wing, a propeller and a fixed gear."""
    shape, paint = Shape(), draw.paint()
    second = draw.pick(paint, draw.shade(LIGHT), draw.paint())
    length, width, tall, half = draw(6.5, 9.0), draw(0.9, 1.2), draw(1.1, 1.5), draw(4.2, 6.2)
    nose, tail, chord, kind = (
        length * 0.38,
        -length * 0.62,
        draw(1.2, 1.7),
        draw.pick("high", "low", "biplane"),
    )
    shape.add(
        "body",
        paint,
        hull(
            [
                (tail, width * 0.1, tall * 0.22, tall * 0.2),
                (tail + length * 0.35, width * 0.6, tall * 0.6, tall * 0.1),
                (0, width, tall, 0),
                (nose * 0.55, width, tall * 0.8, -tall * 0.06),
                (nose * 0.95, width * 0.75, tall * 0.62, -tall * 0.05),
                (nose, width * 0.4, tall * 0.35, -tall * 0.05),
            ],
            power=3,
        ),
    )
    levels = {"high": (tall * 0.62,), "low": (-tall * 0.4,), "biplane": (tall * 0.95, -tall * 0.4)}[
        kind
    ]
    taper, dihedral = draw(0.5, 1.0), draw(0.01, 0.09)
    for level in levels:
        shape.both(
            "wing",
            second,
            wing(
                (nose * 0.42, level, 0, chord),
                (
                    nose * 0.42 - chord * (1 - taper) * 0.3,
                    level + half * dihedral,
                    half,
                    chord * taper,
                ),
                0.14,
            ),
        )
    x = nose * 0.3
    if kind == "biplane":
        for share in (0.35, 0.75):
            z = half * share
            shape.both(
                "strut",
                (0.3, 0.3, 0.3),
                *[
                    rod(
                        (x - off, levels[1] + z * dihedral, z),
                        (x - off, levels[0] + z * dihedral, z),
                        0.05,
                        sides=6,
                    )
                    for off in (0.0, chord * 0.5)
                ],
            )
    if kind == "high":
        shape.both(
            "strut",
            second,
            rod(
                (x - 0.3, -tall * 0.35, width * 0.45),
                (x - 0.3, levels[0] + half * 0.5 * dihedral, half * 0.5),
                0.05,
                sides=6,
            ),
        )
    if kind != "biplane":
        shape.add(
            "glass",
            draw.shade(GLASS),
            cushion(
                length * 0.24, tall * 0.5, width * 0.82, (nose * 0.2, tall * 0.45, 0), power=3.5
            ),
        )
    else:
        shape.add(
            "glass", draw.shade(GLASS), box(0.06, tall * 0.3, width * 0.6, (-0.1, tall * 0.55, 0))
        )
    rear, rise = tail + length * 0.12, tall * draw(0.8, 1.1)
    shape.add(
        "wing",
        second,
        fin(
            (rear, tall * 0.2, 0, length * 0.13), (rear - 0.4, tall * 0.25 + rise, 0, length * 0.08)
        ),
    )
    shape.both(
        "wing",
        second,
        wing(
            (rear, tall * 0.25, 0, length * 0.11),
            (rear - 0.15, tall * 0.25, half * draw(0.28, 0.36), length * 0.08),
        ),
    )
    blades, radius = draw.whole(2, 4), tall * draw(0.65, 0.85)
    shape.add(
        "propeller",
        (0.15, 0.15, 0.16),
        *[
            box(0.06, radius, 0.16, (nose + 0.12, radius / 2, 0))
            .move(y=tall * 0.05)
            .turn("x", turn)
            .move(y=-tall * 0.05)
            for turn in np.arange(blades) * 360.0 / blades + 20
        ],
    )
    shape.add(
        "spinner",
        draw.paint(),
        lathe([(0, -0.1), (width * 0.22, 0), (width * 0.12, 0.25), (0, 0.33)], 14)
        .turn("z", -90)
        .move(nose, -tall * 0.05, 0),
    )
    wheel, track = draw(0.2, 0.28), width * draw(0.8, 1.1)
    ground = -tall * 0.5 - draw(0.5, 0.8)
    shape.both(
        "strut",
        (0.3, 0.3, 0.3),
        rod((x, -tall * 0.4, width * 0.35), (x, ground + wheel, track), 0.06, sides=6),
    )
    shape.both(
        "tyre",
        (0.06, 0.06, 0.06),
        rod((x, ground + wheel, track - 0.08), (x, ground + wheel, track + 0.08), wheel, sides=18),
    )
    third = nose * 0.85 if draw.chance(0.5) else tail + 0.6
    shape.add(
        "strut",
        (0.3, 0.3, 0.3),
        rod((third, -tall * 0.1, 0), (third, ground + wheel * 0.7, 0), 0.05, sides=6),
    )
    shape.add(
        "tyre",
        (0.06, 0.06, 0.06),
        rod(
            (third, ground + wheel * 0.7, -0.06),
            (third, ground + wheel * 0.7, 0.06),
            wheel * 0.7,
            sides=16,
        ),
    )
    return shape


def _wheels(draw, shape, places, z, radius, width):
    """Add wheels: a tyre with a hollow rim and spokes on both sides."""
    rim, spokes = draw.shade(METAL), draw.whole(4, 7)
    for x in places:
        ring = [
            (radius * 0.62, -width / 2),
            (radius * 0.95, -width / 2),
            (radius, -width * 0.3),
            (radius, width * 0.3),
            (radius * 0.95, width / 2),
            (radius * 0.62, width / 2),
            (radius * 0.62, -width / 2),
        ]
        shape.both("tyre", (0.06, 0.06, 0.06), lathe(ring, 24).turn("x", 90).move(x, radius, z))
        disc = rod((0, 0, -width * 0.2), (0, 0, width * 0.25), radius * 0.63, sides=20)
        arms = [
            box(radius * 0.6, radius * 0.14, 0.03, (radius * 0.3, 0, width * 0.3)).turn("z", turn)
            for turn in np.arange(spokes) * 360.0 / spokes
        ]
        shape.both("well", (0.12, 0.12, 0.13), disc.move(x, radius, z))
        shape.both("rim", rim, *[arm.move(x, radius, z) for arm in arms])


def _car(draw, length, width, waist, roof, profile, cabin, wheels, wheel):
    """Build a car from side profiles.

    ``profile`` is the top line of the body (x, y) from tail to nose as shares of the length and in
    metres, ``cabin`` the window line (x, y) in the same manner from tail to nose.
    """
    shape, paint = Shape(), draw.paint()
    clearance, z = draw(0.14, 0.22), width / 2
    top = np.array(profile) * (length, 1.0)
    bottom = _arches(length, clearance, [share * length for share in wheels], wheel * 1.15)
    outline = np.concatenate([bottom, top[::-1]])
    tuck = draw(0.03, 0.07)
    # The sides bulge: the middle slab is the widest and the outer ones shrink towards the ends.
    shape.add("body", paint, prism(outline, -z + tuck, z - tuck))
    inner = np.array([length / 2, (waist + clearance) / 2])
    for side in (-1, 1):
        small = (outline - inner) * (0.985, 0.9) + inner
        loops = [
            np.column_stack([points, np.full(len(points), side * depth)])
            for points, depth in ((outline, z - tuck), (small, z))
        ]
        shape.add("body", paint, _outer(loops, side))
    glass = np.array(cabin) * (length, 1.0)
    narrow = draw(0.72, 0.86)
    _cabin(draw, shape, paint, glass, waist, roof, z - tuck, narrow)
    _wheels(draw, shape, [share * length for share in wheels], z - 0.11, wheel, 0.2)
    nose, tail = top[-1], top[0]
    shape.both(
        "lamp",
        (0.95, 0.95, 0.88),
        ellipsoid(0.12, 0.14, 0.3, (nose[0] - 0.06, nose[1] - 0.06, z - 0.28), 6, 12),
    )
    shape.both(
        "rear lamp",
        (0.75, 0.08, 0.08),
        box(0.06, 0.14, 0.28, (tail[0] + 0.01, tail[1] - 0.14, z - 0.24)),
    )
    dark = draw.shade(DARK)
    shape.add(
        "trim",
        dark,
        box(0.05, 0.16, width * 0.5, (length - 0.01, clearance + 0.28, 0)),
        box(0.12, 0.12, width * 0.92, (length - 0.02, clearance + 0.1, 0)),
        box(0.12, 0.14, width * 0.92, (0.02, clearance + 0.12, 0)),
    )
    mirror = glass[-1][0] - 0.25
    shape.both("mirror", paint, ellipsoid(0.12, 0.13, 0.2, (mirror, waist + 0.1, z + 0.08), 6, 10))
    return shape


def _arches(length, low, centres, radius):
    """Return the lower line of a car's body from tail to nose with round wheel arches."""
    points = [(0.04, low + 0.1), (0.15, low)]
    for centre in sorted(centres):
        chord = np.sqrt(max(radius**2 - (low - radius * 0.87) ** 2, 0.01))
        end = np.degrees(np.arctan2(low - radius * 0.87, chord))
        points += [tuple(p[:2]) for p in arc((centre, radius * 0.87, 0), radius, 180 - end, end, 9)]
    return np.array(points + [(length - 0.15, low), (length - 0.04, low + 0.1)])


def _outer(loops, side):
    """Return the closed slab between two outlines, turned so that it faces outwards."""
    first, last = loops
    tops = prism(first[:, :2], 0.0, 1.0)
    count = len(first)
    vertices = tops.vertices.copy()
    low, high = (first, last) if side > 0 else (last, first)
    vertices[:count], vertices[count:] = low, high
    return type(tops)(vertices, tops.faces)


def _cabin(draw, shape, paint, line, waist, roof, z, narrow):
    """Add glass from the waist to the roof, the roof itself and the pillars between them."""
    x0, x1, x2, x3 = line[:, 0]
    upper, tilt = z * narrow, 0.03
    base = [
        (x0, waist - tilt, -z * 0.98),
        (x0, waist - tilt, z * 0.98),
        (x3, waist - tilt, z * 0.98),
        (x3, waist - tilt, -z * 0.98),
    ]
    head = [
        (x1, roof - 0.04, -upper),
        (x1, roof - 0.04, upper),
        (x2, roof - 0.04, upper),
        (x2, roof - 0.04, -upper),
    ]
    shape.add("glass", draw.shade(GLASS), loft([base, head]))
    shape.add(
        "body",
        paint,
        cushion(x2 - x1 + 0.12, 0.09, 2 * upper + 0.08, ((x1 + x2) / 2, roof - 0.035, 0), power=7),
    )
    pillars = [
        rod((a, waist - tilt, z * 0.97), (b, roof - 0.04, upper), 0.04, sides=6)
        for a, b in ((x0, x1), (x3, x2))
    ]
    for share in (0.38, 0.68):
        pillars.append(
            rod(
                (x0 + (x3 - x0) * share, waist - tilt, z * 0.98),
                (x1 + (x2 - x1) * share, roof - 0.04, upper),
                0.035,
                sides=6,
            )
        )
    shape.both("body", paint, *pillars)


def sedan(draw):
    """Three boxes: bonnet, cabin, boot."""
    length, width, waist, roof = draw(4.2, 5.0), draw(1.68, 1.9), draw(0.82, 0.95), draw(1.35, 1.52)
    bonnet, boot, wheel = draw(0.66, 0.74), draw(0.14, 0.22), draw(0.29, 0.35)
    profile = [
        (0.0, waist - 0.1),
        (0.03, waist),
        (boot + 0.05, waist + 0.01),
        (bonnet, waist),
        (0.93, waist - 0.15),
        (1.0, waist - 0.3),
    ]
    cabin = [
        (boot, waist),
        (boot + draw(0.1, 0.17), roof),
        (bonnet - draw(0.14, 0.2), roof),
        (bonnet + 0.03, waist),
    ]
    return _car(
        draw,
        length,
        width,
        waist,
        roof,
        profile,
        cabin,
        (draw(0.18, 0.21), draw(0.80, 0.83)),
        wheel,
    )


def hatchback(draw):
    """A short car with a steep tail, up to an off-roader's height."""
    length, width, tall = draw(3.5, 4.6), draw(1.6, 1.95), draw(0, 1)
    waist, roof, bonnet, wheel = (
        0.86 + 0.22 * tall,
        1.42 + 0.4 * tall,
        draw(0.70, 0.78),
        0.29 + 0.09 * tall,
    )
    profile = [
        (0.0, waist - 0.15),
        (0.01, waist),
        (bonnet, waist),
        (0.95, waist - 0.12),
        (1.0, waist - 0.3),
    ]
    cabin = [
        (0.02, waist),
        (draw(0.05, 0.14), roof),
        (bonnet - draw(0.12, 0.2), roof),
        (bonnet + 0.03, waist),
    ]
    shape = _car(
        draw, length, width, waist, roof, profile, cabin, (draw(0.18, 0.2), draw(0.79, 0.82)), wheel
    )
    if draw.chance(0.4):
        metal = draw.shade(METAL + DARK)
        shape.both(
            "rack",
            metal,
            tube(
                [
                    (length * 0.2, roof - 0.02, width * 0.34),
                    (length * 0.24, roof + 0.07, width * 0.34),
                    (length * 0.5, roof + 0.07, width * 0.34),
                    (length * 0.54, roof - 0.02, width * 0.34),
                ],
                0.02,
                6,
            ),
        )
    return shape


def pickup(draw):
    """A cab in front of an open bed."""
    length, width, waist, roof = draw(4.8, 5.6), draw(1.8, 2.0), draw(0.98, 1.12), draw(1.65, 1.85)
    bonnet, bed, wheel = draw(0.70, 0.76), draw(0.34, 0.46), draw(0.36, 0.42)
    floor, wall = waist - draw(0.3, 0.42), 0.07
    profile = [
        (0.0, floor),
        (bed - 0.02, floor),
        (bed, waist),
        (bonnet, waist),
        (0.96, waist - 0.1),
        (1.0, waist - 0.28),
    ]
    cabin = [
        (bed + 0.02, waist),
        (bed + draw(0.03, 0.07), roof),
        (bonnet - draw(0.1, 0.14), roof),
        (bonnet + 0.02, waist),
    ]
    shape = _car(
        draw,
        length,
        width,
        waist,
        roof,
        profile,
        cabin,
        (draw(0.18, 0.21), draw(0.80, 0.83)),
        wheel,
    )
    paint = shape.colours["body"]
    shape.both(
        "body",
        paint,
        span((0, bed * length), (floor - 0.1, waist), (width / 2 - wall - 0.02, width / 2 - 0.02)),
    )
    shape.add(
        "body", paint, span((0, wall), (floor - 0.1, waist), (-width / 2 + 0.03, width / 2 - 0.03))
    )
    if draw.chance(0.35):
        shape.add(
            "bar",
            draw.shade(METAL + DARK),
            tube(
                [
                    (bed * length - 0.15, floor, width / 2 - 0.12),
                    (bed * length - 0.2, roof - 0.05, width / 2 - 0.18),
                    (bed * length - 0.2, roof - 0.05, -width / 2 + 0.18),
                    (bed * length - 0.15, floor, -width / 2 + 0.12),
                ],
                0.035,
                8,
            ),
        )
    return shape


def van(draw):
    """One tall box with a short nose: a delivery van or a small bus."""
    length, width, waist, roof = draw(4.4, 6.2), draw(1.8, 2.1), draw(1.05, 1.25), draw(1.85, 2.5)
    bonnet, wheel = draw(0.84, 0.92), draw(0.32, 0.38)
    closed = draw.chance(0.5)
    wall = bonnet - draw(0.2, 0.26)
    if closed:
        profile = [
            (0.0, waist - 0.3),
            (0.005, roof - 0.05),
            (wall, roof - 0.05),
            (wall, waist),
            (bonnet, waist),
            (0.98, waist - 0.2),
            (1.0, waist - 0.5),
        ]
        cabin = [
            (wall - 0.05, waist),
            (wall - 0.04, roof),
            (wall + 0.07, roof),
            (bonnet + 0.03, waist),
        ]
    else:
        profile = [
            (0.0, waist - 0.3),
            (0.005, waist),
            (bonnet, waist),
            (0.98, waist - 0.2),
            (1.0, waist - 0.5),
        ]
        cabin = [
            (0.01, waist),
            (draw(0.02, 0.05), roof),
            (bonnet - draw(0.1, 0.16), roof),
            (bonnet + 0.04, waist),
        ]
    return _car(
        draw,
        length,
        width,
        waist,
        roof,
        profile,
        cabin,
        (draw(0.18, 0.24), draw(0.80, 0.84)),
        wheel,
    )


def roadster(draw):
    """A low sports car, open or with a low roof, some with a spoiler."""
    length, width, waist = draw(3.9, 4.6), draw(1.75, 2.0), draw(0.72, 0.82)
    roof, bonnet, wheel = waist + draw(0.32, 0.42), draw(0.6, 0.68), draw(0.31, 0.36)
    profile = [
        (0.0, waist - 0.08),
        (0.02, waist + 0.06),
        (0.2, waist + 0.03),
        (bonnet, waist),
        (0.9, waist - 0.14),
        (1.0, waist - 0.32),
    ]
    start = draw(0.16, 0.3)
    cabin = [
        (start, waist),
        (start + draw(0.1, 0.16), roof),
        (bonnet - draw(0.1, 0.15), roof),
        (bonnet + 0.06, waist),
    ]
    shape = _car(
        draw, length, width, waist, roof, profile, cabin, (draw(0.17, 0.2), draw(0.8, 0.83)), wheel
    )
    if draw.chance(0.6):
        paint = shape.colours["body"]
        rise = draw(0.12, 0.26)
        shape.add("body", paint, box(0.24, 0.03, width * 0.9, (0.12, waist + rise, 0)))
        shape.both("body", paint, box(0.1, rise, 0.03, (0.14, waist + rise / 2, width * 0.3)))
    return shape


def _boat_hull(length, beam, depth, rake, fullness, wall=None, sides=18):
    """Return a hull along x with its deck at y = 0; with ``wall`` it is an open shell.

    ``rake`` is how far the bow leans forward, ``fullness`` the share of the length, from the
    stern, where the hull begins to narrow.
    """
    around = np.linspace(0, np.pi, sides + 1)
    across = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** 0.55
    below = np.sin(around) ** 0.8
    sections = []
    for share in np.concatenate([np.linspace(0, 0.7, 8), np.linspace(0.78, 1.0, 8)]):
        bow = np.clip((share - fullness) / (1 - fullness), 0, 1)
        stern = 0.82 + 0.18 * min(share / 0.3, 1)
        half = max(beam / 2 * (1 - bow**2.2) * stern, 0.01 * beam)
        low, sheer = -depth * (1 - 0.55 * bow**3), depth * 0.35 * bow**2
        loop = np.column_stack([half * across, sheer + (low - sheer) * below])
        if wall is not None:
            inner = loop * (max(1 - wall / half, 0.02), 1.0)
            inner[1:-1, 1] = np.maximum(inner[1:-1, 1], low + wall)
            loop = np.concatenate([loop, inner[::-1]])
        height = (loop[:, 1] - low) / (sheer - low)
        x = share * length - length / 2 + rake * bow**2 * (height - 1.0)
        sections.append(np.column_stack([x, loop[:, 1], loop[:, 0]])[::-1])
    return loft(sections)


def sailing_boat(draw):
    """A hull with mast, boom, main sail and jib, a cabin and a keel."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.paint(), draw.shade(WOOD))
    length, beam, depth, mast = draw(7, 12), draw(0.24, 0.34), draw(0.08, 0.13), draw(1.0, 1.4)
    beam, depth, mast = length * beam, length * depth, length * mast
    shape.add("hull", paint, _boat_hull(length, beam, depth, length * 0.06, draw(0.35, 0.55)))
    shape.add(
        "deck",
        draw.shade(WOOD),
        cushion(length * 0.34, depth * 0.6, beam * 0.5, (-length * 0.04, depth * 0.25, 0), power=5),
    )
    x, boom = length * draw(0.06, 0.14), length * draw(0.36, 0.46)
    metal = draw.shade(METAL + WOOD)
    low = depth * 0.9 + length * 0.04
    shape.add(
        "spar",
        metal,
        rod((x, -depth * 0.5, 0), (x, mast, 0), length * 0.011, length * 0.006, sides=8),
        rod((x, low, 0), (x - boom, low, boom * 0.1), length * 0.007, sides=8),
    )
    swing, sail, thick = (
        draw(-0.25, 0.25),
        draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint()),
        length * 0.006,
    )
    shape.add(
        "sail",
        sail,
        _sail(
            [(x, low + 0.1), (x, mast * 0.97), (x - boom * 0.98, low + 0.1)], swing * boom, thick
        ),
    )
    if draw.chance(0.8):
        shape.add(
            "sail",
            sail,
            _sail(
                [
                    (length * 0.48, depth * 0.5),
                    (x + 0.05, mast * draw(0.75, 0.95)),
                    (x - length * 0.03, low),
                ],
                swing * boom * 0.6,
                thick,
            ),
        )
    if draw.chance(0.6):
        deep = length * draw(0.1, 0.18)
        shape.add(
            "keel",
            draw.shade(DARK),
            fin(
                (length * 0.08, -depth * 0.7, 0, length * 0.2), (0, -depth - deep, 0, length * 0.14)
            ),
        )
    shape.add(
        "spar",
        metal,
        rod((length * 0.5, depth * 0.35, 0), (x, mast * 0.98, 0), length * 0.0025, sides=5),
        rod((-length * 0.49, 0, 0), (x, mast * 0.98, 0), length * 0.0025, sides=5),
    )
    return shape


def _sail(corners, belly, thick, steps=7):
    """Return a triangular sail in the x-y plane, bellied towards +z."""
    luff_low, head, clew = (np.array(corner, dtype=float) for corner in corners)
    sections = []
    for share in np.linspace(0, 0.97, steps):
        front, back = luff_low + (head - luff_low) * share, clew + (head - clew) * share
        along = np.linspace(0, 1, 7)
        points = front + np.outer(along, back - front)
        z = belly * np.sin(np.pi * along * 0.8) * (1 - share * 0.6)
        sheet = np.column_stack([points, z])
        sections.append(np.concatenate([sheet + (0, 0, thick), sheet[::-1] - (0, 0, thick)]))
    return loft(sections)


def motor_boat(draw):
    """A raked hull with a cabin or an open cockpit behind a windscreen, a radar arch on some."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    length, beam, depth, decks = draw(6, 16), draw(0.26, 0.36), draw(0.10, 0.15), draw.whole(0, 2)
    beam, depth = length * beam, length * depth
    shape.add(
        "hull", paint, _boat_hull(length, beam, depth, length * draw(0.06, 0.16), draw(0.45, 0.62))
    )
    stripe = draw.paint()
    shape.both(
        "stripe",
        stripe,
        tube(
            [
                (-length * 0.49, -depth * 0.08, beam * 0.415),
                (-length * 0.15, -depth * 0.06, beam * 0.505),
                (length * 0.12, 0, beam * 0.48),
            ],
            length * 0.008,
            6,
        ),
    )
    if decks == 0:
        shape.add(
            "glass",
            draw.shade(GLASS),
            loft(
                [
                    [(length * 0.12, 0, z) for z in (-beam * 0.36, beam * 0.36)]
                    + [(length * 0.15, 0, z) for z in (beam * 0.36, -beam * 0.36)],
                    [(length * 0.03, depth * 0.8, z) for z in (-beam * 0.3, beam * 0.3)]
                    + [(length * 0.05, depth * 0.8, z) for z in (beam * 0.3, -beam * 0.3)],
                ]
            ),
        )
        for x in np.linspace(-0.3, -0.06, draw.whole(1, 2) + 1) * length:
            shape.both(
                "seat",
                draw.paint(),
                cushion(
                    length * 0.07, depth * 0.5, beam * 0.26, (x, depth * 0.25, beam * 0.18), power=5
                ),
                cushion(
                    length * 0.025,
                    depth * 0.8,
                    beam * 0.26,
                    (x - length * 0.035, depth * 0.6, beam * 0.18),
                    power=5,
                ),
            )
        shape.add(
            "engine",
            draw.shade(DARK),
            cushion(
                length * 0.07, depth * 1.2, beam * 0.16, (-length * 0.52, depth * 0.3, 0), power=4
            ),
            box(length * 0.03, depth * 1.3, beam * 0.05, (-length * 0.515, -depth * 0.7, 0)),
        )
    size, base, centre = length * draw(0.5, 0.6), 0.0, -length * 0.1
    for _ in range(decks):
        tall, slope = depth * draw(0.7, 0.9), size * draw(0.12, 0.22)
        wide = beam * 0.72 * size / length / 0.5
        loops = [
            [
                (centre - size / 2, y, -half),
                (centre - size / 2, y, half),
                (centre + front, y, half * 0.85),
                (centre + front, y, -half * 0.85),
            ]
            for y, half, front in (
                (base, wide / 2, size / 2),
                (base + tall, wide * 0.44, size / 2 - slope),
            )
        ]
        shape.add("cabin", paint, loft(loops))
        band = [
            [(x * 1.0, y, z * 1.02) for x, y, z in loop] for loop in _between(loops, 0.35, 0.75)
        ]
        shape.add("glass", draw.shade(GLASS), loft(band).move(x=size * 0.012))
        base, size, centre = base + tall, size * 0.62, centre - size * 0.06
        shape.add(
            "cabin",
            paint,
            cushion(size * 1.45, tall * 0.1, wide * 1.02, (centre, base, 0), power=6),
        )
    if draw.chance(0.6):
        shape.add(
            "rail",
            draw.shade(METAL),
            tube(
                [
                    (centre - size * 0.3, base, beam * 0.3),
                    (centre - size * 0.4, base + depth * 0.7, beam * 0.24),
                    (centre - size * 0.4, base + depth * 0.7, -beam * 0.24),
                    (centre - size * 0.3, base, -beam * 0.3),
                ],
                length * 0.01,
                8,
            ),
        )
    rail = [
        (-length * 0.05, depth * 0.3, beam * 0.47),
        (length * 0.2, depth * 0.45, beam * 0.4),
        (length * 0.4, depth * 0.6, beam * 0.17),
        (length * 0.47, depth * 0.65, 0.0),
    ]
    shape.both(
        "rail",
        draw.shade(METAL),
        tube(rail, length * 0.004, 6),
        *[rod((x, -depth * 0.1, z), (x, y, z), length * 0.004, sides=6) for x, y, z in rail[:3]],
    )
    return shape


def _between(loops, low, high):
    first, last = np.array(loops, dtype=float)
    return [first + (last - first) * share for share in (low, high)]


def cargo_ship(draw):
    """A long hull with containers or hatches, cranes, and the bridge aft."""
    shape, paint = Shape(), draw.paint()
    length, beam, depth, bridge = draw(80, 200), draw(0.12, 0.18), draw(0.06, 0.1), draw(0.08, 0.14)
    beam, depth, tall = length * beam, length * depth, length * bridge
    shape.add("hull", paint, _boat_hull(length, beam, depth, length * 0.03, draw(0.6, 0.78)))
    house = -length * draw(0.3, 0.4)
    white = draw.shade(LIGHT)
    levels = draw.whole(3, 5)
    for level in range(levels):
        size = length * 0.1 * (1 - 0.08 * level)
        shape.add(
            "house",
            white,
            box(
                size,
                tall / levels * 0.92,
                beam * (0.85 - 0.05 * level),
                (house, tall / levels * (level + 0.5), 0),
            ),
        )
        shape.add(
            "glass",
            (0.15, 0.18, 0.22),
            box(
                size * 1.01,
                tall / levels * 0.3,
                beam * (0.8 - 0.05 * level),
                (house, tall / levels * (level + 0.6), 0),
            ),
        )
    shape.add(
        "house",
        white,
        box(length * 0.04, tall * 0.1, beam * 1.0, (house + length * 0.02, tall * 0.95, 0)),
    )
    shape.add(
        "funnel",
        draw.paint(),
        lathe([(0, 0), (beam * 0.14, 0), (beam * 0.11, tall * 0.55), (0, tall * 0.55)], 14).move(
            house - length * 0.06, tall * 0.75, 0
        ),
    )
    front = length * 0.33
    if draw.chance(0.6):
        rows, across = draw.whole(6, 10), draw.whole(3, 4)
        step = (front - house - length * 0.06) / rows
        for row in range(rows):
            for column in range(across):
                stack = draw.whole(0, 4)
                if stack:
                    z = ((column + 0.5) / across - 0.5) * beam * 0.9
                    x = house + length * 0.06 + (row + 0.5) * step
                    shape.add(
                        f"box {draw.whole(0, 5)}",
                        draw.paint(),
                        box(
                            step * 0.93,
                            depth * 0.28 * stack,
                            beam * 0.9 / across * 0.94,
                            (x, depth * 0.14 * stack, z),
                        ),
                    )
    else:
        cranes = draw.whole(2, 4)
        for place in np.linspace(house + length * 0.12, front, cranes):
            shape.add(
                "crane",
                draw.paint(),
                rod((place, 0, 0), (place, tall * 0.7, 0), length * 0.008, sides=8),
                rod(
                    (place, tall * 0.25, 0),
                    (place + length * 0.1, tall * 0.75, beam * draw(-0.2, 0.2)),
                    length * 0.004,
                    sides=6,
                ),
            )
            shape.add(
                "hatch",
                draw.shade(METAL),
                box(
                    length * 0.08,
                    depth * 0.25,
                    beam * 0.62,
                    (place + length * 0.06, depth * 0.1, 0),
                ),
            )
    shape.add(
        "mast",
        white,
        rod((length * 0.42, 0, 0), (length * 0.42, tall * 0.6, 0), length * 0.004, sides=6),
        rod((house, tall, 0), (house, tall * 1.35, 0), length * 0.004, sides=6),
    )
    return shape


def rowing_boat(draw):
    """An open shell with thwarts, gunwales and oars."""
    shape, wood = Shape(), draw.furniture()
    length, beam, depth, wall = draw(3.2, 5.0), draw(0.26, 0.38), draw(0.11, 0.16), draw(0.04, 0.07)
    beam, depth = length * beam, length * depth
    shape.add(
        "hull",
        wood,
        _boat_hull(length, beam, depth, length * draw(0.02, 0.08), draw(0.3, 0.5), wall=wall),
    )
    plank = draw.pick(wood, draw.shade(WOOD))
    for x in np.linspace(-0.36, 0.2, draw.whole(2, 4)) * length:
        shape.add("thwart", plank, box(length * 0.055, 0.035, beam * 0.9, (x, -depth * 0.25, 0)))
    rim = [
        (-length * 0.49, 0.01, beam * 0.4),
        (-length * 0.3, 0.01, beam * 0.49),
        (0, 0.02, beam * 0.49),
        (length * 0.2, depth * 0.06, beam * 0.44),
    ]
    shape.both("rim", draw.shade(WOOD), tube(rim, 0.03, 6))
    if draw.chance(0.75):
        reach, tilt = length * draw(0.25, 0.4), draw(0.2, 0.45)
        for x in (-0.05, 0.22)[: draw.whole(1, 2)]:
            hold, blade = np.array([x * length, depth * 0.5, beam * 0.1]), np.array(
                [x * length - reach * 0.3, -depth * tilt, beam * 0.5 + reach]
            )
            shape.both(
                "oar",
                draw.shade(WOOD),
                rod(hold, blade, 0.022, sides=8),
                rod(blade, blade + (blade - hold) * 0.25, 0.07, 0.09, 8),
            )
    return shape


AIRPLANES = {"airliner": airliner, "fighter": fighter, "propeller plane": propeller_plane}
CARS = {"sedan": sedan, "hatchback": hatchback, "pickup": pickup, "van": van, "roadster": roadster}
WATERCRAFT = {
    "sailing boat": sailing_boat,
    "motor boat": motor_boat,
    "cargo ship": cargo_ship,
    "rowing boat": rowing_boat,
}
