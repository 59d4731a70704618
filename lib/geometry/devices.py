"""Procedural displays, loudspeakers and telephones. Sizes in metres, fronts face +x."""

import numpy as np

from .draw import DARK, LIGHT, METAL, WOOD
from .primitives import Shape, arc, box, cushion, ellipsoid, hull, lathe, prism, rod, span, tube

SCREENS = [(0.05, 0.06, 0.08), (0.10, 0.16, 0.28), (0.16, 0.22, 0.24), (0.30, 0.42, 0.60)]


def flat_monitor(draw):
    """A thin panel with a bezel, on a neck and a foot."""
    shape, case = Shape(), draw.shade(DARK + LIGHT + METAL)
    width, ratio, thick, bezel = (
        draw(0.42, 0.75),
        draw(1.3, 2.2),
        draw(0.02, 0.05),
        draw(0.01, 0.03),
    )
    height, lift, tilt = width / ratio, draw(0.06, 0.16), draw(-6, 4)
    panel, screen = cushion(thick, height, width, power=20), box(
        0.004, height - 2 * bezel, width - 2 * bezel, (thick / 2, 0, 0)
    )
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
        shape.add(
            "stand",
            case,
            lathe([(0, 0), (foot / 2, 0), (foot / 2, 0.012), (0.03, 0.025), (0, 0.025)]).scale(
                x=deep / foot
            ),
        )
    else:
        shape.both(
            "stand",
            case,
            tube([(0.11, 0.008, foot / 2), (x, 0.03, 0.02), (-0.12, 0.008, foot / 2)], 0.01, 8),
        )
    shape.add(
        "stand",
        case,
        box(0.025, y, draw(0.03, 0.1), (x - 0.012, y / 2, 0)),
        box(abs(x) + 0.04, 0.05, 0.05, (x / 2 - 0.01, y, 0)),
    )


def television(draw):
    """A wide set on two feet, or on a long foot, with a sound bar on some."""
    shape, case = Shape(), draw.shade(DARK)
    width, ratio, thick, bezel = (
        draw(0.9, 1.5),
        draw(1.6, 1.85),
        draw(0.03, 0.08),
        draw(0.012, 0.04),
    )
    height, lift = width / ratio, draw(0.05, 0.1)
    y = lift + height / 2
    shape.add("case", case, cushion(thick, height, width, (0, y, 0), power=24))
    bulge = draw(0.05, 0.12)
    place = (-bulge / 2, y - height * 0.15, 0)
    shape.add("case", case, cushion(bulge, height * 0.5, width * 0.7, place, power=6))
    shape.add(
        "screen",
        draw.shade(SCREENS),
        box(0.004, height - 2 * bezel, width - 2 * bezel, (thick / 2, y, 0)),
    )
    foot, deep = draw.shade(DARK + METAL), draw(0.18, 0.32)
    if draw.chance(0.55):
        z = width * draw(0.25, 0.42)
        shape.both(
            "feet",
            foot,
            tube(
                [(deep / 2, 0.008, z + 0.03), (0, lift + 0.02, z), (-deep / 2, 0.008, z + 0.03)],
                0.012,
                8,
            ),
        )
    else:
        shape.add(
            "feet",
            foot,
            cushion(deep, 0.02, width * draw(0.35, 0.65), (0, 0.01, 0), power=8),
            box(0.03, lift + 0.06, width * 0.15, (-0.01, lift / 2 + 0.02, 0)),
        )
    if draw.chance(0.3):
        shape.add(
            "bar",
            draw.shade(DARK),
            cushion(0.07, 0.06, width * 0.8, (deep / 2 - 0.02, 0.035, 0), power=6),
        )
    return shape


