"""Fittings of furniture: handles and turned feet."""

from .dice import Draw
from .palettes import Colour, METAL, WOOD
from .parts import Shape
from .primitives import box, ellipsoid, rod


def handle(
    shape: Shape, metal: Colour, x: float, y: float, z: float, knob: bool, upright: bool
) -> None:
    """Add a knob or a bar to the front of a door or a drawer.

    Parameters
    ----------
    shape : Shape
        What the handle is added to.
    metal : tuple of float
        Its colour, channels in 0..1.
    x, y, z : float
        Where it is fixed, in metres.
    knob : bool
        A knob, else a bar.
    upright : bool
        Whether a bar stands upright.
    """
    if knob:
        shape.add("handle", metal, ellipsoid(0.035, 0.035, 0.035, (x + 0.015, y, z), 5, 10))
    else:
        size = (0.02, 0.14, 0.014) if upright else (0.02, 0.014, 0.14)
        shape.add("handle", metal, box(*size, at=(x + 0.02, y, z)))


def turned_feet(draw: Draw, shape: Shape, x: float, z: float, height: float) -> None:
    """Add four feet that narrow to the floor.

    Parameters
    ----------
    draw : Draw
        Decides their radius and colours.
    shape : Shape
        What the feet are added to.
    x, z : float
        Their distances from the middle, in metres.
    height : float
        How far they lift the object off the floor, in metres.
    """
    radius = draw(0.014, 0.03)
    for side in (-x, x):
        foot = rod((side, 0, z), (side, height + 0.02, z), radius * 0.7, radius)
        shape.both("feet", draw.shade(WOOD + METAL), foot)
