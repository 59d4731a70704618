"""Procedural telephones: smartphones, keypad and flip phones, and desk telephones."""

import numpy as np

from .dice import Draw
from .palettes import DARK, LIGHT, METAL, SCREENS
from .parts import Shape
from .primitives import box, cushion, hull, lathe, rod, span, tube
from .skins import prism


def smartphone(draw: Draw) -> Shape:
    """A slab with a screen, buttons and a camera; on a small stand now and then."""
    shape, case = Shape(), draw.pick(draw.shade(DARK), draw.shade(LIGHT), draw.paint())
    width, ratio = draw(0.055, 0.08), draw(1.75, 2.2)
    thick, bezel = draw(0.007, 0.012), draw(0.002, 0.006)
    height, edge = width * ratio, draw(0.06, 0.14)
    y, lens = height / 2, draw(0.008, 0.018)
    power, front, z = draw.pick(8, 14, 24), thick / 2, width / 2
    shape.add("case", case, cushion(thick, height, width, (0, y, 0), power=power, sides=36))
    tall = (y - height * (0.5 - edge), y + height * (0.5 - edge * 0.6))
    screen = span((front - 0.001, front + 0.0008), tall, (-z + bezel, z - bezel))
    shape.add("screen", draw.shade(SCREENS), screen)
    if edge > 0.09:
        y = height * edge * 0.5
        button = rod((front - 0.001, y, 0), (front + 0.001, y, 0), width * 0.09, sides=16)
        shape.add("button", draw.shade(METAL), button)
    y, across = height * 0.88, -width * 0.28
    shape.add(
        "camera", draw.shade(DARK),
        cushion(0.006, lens * 1.6, lens, (-front, height * 0.87, across), power=4),
        rod((-front - 0.005, y, across), (-front, y, across), lens * 0.3),
    )
    metal, at = draw.shade(METAL), (0, height * draw(0.6, 0.8), z)
    shape.add("button", metal, box(thick * 0.4, height * 0.1, 0.003, at))
    if draw.chance(0.25):
        # The whole phone leans back on the stand.
        for _, part in shape.parts:
            part.vertices[:] = part.turn("z", 18).move(x=0.01, y=0.006).vertices
        shape.add(
            "stand", draw.shade(METAL),
            box(0.07, 0.005, width * 0.7, (-0.005, 0.0025, 0)),
            box(0.006, height * 0.5, width * 0.3, (-0.025, height * 0.25, 0)),
        )
    return shape


def keypad_phone(draw: Draw) -> Shape:
    """A mobile with keys, a small screen and a stub of an aerial."""
    shape, case = Shape(), draw.pick(draw.shade(DARK), draw.paint(), draw.shade(METAL))
    width, ratio, thick = draw(0.042, 0.055), draw(2.0, 2.7), draw(0.014, 0.026)
    height, split, waist = width * ratio, draw(0.5, 0.62), draw(0.82, 1.0)
    stations = [
        (0, width * 0.8, thick * 0.7, 0),
        (height * 0.06, width, thick, 0),
        (height * split, width * waist, thick * 0.85, 0),
        (height * 0.94, width, thick, 0),
        (height, width * 0.7, thick * 0.6, 0),
    ]
    # Made along x with the front upwards, then stood on end.
    shape.add("case", case, hull(stations, sides=28, power=6).turn("z", 90))
    front, z = -thick / 2, width * 0.36
    tall = (height * (split + 0.04), height * 0.88)
    shape.add("screen", draw.shade(SCREENS), span((front - 0.001, front + 0.004), tall, (-z, z)))
    keys = draw.shade(LIGHT + METAL)
    rows, pad = draw.whole(4, 5), height * (split - 0.06)
    for row in range(rows):
        for z in (-0.28, 0, 0.28):
            at = (front, height * 0.05 + (row + 0.5) * pad / rows, z * width)
            shape.add("keys", keys, _key(0.006, pad / rows * 0.6, width * 0.2, at))
    if draw.chance(0.7):
        dark, z = draw.shade(DARK), width * 0.33
        foot, tip = (0, height * 0.95, z), (0, height * draw(1.12, 1.35), z)
        shape.add("aerial", dark, rod(foot, tip, 0.0042, 0.0032, sides=10))
    for _, part in shape.parts:
        part.vertices[:] = part.turn("y", 180).vertices
    return shape


def _key(x, y, z, at):
    return cushion(x, y, z, at, power=4, rings=4, sides=8)


