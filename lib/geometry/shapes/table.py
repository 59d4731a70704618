"""Procedural tables: dining, pedestal, trestle and coffee tables, and desks."""

import numpy as np

from .dice import Draw
from .fittings import handle
from .palettes import DARK, GLASS, LIGHT, METAL
from .parts import Shape
from .primitives import box, cushion, lathe, rod, span, tube


def dining_table(draw: Draw) -> Shape:
    """A rectangular or oval top on four legs, with an apron."""
    shape, wood = Shape(), draw.furniture()
    height, width = draw(0.68, 0.78), draw(0.65, 1.0)
    length, thick = draw(0.9, 2.0), draw(0.02, 0.05)
    leg, inset, splay = draw(0.022, 0.05), draw(0.03, 0.14), draw(0.0, 0.08)
    power = draw.pick(30, 30, 8, 3)
    top = wood if draw.chance(0.6) else draw.pick(draw.paint(), draw.shade(GLASS))
    shape.add("top", top, cushion(width, thick, length, (0, height, 0), power=power, sides=40))
    shrink = 1.0 if power > 5 else 0.72
    x, z = (width / 2 - inset) * shrink, (length / 2 - inset) * shrink
    square = draw.chance(0.5)
    for side in (-1, 1):
        foot, head = (side * (x + splay), 0, z + splay), (side * x, height, z)
        if square:
            part = box(leg * 1.8, height, leg * 1.8, (side * x, height / 2, z))
        else:
            part = rod(foot, head, leg * 0.55, leg)
        shape.both("frame", wood, part)
    if draw.chance(0.75):
        apron = draw(0.05, 0.11)
        y = height - thick / 2 - apron / 2
        for side in (-1, 1):
            shape.add(
                "frame", wood,
                box(0.02, apron, 2 * z, (side * x, y, 0)),
                box(2 * x, apron, 0.02, (0, y, side * z)),
            )
    if draw.chance(0.3):
        low = height * draw(0.15, 0.3)
        shape.both("frame", wood, rod((-x, low, z), (x, low, z), leg * 0.6))
        shape.add("frame", wood, rod((0, low, -z), (0, low, z), leg * 0.6))
    return shape


def pedestal_table(draw: Draw) -> Shape:
    """A round top on a turned column with a plate or curved feet."""
    shape, wood = Shape(), draw.furniture()
    height, radius, thick = draw(0.5, 0.78), draw(0.3, 0.65), draw(0.018, 0.045)
    column, bulge, foot = draw(0.02, 0.05), draw(1.0, 2.2), draw(0.45, 0.75)
    top = wood if draw.chance(0.5) else draw.pick(draw.paint(), draw.shade(LIGHT))
    low = height - thick
    profile = [
        (0, low), (radius * 0.97, low), (radius, height - thick / 2), (radius * 0.98, height),
        (0, height),
    ]
    shape.add("top", top, lathe(profile, sides=36))
    shape.add("column", wood, lathe([
        (0, 0.05), (column * 1.6, 0.05), (column, height * 0.18), (column * bulge, height * 0.45),
        (column, height * 0.7), (column * 1.4, low), (0, height - thick / 2),
    ]))
    if draw.chance(0.5):
        wide = radius * foot
        plate = [(0, 0), (wide, 0), (wide * 0.97, 0.02), (column * 1.5, 0.06), (0, 0.07)]
        shape.add("base", draw.pick(wood, draw.shade(METAL)), lathe(plate, sides=32))
    else:
        reach, feet = radius * foot * 1.2, draw.whole(3, 5)
        path = [
            (0, height * 0.28, 0),
            (reach * 0.4, height * 0.25, 0),
            (reach * 0.8, height * 0.08, 0),
            (reach, 0.015, 0),
        ]
        part = tube(path, [0.03, 0.028, 0.022, 0.02])
        for angle in np.arange(feet) * 360.0 / feet:
            shape.add("column", wood, part.turn("y", angle))
    return shape


