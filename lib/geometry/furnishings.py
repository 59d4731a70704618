"""Procedural cabinets, tables and lamps. Sizes in metres, fronts face +x."""

import numpy as np

from .draw import DARK, GLASS, LIGHT, METAL, WOOD
from .primitives import Shape, box, cushion, ellipsoid, lathe, rod, span, tube


def door_cabinet(draw):
    """A carcass with doors, perhaps a drawer row, handles, on feet or a plinth."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth = draw(0.6, 1.9), draw(0.6, 1.3), draw(0.35, 0.6)
    foot, gap, doors = draw(0.03, 0.2), draw(0.006, 0.014), draw.whole(1, 3)
    front = wood if draw.chance(0.5) else draw.furniture()
    x, z = depth / 2, width / 2
    shape.add("carcass", wood, span((-x, x), (foot, height), (-z, z)))
    shape.add(
        "carcass",
        wood,
        span((-x, x + 0.03), (height, height + draw(0.015, 0.04)), (-z - 0.02, z + 0.02)),
    )
    drawer = draw(0.12, 0.2) if draw.chance(0.5) else 0.0
    top = height - drawer
    metal, knob = draw.shade(METAL + DARK), draw.chance(0.5)
    step = width / doors
    for index in range(doors):
        low, high = -z + index * step + gap, -z + (index + 1) * step - gap
        _panel(draw, shape, front, x, (foot + gap, top - gap), (low, high))
        side = high - 0.05 if index % 2 == 0 else low + 0.05
        _handle(shape, metal, x + 0.02, (foot + top) / 2, side, knob, upright=True)
        if drawer:
            _panel(draw, shape, front, x, (top + gap, height - gap), (low, high))
            _handle(shape, metal, x + 0.02, top + drawer / 2, (low + high) / 2, knob, upright=False)
    _base(draw, shape, wood, x, z, foot)
    return shape


def chest_of_drawers(draw):
    """Rows of drawers, in one or two columns."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth = draw(0.6, 1.3), draw(0.5, 1.4), draw(0.38, 0.55)
    rows, columns, foot, gap = (
        draw.whole(3, 6),
        draw.pick(1, 1, 2),
        draw(0.04, 0.22),
        draw(0.008, 0.018),
    )
    front = wood if draw.chance(0.5) else draw.furniture()
    x, z = depth / 2, width / 2
    shape.add(
        "carcass",
        wood,
        span((-x, x), (foot, height), (-z, z)),
        span((-x, x + 0.03), (height, height + draw(0.015, 0.04)), (-z - 0.015, z + 0.015)),
    )
    metal, knob = draw.shade(METAL + DARK), draw.chance(0.5)
    edges = np.linspace(foot + 0.02, height - 0.02, rows + 1)
    sides = np.linspace(-z + 0.02, z - 0.02, columns + 1)
    for low, high in zip(edges, edges[1:]):
        for left, right in zip(sides, sides[1:]):
            _panel(
                draw, shape, front, x, (low + gap, high - gap), (left + gap, right - gap), flat=True
            )
            _handle(
                shape, metal, x + 0.025, (low + high) / 2, (left + right) / 2, knob, upright=False
            )
    _base(draw, shape, wood, x, z, foot)
    return shape


