"""Procedural rifles. Muzzles towards +x."""

import numpy as np

from .palettes import DARK, METAL, WOOD
from .parts import Shape
from .primitives import arc, box, cushion, hull, lathe, prism, rod, tube

STEEL = [(0.12, 0.12, 0.13), (0.20, 0.20, 0.22), (0.30, 0.31, 0.33)]
POLYMER = [(0.10, 0.10, 0.10), (0.24, 0.26, 0.18), (0.46, 0.40, 0.28), (0.16, 0.17, 0.18)]


def _slab(outline, width):
    return prism(outline, -width / 2, width / 2)


def _ring(points):
    """Return the outline anticlockwise, whichever way it was written."""
    points = np.asarray(points, dtype=float)
    x, y = points.T
    return points if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0 else points[::-1]


def _guard(x, y, size):
    return tube(arc((x, y, 0), size, -180, 0, 9), size * 0.16, 6)


def _scope(draw, shape, x, y):
    """Add a telescopic sight on two rings."""
    length, radius, steel = draw(0.2, 0.34), draw(0.014, 0.02), draw.shade(STEEL)
    lens = radius * draw(1.3, 1.7)
    profile = [
        (0, 0), (lens, 0), (lens, length * 0.2), (radius, length * 0.3), (radius, length * 0.72),
        (lens * 0.9, length * 0.82), (lens * 0.9, length), (0, length),
    ]
    height = y + lens + 0.014
    shape.add(
        "sight", steel,
        lathe(profile, 16).turn("z", 90).move(x + length / 2, height, 0),
        rod((x, height, 0), (x, height + radius * 2, 0), radius * 0.6),
    )
    for off in (-0.16, 0.16):
        shape.add("sight", steel, box(
            0.018, height - y, 0.02, (x + off * length, (y + height) / 2, 0)
        ))


def _barrel(draw, shape, start, end, radius, y=0.0):
    """Add a barrel with a muzzle device and a front sight."""
    steel = draw.shade(STEEL)
    shape.add("steel", steel, rod((start, y, 0), (end, y, 0), radius, radius * 0.85, sides=14))
    if draw.chance(0.6):
        shape.add("steel", steel, rod(
            (end - 0.01, y, 0), (end + draw(0.04, 0.12), y, 0), radius * draw(1.3, 2.0), sides=14
        ))
    if draw.chance(0.7):
        at = end - draw(0.03, 0.1)
        shape.add(
            "steel", steel,
            box(0.02, draw(0.03, 0.06), 0.008, (at, y + 0.03, 0)),
            box(0.03, 0.02, 0.024, (at, y, 0)),
        )


