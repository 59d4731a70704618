"""What procedural shapes consist of: closed parts, put together to a shape of several materials."""

from dataclasses import dataclass

import numpy as np

from ..mesh import Mesh
from .palettes import Colour


@dataclass
class Part:
    """A closed triangle mesh.

    Attributes
    ----------
    vertices : (n, 3) float64
        In metres, y up, front towards +x, z to the right.
    faces : (m, 3) int64
        Indices of vertices, anticlockwise seen from outside.
    """

    vertices: np.ndarray
    faces: np.ndarray

    def move(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Part":
        """Return the part moved, in metres."""
        return Part(self.vertices + (x, y, z), self.faces)

    def scale(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> "Part":
        """Return the part scaled about the origin; factors are positive."""
        return Part(self.vertices * (x, y, z), self.faces)

    def turn(self, axis: str, degrees: float) -> "Part":
        """Return the part turned about an axis ("x", "y" or "z") through the origin."""
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        angle = np.radians(degrees)
        vertices = self.vertices.copy()
        vertices[:, i] = np.cos(angle) * self.vertices[:, i] - np.sin(angle) * self.vertices[:, j]
        vertices[:, j] = np.sin(angle) * self.vertices[:, i] + np.cos(angle) * self.vertices[:, j]
        return Part(vertices, self.faces)

    def mirror(self) -> "Part":
        """Return the part on the other side, z to -z."""
        return Part(self.vertices * (1, 1, -1), self.faces[:, ::-1])


class Shape:
    """A model under construction: parts, each of a named material with one colour.

    Attributes
    ----------
    parts : list of (str, Part)
        Material and part.
    colours : dict
        Material to (red, green, blue) in 0..1.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[str, Part]] = []
        self.colours: dict[str, Colour] = {}

    def add(self, material: str, colour: Colour, *parts: Part) -> None:
        """Add parts of one material; a material keeps its first colour."""
        self.colours.setdefault(material, tuple(colour))
        self.parts += [(material, part) for part in parts]

    def both(self, material: str, colour: Colour, *parts: Part) -> None:
        """Add parts and their mirror images on the other side."""
        self.add(material, colour, *parts, *[part.mirror() for part in parts])

    def mesh(self) -> tuple[Mesh, list[str]]:
        """Return the whole as one mesh.

        Returns
        -------
        mesh : Mesh
        names : list of str
            The names of its materials.
        """
        names = list(self.colours)
        offsets = np.cumsum([0] + [len(part.vertices) for _, part in self.parts])
        faces = [part.faces + offset for (_, part), offset in zip(self.parts, offsets)]
        numbers = [np.full(len(part.faces), names.index(name)) for name, part in self.parts]
        mesh = Mesh(
            np.concatenate([part.vertices for _, part in self.parts]),
            np.concatenate(faces).astype(np.int64),
            np.array([self.colours[name] for name in names], dtype=np.float64),
            np.concatenate(numbers).astype(np.int64),
        )
        return mesh, names
