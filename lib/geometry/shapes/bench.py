"""Procedural benches: park benches, plank benches and benches with compartments."""

import numpy as np

from .dice import Draw
from .palettes import DARK, METAL
from .parts import Shape
from .primitives import box, cushion, rod, span, tube
from .skins import prism


def park_bench(draw: Draw) -> Shape:
    """Slats on side frames of wood or cast iron, with a back."""
    shape, wood, metal = Shape(), draw.furniture(), draw.shade(DARK + METAL)
    length, seat, depth = draw(1.1, 2.0), draw(0.40, 0.48), draw(0.40, 0.55)
    back, lean, slats, thick = draw(0.32, 0.5), draw(0.06, 0.16), draw.whole(3, 6), draw(0.02, 0.04)
    x, post = depth / 2, draw(0.018, 0.03)
    gap = depth / slats
    for place in np.linspace(-x + gap / 2, x - gap / 2, slats):
        shape.add("slats", wood, box(gap * 0.78, thick, length, (place, seat, 0)))
    for share in np.linspace(0.25, 0.95, draw.whole(2, 4)):
        slat = box(thick, back * 0.2, length).turn("z", np.degrees(np.arctan2(lean, back)))
        shape.add("slats", wood, slat.move(-x - lean * share, seat + back * share, 0))
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


def plank_bench(draw: Draw) -> Shape:
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
        cut, x = draw(0.2, 0.6) * depth, depth / 2
        outline = [
            (-x, 0), (-cut / 2, 0), (-cut / 4, seat * 0.4), (cut / 4, seat * 0.4), (cut / 2, 0),
            (x, 0), (x - 0.02, seat), (-x + 0.02, seat),
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


def storage_bench(draw: Draw) -> Shape:
    """A hall bench: seat cushion over open compartments, a panelled back on some."""
    shape, wood = Shape(), draw.furniture()
    length, seat = draw(0.9, 1.5), draw(0.42, 0.5)
    depth, board = draw(0.36, 0.45), draw(0.02, 0.035)
    z, x, floor = length / 2, depth / 2, draw(0.03, 0.1)
    shape.add(
        "board", wood,
        span((-x, x), (seat - board, seat), (-z, z)),
        span((-x, x), (floor, floor + board), (-z, z)),
        span((-x, -x + 0.012), (floor, seat), (-z, z)),
    )
    for place in np.linspace(-z + board / 2, z - board / 2, draw.whole(2, 4) + 1):
        foot = 0 if abs(place) > z - board else floor  # the sides reach the ground
        shape.add("board", wood, box(depth, seat - foot, board, (0, (seat + foot) / 2, place)))
    cover, at = draw.paint(), (0.01, seat + 0.03, 0)
    pad = cushion(depth - 0.02, draw(0.05, 0.1), length - 0.03, at, power=8)
    shape.add("cushion", cover, pad)
    if draw.chance(0.6):
        back = draw(0.3, 0.9)
        shape.add("board", wood, span((-x, -x + board), (seat, seat + back), (-z, z)))
    if draw.chance(0.5):
        arm = draw(0.15, 0.28)
        shape.both("board", wood, span((-x, x), (seat, seat + arm), (z - board, z)))
    return shape


KINDS = {
    "park bench": park_bench,
    "plank bench": plank_bench,
    "storage bench": storage_bench,
}