def tube_monitor(draw):
    """A cathode-ray tube in a deep case that narrows to the back."""
    shape, case = Shape(), draw.shade(LIGHT + DARK)
    width, ratio, deep = draw(0.36, 0.6), draw(1.15, 1.35), draw(0.34, 0.5)
    height, bezel, back, lift = width / ratio, draw(0.025, 0.05), draw(0.45, 0.65), draw(0.03, 0.08)
    y = lift + height / 2
    sink = draw(0.015, 0.03)
    stations = [
        (-deep / 2, width * back, height * back, y - height * 0.06),
        (-deep * 0.2, width * 0.8, height * 0.82, y - height * 0.03),
        (deep * 0.2, width * 0.97, height * 0.97, y),
        (deep / 2 - 0.05, width, height, y),
    ]
    shape.add("case", case, hull(stations, sides=28, power=12))
    frame = deep / 2
    shape.add(
        "case",
        case,
        span(
            (frame - 0.055, frame),
            (y - height / 2, y - height / 2 + bezel * 1.6),
            (-width / 2, width / 2),
        ),
        span(
            (frame - 0.055, frame),
            (y + height / 2 - bezel, y + height / 2),
            (-width / 2, width / 2),
        ),
    )
    shape.both(
        "case",
        case,
        span(
            (frame - 0.055, frame), (y - height / 2, y + height / 2), (width / 2 - bezel, width / 2)
        ),
    )
    shape.add(
        "screen",
        draw.shade(SCREENS),
        cushion(
            0.05,
            height - bezel * 2.6,
            width - bezel * 2,
            (frame - sink - 0.025, y + bezel * 0.3, 0),
            power=6,
        ),
    )
    if draw.chance(0.7):
        shape.add(
            "foot",
            case,
            lathe(
                [
                    (0, 0),
                    (width * 0.3, 0),
                    (width * 0.28, 0.02),
                    (width * 0.14, lift),
                    (0, lift + 0.01),
                ]
            ),
        )
    else:
        shape.both("foot", case, box(deep * 0.6, lift + 0.02, 0.05, (0, lift / 2, width * 0.3)))
    for place in np.linspace(0.02, 0.1, draw.whole(2, 4)):
        shape.add(
            "knob",
            draw.shade(DARK),
            rod(
                (frame - 0.01, y - height / 2 + bezel * 0.8, width / 2 - place - 0.02),
                (frame + 0.008, y - height / 2 + bezel * 0.8, width / 2 - place - 0.02),
                0.008,
                sides=8,
            ),
        )
    return shape


def box_loudspeaker(draw):
    """A bookshelf or tower box with cones that are really hollow, and a reflex port."""
    shape, case = Shape(), draw.shade(WOOD + DARK + LIGHT)
    width, deep = draw(0.16, 0.32), draw(0.18, 0.36)
    tower = draw.chance(0.5)
    height = draw(0.8, 1.2) if tower else draw(0.28, 0.5)
    cones, wall = (draw.whole(2, 4) if tower else draw.whole(1, 2)), 0.02
    radius = min(width * draw(0.34, 0.44), height / (2.4 * cones + 1.6))
    front = deep / 2
    centres = (
        list(np.linspace(radius + 0.04, height - radius * 2.6 - 0.05, cones))
        if cones > 1
        else [radius + 0.05]
    )
    _baffle(shape, draw.pick(case, draw.shade(DARK)), front, wall, width, height, centres, radius)
    shape.add(
        "case", case, span((-front, front - radius * 0.6), (0, height), (-width / 2, width / 2))
    )
    shape.both("case", case, span((-front, front), (0, height), (width / 2 - 0.012, width / 2)))
    shape.add(
        "case",
        case,
        span((-front, front), (0, 0.012), (-width / 2, width / 2)),
        span((-front, front), (height - 0.012, height), (-width / 2, width / 2)),
    )
    colour, ring = draw.shade(DARK + METAL), draw.shade(METAL + DARK)
    for y in centres:
        _cone(shape, colour, ring, front, y, radius)
    _cone(shape, draw.shade(METAL + DARK), ring, front, height - radius * 0.8 - 0.03, radius * 0.45)
    if draw.chance(0.4):
        lift = draw(0.02, 0.05)
        for x in (-front + 0.03, front - 0.03):
            shape.both(
                "feet",
                draw.shade(METAL),
                rod((x, -lift, width / 2 - 0.03), (x, 0, width / 2 - 0.03), 0.006, 0.014),
            )
    return shape


