"""Random choices of procedural shapes."""

import colorsys

WOOD = [
    (0.45, 0.28, 0.15),
    (0.62, 0.42, 0.24),
    (0.30, 0.18, 0.10),
    (0.76, 0.60, 0.40),
    (0.52, 0.22, 0.12),
]
METAL = [(0.75, 0.76, 0.78), (0.55, 0.56, 0.58), (0.30, 0.31, 0.33), (0.72, 0.62, 0.38)]
DARK = [(0.08, 0.08, 0.09), (0.14, 0.14, 0.16), (0.10, 0.12, 0.18), (0.20, 0.18, 0.17)]
LIGHT = [(0.93, 0.93, 0.92), (0.88, 0.85, 0.78), (0.80, 0.82, 0.85), (0.95, 0.92, 0.84)]
GLASS = [(0.16, 0.20, 0.26), (0.24, 0.30, 0.36), (0.10, 0.12, 0.15)]


class Draw:
    """Draws the parameters of one shape from a NumPy ``Generator``."""

    def __init__(self, generator):
        self.generator = generator

    def __call__(self, low, high):
        """Return a number in [low, high)."""
        return float(self.generator.uniform(low, high))

    def whole(self, low, high):
        """Return an integer from low to high, both possible."""
        return int(self.generator.integers(low, high + 1))

    def pick(self, *choices):
        """Return one of the choices."""
        return choices[int(self.generator.integers(len(choices)))]

    def chance(self, probability):
        """Return True with this probability."""
        return bool(self.generator.random() < probability)

    def shade(self, palette):
        """Return a colour of a palette, a little lighter or darker."""
        factor = self(0.85, 1.15)
        return tuple(min(1.0, channel * factor) for channel in self.pick(*palette))

    def paint(self):
        """Return any colour, from grey to vivid."""
        return colorsys.hsv_to_rgb(
            self(0, 1), self.pick(self(0.05, 0.3), self(0.4, 0.9)), self(0.35, 0.95)
        )

    def furniture(self):
        """Return wood, or a painted colour."""
        return self.shade(WOOD) if self.chance(0.7) else self.paint()