def desk(draw: Draw) -> Shape:
    """A top between a drawer block and a leg frame, or two blocks, with a modesty panel."""
    shape, wood = Shape(), draw.furniture()
    height, depth = draw(0.7, 0.78), draw(0.55, 0.75)
    length, thick = draw(1.0, 1.7), draw(0.02, 0.04)
    block, drawers = draw(0.32, 0.45), draw.whole(2, 4)
    x, z = depth / 2, length / 2
    front, metal, knob = draw.furniture(), draw.shade(METAL + DARK), draw.chance(0.4)
    under, top = height - thick, wood if draw.chance(0.6) else draw.paint()
    shape.add("top", top, span((-x, x), (under, height), (-z, z)))
    for side in draw.pick((1,), (-1,), (-1, 1)):
        near, far = sorted((side * (z - 0.02), side * (z - 0.02 - block)))
        shape.add("block", wood, span((-x + 0.02, x - 0.04), (0.04, under), (near, far)))
        edges = np.linspace(0.06, under - 0.01, drawers + 1)
        _drawers(shape, front, metal, knob, x, edges, (near, far))
    for end in (-x + 0.04, x - 0.04):
        leg = rod((end, 0, z - 0.04), (end, under, z - 0.04), 0.022, sides=8)
        shape.both("legs", metal, leg)
    if draw.chance(0.6):
        y = (height * draw(0.3, 0.6), under)
        shape.add("panel", wood, span((-x + 0.05, -x + 0.07), y, (-z + 0.04, z - 0.04)))
    if draw.chance(0.25):
        rise = draw(0.25, 0.5)
        shape.add(
            "hutch", wood,
            span((-x, -x + 0.24), (height + rise, height + rise + 0.02), (-z, z)),
            span((-x, -x + 0.02), (height, height + rise), (-z, z)),
        )
        shape.both("hutch", wood, span((-x, -x + 0.24), (height, height + rise), (z - 0.02, z)))
    return shape


def _drawers(shape, front, metal, knob, x, edges, across):
    """Add a drawer between each two of the edges, in a block from z ``across[0]`` to the other."""
    low, high = across
    for bottom, top in zip(edges, edges[1:]):
        y, z = (bottom + 0.008, top - 0.008), (low + 0.012, high - 0.012)
        shape.add("front", front, span((x - 0.05, x - 0.02), y, z))
        middle = (bottom + top) / 2, (low + high) / 2
        handle(shape, metal, x - 0.03, *middle, knob, upright=False)


def trestle_table(draw: Draw) -> Shape:
    """A plank top on two trestles, crossed or A-shaped, with a beam between them."""
    shape, wood = Shape(), draw.furniture()
    height, width = draw(0.68, 0.78), draw(0.65, 0.95)
    length, thick = draw(1.2, 2.1), draw(0.025, 0.06)
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


def coffee_table(draw: Draw) -> Shape:
    """A low table with a shelf, of wood, glass or with solid sides."""
    shape, wood = Shape(), draw.furniture()
    height, width, length, thick = draw(0.32, 0.5), draw(0.5, 0.9), draw(0.7, 1.3), draw(0.02, 0.06)
    shelf, leg, inset = height * draw(0.2, 0.5), draw(0.018, 0.04), draw(0.0, 0.1)
    x, z = width / 2 - inset - leg, length / 2 - inset - leg
    top = wood if draw.chance(0.5) else draw.pick(draw.shade(GLASS), draw.paint())
    power = draw.pick(30, 8)
    shape.add("top", top, cushion(width, thick, length, (0, height, 0), power=power, sides=40))
    metal = wood if draw.chance(0.5) else draw.shade(METAL)
    if draw.chance(0.3):
        shape.both("frame", metal, span((-x, x), (0, height), (z, z + 2 * leg)))
    else:
        for side in (-1, 1):
            shape.both("frame", metal, box(2 * leg, height, 2 * leg, (side * x, height / 2, z)))
    if draw.chance(0.65):
        shape.add("shelf", wood, box(2 * x, 0.02, 2 * z, (0, shelf, 0)))
    return shape


KINDS = {
    "dining table": dining_table,
    "pedestal table": pedestal_table,
    "desk": desk,
    "trestle table": trestle_table,
    "coffee table": coffee_table,
}
