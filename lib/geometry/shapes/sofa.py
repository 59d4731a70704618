"""Procedural sofas: straight ones, corner sofas and chaises longues."""

import numpy as np

from .dice import Draw
from .fittings import turned_feet
from .parts import Shape
from .primitives import box, cushion, rod, span
from .skins import prism


def straight_sofa(draw: Draw) -> Shape:
    """Two or three seats between arms."""
    shape, fabric = Shape(), draw.paint()
    seats, seat_width, depth = draw.whole(2, 4), draw(0.5, 0.68), draw(0.75, 0.95)
    seat, arm = draw(0.38, 0.46), draw(0.14, 0.26)
    back, arm_width = draw(0.32, 0.5), draw(0.1, 0.24)
    foot, lean = draw(0.02, 0.16), draw(2, 12)
    width = seats * seat_width
    base = seat - 0.14
    block = span((-depth / 2, depth / 2), (foot, base), (-width / 2, width / 2))
    shape.add("fabric", fabric, block)
    cover = fabric if draw.chance(0.6) else draw.paint()
    for place in (np.arange(seats) + 0.5) * seat_width - width / 2:
        at = (0.1, base + 0.07, place)
        shape.add("cushion", cover, cushion(depth - 0.2, 0.16, seat_width * 0.98, at, power=6))
        pillow = cushion(0.18, back * draw(0.85, 1.0), seat_width * 0.95, (0, back / 2, 0), power=4)
        shape.add("cushion", cover, pillow.turn("z", lean + 6).move(-depth / 2 + 0.22, seat, place))
    rear = cushion(0.17, seat + back - foot - 0.08, width + arm_width, power=9).turn("z", lean / 2)
    shape.add("fabric", fabric, rear.move(-depth / 2, (seat + back + foot) / 2 - 0.04, 0))
    top, tall, middle = seat + arm, seat + arm - foot, (seat + arm + foot) / 2
    if draw.chance(0.35):
        roll = rod((-depth / 2, top, 0), (depth / 2, top, 0), arm_width * 0.62, sides=16)
        sides = [roll, box(depth, tall, arm_width * 0.8, (0, middle, 0))]
    else:
        sides = [cushion(depth, tall, arm_width, (0.02, middle, 0), power=10)]
    shape.both("fabric", fabric, *[part.move(z=(width + arm_width) / 2) for part in sides])
    turned_feet(draw, shape, depth / 2 - 0.06, width / 2 - 0.05, foot)
    return shape


def corner_sofa(draw: Draw) -> Shape:
    """An L of seats, the long part along one side."""
    shape, fabric = Shape(), draw.paint()
    seat, depth, back, thick = draw(0.36, 0.44), draw(0.8, 1.0), draw(0.3, 0.45), draw(0.12, 0.22)
    length, wing, foot = draw(1.9, 2.8), draw(1.5, 2.2), draw(0.02, 0.1)
    z, x, side = length / 2, depth / 2, draw.pick(-1, 1)
    tall, middle = seat + back - foot, (seat + back + foot) / 2
    parts = [
        span((-x, x), (foot, seat - 0.1), (-z, z)),
        span((x - 0.05, wing - x), (foot, seat - 0.1), (z - depth, z)),
        cushion(thick, tall, length, (-x, middle, 0), power=10),
    ]
    if draw.chance(0.6):
        back_rest = cushion(wing * draw(0.5, 1.0), tall, thick, (0, middle, z), power=10)
        parts.append(back_rest.move(x=wing * 0.25))
    arm = seat + draw(0.1, 0.2) - foot
    parts.append(cushion(depth, arm, thick, (0, (seat + 0.15 + foot) / 2, -z), power=10))
    cover = fabric if draw.chance(0.6) else draw.paint()
    pads = []
    count = draw.whole(2, 3)
    step = (length - depth) / count
    for place in (np.arange(count) + 0.5) * step - z:
        at = (thick / 2, seat - 0.05, place)
        pads.append(cushion(depth - thick, 0.15, step * 0.98, at, power=6))
        pillow = cushion(0.16, back, step * 0.9, (-x + thick, seat + back * 0.45, place), power=4)
        pads.append(pillow.move(x=0.04))
    at = (wing / 2 - x + thick / 2, seat - 0.05, z - depth / 2)
    pads.append(cushion(wing - thick, 0.15, depth * 0.98, at, power=6))
    for material, group, colour in (("fabric", parts, fabric), ("cushion", pads, cover)):
        shape.add(material, colour, *[part if side > 0 else part.mirror() for part in group])
    turned_feet(draw, shape, x - 0.06, z - 0.08, foot)
    return shape


def chaise_longue(draw: Draw) -> Shape:
    """A long seat with one raised, curved end."""
    shape, fabric = Shape(), draw.paint()
    length, width, seat = draw(1.4, 1.9), draw(0.55, 0.75), draw(0.36, 0.46)
    rise, thick, reach = draw(0.3, 0.5), draw(0.08, 0.14), draw(0.15, 0.4)
    bend = -length * 0.2
    curve = np.array([
        (length / 2, seat), (bend, seat),
        *[(bend - reach * t, seat + rise * t**1.8) for t in np.linspace(0.2, 1, 7)],
    ])
    outline = np.concatenate([curve, curve[::-1] - (0, thick)])
    shape.add("fabric", fabric, prism(outline, -width / 2, width / 2))
    pad = cushion(length * 0.95, thick, width * 0.96, (0, seat - thick, 0), power=9)
    shape.add("fabric", fabric, pad)
    roll = rod((*curve[-1], -width / 2), (*curve[-1], width / 2), thick * draw(0.6, 0.9), sides=16)
    shape.add("fabric", fabric, roll.move(y=-thick / 2))
    if draw.chance(0.6):
        at = (-length * 0.15, seat + rise / 2, -width / 2)
        shape.add("back", fabric, cushion(length * draw(0.4, 0.7), rise, thick, at, power=4))
    if draw.chance(0.6):
        y, z = seat + 0.08, width * 0.4
        shape.add("pillow", draw.paint(), rod((bend, y, -z), (bend, y, z), 0.08, sides=16))
    turned_feet(draw, shape, length / 2 - 0.12, width / 2 - 0.06, seat - thick - 0.02)
    return shape


KINDS = {
    "straight sofa": straight_sofa,
    "corner sofa": corner_sofa,
    "chaise longue": chaise_longue,
}
