"""Procedural chairs: dining and office chairs, stools, armchairs and cantilever chairs."""

import numpy as np

from .dice import Draw
from .fittings import turned_feet
from .palettes import DARK, METAL
from .parts import Shape
from .primitives import arc, box, cushion, lathe, rod, tube
from .skins import loft


def dining_chair(draw: Draw) -> Shape:
    """Four legs and a back of slats, rungs, a panel or a splat; arms on some."""
    shape, wood = Shape(), draw.furniture()
    width, depth, seat = draw(0.38, 0.52), draw(0.38, 0.50), draw(0.42, 0.50)
    back, lean, thick = draw(0.38, 0.62), draw(0.02, 0.12), draw(0.025, 0.045)
    leg, splay = draw(0.015, 0.026), draw(0.0, 0.05)
    x, z = depth / 2 - leg, width / 2 - leg
    shape.both("frame", wood, rod((x + splay, 0, z + splay), (x, seat, z), leg * 0.7, leg))
    top = (-x - lean, seat + back, z)
    rear = [(-x - splay, 0, z + splay), (-x, seat, z), top]
    shape.both("frame", wood, tube(rear, [leg * 0.7, leg, leg * 0.8]))
    if draw.chance(0.6):
        shape.add("seat", draw.paint(), cushion(depth, thick * 1.8, width, (0, seat, 0), power=6))
    else:
        shape.add("frame", wood, cushion(depth, thick, width, (0, seat, 0), power=8))
    _dining_back(draw, shape, wood, (x, seat, z), back, lean, leg)
    if draw.chance(0.5):
        height = seat * draw(0.25, 0.5)
        shape.both("frame", wood, rod((x, height, z), (-x, height, z), leg * 0.6))
        shape.add("frame", wood, rod((0, height, z), (0, height, -z), leg * 0.6))
    if draw.chance(0.35):
        arm = seat + draw(0.18, 0.26)
        shape.both(
            "frame", wood,
            rod((x * 0.8, seat, z), (x * 0.85, arm, z + 0.02), leg * 0.8),
            tube([(x, arm, z + 0.02), (0, arm + 0.02, z + 0.03), (-x - lean / 3, arm, z)], leg),
        )
    return shape


def _dining_back(draw, shape, wood, corner, back, lean, leg):
    """Add what lies between the hind legs, from the seat at ``corner`` to ``back`` above it."""
    x, seat, z = corner

    def at(share):
        return -x - lean * share, seat + back * share

    kind = draw.pick("slats", "rungs", "panel", "splat")
    high_x, high = at(1.0)
    if kind != "panel":
        rail = box(0.024, draw(0.05, 0.09), 2 * z + leg, (high_x, high - 0.02, 0))
        shape.add("frame", wood, rail)
    if kind == "slats":
        low_x, low = at(0.12)
        for place in np.linspace(-z, z, draw.whole(3, 7) + 2)[1:-1]:
            shape.add("frame", wood, rod((low_x, low, place), (high_x, high, place), leg * 0.45))
        shape.add("frame", wood, box(0.02, 0.03, 2 * z, (low_x, low, 0)))
    elif kind == "rungs":
        for share in np.linspace(0.2, 0.85, draw.whole(2, 4)):
            shape.add("frame", wood, box(0.018, draw(0.04, 0.07), 2 * z, (*at(share), 0)))
    elif kind == "panel":
        low_x, low = at(draw(0.1, 0.4))
        middle = ((high_x + low_x) / 2, (high + low) / 2, 0)
        panel = cushion(0.035, high - low + 0.05, 2 * z + leg, power=7)
        lean_angle = np.degrees(np.arctan2(low_x - high_x, high - low))
        shape.add("panel", draw.paint(), panel.turn("z", lean_angle).move(*middle))
    else:
        low_x, low = at(0.0)
        half = np.array([[-0.01, -1], [-0.01, 1], [0.01, 1], [0.01, -1]])
        sections = [
            np.column_stack([place + half[:, 0], np.full(4, height), half[:, 1] * width])
            for place, height, width in ((low_x, low, 0.05), (high_x, high, 0.10))
        ]
        shape.add("frame", wood, loft(sections))