def _baffle(shape, colour, front, wall, width, height, centres, radius):
    """Add a front board with square cut-outs, one for each cone."""
    edges = [0.0]
    for y in centres:
        edges += [y - radius, y + radius]
    edges.append(height)
    for low, high in zip(edges[::2], edges[1::2]):
        if high > low:
            shape.add(
                "baffle", colour, span((front - wall, front), (low, high), (-width / 2, width / 2))
            )
    for y in centres:
        shape.both(
            "baffle",
            colour,
            span((front - wall, front), (y - radius, y + radius), (radius * 0.99, width / 2)),
        )


def _cone(shape, colour, ring, front, y, radius):
    """Add a loudspeaker's cone, open towards +x, with its surround and dust cap."""
    bowl = [
        (0, -radius * 0.55),
        (radius * 0.35, -radius * 0.5),
        (radius, 0.0),
        (radius, -0.012),
        (radius * 0.38, -radius * 0.6),
        (0, -radius * 0.62),
    ]
    shape.add("cone", colour, lathe(bowl[::-1], 24).turn("z", -90).move(front, y, 0))
    rim = arc((0, 0, 0), radius, 0, 360, 25, "yz")
    shape.add("ring", ring, tube(rim + (front, y, 0), radius * 0.09, 6))
    shape.add(
        "ring",
        ring,
        ellipsoid(radius * 0.3, radius * 0.5, radius * 0.5, (front - radius * 0.48, y, 0), 6, 12),
    )


def stand_loudspeaker(draw):
    """A small speaker on a pole with a plate or a tripod."""
    shape, case = Shape(), draw.shade(WOOD + DARK + LIGHT)
    width, height, deep = draw(0.16, 0.3), draw(0.24, 0.5), draw(0.16, 0.28)
    lift, pole, foot = draw(0.5, 1.0), draw(0.012, 0.03), draw(0.13, 0.24)
    metal, wedge = draw.shade(METAL + DARK), draw(0.55, 1.0)
    outline = [
        (-deep / 2, -width / 2 * wedge),
        (deep / 2, -width / 2),
        (deep / 2, width / 2),
        (-deep / 2, width / 2 * wedge),
    ]
    case_part = prism(outline, 0, height).turn("x", -90)
    shape.add("case", case, case_part.move(y=lift))
    radius = min(width, height * 0.6) * draw(0.34, 0.42)
    _cone(
        shape,
        draw.shade(METAL + DARK),
        metal,
        deep / 2 + radius * 0.62,
        lift + radius + 0.03,
        radius,
    )
    _cone(
        shape,
        draw.shade(METAL + DARK),
        metal,
        deep / 2 + radius * 0.28,
        lift + height - radius * 0.55,
        radius * 0.4,
    )
    shape.add(
        "case",
        case,
        rod(
            (deep / 2 - 0.01, lift + radius + 0.03, 0),
            (deep / 2 + radius * 0.3, lift + radius + 0.03, 0),
            radius * 1.05,
            sides=24,
        ),
    )
    shape.add(
        "stand",
        metal,
        rod((0, 0.01, 0), (0, lift, 0), pole),
        box(deep * 0.7, 0.015, width * 0.7, (0, lift, 0)),
    )
    if draw.chance(0.5):
        shape.add("stand", metal, cushion(foot * 1.7, 0.02, foot * 1.5, (0, 0.01, 0), power=8))
    else:
        for angle in (60, 180, 300):
            shape.add(
                "stand",
                metal,
                rod((foot * 1.3, 0.0, 0), (0, lift * 0.45, 0), 0.009, sides=8).turn("y", angle),
            )
    return shape