def assault_rifle(draw):
    """Receiver, handguard, pistol grip, curved or straight magazine, fixed or wire stock."""
    shape, steel, grip = Shape(), draw.shade(STEEL), draw.shade(POLYMER + WOOD)
    body, tall, wide = draw(0.2, 0.28), draw(0.05, 0.075), draw(0.035, 0.05)
    guard, barrel, radius = draw(0.18, 0.3), draw(0.1, 0.22), draw(0.007, 0.010)
    shape.add("steel", steel, _slab(
        _ring([
            (-body, -tall * 0.7), (0, -tall * 0.7), (0, tall * 0.4), (-body * 0.1, tall * 0.5),
            (-body, tall * 0.45),
        ]),
        wide,
    ))
    shape.add("grip", grip, hull(
        [
            (0, wide * 0.9, tall * 0.8, 0),
            (guard * 0.2, wide * 1.1, tall * 0.95, 0),
            (guard, wide * 0.9, tall * 0.75, 0),
        ],
        sides=16, power=4,
    ))
    _barrel(draw, shape, 0, guard + barrel, radius, 0.005)
    shape.add("steel", steel, rod(
        (0.02, tall * 0.45, 0), (guard * 0.95, tall * 0.45, 0), radius * 0.9, sides=10
    ))
    bend, long = draw(0.0, 0.09), draw(0.12, 0.2)
    centre = [(-0.05 + bend * t**2, -tall * 0.6 - long * t) for t in np.linspace(0, 1, 6)]
    half = draw(0.022, 0.032)
    outline = [(x + half, y) for x, y in centre] + [
        (x - half, y - 0.01 * (i == 5)) for i, (x, y) in list(enumerate(centre))[::-1]
    ]
    shape.add("magazine", draw.shade(STEEL + POLYMER), _slab(_ring(outline), wide * 0.62))
    tilt = draw(15, 28)
    shape.add(
        "grip", grip,
        cushion(
            0.042, draw(0.09, 0.12), wide * 0.85, (0, -0.05, 0), power=5
        ).turn("z", -tilt).move(-body * 0.82, -tall * 0.6, 0),
    )
    shape.add("steel", steel, _guard(-body * 0.58, -tall * 0.7, 0.03))
    _stock(draw, shape, grip, steel, -body, tall, wide)
    if draw.chance(0.35):
        _scope(draw, shape, -body * 0.45, tall * 0.45)
    elif draw.chance(0.5):
        shape.add("steel", steel, tube(
            [
                (-body * 0.85, tall * 0.45, 0),
                (-body * 0.75, tall * 0.45 + 0.045, 0),
                (-body * 0.2, tall * 0.45 + 0.045, 0),
                (-body * 0.1, tall * 0.45, 0),
            ],
            0.009, 6,
        ))
    else:
        shape.add("steel", steel, box(0.012, 0.035, wide * 0.5, (-body * 0.75, tall * 0.55, 0)))
    return shape


def _stock(draw, shape, grip, steel, x, tall, wide):
    """Add a butt behind ``x``: solid, skeleton or folding wire."""
    long, drop = draw(0.18, 0.27), draw(0.03, 0.09)
    kind = draw.pick("solid", "skeleton", "wire")
    top, low = tall * 0.3, -tall * 0.3
    if kind == "solid":
        shape.add("grip", grip, _slab(
            _ring([
                (x, top), (x, low), (x - long, low - drop), (x - long - 0.01, top),
                (x - long * 0.4, top),
            ]),
            wide * 0.85,
        ))
        return
    if kind == "skeleton":
        shape.add(
            "grip", grip,
            rod((x, 0.005, 0), (x - long, 0.005, 0), wide * 0.3, sides=12),
            _slab(
                _ring([
                    (x - long * 0.55, top), (x - long, top), (x - long, low - drop),
                    (x - long + 0.03, low - drop), (x - long * 0.6, low),
                ]),
                wide * 0.7,
            ),
        )
        return
    path = [
        (x + 0.01, top * 0.6, 0), (x - long, top * 0.6, 0), (x - long - 0.01, low - drop, 0),
        (x - long + 0.02, low - drop, 0), (x, low, 0),
    ]
    shape.both("steel", steel, tube([(a, b, wide * 0.3) for a, b, _ in path], 0.006, 6))
    shape.add("steel", steel, box(0.015, tall + drop, wide, (x - long, (top + low - drop) / 2, 0)))