def bookcase(draw):
    """Open shelves between sides, some with dividers, a back, books."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth, board = (
        draw(0.9, 2.0),
        draw(0.6, 1.4),
        draw(0.26, 0.42),
        draw(0.02, 0.045),
    )
    shelves, columns, foot = draw.whole(2, 5), draw.whole(1, 3), draw(0.0, 0.12)
    x, z = depth / 2, width / 2
    for place in np.linspace(-z + board / 2, z - board / 2, columns + 1):
        low = 0.0 if abs(place) > z - board else foot
        shape.add(
            "board", wood, span((-x, x), (low, height), (place - board / 2, place + board / 2))
        )
    levels = np.linspace(foot, height - board, shelves + 1)
    for level in levels:
        shape.add("board", wood, span((-x, x), (level, level + board), (-z, z)))
    if draw.chance(0.75):
        shape.add(
            "back", draw.pick(wood, draw.paint()), span((-x, -x + 0.02), (foot, height), (-z, z))
        )
    column = (width - board) / columns
    for level, above in zip(levels, levels[1:]):
        for left in np.arange(columns) * column - z + board:
            if draw.chance(0.45):
                room = above - level - board
                size = draw(0.2, 0.9) * (column - board)
                shape.add(
                    "books",
                    draw.paint(),
                    span(
                        (-x + 0.03, x - draw(0.03, 0.1)),
                        (level + board * 0.9, level + board + room * draw(0.5, 0.9)),
                        (left, left + size),
                    ),
                )
            elif draw.chance(0.25):
                shape.add(
                    "door",
                    draw.furniture(),
                    span(
                        (x - 0.03, x + 0.01),
                        (level, above + board),
                        (left - board / 2, left + column - board / 2),
                    ),
                )
    return shape


def sideboard(draw):
    """A long low cabinet on legs, with doors and an open bay."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth, leg = draw(0.55, 0.8), draw(1.2, 2.0), draw(0.38, 0.5), draw(0.12, 0.28)
    board, bays = draw(0.02, 0.035), draw.whole(3, 4)
    x, z, open_bay = depth / 2, width / 2, draw.whole(0, 3)
    shape.add(
        "board",
        wood,
        span((-x, x), (height - board, height), (-z, z)),
        span((-x, x), (leg, leg + board), (-z, z)),
        span((-x, -x + 0.02), (leg, height), (-z, z)),
    )
    edges = np.linspace(-z, z - board, bays + 1)
    for edge in edges:
        shape.add("board", wood, span((-x, x), (leg, height), (edge, edge + board)))
    front, metal, knob = draw.furniture(), draw.shade(METAL), draw.chance(0.5)
    for index, (low, high) in enumerate(zip(edges, edges[1:])):
        if index == open_bay % bays:
            level = leg + (height - leg) * draw(0.4, 0.6)
            shape.add(
                "board", wood, span((-x, x - 0.01), (level, level + board), (low, high + board))
            )
        else:
            shape.add(
                "front",
                front,
                span(
                    (x - 0.03, x + 0.008),
                    (leg + 0.012, height - 0.012),
                    (low + 0.01, high + board - 0.01),
                ),
            )
            _handle(shape, metal, x + 0.01, (leg + height) / 2, high - 0.04, knob, upright=True)
    splay, radius = draw(0.0, 0.06), draw(0.014, 0.024)
    for side in (-1, 1):
        shape.both(
            "legs",
            draw.shade(WOOD + METAL),
            rod(
                (side * (x - 0.05 + splay), 0, z - 0.12 + splay),
                (side * (x - 0.06), leg + 0.01, z - 0.14),
                radius * 0.6,
                radius,
            ),
        )
    return shape


def _panel(draw, shape, colour, x, y, z, flat=False):
    shape.add("front", colour, span((x - 0.01, x + 0.02), y, z))
    if not flat and min(y[1] - y[0], z[1] - z[0]) > 0.2:
        rim = 0.05
        shape.add(
            "field",
            draw.pick(colour, colour, draw.shade(GLASS)),
            span((x, x + 0.028), (y[0] + rim, y[1] - rim), (z[0] + rim, z[1] - rim)),
        )


def _handle(shape, metal, x, y, z, knob, upright):
    if knob:
        shape.add("handle", metal, ellipsoid(0.035, 0.035, 0.035, (x + 0.015, y, z), 5, 10))
    else:
        size = (0.02, 0.14, 0.014) if upright else (0.02, 0.014, 0.14)
        shape.add("handle", metal, box(*size, at=(x + 0.02, y, z)))


def _base(draw, shape, wood, x, z, height):
    if draw.chance(0.4):
        shape.add(
            "carcass", wood, span((-x + 0.02, x - 0.04), (0, height + 0.01), (-z + 0.03, z - 0.03))
        )
        return
    radius = draw(0.015, 0.03)
    for side in (-x + 0.05, x - 0.05):
        shape.both(
            "carcass",
            wood,
            rod((side, 0, z - 0.06), (side, height + 0.01, z - 0.06), radius * 0.7, radius),
        )


