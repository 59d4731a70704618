"""Random choices of procedural shapes."""

import colorsys
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from .palettes import WOOD, Colour

Choice = TypeVar("Choice")


class Draw:
    """Draws the parameters of one shape, each by one or two numbers of a random generator.

    Parameters
    ----------
    generator : numpy.random.Generator
        Its state decides all that is drawn.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def __call__(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return float(self.generator.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """Return an integer from low to high, both possible."""
        return int(self.generator.integers(low, high + 1))

    def pick(self, *choices: Choice) -> Choice:
        """Return one of the choices, each as likely as another."""
        return choices[int(self.generator.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return bool(self.generator.random() < probability)

    def shade(self, palette: Sequence[Colour]) -> Colour:
        """Return a colour of a palette, up to 15 % lighter or darker; channels in 0..1."""
        factor = self(0.85, 1.15)
        return tuple(min(1.0, channel * factor) for channel in self.pick(*palette))

    def paint(self) -> Colour:
        """Return any colour, from grey to vivid; channels in 0..1."""
        hue, saturation = self(0, 1), self.pick(self(0.05, 0.3), self(0.4, 0.9))
        return colorsys.hsv_to_rgb(hue, saturation, self(0.35, 0.95))

    def furniture(self) -> Colour:
        """Return the colour of wood, or of paint."""
        return self.shade(WOOD) if self.chance(0.7) else self.paint()
