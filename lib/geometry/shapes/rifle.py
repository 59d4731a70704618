"""Procedural rifles: assault, hunting, sniper and lever-action rifles. Muzzles towards +x."""

import numpy as np

from .dice import Draw
from .palettes import DARK, METAL, POLYMER, STEEL, WOOD
from .parts import Shape
from .primitives import arc, box, cushion, hull, lathe, rod, tube
from .skins import prism


def _slab(outline, width):
    """Return an outline in the x-y plane, written either way round, given a width about z = 0."""
    outline = np.asarray(outline, dtype=float)
    x, y = outline.T
    if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() <= 0:
        outline = outline[::-1]
    return prism(outline, -width / 2, width / 2)


def _trigger_guard(x, y, size):
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
    for share in (-0.16, 0.16):
        middle = (x + share * length, (y + height) / 2, 0)
        shape.add("sight", steel, box(0.018, height - y, 0.02, middle))


def _barrel(draw, shape, end, radius, y):
    """Add a barrel with a muzzle device and a front sight."""
    steel = draw.shade(STEEL)
    shape.add("steel", steel, rod((0, y, 0), (end, y, 0), radius, radius * 0.85, sides=14))
    if draw.chance(0.6):
        muzzle = (end + draw(0.04, 0.12), y, 0)
        device = rod((end - 0.01, y, 0), muzzle, radius * draw(1.3, 2.0), sides=14)
        shape.add("steel", steel, device)
    if draw.chance(0.7):
        at = end - draw(0.03, 0.1)
        shape.add(
            "steel", steel,
            box(0.02, draw(0.03, 0.06), 0.008, (at, y + 0.03, 0)),
            box(0.03, 0.02, 0.024, (at, y, 0)),
        )


def assault_rifle(draw: Draw) -> Shape:
    """Receiver, handguard, pistol grip, curved or straight magazine, fixed or wire stock."""
    shape, steel, grip = Shape(), draw.shade(STEEL), draw.shade(POLYMER + WOOD)
    body, tall, wide = draw(0.2, 0.28), draw(0.05, 0.075), draw(0.035, 0.05)
    guard, barrel, radius = draw(0.18, 0.3), draw(0.1, 0.22), draw(0.007, 0.010)
    top = tall * 0.45
    receiver = [
        (-body, -tall * 0.7), (0, -tall * 0.7), (0, tall * 0.4), (-body * 0.1, tall * 0.5),
        (-body, top),
    ]
    shape.add("steel", steel, _slab(receiver, wide))
    handguard = [
        (0, wide * 0.9, tall * 0.8, 0),
        (guard * 0.2, wide * 1.1, tall * 0.95, 0),
        (guard, wide * 0.9, tall * 0.75, 0),
    ]
    shape.add("grip", grip, hull(handguard, sides=16, power=4))
    _barrel(draw, shape, guard + barrel, radius, 0.005)
    gas_tube = rod((0.02, top, 0), (guard * 0.95, top, 0), radius * 0.9, sides=10)
    shape.add("steel", steel, gas_tube)
    _magazine(draw, shape, tall, wide)
    tilt = draw(15, 28)
    handle = cushion(0.042, draw(0.09, 0.12), wide * 0.85, (0, -0.05, 0), power=5)
    shape.add("grip", grip, handle.turn("z", -tilt).move(-body * 0.82, -tall * 0.6, 0))
    shape.add("steel", steel, _trigger_guard(-body * 0.58, -tall * 0.7, 0.03))
    _stock(draw, shape, grip, steel, -body, tall, wide)
    if draw.chance(0.35):
        _scope(draw, shape, -body * 0.45, top)
    elif draw.chance(0.5):
        carrying_handle = [
            (-body * 0.85, top, 0), (-body * 0.75, top + 0.045, 0), (-body * 0.2, top + 0.045, 0),
            (-body * 0.1, top, 0),
        ]
        shape.add("steel", steel, tube(carrying_handle, 0.009, 6))
    else:
        shape.add("steel", steel, box(0.012, 0.035, wide * 0.5, (-body * 0.75, tall * 0.55, 0)))
    return shape


def _magazine(draw, shape, tall, wide):
    """Add a magazine, straight or curved forward."""
    bend, long = draw(0.0, 0.09), draw(0.12, 0.2)
    centre = [(-0.05 + bend * t**2, -tall * 0.6 - long * t) for t in np.linspace(0, 1, 6)]
    half = draw(0.022, 0.032)
    front, rear = [(x + half, y) for x, y in centre], [(x - half, y) for x, y in centre]
    rear[-1] = (rear[-1][0], rear[-1][1] - 0.01)
    shape.add("magazine", draw.shade(STEEL + POLYMER), _slab(front + rear[::-1], wide * 0.62))