def hunting_rifle(draw):
    """A one-piece wooden stock, long barrel, bolt, and a scope on most."""
    shape, wood, steel = Shape(), draw.shade(WOOD + POLYMER), draw.shade(STEEL)
    barrel, fore, butt = draw(0.5, 0.68), draw(0.24, 0.42), draw(0.28, 0.36)
    wide, drop = draw(0.035, 0.05), draw(0.05, 0.09)
    comb, radius = draw(-0.01, 0.02), draw(0.008, 0.012)
    profile = [
        (fore, 0.002), (fore, -0.02), (fore * 0.4, -0.036), (0, -0.04), (-0.12, -0.042),
        (-0.17, -0.075), (-0.21, -0.08), (-0.2, -0.045), (-0.13 - butt, -0.05 - drop),
        (-0.14 - butt, -0.03 + comb), (-0.26, -0.012 + comb), (-0.2, -0.005), (-0.14, 0.0),
    ]
    shape.add("wood", wood, _slab(_ring(profile), wide))
    shape.add("wood", wood, hull(
        [
            (-0.1, wide * 1.15, 0.045, -0.02),
            (fore * 0.8, wide * 1.02, 0.032, -0.012),
            (fore + 0.01, wide * 0.7, 0.02, -0.006),
        ],
        14, 3,
    ))
    shape.add("pad", draw.shade(DARK), box(
        0.018, drop + 0.06, wide * 0.95, (-0.14 - butt, -0.04 - drop / 2 + comb / 2, 0)
    ))
    shape.add("steel", steel, rod((-0.18, 0.008, 0), (0.03, 0.008, 0), 0.017, sides=14))
    _barrel(draw, shape, 0, barrel, radius, 0.008)
    shape.add(
        "steel", steel,
        _guard(-0.1, -0.04, 0.028),
        rod((-0.14, 0.008, 0), (-0.15, -0.005, 0.055), 0.005, sides=8),
        cushion(0.016, 0.016, 0.016, (-0.15, -0.008, 0.06), power=2),
    )
    if draw.chance(0.4):
        shape.add("steel", steel, _slab(
            _ring([(0.0, -0.035), (-0.06, -0.035), (-0.055, -0.09), (0.0, -0.08)]), 0.02
        ))
    if draw.chance(0.7):
        _scope(draw, shape, draw(-0.08, -0.03), 0.024)
    if draw.chance(0.3):
        shape.both("strap", draw.shade(DARK), tube(
            [
                (fore * 0.8, -0.02, 0.002),
                (0.0, -0.16, 0.002),
                (-0.1 - butt * 0.8, -0.05 - drop, 0.002),
            ],
            0.006, 6,
        ))
    return shape


def sniper_rifle(draw):
    """A long heavy barrel, chassis stock with cheek piece, large scope and a bipod."""
    shape, grip, steel = Shape(), draw.shade(POLYMER), draw.shade(STEEL)
    body, barrel, fore = draw(0.24, 0.3), draw(0.55, 0.75), draw(0.25, 0.36)
    tall, wide = draw(0.05, 0.07), draw(0.04, 0.055)
    radius, long = draw(0.010, 0.015), draw(0.22, 0.3)
    shape.add("grip", grip, _slab(
        _ring(
            [(-body, -tall * 0.6), (0, -tall * 0.6), (fore, -tall * 0.45), (fore, 0), (-body, 0)],
        ),
        wide,
    ))
    shape.add("steel", steel, rod(
        (-body * 0.9, tall * 0.2, 0), (0.05, tall * 0.2, 0), tall * 0.33, sides=14
    ))
    _barrel(draw, shape, 0, barrel, radius, tall * 0.2)
    top, low = tall * 0.15, -tall * 0.6
    hole = draw(0.25, 0.5)
    shape.add(
        "grip", grip,
        _slab(
            _ring(
                [(-body, top), (-body, low * 0.3), (-body - long, low * 0.3), (-body - long, top)],
            ),
            wide * 0.8,
        ),
        _slab(
            _ring([
                (-body - long, top),
                (-body - long * (1 - hole * 0.5), top),
                (-body - long * (1 - hole * 0.6), low - 0.05),
                (-body - long, low - 0.06),
            ]),
            wide * 0.8,
        ),
    )
    shape.add(
        "pad", draw.shade(DARK),
        cushion(
            long * 0.5, 0.022, wide * 0.9, (-body - long * 0.5, top + draw(0.012, 0.03), 0),
            power=5,
        ),
        box(0.02, 0.14, wide * 0.9, (-body - long - 0.005, -0.03, 0)),
    )
    shape.add(
        "grip", grip,
        cushion(
            0.042, 0.11, wide * 0.8, (0, -0.05, 0), power=5
        ).turn("z", -draw(8, 25)).move(-body * 0.85, -tall * 0.5, 0),
    )
    shape.add("steel", steel, _guard(-body * 0.6, -tall * 0.6, 0.028))
    shape.add("steel", steel, _slab(
        _ring([
            (-0.09, -tall * 0.5),
            (-0.02, -tall * 0.5),
            (-0.02, -tall - 0.05),
            (-0.085, -tall - 0.06),
        ]),
        wide * 0.6,
    ))
    _scope(draw, shape, -body * 0.45, tall * 0.5)
    spread, leg = draw(0.06, 0.12), draw(0.16, 0.24)
    folded = draw.chance(0.25)
    foot = (
        fore * 0.9 + (leg if folded else draw(0.0, 0.06)), -tall * 0.6 - (0.02 if folded else leg),
        spread * (0.3 if folded else 1.0),
    )
    shape.both(
        "steel", steel,
        rod((fore * 0.9, -tall * 0.3, 0.01), foot, 0.007, sides=8),
        cushion(0.02, 0.014, 0.02, foot, power=3),
    )
    return shape