def round_loudspeaker(draw):
    """A ball, egg or can with its cone cut into the front, on a ring or feet."""
    shape, case = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(LIGHT))
    width, tall, deep = draw(0.16, 0.28), draw(0.9, 1.6), draw(0.8, 1.2)
    height, radius = width * tall, width * draw(0.28, 0.36)
    lift = draw(0.02, 0.1)
    y, front = lift + height / 2, width * deep / 2 * 0.86
    shape.add(
        "case",
        case,
        cushion(
            width * deep, height, width, (0, y, 0), power=draw.pick(2.0, 2.6, 4), sides=28, rings=12
        ),
    )
    metal = draw.shade(METAL + DARK)
    shape.add(
        "case",
        case,
        rod((front - 0.08, y, 0), (front - radius * 0.1, y, 0), radius * 1.1, sides=24),
    )
    _cone(shape, draw.shade(DARK + METAL), metal, front + radius * 0.55, y, radius)
    if draw.chance(0.5):
        shape.add(
            "foot",
            metal,
            lathe(
                [
                    (0, 0),
                    (width * 0.4, 0),
                    (width * 0.38, 0.012),
                    (width * 0.15, lift + 0.02),
                    (0, lift + 0.03),
                ]
            ),
        )
    else:
        for angle in (0, 120, 240):
            shape.add(
                "foot",
                metal,
                rod((width * 0.45, 0, 0), (width * 0.15, y - height * 0.3, 0), 0.01, sides=8).turn(
                    "y", angle
                ),
            )
    if draw.chance(0.4):
        shape.add(
            "foot",
            metal,
            ellipsoid(width * 0.3, width * 0.3, width * 0.3, (0, y + height / 2 + width * 0.08, 0)),
        )
    return shape


def smartphone(draw):
    """A slab with a screen, buttons and a camera; on a small stand now and then."""
    shape, case = Shape(), draw.pick(draw.shade(DARK), draw.shade(LIGHT), draw.paint())
    width, ratio, thick, bezel = (
        draw(0.055, 0.08),
        draw(1.75, 2.2),
        draw(0.007, 0.012),
        draw(0.002, 0.006),
    )
    height, edge = width * ratio, draw(0.06, 0.14)
    y, lens = height / 2, draw(0.008, 0.018)
    shape.add(
        "case", case, cushion(thick, height, width, (0, y, 0), power=draw.pick(8, 14, 24), sides=36)
    )
    low, high = y - height * (0.5 - edge), y + height * (0.5 - edge * 0.6)
    shape.add(
        "screen",
        draw.shade(SCREENS),
        span(
            (thick / 2 - 0.001, thick / 2 + 0.0008),
            (low, high),
            (-width / 2 + bezel, width / 2 - bezel),
        ),
    )
    if edge > 0.09:
        shape.add(
            "button",
            draw.shade(METAL),
            rod(
                (thick / 2 - 0.001, height * edge * 0.5, 0),
                (thick / 2 + 0.001, height * edge * 0.5, 0),
                width * 0.09,
                sides=16,
            ),
        )
    shape.add(
        "camera",
        draw.shade(DARK),
        cushion(0.006, lens * 1.6, lens, (-thick / 2, height * 0.87, -width * 0.28), power=4),
        rod(
            (-thick / 2 - 0.005, height * 0.88, -width * 0.28),
            (-thick / 2, height * 0.88, -width * 0.28),
            lens * 0.3,
        ),
    )
    shape.add(
        "button",
        draw.shade(METAL),
        box(thick * 0.4, height * 0.1, 0.003, (0, height * draw(0.6, 0.8), width / 2)),
    )
    if draw.chance(0.25):
        for part in shape.parts:
            part[1].vertices[:] = part[1].turn("z", 18).move(x=0.01, y=0.006).vertices
        shape.add(
            "stand",
            draw.shade(METAL),
            box(0.07, 0.005, width * 0.7, (-0.005, 0.0025, 0)),
            box(0.006, height * 0.5, width * 0.3, (-0.025, height * 0.25, 0)),
        )
    return shape