def _stock(draw, shape, grip, steel, x, tall, wide):
    """Add a butt behind ``x``: solid, skeleton or folding wire."""
    long, drop = draw(0.18, 0.27), draw(0.03, 0.09)
    kind = draw.pick("solid", "skeleton", "wire")
    top, low = tall * 0.3, -tall * 0.3
    if kind == "solid":
        butt = [
            (x, top), (x, low), (x - long, low - drop), (x - long - 0.01, top),
            (x - long * 0.4, top),
        ]
        shape.add("grip", grip, _slab(butt, wide * 0.85))
    elif kind == "skeleton":
        butt = [
            (x - long * 0.55, top), (x - long, top), (x - long, low - drop),
            (x - long + 0.03, low - drop), (x - long * 0.6, low),
        ]
        bar = rod((x, 0.005, 0), (x - long, 0.005, 0), wide * 0.3, sides=12)
        shape.add("grip", grip, bar, _slab(butt, wide * 0.7))
    else:
        z = wide * 0.3
        wire = [
            (x + 0.01, top * 0.6, z), (x - long, top * 0.6, z), (x - long - 0.01, low - drop, z),
            (x - long + 0.02, low - drop, z), (x, low, z),
        ]
        shape.both("steel", steel, tube(wire, 0.006, 6))
        middle = (x - long, (top + low - drop) / 2, 0)
        shape.add("steel", steel, box(0.015, tall + drop, wide, middle))


def hunting_rifle(draw: Draw) -> Shape:
    """A one-piece wooden stock, long barrel, bolt, and a scope on most."""
    shape, wood, steel = Shape(), draw.shade(WOOD + POLYMER), draw.shade(STEEL)
    barrel, fore, butt = draw(0.5, 0.68), draw(0.24, 0.42), draw(0.28, 0.36)
    wide, drop = draw(0.035, 0.05), draw(0.05, 0.09)
    comb, radius = draw(-0.01, 0.02), draw(0.008, 0.012)
    stock = [
        (fore, 0.002), (fore, -0.02), (fore * 0.4, -0.036), (0, -0.04), (-0.12, -0.042),
        (-0.17, -0.075), (-0.21, -0.08), (-0.2, -0.045), (-0.13 - butt, -0.05 - drop),
        (-0.14 - butt, -0.03 + comb), (-0.26, -0.012 + comb), (-0.2, -0.005), (-0.14, 0.0),
    ]
    shape.add("wood", wood, _slab(stock, wide))
    fore_end = [
        (-0.1, wide * 1.15, 0.045, -0.02),
        (fore * 0.8, wide * 1.02, 0.032, -0.012),
        (fore + 0.01, wide * 0.7, 0.02, -0.006),
    ]
    shape.add("wood", wood, hull(fore_end, 14, 3))
    end = (-0.14 - butt, -0.04 - drop / 2 + comb / 2, 0)
    shape.add("pad", draw.shade(DARK), box(0.018, drop + 0.06, wide * 0.95, end))
    shape.add("steel", steel, rod((-0.18, 0.008, 0), (0.03, 0.008, 0), 0.017, sides=14))
    _barrel(draw, shape, barrel, radius, 0.008)
    shape.add(
        "steel", steel,
        _trigger_guard(-0.1, -0.04, 0.028),
        rod((-0.14, 0.008, 0), (-0.15, -0.005, 0.055), 0.005, sides=8),
        cushion(0.016, 0.016, 0.016, (-0.15, -0.008, 0.06), power=2),
    )
    if draw.chance(0.4):
        magazine = [(0.0, -0.035), (-0.06, -0.035), (-0.055, -0.09), (0.0, -0.08)]
        shape.add("steel", steel, _slab(magazine, 0.02))
    if draw.chance(0.7):
        _scope(draw, shape, draw(-0.08, -0.03), 0.024)
    if draw.chance(0.3):
        z = 0.002
        strap = [(fore * 0.8, -0.02, z), (0.0, -0.16, z), (-0.1 - butt * 0.8, -0.05 - drop, z)]
        shape.both("strap", draw.shade(DARK), tube(strap, 0.006, 6))
    return shape


def sniper_rifle(draw: Draw) -> Shape:
    """A long heavy barrel, chassis stock with cheek piece, large scope and a bipod."""
    shape, grip, steel = Shape(), draw.shade(POLYMER), draw.shade(STEEL)
    body, barrel, fore = draw(0.24, 0.3), draw(0.55, 0.75), draw(0.25, 0.36)
    tall, wide = draw(0.05, 0.07), draw(0.04, 0.055)
    radius, long = draw(0.010, 0.015), draw(0.22, 0.3)
    axis, low = tall * 0.2, -tall * 0.6
    chassis = [(-body, low), (0, low), (fore, -tall * 0.45), (fore, 0), (-body, 0)]
    shape.add("grip", grip, _slab(chassis, wide))
    shape.add("steel", steel, rod((-body * 0.9, axis, 0), (0.05, axis, 0), tall * 0.33, sides=14))
    _barrel(draw, shape, barrel, radius, axis)
    _chassis_stock(draw, shape, grip, -body, long, tall, wide)
    handle = cushion(0.042, 0.11, wide * 0.8, (0, -0.05, 0), power=5).turn("z", -draw(8, 25))
    shape.add("grip", grip, handle.move(-body * 0.85, -tall * 0.5, 0))
    shape.add("steel", steel, _trigger_guard(-body * 0.6, low, 0.028))
    magazine = [
        (-0.09, -tall * 0.5), (-0.02, -tall * 0.5), (-0.02, -tall - 0.05), (-0.085, -tall - 0.06)
    ]
    shape.add("steel", steel, _slab(magazine, wide * 0.6))
    _scope(draw, shape, -body * 0.45, tall * 0.5)
    _bipod(draw, shape, steel, fore * 0.9, tall)
    return shape


