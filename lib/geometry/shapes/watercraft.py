"""Procedural watercraft: sailing, motor and rowing boats, and cargo ships. Bows towards +x."""

import numpy as np

from .dice import Draw
from .palettes import DARK, GLASS, LIGHT, METAL, WOOD
from .parts import Shape
from .primitives import box, cushion, fin, lathe, rod, tube
from .skins import loft


def _boat_hull(length, beam, depth, rake, fullness, wall=None):
    """Return a hull along x with its deck at y = 0.

    Parameters
    ----------
    length, beam, depth : float
        In metres.
    rake : float
        How far the bow leans forward, in metres.
    fullness : float
        Where the hull begins to narrow, as a share of the length from the stern.
    wall : float, optional
        Makes it an open shell, of this thickness in metres.

    Returns
    -------
    Part
    """
    around = np.linspace(0, np.pi, 19)
    across = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** 0.55
    below = np.sin(around) ** 0.8
    sections = []
    for share in np.concatenate([np.linspace(0, 0.7, 8), np.linspace(0.78, 1.0, 8)]):
        bow = np.clip((share - fullness) / (1 - fullness), 0, 1)
        stern = 0.82 + 0.18 * min(share / 0.3, 1)
        half = max(beam / 2 * (1 - bow**2.2) * stern, 0.01 * beam)
        low, sheer = -depth * (1 - 0.55 * bow**3), depth * 0.35 * bow**2
        loop = np.column_stack([half * across, sheer + (low - sheer) * below])
        if wall is not None:
            inner = loop * (max(1 - wall / half, 0.02), 1.0)
            inner[1:-1, 1] = np.maximum(inner[1:-1, 1], low + wall)
            loop = np.concatenate([loop, inner[::-1]])
        height = (loop[:, 1] - low) / (sheer - low)
        x = share * length - length / 2 + rake * bow**2 * (height - 1.0)
        sections.append(np.column_stack([x, loop[:, 1], loop[:, 0]])[::-1])
    return loft(sections)


