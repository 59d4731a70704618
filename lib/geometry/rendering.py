"""Pictures of a mesh in 3D-R2N2's camera convention and light, by ray casting.

The light was measured on published pictures: one lamp as wide as half the sky, 45 degrees high, that
stays with the object while the camera goes round it, and stands elsewhere for another object. There
are no shadows. A white face turned to the lamp has 0.81, one at right angles to it 0.635, one turned
away 0.46. On the seat of a published bench, seen from 24 sides, the reflection below fits every
pixel to 0.003; a published car has none.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..base.errors import need
from .camera import FOCAL_PIXELS, SIZE, Viewpoint, project
from .mesh import Mesh

SAMPLES = 2  # rays along each side of a pixel
DIFFUSE = 0.635  # of a white face at right angles to the lamp
SLOPE = 0.245  # from there to a face that looks into the lamp, or away from it
GLOSS = 0.225  # of the reflection, white, where it is brightest
SHARPNESS = 23  # its exponent
CREASE = np.cos(np.radians(38.0))  # faces that meet at a smaller angle are shaded as one surface
NEIGHBOURS = 64  # faces of one vertex that are compared with each of its faces


@dataclass(frozen=True)
class Light:
    """Where an object's lamp stands (degrees, as the camera's azimuth), and how much it reflects."""

    azimuth: float = 90.0
    gloss: float = 0.0

    @classmethod
    def draw(cls, generator: np.random.Generator) -> Self:
        """Draw the light of one object: any azimuth; half of the objects reflect."""
        return cls(float(generator.uniform(0, 360)), GLOSS * float(generator.integers(2)))

    def towards(self) -> np.ndarray:
        """Return the direction (3,) from the object to the lamp."""
        azimuth = np.radians(self.azimuth)
        return np.array([np.cos(azimuth), 1.0, np.sin(azimuth)] / np.sqrt(2.0), np.float32)


class Renderer:
    """Renders one mesh from any number of viewpoints.

    Parameters
    ----------
    mesh : voxlstm.lib.geometry.mesh.Mesh
        In ShapeNetCore.v1's frame (see `camera`).
    light : Light

    Notes
    -----
    Each pixel is the mean of SAMPLES x SAMPLES rays. A surface is opaque and shaded on both sides,
    so the order of a face's vertices does not matter.
    """

    def __init__(self, mesh: Mesh, light: Light = Light()) -> None:
        self.light = light
        scene = need("embreex.rtcore_scene", "data")
        construction = need("embreex.mesh_construction", "data")
        self.mesh = mesh
        self.materials = np.float32(mesh.materials)
        self.bounds = _corners(mesh.vertices[mesh.faces].reshape(-1, 3))
        self.normals = corner_normals(mesh.vertices, mesh.faces).astype(np.float32)
        self.scene = scene.EmbreeScene()
        # The scene reads these buffers for as long as it lives.
        self.buffers = np.float32(mesh.vertices[mesh.faces])
        construction.TriangleMesh(self.scene, self.buffers)

    def render(self, viewpoint: Viewpoint) -> np.ndarray:
        """Return a picture as (137, 137, 4) uint8: RGB, not premultiplied, and alpha."""
        rows, columns = self._window(viewpoint)
        picture = np.zeros((SIZE, SIZE, 4), dtype=np.uint8)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        origin, directions = _rays(viewpoint, rows, columns)
        hits = self.scene.run(np.broadcast_to(origin, directions.shape).copy(), directions, output=1)
        struck = np.flatnonzero(hits["primID"] >= 0)
        # A ray's samples of one pixel lie together, so that the mean is over the second axis.
        samples = np.zeros((len(directions), 4), dtype=np.float32)
        samples[struck, :3] = self._shade(
            hits["primID"][struck], hits["u"][struck], hits["v"][struck], directions[struck]
        )
        samples[struck, 3] = 1.0
        pixels = samples.reshape(height * width, SAMPLES * SAMPLES, 4).sum(axis=1)
        covered = pixels[:, 3:]
        pixels[:, :3] /= np.maximum(covered, 1.0)
        pixels[:, 3:] = covered / (SAMPLES * SAMPLES)
        picture[rows, columns] = np.rint(pixels * 255.0).astype(np.uint8).reshape(height, width, 4)
        return picture

    def _window(self, viewpoint):
        """Return the slices of rows and columns that the mesh's bounding box can cover."""
        corners = project(self.bounds, viewpoint)
        low = np.clip(np.floor(corners.min(axis=0)), 0, SIZE - 1).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)), 1, SIZE).astype(int)
        return slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1))

    def _shade(self, faces, u, v, directions):
        """Return the colours (n, 3) in 0..1 of hits on ``faces`` at barycentric ``u``, ``v``."""
        weights = np.stack([1.0 - u - v, u, v], axis=1)
        normals = _unit(np.einsum("nc,nci->ni", weights, self.normals[faces]))
        back = -_unit(directions)
        facing = np.einsum("ni,ni->n", normals, back)
        normals *= np.where(facing < 0, -1.0, 1.0).astype(np.float32)[:, None]
        lamp = self.light.towards()
        colours = self._colours(faces, weights) * (DIFFUSE + SLOPE * normals @ lamp)[:, None]
        if self.light.gloss:
            # Blinn: the nearer the normal is to half-way between lamp and camera, the brighter.
            mirrored = np.einsum("ni,ni->n", normals, _unit(back + lamp))
            colours += (self.light.gloss * np.clip(mirrored, 0.0, 1.0) ** SHARPNESS)[:, None]
        return np.clip(colours, 0.0, 1.0)

    def _colours(self, faces, weights):
        mesh = self.mesh
        if mesh.corner_colours is not None:
            colours = np.einsum("nc,nci->ni", weights, mesh.corner_colours[faces])
        else:
            colours = self.materials[mesh.face_materials[faces]]
        if mesh.textures:
            materials = mesh.face_materials[faces]
            for number, image in mesh.textures.items():
                chosen = np.flatnonzero(materials == number)
                uv = np.einsum("nc,nci->ni", weights[chosen], mesh.corner_uv[faces[chosen]])
                colours[chosen] = _sample(image, uv)
        return colours


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit normals (m, 3, 3) at the corners of every face.

    The normal of a corner is the mean over the faces of its vertex that are within the crease
    angle of its own face, weighted by their angle there: a cylinder is round and a box has edges,
    however they are cut into triangles. Vertices are matched by position, since files repeat them.
    """
    corners = vertices[faces]
    own = _unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    ahead = _unit(np.roll(corners, -1, axis=1) - corners)
    behind = _unit(np.roll(corners, 1, axis=1) - corners)
    angles = np.arccos(np.clip(np.einsum("mci,mci->mc", ahead, behind), -1, 1)).ravel()
    _, number = np.unique(np.round(vertices, 6), axis=0, return_inverse=True)
    merged = number[faces].ravel()
    order = np.argsort(merged, kind="stable")
    counts = np.bincount(merged)
    first = (np.cumsum(counts) - counts)[merged]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    normals = np.repeat(own, 3, axis=0)
    total, count = normals * angles[:, None], counts[merged]
    for step in range(1, min(int(counts.max()), NEIGHBOURS)):
        corner = np.flatnonzero(count > step)
        other = order[first[corner] + (place[corner] - first[corner] + step) % count[corner]]
        close = np.einsum("ni,ni->n", normals[corner], normals[other]) > CREASE
        corner, other = corner[close], other[close]
        total[corner] += normals[other] * angles[other, None]
    return _unit(total).reshape(-1, 3, 3)


def _rays(viewpoint, rows, columns):
    """Return the camera's position (3,) and a direction (n, 3) for every sample of the window.

    Samples are ordered by row, column, then the samples of that pixel.
    """
    centre, right, down, forward = viewpoint.axes()
    inside = (np.arange(SAMPLES) + 0.5) / SAMPLES
    x = (np.arange(columns.start, columns.stop)[:, None] + inside - SIZE / 2) / FOCAL_PIXELS
    y = (np.arange(rows.start, rows.stop)[:, None] + inside - SIZE / 2) / FOCAL_PIXELS
    across = (x[..., None] * right)[None, :, None, :, :]
    along = (y[..., None] * down)[:, None, :, None, :]
    directions = np.ascontiguousarray((across + along + forward).reshape(-1, 3), dtype=np.float32)
    return centre.astype(np.float32), directions


def _sample(image, uv):
    """Return colours (n, 3) in 0..1 of a repeated texture at ``uv`` (n, 2), nearest texel."""
    height, width = image.shape[:2]
    uv = np.nan_to_num(uv)
    column = np.floor(uv[:, 0] * width).astype(np.int64) % width
    row = np.floor((1.0 - uv[:, 1]) * height).astype(np.int64) % height
    return image[row, column] / 255.0


def _corners(points):
    low, high = points.min(axis=0), points.max(axis=0)
    grid = np.stack(np.meshgrid(*zip(low, high), indexing="ij"), axis=-1)
    return grid.reshape(-1, 3)


def _unit(vectors):
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return vectors / np.where(length > 0, length, 1.0)