def dining_table(draw):
    """A rectangular or oval top on four legs, with an apron."""
    shape, wood = Shape(), draw.furniture()
    height, width, length, thick = (
        draw(0.68, 0.78),
        draw(0.65, 1.0),
        draw(0.9, 2.0),
        draw(0.02, 0.05),
    )
    leg, inset, splay = draw(0.022, 0.05), draw(0.03, 0.14), draw(0.0, 0.08)
    power = draw.pick(30, 30, 8, 3)
    top = wood if draw.chance(0.6) else draw.pick(draw.paint(), draw.shade(GLASS))
    shape.add("top", top, cushion(width, thick, length, (0, height, 0), power=power, sides=40))
    shrink = 1.0 if power > 5 else 0.72
    x, z = (width / 2 - inset) * shrink, (length / 2 - inset) * shrink
    square = draw.chance(0.5)
    for side in (-1, 1):
        foot, head = (side * (x + splay), 0, z + splay), (side * x, height, z)
        part = (
            box(leg * 1.8, height, leg * 1.8, (side * x, height / 2, z))
            if square
            else rod(foot, head, leg * 0.55, leg)
        )
        shape.both("frame", wood, part)
    if draw.chance(0.75):
        apron = draw(0.05, 0.11)
        y = height - thick / 2 - apron / 2
        for side in (-1, 1):
            shape.add(
                "frame",
                wood,
                box(0.02, apron, 2 * z, (side * x, y, 0)),
                box(2 * x, apron, 0.02, (0, y, side * z)),
            )
    if draw.chance(0.3):
        low = height * draw(0.15, 0.3)
        shape.both("frame", wood, rod((-x, low, z), (x, low, z), leg * 0.6))
        shape.add("frame", wood, rod((0, low, -z), (0, low, z), leg * 0.6))
    return shape


def pedestal_table(draw):
    """A round top on a turned column with a plate or curved feet."""
    shape, wood = Shape(), draw.furniture()
    height, radius, thick = draw(0.5, 0.78), draw(0.3, 0.65), draw(0.018, 0.045)
    column, bulge, foot = draw(0.02, 0.05), draw(1.0, 2.2), draw(0.45, 0.75)
    top = wood if draw.chance(0.5) else draw.pick(draw.paint(), draw.shade(LIGHT))
    shape.add(
        "top",
        top,
        lathe(
            [
                (0, height - thick),
                (radius * 0.97, height - thick),
                (radius, height - thick / 2),
                (radius * 0.98, height),
                (0, height),
            ],
            sides=36,
        ),
    )
    shape.add(
        "column",
        wood,
        lathe(
            [
                (0, 0.05),
                (column * 1.6, 0.05),
                (column, height * 0.18),
                (column * bulge, height * 0.45),
                (column, height * 0.7),
                (column * 1.4, height - thick),
                (0, height - thick / 2),
            ]
        ),
    )
    if draw.chance(0.5):
        shape.add(
            "base",
            draw.pick(wood, draw.shade(METAL)),
            lathe(
                [
                    (0, 0),
                    (radius * foot, 0),
                    (radius * foot * 0.97, 0.02),
                    (column * 1.5, 0.06),
                    (0, 0.07),
                ],
                sides=32,
            ),
        )
    else:
        reach = radius * foot * 1.2
        feet = draw.whole(3, 5)
        for angle in np.arange(feet) * 360.0 / feet:
            path = [
                (0, height * 0.28, 0),
                (reach * 0.4, height * 0.25, 0),
                (reach * 0.8, height * 0.08, 0),
                (reach, 0.015, 0),
            ]
            shape.add("column", wood, tube(path, [0.03, 0.028, 0.022, 0.02]).turn("y", angle))
    return shape