def keypad_phone(draw):
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
    shape.add(
        "screen",
        draw.shade(SCREENS),
        span(
            (-thick / 2 - 0.001, -thick / 2 + 0.004),
            (height * (split + 0.04), height * 0.88),
            (-width * 0.36, width * 0.36),
        ),
    )
    keys = draw.shade(LIGHT + METAL)
    rows, pad = draw.whole(4, 5), height * (split - 0.06)
    for row in range(rows):
        for z in (-0.28, 0, 0.28):
            key = cushion(
                0.006,
                pad / rows * 0.6,
                width * 0.2,
                (-thick / 2, height * 0.05 + (row + 0.5) * pad / rows, z * width),
                power=4,
                rings=4,
                sides=8,
            )
            shape.add("keys", keys, key)
    if draw.chance(0.7):
        shape.add(
            "aerial",
            draw.shade(DARK),
            rod(
                (0, height * 0.95, width * 0.33),
                (0, height * draw(1.12, 1.35), width * 0.33),
                0.0042,
                0.0032,
                sides=10,
            ),
        )
    for _, part in shape.parts:
        part.vertices[:] = part.turn("y", 180).vertices
    return shape


def flip_phone(draw):
    """A clamshell, open at an angle, with keys below and a screen above."""
    shape, case = Shape(), draw.pick(draw.shade(DARK), draw.paint(), draw.shade(METAL))
    width, half, thick, angle = (
        draw(0.044, 0.055),
        draw(0.075, 0.1),
        draw(0.010, 0.016),
        draw(15, 55),
    )
    upper = half * draw(0.9, 1.05)
    base = [cushion(thick, half, width, (0, -half / 2, 0), power=8)]
    keys = [
        cushion(
            0.004,
            half * 0.1,
            width * 0.2,
            (thick / 2, -half * (0.3 + 0.15 * row), z * width),
            power=4,
            rings=4,
            sides=8,
        )
        for row in range(draw.whole(4, 5))
        for z in (-0.28, 0, 0.28)
    ]
    lid = [cushion(thick * 0.8, upper, width, (0, upper / 2, 0), power=8).turn("z", -angle)]
    bezel = draw(0.003, 0.008)
    screen = box(0.002, upper * 0.75, width - 2 * bezel, (thick * 0.4, upper * 0.52, 0)).turn(
        "z", -angle
    )
    hinge = rod((0, 0, -width / 2), (0, 0, width / 2), thick * 0.6, sides=14)
    tilt = draw(-60, -10)
    for material, colour, parts in (
        ("case", case, base + lid + [hinge]),
        ("keys", draw.shade(LIGHT + METAL), keys),
        ("screen", draw.shade(SCREENS), [screen]),
    ):
        shape.add(material, colour, *[part.turn("z", -tilt) for part in parts])
    if draw.chance(0.4):
        shape.add(
            "aerial",
            draw.shade(DARK),
            rod((0, 0, width * 0.4), (0.0, half * 0.4, width * 0.4), 0.003, sides=8).turn(
                "z", -tilt
            ),
        )
    return shape


