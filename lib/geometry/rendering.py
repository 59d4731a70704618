"""Pictures of a mesh in 3D-R2N2's camera convention, by ray casting."""

import numpy as np

from ..runtime.errors import need
from .camera import FOCAL_PIXELS, SIZE, project

SAMPLES = 2  # rays along each side of a pixel
AMBIENT = 0.38
LAMPS = (  # direction towards the lamp in the model's frame, strength: two above
    (np.array([0.25, 0.70, 0.67]), 0.30),
    (np.array([-0.10, 0.78, -0.62]), 0.22),
)
HEADLIGHT = 0.34
CREASE = np.cos(np.radians(38.0))  # faces that meet at a smaller angle are shaded as one surface
NEIGHBOURS = 64  # faces of one vertex that are compared with each of its faces


class Renderer:
    """Renders one mesh from any number of viewpoints.

    Parameters
    ----------
    mesh : voxlstm.lib.geometry.mesh.Mesh
        In the data set's frame (see `camera`).

    Notes
    -----
    Each pixel is the mean of SAMPLES x SAMPLES rays. A surface is opaque and shaded on both sides,
    so the order of a face's vertices does not matter. There are no shadows, as in the published
    pictures: ambient light, two lamps above and a light at the camera.
    """

    def __init__(self, mesh):
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

    def render(self, viewpoint):
        """Return a picture as (137, 137, 4) uint8: RGB, not premultiplied, and alpha."""
        rows, columns = self._window(viewpoint)
        picture = np.zeros((SIZE, SIZE, 4), dtype=np.uint8)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        origin, directions = _rays(viewpoint, rows, columns)
        hits = self.scene.run(
            np.broadcast_to(origin, directions.shape).copy(), directions, output=1
        )
        struck = np.flatnonzero(hits["primID"] >= 0)
        # A ray's samples of one pixel lie together, so that the mean is over the second axis.
        samples = np.zeros((len(directions), 4), dtype=np.float32)
        samples[struck, :3] = self._shade(
            hits["primID"][struck],
            hits["u"][struck],
            hits["v"][struck],
            directions[struck],
            viewpoint,
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

    def _shade(self, faces, u, v, directions, viewpoint):
        """Return the colours (n, 3) in 0..1 of hits on ``faces`` at barycentric ``u``, ``v``."""
        weights = np.stack([1.0 - u - v, u, v], axis=1)
        normals = np.einsum("nc,nci->ni", weights, self.normals[faces])
        normals /= np.maximum(np.sqrt(np.einsum("ni,ni->n", normals, normals)), 1e-12)[:, None]
        facing = np.einsum("ni,ni->n", normals, directions)
        facing /= np.sqrt(np.einsum("ni,ni->n", directions, directions))
        normals *= np.where(facing > 0, -1.0, 1.0).astype(np.float32)[:, None]
        light = AMBIENT + HEADLIGHT * np.abs(facing)
        for towards, strength in LAMPS:
            # A lamp as wide as the sky: light fades to nothing only on the far side.
            light += strength * (
                0.5 + 0.5 * (normals @ np.float32(towards / np.linalg.norm(towards)))
            )
        return np.clip(self._colours(faces, weights) * light[:, None], 0.0, 1.0)

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


def corner_normals(vertices, faces):
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
