"""Procedural chairs, benches and sofas. Sizes in metres, seats face +x."""

import numpy as np

from .draw import DARK, METAL, WOOD
from .primitives import Shape, arc, box, cushion, lathe, loft, prism, rod, span, tube


def dining_chair(draw):
    """Four legs and a back of slats, rungs, a panel or a splat; arms on some."""
    shape, wood = Shape(), draw.furniture()
    width, depth, seat = draw(0.38, 0.52), draw(0.38, 0.50), draw(0.42, 0.50)
    back, lean, thick = draw(0.38, 0.62), draw(0.02, 0.12), draw(0.025, 0.045)
    leg, splay = draw(0.015, 0.026), draw(0.0, 0.05)
    x, z = depth / 2 - leg, width / 2 - leg
    shape.both("frame", wood, rod((x + splay, 0, z + splay), (x, seat, z), leg * 0.7, leg))
    top = np.array([-x - lean, seat + back, z])
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
            "frame",
            wood,
            rod((x * 0.8, seat, z), (x * 0.85, arm, z + 0.02), leg * 0.8),
            tube([(x, arm, z + 0.02), (0, arm + 0.02, z + 0.03), (-x - lean / 3, arm, z)], leg),
        )
    return shape


def _dining_back(draw, shape, wood, corner, back, lean, leg):
    x, seat, z = corner

    def at(share):
        return -x - lean * share, seat + back * share

    kind = draw.pick("slats", "rungs", "panel", "splat")
    high_x, high = at(1.0)
    if kind != "panel":
        shape.add(
            "frame", wood, box(0.024, draw(0.05, 0.09), 2 * z + leg, (high_x, high - 0.02, 0))
        )
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


def office_chair(draw):
    """A star base on castors, a gas spring, upholstered seat and back, arms on most."""
    shape, fabric, metal = Shape(), draw.pick(draw.paint(), draw.shade(DARK)), draw.shade(METAL)
    plastic = draw.shade(DARK)
    seat, width, depth = draw(0.42, 0.54), draw(0.44, 0.54), draw(0.42, 0.52)
    back, reach = draw(0.35, 0.72), draw(0.26, 0.34)
    for angle in np.arange(5) * 72.0 + 18:
        spoke = rod((0.02, 0.11, 0), (reach, 0.07, 0), 0.024, 0.014, sides=8)
        caster = rod((reach, 0.03, -0.022), (reach, 0.03, 0.022), 0.03, sides=12)
        shape.add("base", metal, spoke.turn("y", angle))
        shape.add("plastic", plastic, caster.turn("y", angle))
    shape.add(
        "base",
        metal,
        rod((0, 0.08, 0), (0, seat - 0.04, 0), 0.028),
        box(0.22, 0.03, 0.2, (0, seat - 0.05, 0)),
    )
    shape.add("fabric", fabric, cushion(depth, draw(0.07, 0.11), width, (0, seat, 0), power=4))
    low = seat + draw(0.06, 0.16)
    lean = draw(6, 16)
    panel = cushion(draw(0.05, 0.09), back, width * draw(0.8, 0.98), (0, back / 2, 0), power=4)
    shape.add("fabric", fabric, panel.turn("z", lean).move(-depth / 2, low, 0))
    shape.add(
        "base",
        metal,
        tube(
            [
                (-0.05, seat - 0.05, 0),
                (-depth / 2 - 0.05, seat - 0.03, 0),
                (-depth / 2 - 0.09, low + 0.2, 0),
            ],
            0.018,
        ),
    )
    if draw.chance(0.3):
        head = cushion(0.06, 0.14, width * 0.6, (0, back + 0.1, 0), power=4)
        shape.add("fabric", fabric, head.turn("z", lean).move(-depth / 2, low, 0))
    if draw.chance(0.75):
        arm, z = seat + draw(0.18, 0.25), width / 2 + 0.03
        if draw.chance(0.5):
            post = [rod((0, seat - 0.05, z - 0.06), (0, arm, z), 0.014, sides=8)]
        else:
            post = [
                tube(
                    [
                        (0.14, arm, z),
                        (0.17, seat, z),
                        (-0.1, seat - 0.03, z - 0.02),
                        (-0.13, arm, z),
                    ],
                    0.012,
                )
            ]
        shape.both(
            "plastic", plastic, *post, cushion(draw(0.22, 0.32), 0.03, 0.06, (0, arm, z), power=4)
        )
    return shape