def desk(draw):
    """A top between a drawer block and a leg frame, or two blocks, with a modesty panel."""
    shape, wood = Shape(), draw.furniture()
    height, depth, length, thick = (
        draw(0.7, 0.78),
        draw(0.55, 0.75),
        draw(1.0, 1.7),
        draw(0.02, 0.04),
    )
    block, drawers = draw(0.32, 0.45), draw.whole(2, 4)
    x, z = depth / 2, length / 2
    front, metal, knob = draw.furniture(), draw.shade(METAL + DARK), draw.chance(0.4)
    shape.add(
        "top",
        wood if draw.chance(0.6) else draw.paint(),
        span((-x, x), (height - thick, height), (-z, z)),
    )
    for side in draw.pick((1,), (-1,), (-1, 1)):
        low, high = sorted((side * (z - 0.02), side * (z - 0.02 - block)))
        shape.add("block", wood, span((-x + 0.02, x - 0.04), (0.04, height - thick), (low, high)))
        edges = np.linspace(0.06, height - thick - 0.01, drawers + 1)
        for bottom, upper in zip(edges, edges[1:]):
            shape.add(
                "front",
                front,
                span(
                    (x - 0.05, x - 0.02),
                    (bottom + 0.008, upper - 0.008),
                    (low + 0.012, high - 0.012),
                ),
            )
            _handle(
                shape, metal, x - 0.03, (bottom + upper) / 2, (low + high) / 2, knob, upright=False
            )
    for side in (-1, 1):
        shape.both(
            "legs",
            metal,
            rod(
                (side * (x - 0.04), 0, z - 0.04),
                (side * (x - 0.04), height - thick, z - 0.04),
                0.022,
                sides=8,
            ),
        )
    if draw.chance(0.6):
        shape.add(
            "panel",
            wood,
            span(
                (-x + 0.05, -x + 0.07),
                (height * draw(0.3, 0.6), height - thick),
                (-z + 0.04, z - 0.04),
            ),
        )
    if draw.chance(0.25):
        rise = draw(0.25, 0.5)
        shape.add(
            "hutch",
            wood,
            span((-x, -x + 0.24), (height + rise, height + rise + 0.02), (-z, z)),
            span((-x, -x + 0.02), (height, height + rise), (-z, z)),
        )
        shape.both("hutch", wood, span((-x, -x + 0.24), (height, height + rise), (z - 0.02, z)))
    return shape


def trestle_table(draw):
    """A plank top on two trestles, crossed or A-shaped, with a beam between them."""
    shape, wood = Shape(), draw.furniture()
    height, width, length, thick = (
        draw(0.68, 0.78),
        draw(0.65, 0.95),
        draw(1.2, 2.1),
        draw(0.025, 0.06),
    )
    spread, beam, inset = draw(0.55, 0.95), draw(0.2, 0.5), draw(0.12, 0.3)
    frame = wood if draw.chance(0.6) else draw.shade(METAL + DARK)
    planks = draw.whole(1, 5)
    step = width / planks
    for place in (np.arange(planks) + 0.5) * step - width / 2:
        shape.add("top", wood, box(step * 0.97, thick, length, (place, height, 0)))
    z, x, size = length / 2 - inset, width / 2 * spread, draw(0.02, 0.035)
    if draw.chance(0.5):
        parts = [
            rod((-x, 0, z), (x, height, z), size, sides=8),
            rod((x, 0, z), (-x, height, z), size, sides=8),
        ]
        middle = height / 2
    else:
        middle = height * beam
        parts = [
            rod((side * x, 0, z), (side * x * 0.45, height, z), size, sides=8) for side in (-1, 1)
        ]
        parts.append(rod((-x * 0.8, middle, z), (x * 0.8, middle, z), size * 0.8, sides=8))
    shape.both("frame", frame, *parts)
    shape.add("frame", frame, rod((0, middle, -z), (0, middle, z), size, sides=8))
    return shape


def coffee_table(draw):
    """A low table with a shelf, of wood, glass or with solid sides."""
    shape, wood = Shape(), draw.furniture()
    height, width, length, thick = draw(0.32, 0.5), draw(0.5, 0.9), draw(0.7, 1.3), draw(0.02, 0.06)
    shelf, leg, inset = height * draw(0.2, 0.5), draw(0.018, 0.04), draw(0.0, 0.1)
    x, z = width / 2 - inset - leg, length / 2 - inset - leg
    top = wood if draw.chance(0.5) else draw.pick(draw.shade(GLASS), draw.paint())
    shape.add(
        "top", top, cushion(width, thick, length, (0, height, 0), power=draw.pick(30, 8), sides=40)
    )
    metal = wood if draw.chance(0.5) else draw.shade(METAL)
    if draw.chance(0.3):
        shape.both("frame", metal, span((-x, x), (0, height), (z, z + 2 * leg)))
    else:
        for side in (-1, 1):
            shape.both("frame", metal, box(2 * leg, height, 2 * leg, (side * x, height / 2, z)))
    if draw.chance(0.65):
        shape.add("shelf", wood, box(2 * x, 0.02, 2 * z, (0, shelf, 0)))
    return shape