def office_chair(draw: Draw) -> Shape:
    """A star base on castors, a gas spring, upholstered seat and back, arms on most."""
    shape, fabric, metal = Shape(), draw.pick(draw.paint(), draw.shade(DARK)), draw.shade(METAL)
    plastic = draw.shade(DARK)
    seat, width, depth = draw(0.42, 0.54), draw(0.44, 0.54), draw(0.42, 0.52)
    back, reach = draw(0.35, 0.72), draw(0.26, 0.34)
    _star_base(shape, metal, plastic, reach, seat)
    shape.add("fabric", fabric, cushion(depth, draw(0.07, 0.11), width, (0, seat, 0), power=4))
    low = seat + draw(0.06, 0.16)
    lean = draw(6, 16)
    panel = cushion(draw(0.05, 0.09), back, width * draw(0.8, 0.98), (0, back / 2, 0), power=4)
    shape.add("fabric", fabric, panel.turn("z", lean).move(-depth / 2, low, 0))
    bar = [
        (-0.05, seat - 0.05, 0),
        (-depth / 2 - 0.05, seat - 0.03, 0),
        (-depth / 2 - 0.09, low + 0.2, 0),
    ]
    shape.add("base", metal, tube(bar, 0.018))
    if draw.chance(0.3):
        head = cushion(0.06, 0.14, width * 0.6, (0, back + 0.1, 0), power=4)
        shape.add("fabric", fabric, head.turn("z", lean).move(-depth / 2, low, 0))
    if draw.chance(0.75):
        arm, z = seat + draw(0.18, 0.25), width / 2 + 0.03
        if draw.chance(0.5):
            post = rod((0, seat - 0.05, z - 0.06), (0, arm, z), 0.014, sides=8)
        else:
            loop = [(0.14, arm, z), (0.17, seat, z), (-0.1, seat - 0.03, z - 0.02), (-0.13, arm, z)]
            post = tube(loop, 0.012)
        rest = cushion(draw(0.22, 0.32), 0.03, 0.06, (0, arm, z), power=4)
        shape.both("plastic", plastic, post, rest)
    return shape


def _star_base(shape, metal, plastic, reach, seat):
    """Add five spokes on castors, a gas spring and the plate below the seat."""
    spoke = rod((0.02, 0.11, 0), (reach, 0.07, 0), 0.024, 0.014, sides=8)
    castor = rod((reach, 0.03, -0.022), (reach, 0.03, 0.022), 0.03, sides=12)
    for angle in np.arange(5) * 72.0 + 18:
        shape.add("base", metal, spoke.turn("y", angle))
        shape.add("plastic", plastic, castor.turn("y", angle))
    spring, plate = rod((0, 0.08, 0), (0, seat - 0.04, 0), 0.028), (0, seat - 0.05, 0)
    shape.add("base", metal, spring, box(0.22, 0.03, 0.2, plate))


def stool(draw: Draw) -> Shape:
    """A round or square seat on three or four legs, or on a pedestal."""
    shape, wood = Shape(), draw.furniture()
    height, width = draw(0.42, 0.80), draw(0.28, 0.40)
    splay, leg, count = draw(0.0, 0.10), draw(0.012, 0.022), draw.pick(3, 4, 4)
    colour = draw.pick(wood, draw.paint())
    if draw.chance(0.65):
        rim = draw(0.02, 0.06)
        shape.add("seat", colour, lathe([
            (0.0, height - rim), (width / 2, height - rim), (width / 2 + 0.01, height - rim / 2),
            (width / 2, height), (0.0, height - draw(0, 0.012)),
        ]))
    else:
        pad = cushion(width, draw(0.03, 0.09), width, (0, height - 0.02, 0), power=6)
        shape.add("seat", colour, pad)
    if draw.chance(0.25):
        shape.add(
            "base", draw.shade(METAL),
            rod((0, 0.02, 0), (0, height - 0.02, 0), 0.025),
            lathe([(0, 0), (width * 0.55, 0), (width * 0.5, 0.015), (0.03, 0.05), (0, 0.06)]),
            tube(arc((0, height * 0.4, 0), width * 0.4, 0, 360, 17, "xz"), 0.01, 8),
        )
        return shape
    ring = draw(0.25, 0.5)
    feet = []
    for angle in np.radians(np.arange(count) * 360 / count + 45):
        direction = np.array([np.cos(angle), 0, np.sin(angle)])
        top = direction * width * 0.42 + (0, height - 0.03, 0)
        foot = direction * (width * 0.42 + splay)
        shape.add("legs", wood, rod(foot, top, leg * 0.8, leg))
        feet.append(foot + (top - foot) * ring)
    for start, end in zip(feet, feet[1:] + feet[:1]):
        shape.add("legs", wood, rod(start, end, leg * 0.6, sides=8))
    return shape


