"""Procedural loudspeakers: boxes, on stands, and round ones."""

import numpy as np

from .dice import Draw
from .palettes import DARK, LIGHT, METAL, WOOD
from .parts import Shape
from .primitives import arc, box, cushion, ellipsoid, lathe, rod, span, tube
from .skins import prism


def box_loudspeaker(draw: Draw) -> Shape:
    """A bookshelf or tower box with cones that are really hollow, on spikes now and then."""
    shape, case = Shape(), draw.shade(WOOD + DARK + LIGHT)
    width, deep = draw(0.16, 0.32), draw(0.18, 0.36)
    tower = draw.chance(0.5)
    height = draw(0.8, 1.2) if tower else draw(0.28, 0.5)
    cones, wall = (draw.whole(2, 4) if tower else draw.whole(1, 2)), 0.02
    radius = min(width * draw(0.34, 0.44), height / (2.4 * cones + 1.6))
    front, z = deep / 2, width / 2
    centres = np.array([radius + 0.05])
    if cones > 1:
        centres = np.linspace(radius + 0.04, height - radius * 2.6 - 0.05, cones)
    _baffle(shape, draw.pick(case, draw.shade(DARK)), front, wall, width, height, centres, radius)
    shape.add("case", case, span((-front, front - radius * 0.6), (0, height), (-z, z)))
    shape.both("case", case, span((-front, front), (0, height), (z - 0.012, z)))
    shape.add(
        "case", case,
        span((-front, front), (0, 0.012), (-z, z)),
        span((-front, front), (height - 0.012, height), (-z, z)),
    )
    colour, ring = draw.shade(DARK + METAL), draw.shade(METAL + DARK)
    for y in centres:
        _cone(shape, colour, ring, front, y, radius)
    _cone(shape, draw.shade(METAL + DARK), ring, front, height - radius * 0.8 - 0.03, radius * 0.45)
    if draw.chance(0.4):
        lift = draw(0.02, 0.05)
        for x in (-front + 0.03, front - 0.03):
            spike = rod((x, -lift, z - 0.03), (x, 0, z - 0.03), 0.006, 0.014)
            shape.both("feet", draw.shade(METAL), spike)
    return shape


def _baffle(shape, colour, front, wall, width, height, centres, radius):
    """Add a front board with square cut-outs, one for each cone."""
    x, z, edges = (front - wall, front), width / 2, [0.0]
    for y in centres:
        edges += [y - radius, y + radius]
    edges.append(height)
    for low, high in zip(edges[::2], edges[1::2]):
        if high > low:
            shape.add("baffle", colour, span(x, (low, high), (-z, z)))
    for y in centres:
        shape.both("baffle", colour, span(x, (y - radius, y + radius), (radius * 0.99, z)))


def _cone(shape, colour, ring, front, y, radius):
    """Add a loudspeaker's cone, open towards +x, with its surround and dust cap."""
    bowl = [
        (0, -radius * 0.55), (radius * 0.35, -radius * 0.5), (radius, 0.0), (radius, -0.012),
        (radius * 0.38, -radius * 0.6), (0, -radius * 0.62),
    ]
    shape.add("cone", colour, lathe(bowl[::-1], 24).turn("z", -90).move(front, y, 0))
    rim = arc((0, 0, 0), radius, 0, 360, 25, "yz")
    shape.add("ring", ring, tube(rim + (front, y, 0), radius * 0.09, 6))
    size = radius * 0.3, radius * 0.5, radius * 0.5
    shape.add("ring", ring, ellipsoid(*size, (front - radius * 0.48, y, 0), 6, 12))


def stand_loudspeaker(draw: Draw) -> Shape:
    """A small speaker on a pole with a plate or a tripod."""
    shape, case = Shape(), draw.shade(WOOD + DARK + LIGHT)
    width, height, deep = draw(0.16, 0.3), draw(0.24, 0.5), draw(0.16, 0.28)
    lift, pole, foot = draw(0.5, 1.0), draw(0.012, 0.03), draw(0.13, 0.24)
    metal, wedge = draw.shade(METAL + DARK), draw(0.55, 1.0)
    front, z = deep / 2, width / 2
    outline = [(-front, -z * wedge), (front, -z), (front, z), (-front, z * wedge)]
    shape.add("case", case, prism(outline, 0, height).turn("x", -90).move(y=lift))
    radius = min(width, height * 0.6) * draw(0.34, 0.42)
    low, high = lift + radius + 0.03, lift + height - radius * 0.55
    _cone(shape, draw.shade(METAL + DARK), metal, front + radius * 0.62, low, radius)
    _cone(shape, draw.shade(METAL + DARK), metal, front + radius * 0.28, high, radius * 0.4)
    ring = rod((front - 0.01, low, 0), (front + radius * 0.3, low, 0), radius * 1.05, sides=24)
    shape.add("case", case, ring)
    shape.add(
        "stand", metal,
        rod((0, 0.01, 0), (0, lift, 0), pole),
        box(deep * 0.7, 0.015, width * 0.7, (0, lift, 0)),
    )
    if draw.chance(0.5):
        shape.add("stand", metal, cushion(foot * 1.7, 0.02, foot * 1.5, (0, 0.01, 0), power=8))
    else:
        leg = rod((foot * 1.3, 0.0, 0), (0, lift * 0.45, 0), 0.009, sides=8)
        shape.add("stand", metal, *[leg.turn("y", angle) for angle in (60, 180, 300)])
    return shape


def round_loudspeaker(draw: Draw) -> Shape:
    """A ball, egg or can with its cone cut into the front, on a ring or feet."""
    shape, case = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(LIGHT))
    width, tall, deep = draw(0.16, 0.28), draw(0.9, 1.6), draw(0.8, 1.2)
    height, radius = width * tall, width * draw(0.28, 0.36)
    lift = draw(0.02, 0.1)
    y, front = lift + height / 2, width * deep / 2 * 0.86
    power = draw.pick(2.0, 2.6, 4)
    body = cushion(width * deep, height, width, (0, y, 0), power=power, sides=28, rings=12)
    shape.add("case", case, body)
    metal = draw.shade(METAL + DARK)
    ring = rod((front - 0.08, y, 0), (front - radius * 0.1, y, 0), radius * 1.1, sides=24)
    shape.add("case", case, ring)
    _cone(shape, draw.shade(DARK + METAL), metal, front + radius * 0.55, y, radius)
    if draw.chance(0.5):
        shape.add("foot", metal, lathe([
            (0, 0), (width * 0.4, 0), (width * 0.38, 0.012), (width * 0.15, lift + 0.02),
            (0, lift + 0.03),
        ]))
    else:
        leg = rod((width * 0.45, 0, 0), (width * 0.15, y - height * 0.3, 0), 0.01, sides=8)
        shape.add("foot", metal, *[leg.turn("y", angle) for angle in (0, 120, 240)])
    if draw.chance(0.4):
        size = width * 0.3
        top = ellipsoid(size, size, size, (0, y + height / 2 + width * 0.08, 0))
        shape.add("foot", metal, top)
    return shape


KINDS = {
    "box loudspeaker": box_loudspeaker,
    "loudspeaker on a stand": stand_loudspeaker,
    "round loudspeaker": round_loudspeaker,
}