def lever_rifle(draw):
    """A straight-gripped stock, a loop lever below, two tubes one above the other."""
    shape, wood, steel = Shape(), draw.shade(WOOD), draw.shade(STEEL + METAL)
    body, barrel, fore, butt = draw(0.16, 0.22), draw(0.45, 0.62), draw(0.2, 0.3), draw(0.26, 0.34)
    tall, wide = draw(0.055, 0.075), draw(0.03, 0.042)
    drop, radius = draw(0.05, 0.08), draw(0.008, 0.011)
    shape.add("steel", steel, _slab(
        _ring([
            (-body, -tall * 0.5), (0, -tall * 0.6), (0, tall * 0.4), (-body * 0.7, tall * 0.45),
            (-body, tall * 0.2),
        ]),
        wide,
    ))
    _barrel(draw, shape, 0, barrel, radius, tall * 0.22)
    shape.add("steel", steel, rod(
        (0, -tall * 0.2, 0), (barrel * draw(0.6, 0.95), -tall * 0.2, 0), radius * 0.9, sides=12
    ))
    shape.add("wood", wood, hull(
        [(0, wide, tall * 0.75, -tall * 0.1), (fore, wide * 0.85, tall * 0.6, -tall * 0.08)], 14, 4
    ))
    shape.add("wood", wood, _slab(
        _ring([
            (-body, tall * 0.2), (-body, -tall * 0.45), (-body - butt, -tall * 0.5 - drop),
            (-body - butt - 0.01, tall * 0.05), (-body - butt * 0.4, -tall * 0.02),
        ]),
        wide * 0.95,
    ))
    size = draw(0.03, 0.045)
    loop = [
        (-body * 0.35, -tall * 0.55, 0),
        (-body * 0.4, -tall * 0.55 - size, 0),
        (-body - size * 1.6, -tall * 0.6 - size * 1.3, 0),
        (-body - size * 1.8, -tall * 0.6 - size * 0.3, 0),
        (-body * 0.95, -tall * 0.5, 0),
    ]
    shape.add("steel", steel, tube(loop, 0.005, 6), rod(
        (-body - 0.005, tall * 0.2, 0), (-body - 0.02, tall * 0.45, 0), 0.006, sides=8
    ))
    for x in (fore, barrel * 0.55):
        shape.add("steel", steel, box(0.014, tall * 0.75, wide * 0.75, (x, 0, 0)))
    if draw.chance(0.3):
        _scope(draw, shape, -body * 0.4, tall * 0.42)
    return shape


KINDS = {
    "assault rifle": assault_rifle, "hunting rifle": hunting_rifle, "sniper rifle": sniper_rifle,
    "lever rifle": lever_rifle,
}