def sailing_boat(draw: Draw) -> Shape:
    """A hull with mast, boom, main sail and jib, a cabin and a keel."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.paint(), draw.shade(WOOD))
    length, beam, depth, mast = draw(7, 12), draw(0.24, 0.34), draw(0.08, 0.13), draw(1.0, 1.4)
    beam, depth, mast = length * beam, length * depth, length * mast
    shape.add("hull", paint, _boat_hull(length, beam, depth, length * 0.06, draw(0.35, 0.55)))
    place = (-length * 0.04, depth * 0.25, 0)
    cabin = cushion(length * 0.34, depth * 0.6, beam * 0.5, place, power=5)
    shape.add("deck", draw.shade(WOOD), cabin)
    x, boom = length * draw(0.06, 0.14), length * draw(0.36, 0.46)
    metal = draw.shade(METAL + WOOD)
    low = depth * 0.9 + length * 0.04
    shape.add(
        "spar", metal,
        rod((x, -depth * 0.5, 0), (x, mast, 0), length * 0.011, length * 0.006, sides=8),
        rod((x, low, 0), (x - boom, low, boom * 0.1), length * 0.007, sides=8),
    )
    _sails(draw, shape, length, depth, (x, low), mast, boom)
    if draw.chance(0.6):
        deep = length * draw(0.1, 0.18)
        root = (length * 0.08, -depth * 0.7, 0, length * 0.2)
        tip = (0, -depth - deep, 0, length * 0.14)
        shape.add("keel", draw.shade(DARK), fin(root, tip))
    shape.add(
        "spar", metal,
        rod((length * 0.5, depth * 0.35, 0), (x, mast * 0.98, 0), length * 0.0025, sides=5),
        rod((-length * 0.49, 0, 0), (x, mast * 0.98, 0), length * 0.0025, sides=5),
    )
    return shape


def _sails(draw, shape, length, depth, foot, mast, boom):
    """Add a main sail, and a jib on most, to a mast that the boom meets at ``foot``."""
    swing, sail = draw(-0.25, 0.25), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    (x, low), thick = foot, length * 0.006
    main = [(x, low + 0.1), (x, mast * 0.97), (x - boom * 0.98, low + 0.1)]
    shape.add("sail", sail, _sail(main, swing * boom, thick))
    if draw.chance(0.8):
        jib = [
            (length * 0.48, depth * 0.5),
            (x + 0.05, mast * draw(0.75, 0.95)),
            (x - length * 0.03, low),
        ]
        shape.add("sail", sail, _sail(jib, swing * boom * 0.6, thick))


def _sail(corners, belly, thick):
    """Return a triangular sail in the x-y plane, bellied towards +z.

    ``corners`` are its tack, head and clew: the lower front, upper and lower rear corner.
    """
    tack, head, clew = (np.array(corner, dtype=float) for corner in corners)
    sections = []
    for share in np.linspace(0, 0.97, 7):
        front, back = tack + (head - tack) * share, clew + (head - clew) * share
        along = np.linspace(0, 1, 7)
        points = front + np.outer(along, back - front)
        z = belly * np.sin(np.pi * along * 0.8) * (1 - share * 0.6)
        sheet = np.column_stack([points, z])
        sections.append(np.concatenate([sheet + (0, 0, thick), sheet[::-1] - (0, 0, thick)]))
    return loft(sections)


def motor_boat(draw: Draw) -> Shape:
    """A raked hull with a cabin or an open cockpit behind a windscreen, a radar arch on some."""
    shape, paint = Shape(), draw.pick(draw.shade(LIGHT), draw.shade(LIGHT), draw.paint())
    length, beam, depth, decks = draw(6, 16), draw(0.26, 0.36), draw(0.10, 0.15), draw.whole(0, 2)
    beam, depth = length * beam, length * depth
    rake = length * draw(0.06, 0.16)
    shape.add("hull", paint, _boat_hull(length, beam, depth, rake, draw(0.45, 0.62)))
    stripe = [
        (-length * 0.49, -depth * 0.08, beam * 0.415),
        (-length * 0.15, -depth * 0.06, beam * 0.505),
        (length * 0.12, 0, beam * 0.48),
    ]
    shape.both("stripe", draw.paint(), tube(stripe, length * 0.008, 6))
    if decks == 0:
        _cockpit(draw, shape, length, beam, depth)
    size, base, centre = _decks(draw, shape, paint, decks, length, beam, depth)
    if draw.chance(0.6):
        low, high = centre - size * 0.3, centre - size * 0.4
        arch = [
            (low, base, beam * 0.3), (high, base + depth * 0.7, beam * 0.24),
            (high, base + depth * 0.7, -beam * 0.24), (low, base, -beam * 0.3),
        ]
        shape.add("rail", draw.shade(METAL), tube(arch, length * 0.01, 8))
    rail = [
        (-length * 0.05, depth * 0.3, beam * 0.47),
        (length * 0.2, depth * 0.45, beam * 0.4),
        (length * 0.4, depth * 0.6, beam * 0.17),
        (length * 0.47, depth * 0.65, 0.0),
    ]
    shape.both(
        "rail", draw.shade(METAL),
        tube(rail, length * 0.004, 6),
        *[rod((x, -depth * 0.1, z), (x, y, z), length * 0.004, sides=6) for x, y, z in rail[:3]],
    )
    return shape


def _cockpit(draw, shape, length, beam, depth):
    """Add a windscreen, seats and an outboard engine."""
    screen = [
        [(rear, y, -z), (rear, y, z), (front, y, z), (front, y, -z)]
        for rear, front, y, z in (
            (length * 0.12, length * 0.15, 0, beam * 0.36),
            (length * 0.03, length * 0.05, depth * 0.8, beam * 0.3),
        )
    ]
    shape.add("glass", draw.shade(GLASS), loft(screen))
    for x in np.linspace(-0.3, -0.06, draw.whole(1, 2) + 1) * length:
        seat, back = (x, depth * 0.25, beam * 0.18), (x - length * 0.035, depth * 0.6, beam * 0.18)
        shape.both(
            "seat", draw.paint(),
            cushion(length * 0.07, depth * 0.5, beam * 0.26, seat, power=5),
            cushion(length * 0.025, depth * 0.8, beam * 0.26, back, power=5),
        )
    head, leg = (-length * 0.52, depth * 0.3, 0), (-length * 0.515, -depth * 0.7, 0)
    shape.add(
        "engine", draw.shade(DARK),
        cushion(length * 0.07, depth * 1.2, beam * 0.16, head, power=4),
        box(length * 0.03, depth * 1.3, beam * 0.05, leg),
    )


def _decks(draw, shape, paint, decks, length, beam, depth):
    """Add cabins one on another; return the length, height and middle of the deck on top."""
    size, base, centre = length * draw(0.5, 0.6), 0.0, -length * 0.1
    for _ in range(decks):
        tall, slope = depth * draw(0.7, 0.9), size * draw(0.12, 0.22)
        wide = beam * 0.72 * size / length / 0.5
        rear = centre - size / 2
        loops = np.array([
            [(rear, y, -z), (rear, y, z), (front, y, z * 0.85), (front, y, -z * 0.85)]
            for y, z, front in (
                (base, wide / 2, centre + size / 2),
                (base + tall, wide * 0.44, centre + (size / 2 - slope)),
            )
        ])
        shape.add("cabin", paint, loft(loops))
        low, high = loops
        band = [(low + (high - low) * share) * (1.0, 1.0, 1.02) for share in (0.35, 0.75)]
        shape.add("glass", draw.shade(GLASS), loft(band).move(x=size * 0.012))
        base, size, centre = base + tall, size * 0.62, centre - size * 0.06
        roof = cushion(size * 1.45, tall * 0.1, wide * 1.02, (centre, base, 0), power=6)
        shape.add("cabin", paint, roof)
    return size, base, centre


def cargo_ship(draw: Draw) -> Shape:
    """A long hull with containers or hatches, cranes, and the bridge aft."""
    shape, paint = Shape(), draw.paint()
    length, beam, depth, bridge = draw(80, 200), draw(0.12, 0.18), draw(0.06, 0.1), draw(0.08, 0.14)
    beam, depth, tall = length * beam, length * depth, length * bridge
    shape.add("hull", paint, _boat_hull(length, beam, depth, length * 0.03, draw(0.6, 0.78)))
    house, white = -length * draw(0.3, 0.4), draw.shade(LIGHT)
    _deckhouse(draw, shape, white, length, beam, tall, house)
    front = length * 0.33
    if draw.chance(0.6):
        _containers(draw, shape, house, front, length, beam, depth)
    else:
        _cranes(draw, shape, house + length * 0.12, front, length, beam, depth, tall)
    shape.add(
        "mast", white,
        rod((length * 0.42, 0, 0), (length * 0.42, tall * 0.6, 0), length * 0.004, sides=6),
        rod((house, tall, 0), (house, tall * 1.35, 0), length * 0.004, sides=6),
    )
    return shape


def _deckhouse(draw, shape, white, length, beam, tall, house):
    """Add storeys with windows about x ``house``, the bridge on top and a funnel behind."""
    levels = draw.whole(3, 5)
    step = tall / levels
    for level in range(levels):
        size = length * 0.1 * (1 - 0.08 * level)
        wall, window = (house, step * (level + 0.5), 0), (house, step * (level + 0.6), 0)
        shape.add("house", white, box(size, step * 0.92, beam * (0.85 - 0.05 * level), wall))
        glass = box(size * 1.01, step * 0.3, beam * (0.8 - 0.05 * level), window)
        shape.add("glass", (0.15, 0.18, 0.22), glass)
    bridge = (house + length * 0.02, tall * 0.95, 0)
    shape.add("house", white, box(length * 0.04, tall * 0.1, beam, bridge))
    funnel = [(0, 0), (beam * 0.14, 0), (beam * 0.11, tall * 0.55), (0, tall * 0.55)]
    place = house - length * 0.06, tall * 0.75, 0
    shape.add("funnel", draw.paint(), lathe(funnel, 14).move(*place))


def _containers(draw, shape, house, front, length, beam, depth):
    """Add rows of stacked containers from the deckhouse to x ``front``."""
    rows, across = draw.whole(6, 10), draw.whole(3, 4)
    start, step = house + length * 0.06, (front - house - length * 0.06) / rows
    for row in range(rows):
        for column in range(across):
            stack = draw.whole(0, 4)
            if stack:
                z = ((column + 0.5) / across - 0.5) * beam * 0.9
                place = (start + (row + 0.5) * step, depth * 0.14 * stack, z)
                size = step * 0.93, depth * 0.28 * stack, beam * 0.9 / across * 0.94
                shape.add(f"box {draw.whole(0, 5)}", draw.paint(), box(*size, place))


def _cranes(draw, shape, start, front, length, beam, depth, tall):
    """Add cranes from x ``start`` to ``front``, each with its hatch before it."""
    for x in np.linspace(start, front, draw.whole(2, 4)):
        paint, tip = draw.paint(), (x + length * 0.1, tall * 0.75, beam * draw(-0.2, 0.2))
        shape.add(
            "crane", paint,
            rod((x, 0, 0), (x, tall * 0.7, 0), length * 0.008, sides=8),
            rod((x, tall * 0.25, 0), tip, length * 0.004, sides=6),
        )
        hatch = (x + length * 0.06, depth * 0.1, 0)
        shape.add("hatch", draw.shade(METAL), box(length * 0.08, depth * 0.25, beam * 0.62, hatch))


def rowing_boat(draw: Draw) -> Shape:
    """An open shell with thwarts, gunwales and oars."""
    shape, wood = Shape(), draw.furniture()
    length, beam, depth, wall = draw(3.2, 5.0), draw(0.26, 0.38), draw(0.11, 0.16), draw(0.04, 0.07)
    beam, depth = length * beam, length * depth
    rake, fullness = length * draw(0.02, 0.08), draw(0.3, 0.5)
    shape.add("hull", wood, _boat_hull(length, beam, depth, rake, fullness, wall=wall))
    plank = draw.pick(wood, draw.shade(WOOD))
    for x in np.linspace(-0.36, 0.2, draw.whole(2, 4)) * length:
        shape.add("thwart", plank, box(length * 0.055, 0.035, beam * 0.9, (x, -depth * 0.25, 0)))
    gunwale = [
        (-length * 0.49, 0.01, beam * 0.4),
        (-length * 0.3, 0.01, beam * 0.49),
        (0, 0.02, beam * 0.49),
        (length * 0.2, depth * 0.06, beam * 0.44),
    ]
    shape.both("rim", draw.shade(WOOD), tube(gunwale, 0.03, 6))
    if draw.chance(0.75):
        reach, tilt = length * draw(0.25, 0.4), draw(0.2, 0.45)
        for x in (-0.05, 0.22)[: draw.whole(1, 2)]:
            hold = np.array([x * length, depth * 0.5, beam * 0.1])
            blade = np.array([x * length - reach * 0.3, -depth * tilt, beam * 0.5 + reach])
            shape.both(
                "oar", draw.shade(WOOD),
                rod(hold, blade, 0.022, sides=8),
                rod(blade, blade + (blade - hold) * 0.25, 0.07, 0.09, 8),
            )
    return shape


KINDS = {
    "sailing boat": sailing_boat,
    "motor boat": motor_boat,
    "cargo ship": cargo_ship,
    "rowing boat": rowing_boat,
}