def flip_phone(draw: Draw) -> Shape:
    """A clamshell, open at an angle, with keys below and a screen above."""
    shape, case = Shape(), draw.pick(draw.shade(DARK), draw.paint(), draw.shade(METAL))
    width, half = draw(0.044, 0.055), draw(0.075, 0.1)
    thick, angle = draw(0.010, 0.016), draw(15, 55)
    upper = half * draw(0.9, 1.05)
    base = cushion(thick, half, width, (0, -half / 2, 0), power=8)
    keys = [
        _key(0.004, half * 0.1, width * 0.2, (thick / 2, -half * (0.3 + 0.15 * row), z * width))
        for row in range(draw.whole(4, 5))
        for z in (-0.28, 0, 0.28)
    ]
    lid = cushion(thick * 0.8, upper, width, (0, upper / 2, 0), power=8).turn("z", -angle)
    bezel = draw(0.003, 0.008)
    screen = box(0.002, upper * 0.75, width - 2 * bezel, (thick * 0.4, upper * 0.52, 0))
    hinge = rod((0, 0, -width / 2), (0, 0, width / 2), thick * 0.6, sides=14)
    tilt = draw(-60, -10)
    for material, colour, parts in (
        ("case", case, [base, lid, hinge]),
        ("keys", draw.shade(LIGHT + METAL), keys),
        ("screen", draw.shade(SCREENS), [screen.turn("z", -angle)]),
    ):
        shape.add(material, colour, *[part.turn("z", -tilt) for part in parts])
    if draw.chance(0.4):
        aerial = rod((0, 0, width * 0.4), (0.0, half * 0.4, width * 0.4), 0.003, sides=8)
        shape.add("aerial", draw.shade(DARK), aerial.turn("z", -tilt))
    return shape


def desk_telephone(draw: Draw) -> Shape:
    """A wedge with keys or a dial and a handset across its cradle, tied by a coiled cord."""
    shape, case = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(LIGHT))
    deep, width, low, high = draw(0.18, 0.24), draw(0.16, 0.24), draw(0.02, 0.04), draw(0.07, 0.11)
    outline = [
        (-deep / 2, 0), (deep / 2, 0), (deep / 2, low), (-deep * 0.2, high * 0.85),
        (-deep * 0.3, high), (-deep / 2, high),
    ]
    shape.add("case", case, prism(outline, -width / 2, width / 2))
    _dial_or_keys(draw, shape, deep, width, low, high)
    across, length, thick = draw.chance(0.5), draw(0.18, 0.22), draw(0.012, 0.018)
    if across:
        turn, place = 0, (-deep * 0.38, high + 0.016, 0.0)
    else:
        turn, place = 90, (-deep * 0.1, high + 0.012, -width / 2 + 0.015)
    colour = case if draw.chance(0.6) else draw.paint()
    handset = _handset(length, thick)
    shape.add("handset", colour, *[part.turn("y", turn).move(*place) for part in handset])
    turns = np.linspace(0, draw.whole(5, 8) * 2 * np.pi, 90)
    coil = np.column_stack([
        np.linspace(-deep * 0.35, deep * 0.3, 90),
        0.012 + 0.008 * np.sin(turns),
        -width / 2 - 0.02 + 0.008 * np.cos(turns),
    ])
    shape.add("cord", draw.shade(DARK), tube(coil, 0.0026, 5))
    return shape


def _dial_or_keys(draw, shape, deep, width, low, high):
    """Add a dial with finger stops, or keys and a screen, to the slope of a desk telephone."""
    slope = np.degrees(np.arctan2(high * 0.85 - low, deep * 0.7))
    front, keys = np.array([deep / 2, low]), draw.shade(LIGHT + DARK)
    rise = np.array([-deep * 0.2, high * 0.85]) - front

    def put(part, share, z=0):
        return part.turn("z", -slope).move(*front + rise * share, z)

    if draw.chance(0.35):
        dial = lathe([(0, 0), (deep * 0.26, 0), (deep * 0.26, 0.008), (0, 0.012)], 24)
        shape.add("keys", keys, put(dial, 0.5))
        stop = lathe([(0, 0.006), (0.011, 0.006), (0.011, 0.013), (0, 0.013)], 8)
        stops = [stop.move(x=deep * 0.19).turn("y", angle) for angle in np.arange(10) * 30.0]
        shape.add("finger", draw.shade(METAL), *[put(part, 0.5) for part in stops])
    else:
        side = draw.pick(-1, 1) * width * 0.15
        for share in np.linspace(0.15, 0.62, 4):
            for z in (-0.03, 0, 0.03):
                shape.add("keys", keys, put(box(0.016, 0.01, 0.02), share, z + side))
        screen = put(box(deep * 0.16, 0.008, 0.09), 0.84, side)
        shape.add("screen", draw.shade(SCREENS), screen)


def _handset(length, thick):
    """Return a handset along z: its grip, and the cups at its ends."""
    z = length / 2
    grip = [
        (0, 0.0, -z), (0, 0.022, -length * 0.32), (0, 0.028, 0), (0, 0.022, length * 0.32),
        (0, 0.0, z),
    ]
    cup = lathe([(0, -0.014), (0.026, -0.014), (0.02, 0.012), (0, 0.016)], 18)
    body = tube(grip, [thick, thick, thick * 0.9, thick, thick], 12)
    return [body, cup.move(z=z - 0.005), cup.move(z=-z + 0.005)]


KINDS = {
    "smartphone": smartphone,
    "keypad phone": keypad_phone,
    "flip phone": flip_phone,
    "desk telephone": desk_telephone,
}
