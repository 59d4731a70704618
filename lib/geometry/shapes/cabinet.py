"""Procedural cabinets: with doors, of drawers, bookcases and sideboards."""

import numpy as np

from .dice import Draw
from .fittings import handle
from .palettes import DARK, GLASS, METAL, WOOD
from .parts import Shape
from .primitives import rod, span


def door_cabinet(draw: Draw) -> Shape:
    """A carcass with doors, perhaps a drawer row, handles, on feet or a plinth."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth = draw(0.6, 1.9), draw(0.6, 1.3), draw(0.35, 0.6)
    foot, gap, doors = draw(0.03, 0.2), draw(0.006, 0.014), draw.whole(1, 3)
    front = wood if draw.chance(0.5) else draw.furniture()
    x, z = depth / 2, width / 2
    board = span((-x, x + 0.03), (height, height + draw(0.015, 0.04)), (-z - 0.02, z + 0.02))
    shape.add("carcass", wood, span((-x, x), (foot, height), (-z, z)), board)
    drawer = draw(0.12, 0.2) if draw.chance(0.5) else 0.0
    top = height - drawer
    metal, knob = draw.shade(METAL + DARK), draw.chance(0.5)
    step = width / doors
    for index in range(doors):
        low, high = -z + index * step + gap, -z + (index + 1) * step - gap
        _panel(draw, shape, front, x, (foot + gap, top - gap), (low, high))
        side = high - 0.05 if index % 2 == 0 else low + 0.05
        handle(shape, metal, x + 0.02, (foot + top) / 2, side, knob, upright=True)
        if drawer:
            _panel(draw, shape, front, x, (top + gap, height - gap), (low, high))
            handle(shape, metal, x + 0.02, top + drawer / 2, (low + high) / 2, knob, upright=False)
    _base(draw, shape, wood, x, z, foot)
    return shape


def chest_of_drawers(draw: Draw) -> Shape:
    """Rows of drawers, in one or two columns."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth = draw(0.6, 1.3), draw(0.5, 1.4), draw(0.38, 0.55)
    rows, columns = draw.whole(3, 6), draw.pick(1, 1, 2)
    foot, gap = draw(0.04, 0.22), draw(0.008, 0.018)
    front = wood if draw.chance(0.5) else draw.furniture()
    x, z = depth / 2, width / 2
    top = span((-x, x + 0.03), (height, height + draw(0.015, 0.04)), (-z - 0.015, z + 0.015))
    shape.add("carcass", wood, span((-x, x), (foot, height), (-z, z)), top)
    metal, knob = draw.shade(METAL + DARK), draw.chance(0.5)
    edges = np.linspace(foot + 0.02, height - 0.02, rows + 1)
    sides = np.linspace(-z + 0.02, z - 0.02, columns + 1)
    for low, high in zip(edges, edges[1:]):
        for left, right in zip(sides, sides[1:]):
            bounds = (low + gap, high - gap), (left + gap, right - gap)
            _panel(draw, shape, front, x, *bounds, flat=True)
            y, middle = (low + high) / 2, (left + right) / 2
            handle(shape, metal, x + 0.025, y, middle, knob, upright=False)
    _base(draw, shape, wood, x, z, foot)
    return shape


def bookcase(draw: Draw) -> Shape:
    """Open shelves between sides, some with dividers, a back, books."""
    shape, wood = Shape(), draw.furniture()
    height, width = draw(0.9, 2.0), draw(0.6, 1.4)
    depth, board = draw(0.26, 0.42), draw(0.02, 0.045)
    shelves, columns, foot = draw.whole(2, 5), draw.whole(1, 3), draw(0.0, 0.12)
    x, z = depth / 2, width / 2
    for place in np.linspace(-z + board / 2, z - board / 2, columns + 1):
        low = 0.0 if abs(place) > z - board else foot  # the sides reach the ground
        upright = span((-x, x), (low, height), (place - board / 2, place + board / 2))
        shape.add("board", wood, upright)
    levels = np.linspace(foot, height - board, shelves + 1)
    for level in levels:
        shape.add("board", wood, span((-x, x), (level, level + board), (-z, z)))
    if draw.chance(0.75):
        panel = span((-x, -x + 0.02), (foot, height), (-z, z))
        shape.add("back", draw.pick(wood, draw.paint()), panel)
    column = (width - board) / columns
    for level, above in zip(levels, levels[1:]):
        for left in np.arange(columns) * column - z + board:
            if draw.chance(0.45):
                room = above - level - board
                size = draw(0.2, 0.9) * (column - board)
                shape.add("books", draw.paint(), span(
                    (-x + 0.03, x - draw(0.03, 0.1)),
                    (level + board * 0.9, level + board + room * draw(0.5, 0.9)),
                    (left, left + size),
                ))
            elif draw.chance(0.25):
                shape.add("door", draw.furniture(), span(
                    (x - 0.03, x + 0.01),
                    (level, above + board),
                    (left - board / 2, left + column - board / 2),
                ))
    return shape


def sideboard(draw: Draw) -> Shape:
    """A long low cabinet on legs, with doors and an open bay."""
    shape, wood = Shape(), draw.furniture()
    height, width, depth, leg = draw(0.55, 0.8), draw(1.2, 2.0), draw(0.38, 0.5), draw(0.12, 0.28)
    board, bays = draw(0.02, 0.035), draw.whole(3, 4)
    x, z, open_bay = depth / 2, width / 2, draw.whole(0, 3)
    shape.add(
        "board", wood,
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
            shelf = span((-x, x - 0.01), (level, level + board), (low, high + board))
            shape.add("board", wood, shelf)
        else:
            y, z_range = (leg + 0.012, height - 0.012), (low + 0.01, high + board - 0.01)
            shape.add("front", front, span((x - 0.03, x + 0.008), y, z_range))
            handle(shape, metal, x + 0.01, (leg + height) / 2, high - 0.04, knob, upright=True)
    splay, radius = draw(0.0, 0.06), draw(0.014, 0.024)
    for side in (-1, 1):
        foot = (side * (x - 0.05 + splay), 0, z - 0.12 + splay)
        head = (side * (x - 0.06), leg + 0.01, z - 0.14)
        shape.both("legs", draw.shade(WOOD + METAL), rod(foot, head, radius * 0.6, radius))
    return shape


def _panel(draw, shape, colour, x, y, z, flat=False):
    """Add a front between two pairs (low, high); a large one has a field, of glass on some."""
    shape.add("front", colour, span((x - 0.01, x + 0.02), y, z))
    if not flat and min(y[1] - y[0], z[1] - z[0]) > 0.2:
        rim = 0.05
        field = span((x, x + 0.028), (y[0] + rim, y[1] - rim), (z[0] + rim, z[1] - rim))
        shape.add("field", draw.pick(colour, colour, draw.shade(GLASS)), field)


def _base(draw, shape, wood, x, z, height):
    """Add a plinth or four feet."""
    if draw.chance(0.4):
        plinth = span((-x + 0.02, x - 0.04), (0, height + 0.01), (-z + 0.03, z - 0.03))
        shape.add("carcass", wood, plinth)
        return
    radius = draw(0.015, 0.03)
    for side in (-x + 0.05, x - 0.05):
        foot, head = (side, 0, z - 0.06), (side, height + 0.01, z - 0.06)
        shape.both("carcass", wood, rod(foot, head, radius * 0.7, radius))


KINDS = {
    "door cabinet": door_cabinet,
    "chest of drawers": chest_of_drawers,
    "bookcase": bookcase,
    "sideboard": sideboard,
}