def _chassis_stock(draw, shape, grip, x, long, tall, wide):
    """Add a butt of two bars behind ``x``, with a cheek piece and a recoil pad."""
    top, low, end, hole = tall * 0.15, -tall * 0.6, x - long, draw(0.25, 0.5)
    upper = [(x, top), (x, low * 0.3), (end, low * 0.3), (end, top)]
    rear = [
        (end, top), (x - long * (1 - hole * 0.5), top), (x - long * (1 - hole * 0.6), low - 0.05),
        (end, low - 0.06),
    ]
    shape.add("grip", grip, _slab(upper, wide * 0.8), _slab(rear, wide * 0.8))
    dark, cheek = draw.shade(DARK), (x - long * 0.5, top + draw(0.012, 0.03), 0)
    shape.add(
        "pad", dark,
        cushion(long * 0.5, 0.022, wide * 0.9, cheek, power=5),
        box(0.02, 0.14, wide * 0.9, (end - 0.005, -0.03, 0)),
    )


def _bipod(draw, shape, steel, x, tall):
    """Add two legs, stood on the ground or folded forward."""
    spread, leg = draw(0.06, 0.12), draw(0.16, 0.24)
    if draw.chance(0.25):
        foot = (x + leg, -tall * 0.6 - 0.02, spread * 0.3)
    else:
        foot = (x + draw(0.0, 0.06), -tall * 0.6 - leg, spread)
    leg = rod((x, -tall * 0.3, 0.01), foot, 0.007, sides=8)
    shape.both("steel", steel, leg, cushion(0.02, 0.014, 0.02, foot, power=3))


def lever_rifle(draw: Draw) -> Shape:
    """A straight-gripped stock, a loop lever below, two tubes one above the other."""
    shape, wood, steel = Shape(), draw.shade(WOOD), draw.shade(STEEL + METAL)
    body, barrel, fore, butt = draw(0.16, 0.22), draw(0.45, 0.62), draw(0.2, 0.3), draw(0.26, 0.34)
    tall, wide = draw(0.055, 0.075), draw(0.03, 0.042)
    drop, radius = draw(0.05, 0.08), draw(0.008, 0.011)
    receiver = [
        (-body, -tall * 0.5), (0, -tall * 0.6), (0, tall * 0.4), (-body * 0.7, tall * 0.45),
        (-body, tall * 0.2),
    ]
    shape.add("steel", steel, _slab(receiver, wide))
    _barrel(draw, shape, barrel, radius, tall * 0.22)
    y, end = -tall * 0.2, barrel * draw(0.6, 0.95)
    shape.add("steel", steel, rod((0, y, 0), (end, y, 0), radius * 0.9, sides=12))
    fore_end = [(0, wide, tall * 0.75, -tall * 0.1), (fore, wide * 0.85, tall * 0.6, -tall * 0.08)]
    shape.add("wood", wood, hull(fore_end, 14, 4))
    stock = [
        (-body, tall * 0.2), (-body, -tall * 0.45), (-body - butt, -tall * 0.5 - drop),
        (-body - butt - 0.01, tall * 0.05), (-body - butt * 0.4, -tall * 0.02),
    ]
    shape.add("wood", wood, _slab(stock, wide * 0.95))
    size = draw(0.03, 0.045)
    loop = [
        (-body * 0.35, -tall * 0.55, 0),
        (-body * 0.4, -tall * 0.55 - size, 0),
        (-body - size * 1.6, -tall * 0.6 - size * 1.3, 0),
        (-body - size * 1.8, -tall * 0.6 - size * 0.3, 0),
        (-body * 0.95, -tall * 0.5, 0),
    ]
    hammer = rod((-body - 0.005, tall * 0.2, 0), (-body - 0.02, tall * 0.45, 0), 0.006, sides=8)
    shape.add("steel", steel, tube(loop, 0.005, 6), hammer)
    for x in (fore, barrel * 0.55):
        shape.add("steel", steel, box(0.014, tall * 0.75, wide * 0.75, (x, 0, 0)))
    if draw.chance(0.3):
        _scope(draw, shape, -body * 0.4, tall * 0.42)
    return shape


KINDS = {
    "assault rifle": assault_rifle,
    "hunting rifle": hunting_rifle,
    "sniper rifle": sniper_rifle,
    "lever rifle": lever_rifle,
}