def desk_telephone(draw):
    """A wedge with keys or a dial and a handset across its cradle, tied by a coiled cord."""
    shape, case = Shape(), draw.pick(draw.paint(), draw.shade(DARK), draw.shade(LIGHT))
    deep, width, low, high = draw(0.18, 0.24), draw(0.16, 0.24), draw(0.02, 0.04), draw(0.07, 0.11)
    outline = [
        (-deep / 2, 0),
        (deep / 2, 0),
        (deep / 2, low),
        (-deep * 0.2, high * 0.85),
        (-deep * 0.3, high),
        (-deep / 2, high),
    ]
    shape.add("case", case, prism(outline, -width / 2, width / 2))
    slope = np.degrees(np.arctan2(high * 0.85 - low, deep * 0.7))
    start, keys = np.array([deep / 2, low]), draw.shade(LIGHT + DARK)

    def on_slope(share):
        return start + (np.array([-deep * 0.2, high * 0.85]) - start) * share

    if draw.chance(0.35):
        dial = lathe([(0, 0), (deep * 0.26, 0), (deep * 0.26, 0.008), (0, 0.012)], 24).turn(
            "z", -slope
        )
        shape.add("keys", keys, dial.move(*on_slope(0.5), 0))
        shape.add(
            "finger",
            draw.shade(METAL),
            *[
                lathe([(0, 0.006), (0.011, 0.006), (0.011, 0.013), (0, 0.013)], 8)
                .move(x=deep * 0.19)
                .turn("y", turn)
                .turn("z", -slope)
                .move(*on_slope(0.5), 0)
                for turn in np.arange(10) * 30.0
            ]
        )
    else:
        side = draw.pick(-1, 1) * width * 0.15
        for share in np.linspace(0.15, 0.62, 4):
            for z in (-0.03, 0, 0.03):
                shape.add(
                    "keys",
                    keys,
                    box(0.016, 0.01, 0.02, (0, 0, 0))
                    .turn("z", -slope)
                    .move(*on_slope(share), z + side),
                )
        shape.add(
            "screen",
            draw.shade(SCREENS),
            box(deep * 0.16, 0.008, 0.09, (0, 0, 0)).turn("z", -slope).move(*on_slope(0.84), side),
        )
    across, length, thick = draw.chance(0.5), draw(0.18, 0.22), draw(0.012, 0.018)
    grip = [
        (0, 0.0, -length / 2),
        (0, 0.022, -length * 0.32),
        (0, 0.028, 0),
        (0, 0.022, length * 0.32),
        (0, 0.0, length / 2),
    ]
    handset = [
        tube(grip, [thick, thick, thick * 0.9, thick, thick], 12),
        lathe([(0, -0.014), (0.026, -0.014), (0.02, 0.012), (0, 0.016)], 18).move(
            z=length / 2 - 0.005
        ),
        lathe([(0, -0.014), (0.026, -0.014), (0.02, 0.012), (0, 0.016)], 18).move(
            z=-length / 2 + 0.005
        ),
    ]
    place = (
        (-deep * 0.38, high + 0.016, 0)
        if across
        else (-deep * 0.1, high + 0.012, -width / 2 + 0.015)
    )
    turn = 0 if across else 90
    colour = case if draw.chance(0.6) else draw.paint()
    shape.add("handset", colour, *[part.turn("y", turn).move(*place) for part in handset])
    turns = np.linspace(0, draw.whole(5, 8) * 2 * np.pi, 90)
    end = -width / 2 - 0.02
    coil = np.column_stack(
        [
            np.linspace(-deep * 0.35, deep * 0.3, 90),
            0.012 + 0.008 * np.sin(turns),
            end + 0.008 * np.cos(turns),
        ]
    )
    shape.add("cord", draw.shade(DARK), tube(coil, 0.0026, 5))
    return shape


DISPLAYS = {"flat monitor": flat_monitor, "television": television, "tube monitor": tube_monitor}
LOUDSPEAKERS = {
    "box loudspeaker": box_loudspeaker,
    "loudspeaker on a stand": stand_loudspeaker,
    "round loudspeaker": round_loudspeaker,
}
TELEPHONES = {
    "smartphone": smartphone,
    "keypad phone": keypad_phone,
    "flip phone": flip_phone,
    "desk telephone": desk_telephone,
}
