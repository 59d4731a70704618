"""Procedural lamps: table, floor, arc and desk lamps, and what hangs from a ceiling."""

import numpy as np

from .dice import Draw
from .palettes import BULB, DARK, LIGHT, METAL, WOOD
from .parts import Shape
from .primitives import ellipsoid, lathe, rod, tube


def table_lamp(draw: Draw) -> Shape:
    """A turned foot with a shade of cloth."""
    shape = Shape()
    height, foot, neck = draw(0.25, 0.45), draw(0.06, 0.13), draw(0.008, 0.02)
    belly, waist = draw(0.03, 0.12), draw(0.25, 0.6)
    colour = draw.pick(draw.paint(), draw.shade(METAL), draw.shade(WOOD))
    shape.add("foot", colour, lathe([
        (0, 0), (foot, 0), (foot * 0.95, 0.02), (neck * 1.6, 0.04), (belly, height * waist),
        (belly * 0.8, height * (waist + 0.15)), (neck, height * 0.92), (neck, height), (0, height),
    ]))
    _shade(draw, shape, height, draw(0.10, 0.22), draw(0.15, 0.28))
    return shape


def _shade(draw, shape, y, radius, tall, hang=0.3):
    """Add a hollow shade whose lower part hangs below ``y``, with a bulb and a spider."""
    upper, wall = radius * draw(0.35, 1.0), 0.008
    low, high = y - tall * hang, y + tall * (1 - hang)
    profile = [
        (radius, low), (upper, high), (upper - wall, high), (radius - wall, low), (radius, low)
    ]
    shape.add("shade", draw.pick(draw.shade(LIGHT), draw.paint()), lathe(profile, sides=32))
    shape.add("bulb", BULB, ellipsoid(0.06, 0.09, 0.06, (0, y + 0.05, 0)))
    inner, level = min(radius, upper) * 0.98, y + tall * 0.4
    shape.add(
        "spider", (0.5, 0.5, 0.5),
        rod((-inner, level, 0), (inner, level, 0), 0.004, sides=6),
        rod((0, level, -inner), (0, level, inner), 0.004, sides=6),
        rod((0, y - 0.01, 0), (0, level, 0), 0.006, sides=6),
    )


