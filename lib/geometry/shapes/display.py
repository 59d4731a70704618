"""Procedural displays: flat and tube monitors, and televisions."""

import numpy as np

from .dice import Draw
from .palettes import DARK, LIGHT, METAL, SCREENS
from .parts import Shape
from .primitives import box, cushion, hull, lathe, rod, span, tube


def flat_monitor(draw: Draw) -> Shape:
    """A thin panel with a bezel, on a neck and a foot."""
    shape, case = Shape(), draw.shade(DARK + LIGHT + METAL)
    width, ratio = draw(0.42, 0.75), draw(1.3, 2.2)
    thick, bezel = draw(0.02, 0.05), draw(0.01, 0.03)
    height, lift, tilt = width / ratio, draw(0.06, 0.16), draw(-6, 4)
    panel = cushion(thick, height, width, power=20)
    screen = box(0.004, height - 2 * bezel, width - 2 * bezel, (thick / 2, 0, 0))
    deep = draw(0.03, 0.07)
    bulge = cushion(deep, height * 0.6, width * 0.6, (-deep / 2, 0, 0), power=4)
    y = lift + height / 2
    shape.add("case", case, panel.turn("z", tilt).move(y=y), bulge.turn("z", tilt).move(y=y))
    shape.add("screen", draw.shade(SCREENS), screen.turn("z", tilt).move(y=y))
    _stand(draw, shape, case, width, y, -thick)
    return shape


def _stand(draw, shape, case, width, y, x):
    """Add a foot and a neck up to the height ``y`` behind the panel at ``x``."""
    foot, deep = width * draw(0.28, 0.55), draw(0.14, 0.24)
    kind = draw.pick("plate", "round", "arch")
    if kind == "plate":
        shape.add("stand", case, cushion(deep, 0.018, foot, (0, 0.009, 0), power=8))
    elif kind == "round":
        plate = lathe([(0, 0), (foot / 2, 0), (foot / 2, 0.012), (0.03, 0.025), (0, 0.025)])
        shape.add("stand", case, plate.scale(x=deep / foot))
    else:
        path = [(0.11, 0.008, foot / 2), (x, 0.03, 0.02), (-0.12, 0.008, foot / 2)]
        shape.both("stand", case, tube(path, 0.01, 8))
    shape.add(
        "stand", case,
        box(0.025, y, draw(0.03, 0.1), (x - 0.012, y / 2, 0)),
        box(abs(x) + 0.04, 0.05, 0.05, (x / 2 - 0.01, y, 0)),
    )


def television(draw: Draw) -> Shape:
    """A wide set on two feet, or on a long foot, with a sound bar on some."""
    shape, case = Shape(), draw.shade(DARK)
    width, ratio = draw(0.9, 1.5), draw(1.6, 1.85)
    thick, bezel = draw(0.03, 0.08), draw(0.012, 0.04)
    height, lift = width / ratio, draw(0.05, 0.1)
    y = lift + height / 2
    shape.add("case", case, cushion(thick, height, width, (0, y, 0), power=24))
    bulge = draw(0.05, 0.12)
    place = (-bulge / 2, y - height * 0.15, 0)
    shape.add("case", case, cushion(bulge, height * 0.5, width * 0.7, place, power=6))
    screen = box(0.004, height - 2 * bezel, width - 2 * bezel, (thick / 2, y, 0))
    shape.add("screen", draw.shade(SCREENS), screen)
    foot, deep = draw.shade(DARK + METAL), draw(0.18, 0.32)
    if draw.chance(0.55):
        z = width * draw(0.25, 0.42)
        path = [(deep / 2, 0.008, z + 0.03), (0, lift + 0.02, z), (-deep / 2, 0.008, z + 0.03)]
        shape.both("feet", foot, tube(path, 0.012, 8))
    else:
        shape.add(
            "feet", foot,
            cushion(deep, 0.02, width * draw(0.35, 0.65), (0, 0.01, 0), power=8),
            box(0.03, lift + 0.06, width * 0.15, (-0.01, lift / 2 + 0.02, 0)),
        )
    if draw.chance(0.3):
        bar = cushion(0.07, 0.06, width * 0.8, (deep / 2 - 0.02, 0.035, 0), power=6)
        shape.add("bar", draw.shade(DARK), bar)
    return shape


def tube_monitor(draw: Draw) -> Shape:
    """A cathode-ray tube in a deep case that narrows to the back."""
    shape, case = Shape(), draw.shade(LIGHT + DARK)
    width, ratio, deep = draw(0.36, 0.6), draw(1.15, 1.35), draw(0.34, 0.5)
    height, bezel, back, lift = width / ratio, draw(0.025, 0.05), draw(0.45, 0.65), draw(0.03, 0.08)
    y, sink = lift + height / 2, draw(0.015, 0.03)
    stations = [
        (-deep / 2, width * back, height * back, y - height * 0.06),
        (-deep * 0.2, width * 0.8, height * 0.82, y - height * 0.03),
        (deep * 0.2, width * 0.97, height * 0.97, y),
        (deep / 2 - 0.05, width, height, y),
    ]
    shape.add("case", case, hull(stations, sides=28, power=12))
    front, low, high, z = deep / 2, y - height / 2, y + height / 2, width / 2
    frame = (front - 0.055, front)
    shape.add(
        "case", case,
        span(frame, (low, low + bezel * 1.6), (-z, z)),
        span(frame, (high - bezel, high), (-z, z)),
    )
    shape.both("case", case, span(frame, (low, high), (z - bezel, z)))
    place = (front - sink - 0.025, y + bezel * 0.3, 0)
    screen = cushion(0.05, height - bezel * 2.6, width - bezel * 2, place, power=6)
    shape.add("screen", draw.shade(SCREENS), screen)
    if draw.chance(0.7):
        shape.add("foot", case, lathe([
            (0, 0), (width * 0.3, 0), (width * 0.28, 0.02), (width * 0.14, lift), (0, lift + 0.01)
        ]))
    else:
        shape.both("foot", case, box(deep * 0.6, lift + 0.02, 0.05, (0, lift / 2, width * 0.3)))
    y = low + bezel * 0.8
    for place in np.linspace(0.02, 0.1, draw.whole(2, 4)):
        at = z - place - 0.02
        knob = rod((front - 0.01, y, at), (front + 0.008, y, at), 0.008, sides=8)
        shape.add("knob", draw.shade(DARK), knob)
    return shape


KINDS = {
    "flat monitor": flat_monitor,
    "television": television,
    "tube monitor": tube_monitor,
}