def armchair(draw: Draw) -> Shape:
    """An upholstered chair with closed sides."""
    shape, fabric = Shape(), draw.paint()
    width, depth, seat = draw(0.50, 0.62), draw(0.52, 0.66), draw(0.36, 0.44)
    arm, arm_width, back, lean = draw(0.18, 0.26), draw(0.09, 0.18), draw(0.34, 0.55), draw(4, 14)
    foot = draw(0.04, 0.16)
    tall = seat - foot - 0.08
    block = cushion(depth, tall, width + arm_width, (0, foot + tall / 2, 0), power=10)
    shape.add("fabric", fabric, block)
    cover = fabric if draw.chance(0.6) else draw.paint()
    shape.add("cushion", cover, cushion(depth - 0.06, 0.15, width, (0.05, seat - 0.04, 0), power=5))
    panel = cushion(0.16, back + 0.1, width + arm_width * draw(0.2, 1.6), (0, back / 2, 0), power=6)
    shape.add("fabric", fabric, panel.turn("z", lean).move(-depth / 2, seat - 0.05, 0))
    side = cushion(depth, seat + arm - foot, arm_width, power=draw.pick(4, 8, 12))
    shape.both("fabric", fabric, side.move(0.02, (seat + arm + foot) / 2, (width + arm_width) / 2))
    turned_feet(draw, shape, depth / 2 - 0.05, width / 2, foot)
    return shape


def cantilever_chair(draw: Draw) -> Shape:
    """Bent steel tube without hind legs, seat and back hung in it."""
    shape, metal, fabric = Shape(), draw.shade(METAL), draw.pick(draw.paint(), draw.shade(DARK))
    width, depth, seat = draw(0.42, 0.52), draw(0.42, 0.50), draw(0.42, 0.48)
    back, lean, radius = draw(0.36, 0.50), draw(0.04, 0.12), draw(0.011, 0.017)
    z, x, bend = width / 2, depth / 2, draw(0.04, 0.08)
    rear, top = -x - lean, seat + back
    path = np.concatenate([
        [(-x, radius, z)],
        arc((x - bend, bend + radius, z), bend, -90, 0, 6),
        arc((x - bend, seat - bend, z), bend, 0, 90, 6),
        arc((-x + bend, seat + bend, z), bend, -90, -180, 6),
        [(rear, top, z)],
    ])
    shape.both("tube", metal, tube(path, radius))
    shape.add(
        "tube", metal,
        rod((-x, radius, z), (-x, radius, -z), radius),
        rod((rear, top, z), (rear, top, -z), radius),
    )
    pad = cushion(depth - 0.04, draw(0.03, 0.06), width, (0, seat + 0.02, 0), power=6)
    shape.add("seat", fabric, pad)
    height = back * draw(0.4, 0.75)
    panel = cushion(0.03, height, width, (0, -height / 2, 0), power=7)
    angle = np.degrees(np.arctan2(lean, back))
    shape.add("seat", fabric, panel.turn("z", angle).move(rear + 0.015, top, 0))
    if draw.chance(0.5):
        arm = seat + draw(0.18, 0.24)
        bow = [(x - 0.02, seat - 0.02, z), (x * 0.7, arm, z), (-x, arm, z)]
        shape.both("tube", metal, tube(bow, radius))
    return shape


KINDS = {
    "dining chair": dining_chair,
    "office chair": office_chair,
    "stool": stool,
    "armchair": armchair,
    "cantilever chair": cantilever_chair,
}