def floor_lamp(draw: Draw) -> Shape:
    """A tall pole with a shade, on a plate or a tripod."""
    shape, metal = Shape(), draw.pick(draw.shade(METAL), draw.shade(DARK), draw.shade(WOOD))
    height, pole, foot = draw(1.1, 1.6), draw(0.010, 0.018), draw(0.12, 0.2)
    if draw.chance(0.55):
        shape.add(
            "pole", metal,
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


def arc_lamp(draw: Draw) -> Shape:
    """A bow of tube that carries a bell-shaped shade out from its foot."""
    shape, metal = Shape(), draw.shade(METAL + DARK)
    height, reach = draw(1.3, 1.8), draw(0.6, 1.2)
    radius, foot = draw(0.010, 0.018), draw(0.12, 0.22)
    bow = [(0, 0.02, 0), (0, height * 0.5, 0)]
    bow += [
        (reach * (1 - np.cos(t)) / 2, height * (0.5 + 0.5 * np.sin(t)), 0)
        for t in np.linspace(0.15, 2.4, 12)
    ]
    shape.add(
        "bow", metal,
        tube(bow, radius, 8),
        lathe([(0, 0), (foot, 0), (foot, 0.04), (0.02, 0.06), (0, 0.06)]),
    )
    bell, tall, end = draw(0.12, 0.22), draw(0.12, 0.22), bow[-1]
    profile = [
        (bell, -tall), (bell * 0.8, -tall * 0.5), (0.03, 0), (0.0, 0.005), (0.0, -0.012),
        (0.025, -0.014), (bell * 0.74, -tall * 0.52), (bell - 0.012, -tall),
    ]
    shape.add("shade", draw.pick(draw.paint(), metal), lathe(profile + profile[:1], 28).move(*end))
    shape.add("bulb", BULB, ellipsoid(0.08, 0.09, 0.08, (end[0], end[1] - tall * 0.5, 0)))
    return shape


def desk_lamp(draw: Draw) -> Shape:
    """Two jointed arms with a conical reflector."""
    shape, colour = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(METAL))
    lower, upper, tilt, bend = draw(0.25, 0.4), draw(0.22, 0.36), draw(95, 125), draw(20, 60)
    foot, rod_size, head = draw(0.07, 0.11), draw(0.006, 0.011), draw(0.06, 0.1)
    tilt, bend = np.radians(tilt), np.radians(bend)
    base = np.array([0.0, 0.03, 0.0])
    elbow = base + lower * np.array([np.cos(tilt), np.sin(tilt), 0])
    tip = elbow + upper * np.array([np.cos(bend), np.sin(bend), 0])
    shape.add(
        "arm", colour,
        lathe([(0, 0), (foot, 0), (foot, 0.02), (0.02, 0.035), (0, 0.035)]),
        ellipsoid(0.035, 0.035, 0.035, elbow),
        ellipsoid(0.03, 0.03, 0.03, tip),
    )
    for z in (-0.012, 0.012):
        shape.add(
            "arm", draw.shade(METAL),
            rod(base + (0, 0, z), elbow + (0, 0, z), rod_size, sides=8),
            rod(elbow + (0, 0, z), tip + (0, 0, z), rod_size, sides=8),
        )
    deep = head * draw(1.1, 1.8)
    profile = [
        (head, -deep), (head * 0.45, -deep * 0.25), (head * 0.3, 0), (0, 0.01), (0, -0.01),
        (head * 0.22, -0.02), (head * 0.38, -deep * 0.3), (head - 0.008, -deep),
    ]
    shape.add("head", colour, lathe(profile + profile[:1]).turn("z", draw(20, 60)).move(*tip))
    return shape


def chandelier(draw: Draw) -> Shape:
    """Hangs from a ceiling rose: arms with candles, or one wide shade on a cord."""
    shape, metal = Shape(), draw.shade(METAL + DARK)
    drop, reach, arms, dip = draw(0.4, 0.8), draw(0.25, 0.45), draw.whole(4, 8), draw(0.08, 0.2)
    rose = [(0, drop), (0.03, drop), (0.07, drop + 0.03), (0.07, drop + 0.04), (0, drop + 0.04)]
    shape.add("metal", metal, lathe(rose))
    if draw.chance(0.35):
        shape.add("metal", metal, rod((0, 0.05, 0), (0, drop, 0), 0.006, sides=8))
        _shade(draw, shape, 0.0, draw(0.18, 0.34), draw(0.12, 0.3), hang=0.7)
        return shape
    shape.add(
        "metal", metal,
        rod((0, -dip, 0), (0, drop, 0), 0.01, sides=8),
        ellipsoid(0.09, draw(0.1, 0.18), 0.09, (0, -dip, 0)),
    )
    path = [
        (0.02, -dip, 0), (reach * 0.4, -dip - 0.06, 0), (reach * 0.8, -dip, 0), (reach, 0.0, 0)
    ]
    arm = tube(path, 0.011, 8)
    pan = lathe([(0, 0), (0.035, 0.01), (0.035, 0.018), (0, 0.018)], 12).move(x=reach)
    candle = rod((reach, 0.01, 0), (reach, 0.1, 0), 0.012)
    flame = ellipsoid(0.035, 0.06, 0.035, (reach, 0.12, 0), 6, 8)
    for angle in np.arange(arms) * 360.0 / arms:
        shape.add("metal", metal, arm.turn("y", angle), pan.turn("y", angle))
        shape.add("candle", draw.shade(LIGHT), candle.turn("y", angle), flame.turn("y", angle))
    return shape


KINDS = {
    "table lamp": table_lamp,
    "floor lamp": floor_lamp,
    "arc lamp": arc_lamp,
    "desk lamp": desk_lamp,
    "chandelier": chandelier,
}