def stool(draw):
    """A round or square seat on three or four legs, or on a pedestal."""
    shape, wood = Shape(), draw.furniture()
    height, width = draw(0.42, 0.80), draw(0.28, 0.40)
    splay, leg, count = draw(0.0, 0.10), draw(0.012, 0.022), draw.pick(3, 4, 4)
    colour = draw.pick(wood, draw.paint())
    if draw.chance(0.65):
        rim = draw(0.02, 0.06)
        shape.add(
            "seat",
            colour,
            lathe(
                [
                    (0.0, height - rim),
                    (width / 2, height - rim),
                    (width / 2 + 0.01, height - rim / 2),
                    (width / 2, height),
                    (0.0, height - draw(0, 0.012)),
                ]
            ),
        )
    else:
        shape.add(
            "seat", colour, cushion(width, draw(0.03, 0.09), width, (0, height - 0.02, 0), power=6)
        )
    if draw.chance(0.25):
        shape.add(
            "base",
            draw.shade(METAL),
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


def armchair(draw):
    """An upholstered chair with closed sides."""
    shape, fabric = Shape(), draw.paint()
    width, depth, seat = draw(0.50, 0.62), draw(0.52, 0.66), draw(0.36, 0.44)
    arm, arm_width, back, lean = draw(0.18, 0.26), draw(0.09, 0.18), draw(0.34, 0.55), draw(4, 14)
    foot = draw(0.04, 0.16)
    shape.add(
        "fabric",
        fabric,
        cushion(
            depth,
            seat - foot - 0.08,
            width + arm_width,
            (0, foot + (seat - foot - 0.08) / 2, 0),
            power=10,
        ),
    )
    cover = fabric if draw.chance(0.6) else draw.paint()
    shape.add("cushion", cover, cushion(depth - 0.06, 0.15, width, (0.05, seat - 0.04, 0), power=5))
    panel = cushion(0.16, back + 0.1, width + arm_width * draw(0.2, 1.6), (0, back / 2, 0), power=6)
    shape.add("fabric", fabric, panel.turn("z", lean).move(-depth / 2, seat - 0.05, 0))
    side = cushion(depth, seat + arm - foot, arm_width, power=draw.pick(4, 8, 12))
    shape.both("fabric", fabric, side.move(0.02, (seat + arm + foot) / 2, (width + arm_width) / 2))
    _feet(draw, shape, depth / 2 - 0.05, width / 2, foot)
    return shape


def _feet(draw, shape, x, z, height):
    radius = draw(0.014, 0.03)
    for side in (-x, x):
        shape.both(
            "feet",
            draw.shade(WOOD + METAL),
            rod((side, 0, z), (side, height + 0.02, z), radius * 0.7, radius),
        )


def cantilever_chair(draw):
    """Bent steel tube without hind legs, seat and back hung in it."""
    shape, metal, fabric = Shape(), draw.shade(METAL), draw.pick(draw.paint(), draw.shade(DARK))
    width, depth, seat = draw(0.42, 0.52), draw(0.42, 0.50), draw(0.42, 0.48)
    back, lean, radius = draw(0.36, 0.50), draw(0.04, 0.12), draw(0.011, 0.017)
    z, x, bend = width / 2, depth / 2, draw(0.04, 0.08)
    path = np.concatenate(
        [
            [(-x, radius, z)],
            arc((x - bend, bend + radius, z), bend, -90, 0, 6),
            arc((x - bend, seat - bend, z), bend, 0, 90, 6),
            arc((-x + bend, seat + bend, z), bend, -90, -180, 6),
            [(-x - lean, seat + back, z)],
        ]
    )
    shape.both("tube", metal, tube(path, radius))
    shape.add(
        "tube",
        metal,
        rod((-x, radius, z), (-x, radius, -z), radius),
        rod((-x - lean, seat + back, z), (-x - lean, seat + back, -z), radius),
    )
    shape.add(
        "seat", fabric, cushion(depth - 0.04, draw(0.03, 0.06), width, (0, seat + 0.02, 0), power=6)
    )
    height = back * draw(0.4, 0.75)
    panel = cushion(0.03, height, width, (0, -height / 2, 0), power=7)
    angle = np.degrees(np.arctan2(lean, back))
    shape.add("seat", fabric, panel.turn("z", angle).move(-x - lean + 0.015, seat + back, 0))
    if draw.chance(0.5):
        arm = seat + draw(0.18, 0.24)
        shape.both(
            "tube",
            metal,
            tube([(x - 0.02, seat - 0.02, z), (x * 0.7, arm, z), (-x, arm, z)], radius),
        )
    return shape


def park_bench(draw):
    """Slats on side frames of wood or cast iron, with a back."""
    shape, wood, metal = Shape(), draw.furniture(), draw.shade(DARK + METAL)
    length, seat, depth = draw(1.1, 2.0), draw(0.40, 0.48), draw(0.40, 0.55)
    back, lean, slats, thick = draw(0.32, 0.5), draw(0.06, 0.16), draw.whole(3, 6), draw(0.02, 0.04)
    x, post = depth / 2, draw(0.018, 0.03)
    gap = depth / slats
    for place in np.linspace(-x + gap / 2, x - gap / 2, slats):
        shape.add("slats", wood, box(gap * 0.78, thick, length, (place, seat, 0)))
    for share in np.linspace(0.25, 0.95, draw.whole(2, 4)):
        slat = box(thick, back * 0.2, length)
        tilt = np.degrees(np.arctan2(lean, back))
        shape.add(
            "slats", wood, slat.turn("z", tilt).move(-x - lean * share, seat + back * share, 0)
        )
    z = length / 2 - draw(0.05, 0.2)
    arms = draw.chance(0.65)
    frame = [
        rod((x - 0.03, 0, z), (x - 0.05, seat, z), post),
        tube([(-x - 0.06, 0, z), (-x, seat, z), (-x - lean, seat + back, z)], post),
        rod((x - 0.04, seat - thick, z), (-x, seat - thick, z), post),
    ]
    if arms:
        arm = seat + draw(0.18, 0.26)
        frame += [
            rod((x - 0.05, seat, z), (x - 0.04, arm, z), post),
            rod((x, arm, z), (-x - lean * 0.5, arm + 0.02, z), post * 1.2),
        ]
    shape.both("frame", metal if draw.chance(0.6) else wood, *frame)
    if length > 1.6:
        shape.add("frame", metal, *[part.move(z=-z) for part in frame[:2]])
    return shape


def plank_bench(draw):
    """A bench without a back: a plank, or a few, on trestles, legs or solid ends."""
    shape, wood = Shape(), draw.furniture()
    length, seat, depth, thick = draw(0.9, 1.9), draw(0.38, 0.5), draw(0.28, 0.42), draw(0.03, 0.07)
    planks = draw.whole(1, 3)
    gap = depth / planks
    for place in (np.arange(planks) + 0.5) * gap - depth / 2:
        shape.add("plank", wood, box(gap * 0.94, thick, length, (place, seat, 0)))
    z, splay = length / 2 * draw(0.6, 0.9), draw(0.0, 0.12)
    kind = draw.pick("trestle", "legs", "ends")
    colour = wood if draw.chance(0.5) else draw.shade(METAL + DARK)
    if kind == "ends":
        cut = draw(0.2, 0.6) * depth
        outline = [
            (-depth / 2, 0),
            (-cut / 2, 0),
            (-cut / 4, seat * 0.4),
            (cut / 4, seat * 0.4),
            (cut / 2, 0),
            (depth / 2, 0),
            (depth / 2 - 0.02, seat),
            (-depth / 2 + 0.02, seat),
        ]
        shape.both("ends", colour, prism(outline, z, z + draw(0.03, 0.06)))
        shape.add("ends", colour, box(0.03, 0.08, 2 * z, (0, seat * 0.7, 0)))
    else:
        x = depth * 0.4
        lean = splay if kind == "trestle" else 0.0
        legs = [
            rod((side * (x + lean), 0, z + lean * 0.5), (side * x, seat, z), draw(0.018, 0.03))
            for side in (-1, 1)
        ]
        shape.both("ends", colour, *legs)
        shape.both("ends", colour, rod((-x, seat * 0.4, z), (x, seat * 0.4, z), 0.016))
        if kind == "trestle":
            shape.add("ends", colour, rod((0, seat * 0.4, -z), (0, seat * 0.4, z), 0.018))
    return shape


def storage_bench(draw):
    """A hall bench: seat cushion over open compartments, a panelled back on some."""
    shape, wood = Shape(), draw.furniture()
    length, seat, depth, board = (
        draw(0.9, 1.5),
        draw(0.42, 0.5),
        draw(0.36, 0.45),
        draw(0.02, 0.035),
    )
    z, x, floor = length / 2, depth / 2, draw(0.03, 0.1)
    shape.add(
        "board",
        wood,
        span((-x, x), (seat - board, seat), (-z, z)),
        span((-x, x), (floor, floor + board), (-z, z)),
        span((-x, -x + 0.012), (floor, seat), (-z, z)),
    )
    for place in np.linspace(-z + board / 2, z - board / 2, draw.whole(2, 4) + 1):
        shape.add(
            "board",
            wood,
            box(
                depth,
                seat - (0 if abs(place) > z - board else floor),
                board,
                (0, (seat + (0 if abs(place) > z - board else floor)) / 2, place),
            ),
        )
    shape.add(
        "cushion",
        draw.paint(),
        cushion(depth - 0.02, draw(0.05, 0.1), length - 0.03, (0.01, seat + 0.03, 0), power=8),
    )
    if draw.chance(0.6):
        back = draw(0.3, 0.9)
        shape.add("board", wood, span((-x, -x + board), (seat, seat + back), (-z, z)))
    if draw.chance(0.5):
        arm = draw(0.15, 0.28)
        shape.both("board", wood, span((-x, x), (seat, seat + arm), (z - board, z)))
    return shape


def straight_sofa(draw):
    """Two or three seats between arms."""
    shape, fabric = Shape(), draw.paint()
    seats, seat_width, depth = draw.whole(2, 4), draw(0.5, 0.68), draw(0.75, 0.95)
    seat, arm, back, arm_width = (
        draw(0.38, 0.46),
        draw(0.14, 0.26),
        draw(0.32, 0.5),
        draw(0.1, 0.24),
    )
    foot, lean = draw(0.02, 0.16), draw(2, 12)
    width = seats * seat_width
    base = seat - 0.14
    shape.add(
        "fabric", fabric, span((-depth / 2, depth / 2), (foot, base), (-width / 2, width / 2))
    )
    cover = fabric if draw.chance(0.6) else draw.paint()
    for place in (np.arange(seats) + 0.5) * seat_width - width / 2:
        shape.add(
            "cushion",
            cover,
            cushion(depth - 0.2, 0.16, seat_width * 0.98, (0.1, base + 0.07, place), power=6),
        )
        pillow = cushion(0.18, back * draw(0.85, 1.0), seat_width * 0.95, (0, back / 2, 0), power=4)
        shape.add("cushion", cover, pillow.turn("z", lean + 6).move(-depth / 2 + 0.22, seat, place))
    rear = cushion(0.17, seat + back - foot - 0.08, width + arm_width, power=9)
    shape.add(
        "fabric",
        fabric,
        rear.turn("z", lean / 2).move(-depth / 2, (seat + back + foot) / 2 - 0.04, 0),
    )
    if draw.chance(0.35):
        roll = rod(
            (-depth / 2, seat + arm, 0), (depth / 2, seat + arm, 0), arm_width * 0.62, sides=16
        )
        block = box(depth, seat + arm - foot, arm_width * 0.8, (0, (seat + arm + foot) / 2, 0))
        sides = [roll, block]
    else:
        sides = [
            cushion(
                depth, seat + arm - foot, arm_width, (0.02, (seat + arm + foot) / 2, 0), power=10
            )
        ]
    shape.both("fabric", fabric, *[part.move(z=(width + arm_width) / 2) for part in sides])
    _feet(draw, shape, depth / 2 - 0.06, width / 2 - 0.05, foot)
    return shape


def corner_sofa(draw):
    """An L of seats, the long part along one side."""
    shape, fabric = Shape(), draw.paint()
    seat, depth, back, thick = draw(0.36, 0.44), draw(0.8, 1.0), draw(0.3, 0.45), draw(0.12, 0.22)
    length, wing, foot = draw(1.9, 2.8), draw(1.5, 2.2), draw(0.02, 0.1)
    z, x, side = length / 2, depth / 2, draw.pick(-1, 1)
    parts = [
        span((-x, x), (foot, seat - 0.1), (-z, z)),
        span((x - 0.05, wing - x), (foot, seat - 0.1), (z - depth, z)),
        cushion(thick, seat + back - foot, length, (-x, (seat + back + foot) / 2, 0), power=10),
    ]
    if draw.chance(0.6):
        parts.append(
            cushion(
                wing * draw(0.5, 1.0),
                seat + back - foot,
                thick,
                (0, (seat + back + foot) / 2, z),
                power=10,
            ).move(x=wing * 0.25)
        )
    parts.append(
        cushion(
            depth, seat + draw(0.1, 0.2) - foot, thick, (0, (seat + 0.15 + foot) / 2, -z), power=10
        )
    )
    cover = fabric if draw.chance(0.6) else draw.paint()
    pads = []
    count = draw.whole(2, 3)
    step = (length - depth) / count
    for place in (np.arange(count) + 0.5) * step - z:
        pads.append(
            cushion(depth - thick, 0.15, step * 0.98, (thick / 2, seat - 0.05, place), power=6)
        )
        pads.append(
            cushion(0.16, back, step * 0.9, (-x + thick, seat + back * 0.45, place), power=4).move(
                x=0.04
            )
        )
    pads.append(
        cushion(
            wing - thick,
            0.15,
            depth * 0.98,
            (wing / 2 - x + thick / 2, seat - 0.05, z - depth / 2),
            power=6,
        )
    )
    for material, group, colour in (("fabric", parts, fabric), ("cushion", pads, cover)):
        shape.add(material, colour, *[part if side > 0 else part.mirror() for part in group])
    _feet(draw, shape, x - 0.06, z - 0.08, foot)
    return shape


def chaise_longue(draw):
    """A long seat with one raised, curved end."""
    shape, fabric = Shape(), draw.paint()
    length, width, seat = draw(1.4, 1.9), draw(0.55, 0.75), draw(0.36, 0.46)
    rise, thick, reach = draw(0.3, 0.5), draw(0.08, 0.14), draw(0.15, 0.4)
    curve = np.concatenate(
        [
            [(length / 2, seat)],
            [(-length * 0.2, seat)],
            [(-length * 0.2 - reach * t, seat + rise * t**1.8) for t in np.linspace(0.2, 1, 7)],
        ]
    )
    outline = np.concatenate([curve, curve[::-1] - (0, thick)])
    shape.add("fabric", fabric, prism(outline, -width / 2, width / 2))
    shape.add(
        "fabric", fabric, cushion(length * 0.95, thick, width * 0.96, (0, seat - thick, 0), power=9)
    )
    roll = rod((*curve[-1], -width / 2), (*curve[-1], width / 2), thick * draw(0.6, 0.9), sides=16)
    shape.add("fabric", fabric, roll.move(y=-thick / 2))
    if draw.chance(0.6):
        shape.add(
            "back",
            fabric,
            cushion(
                length * draw(0.4, 0.7),
                rise,
                thick,
                (-length * 0.15, seat + rise / 2, -width / 2),
                power=4,
            ),
        )
    if draw.chance(0.6):
        shape.add(
            "pillow",
            draw.paint(),
            rod(
                (-length * 0.2, seat + 0.08, -width * 0.4),
                (-length * 0.2, seat + 0.08, width * 0.4),
                0.08,
                sides=16,
            ),
        )
    _feet(draw, shape, length / 2 - 0.12, width / 2 - 0.06, seat - thick - 0.02)
    return shape


CHAIRS = {
    "dining chair": dining_chair,
    "office chair": office_chair,
    "stool": stool,
    "armchair": armchair,
    "cantilever chair": cantilever_chair,
}
BENCHES = {"park bench": park_bench, "plank bench": plank_bench, "storage bench": storage_bench}
SOFAS = {"straight sofa": straight_sofa, "corner sofa": corner_sofa, "chaise longue": chaise_longue}