def table_lamp(draw):
    """A turned foot with a shade of cloth."""
    shape = Shape()
    height, foot, neck = draw(0.25, 0.45), draw(0.06, 0.13), draw(0.008, 0.02)
    belly, waist = draw(0.03, 0.12), draw(0.25, 0.6)
    colour = draw.pick(draw.paint(), draw.shade(METAL), draw.shade(WOOD))
    shape.add(
        "foot",
        colour,
        lathe(
            [
                (0, 0),
                (foot, 0),
                (foot * 0.95, 0.02),
                (neck * 1.6, 0.04),
                (belly, height * waist),
                (belly * 0.8, height * (waist + 0.15)),
                (neck, height * 0.92),
                (neck, height),
                (0, height),
            ]
        ),
    )
    _shade(draw, shape, height, draw(0.10, 0.22), draw(0.15, 0.28))
    return shape


def _shade(draw, shape, y, radius, tall, hang=0.3):
    """Add a hollow shade whose lower part hangs below ``y``, with a bulb and a spider."""
    upper, wall = radius * draw(0.35, 1.0), 0.008
    low, high = y - tall * hang, y + tall * (1 - hang)
    profile = [
        (radius, low),
        (upper, high),
        (upper - wall, high),
        (radius - wall, low),
        (radius, low),
    ]
    shape.add("shade", draw.pick(draw.shade(LIGHT), draw.paint()), lathe(profile, sides=32))
    shape.add("bulb", (0.98, 0.96, 0.85), ellipsoid(0.06, 0.09, 0.06, (0, y + 0.05, 0)))
    inner = min(radius, upper) * 0.98
    shape.add(
        "spider",
        (0.5, 0.5, 0.5),
        rod((-inner, y + tall * 0.4, 0), (inner, y + tall * 0.4, 0), 0.004, sides=6),
        rod((0, y + tall * 0.4, -inner), (0, y + tall * 0.4, inner), 0.004, sides=6),
        rod((0, y - 0.01, 0), (0, y + tall * 0.4, 0), 0.006, sides=6),
    )


def floor_lamp(draw):
    """A tall pole with a shade, on a plate or a tripod."""
    shape, metal = Shape(), draw.pick(draw.shade(METAL), draw.shade(DARK), draw.shade(WOOD))
    height, pole, foot = draw(1.1, 1.6), draw(0.010, 0.018), draw(0.12, 0.2)
    if draw.chance(0.55):
        shape.add(
            "pole",
            metal,
            rod((0, 0.01, 0), (0, height, 0), pole),
            lathe([(0, 0), (foot, 0), (foot * 0.95, 0.025), (0.03, 0.04), (0, 0.05)]),
        )
    else:
        reach, hub = draw(0.2, 0.35), height * draw(0.75, 0.98)
        for angle in (0, 120, 240):
            shape.add("pole", metal, rod((reach, 0, 0), (0.02, hub, 0), pole).turn("y", angle))
        shape.add("pole", metal, rod((0, hub - 0.05, 0), (0, height, 0), pole))
    _shade(draw, shape, height, draw(0.16, 0.28), draw(0.2, 0.36))
    return shape


def arc_lamp(draw):
    """A bow of tube that carries a bell-shaped shade out from its foot."""
    shape, metal = Shape(), draw.shade(METAL + DARK)
    height, reach, radius, foot = (
        draw(1.3, 1.8),
        draw(0.6, 1.2),
        draw(0.010, 0.018),
        draw(0.12, 0.22),
    )
    bow = [(0, 0.02, 0), (0, height * 0.5, 0)]
    bow += [
        (reach * (1 - np.cos(t)) / 2 * 1.0, height * (0.5 + 0.5 * np.sin(t)), 0)
        for t in np.linspace(0.15, 2.4, 12)
    ]
    shape.add(
        "bow",
        metal,
        tube(bow, radius, 8),
        lathe([(0, 0), (foot, 0), (foot, 0.04), (0.02, 0.06), (0, 0.06)]),
    )
    bell, tall, end = draw(0.12, 0.22), draw(0.12, 0.22), bow[-1]
    profile = [
        (bell, -tall),
        (bell * 0.8, -tall * 0.5),
        (0.03, 0),
        (0.0, 0.005),
        (0.0, -0.012),
        (0.025, -0.014),
        (bell * 0.74, -tall * 0.52),
        (bell - 0.012, -tall),
    ]
    shape.add("shade", draw.pick(draw.paint(), metal), lathe(profile + profile[:1], 28).move(*end))
    shape.add(
        "bulb", (0.98, 0.96, 0.85), ellipsoid(0.08, 0.09, 0.08, (end[0], end[1] - tall * 0.5, 0))
    )
    return shape


def desk_lamp(draw):
    """Two jointed arms with a conical reflector."""
    shape, colour = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(METAL))
    lower, upper, tilt, bend = draw(0.25, 0.4), draw(0.22, 0.36), draw(95, 125), draw(20, 60)
    foot, rod_size, head = draw(0.07, 0.11), draw(0.006, 0.011), draw(0.06, 0.1)
    base = np.array([0.0, 0.03, 0.0])
    elbow = base + lower * np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt)), 0])
    tip = elbow + upper * np.array([np.cos(np.radians(bend)), np.sin(np.radians(bend)), 0])
    shape.add(
        "arm",
        colour,
        lathe([(0, 0), (foot, 0), (foot, 0.02), (0.02, 0.035), (0, 0.035)]),
        ellipsoid(0.035, 0.035, 0.035, elbow),
        ellipsoid(0.03, 0.03, 0.03, tip),
    )
    for z in (-0.012, 0.012):
        shape.add(
            "arm",
            draw.shade(METAL),
            rod(base + (0, 0, z), elbow + (0, 0, z), rod_size, sides=8),
            rod(elbow + (0, 0, z), tip + (0, 0, z), rod_size, sides=8),
        )
    deep = head * draw(1.1, 1.8)
    profile = [
        (head, -deep),
        (head * 0.45, -deep * 0.25),
        (head * 0.3, 0),
        (0, 0.01),
        (0, -0.01),
        (head * 0.22, -0.02),
        (head * 0.38, -deep * 0.3),
        (head - 0.008, -deep),
    ]
    shape.add("head", colour, lathe(profile + profile[:1]).turn("z", draw(20, 60)).move(*tip))
    return shape


def chandelier(draw):
    """Hangs from a ceiling rose: arms with candles, or one wide shade on a cord."""
    shape, metal = Shape(), draw.shade(METAL + DARK)
    drop, reach, arms, dip = draw(0.4, 0.8), draw(0.25, 0.45), draw.whole(4, 8), draw(0.08, 0.2)
    shape.add(
        "metal",
        metal,
        lathe(
            [(0, drop), (0.03, drop), (0.07, drop + 0.03), (0.07, drop + 0.04), (0, drop + 0.04)]
        ),
    )
    if draw.chance(0.35):
        shape.add("metal", metal, rod((0, 0.05, 0), (0, drop, 0), 0.006, sides=8))
        _shade(draw, shape, 0.0, draw(0.18, 0.34), draw(0.12, 0.3), hang=0.7)
        return shape
    shape.add(
        "metal",
        metal,
        rod((0, -dip, 0), (0, drop, 0), 0.01, sides=8),
        ellipsoid(0.09, draw(0.1, 0.18), 0.09, (0, -dip, 0)),
    )
    for angle in np.arange(arms) * 360.0 / arms:
        path = [
            (0.02, -dip, 0),
            (reach * 0.4, -dip - 0.06, 0),
            (reach * 0.8, -dip, 0),
            (reach, 0.0, 0),
        ]
        shape.add(
            "metal",
            metal,
            tube(path, 0.011, 8).turn("y", angle),
            lathe([(0, 0), (0.035, 0.01), (0.035, 0.018), (0, 0.018)], 12)
            .move(x=reach)
            .turn("y", angle),
        )
        shape.add(
            "candle",
            draw.shade(LIGHT),
            rod((reach, 0.01, 0), (reach, 0.1, 0), 0.012).turn("y", angle),
            ellipsoid(0.035, 0.06, 0.035, (reach, 0.12, 0), 6, 8).turn("y", angle),
        )
    return shape


CABINETS = {
    "door cabinet": door_cabinet,
    "chest of drawers": chest_of_drawers,
    "bookcase": bookcase,
    "sideboard": sideboard,
}
TABLES = {
    "dining table": dining_table,
    "pedestal table": pedestal_table,
    "desk": desk,
    "trestle table": trestle_table,
    "coffee table": coffee_table,
}
LAMPS = {
    "table lamp": table_lamp,
    "floor lamp": floor_lamp,
    "arc lamp": arc_lamp,
    "desk lamp": desk_lamp,
    "chandelier": chandelier,
}
