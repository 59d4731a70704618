"""The published camera convention, written for the tests alone and sharing no code with the project.

Blender imports a y-up file by turning it a quarter about x; 3D-R2N2 then places its camera on the
x axis and turns it by -elevation about y and -azimuth about z; a camera in Blender looks along its
own -z with +y up. This is the chain of matrices that readers of the published data use.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

SIZE = 137
Y_UP_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
# Columns: the camera's right, up and backward axes when it sits at (1, 0, 0) and looks at 0.
CAMERA_AXES = np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]])


def matrix(line):
    """Return the 3x4 matrix from model coordinates to homogeneous pixels for a metadata line."""
    azimuth, elevation, in_plane, ratio, _ = map(float, line.split())
    assert in_plane == 0
    a, e = np.radians(-azimuth), np.radians(-elevation)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(e), 0, np.sin(e)], [0, 1, 0], [-np.sin(e), 0, np.cos(e)]])
    turned = about_z @ about_y
    centre = turned @ np.array([ratio * 1.75, 0, 0])
    rotation = (turned @ CAMERA_AXES).T
    focal = 35.0 / 32.0 * SIZE
    pinhole = np.array([[focal, 0, SIZE / 2], [0, focal, SIZE / 2], [0, 0, 1]])
    flip = np.diag([1.0, -1.0, -1.0])  # pictures count rows downwards, depth forwards
    extrinsic = np.column_stack([flip @ rotation, -flip @ rotation @ centre])
    model = np.eye(4)
    model[:3, :3] = Y_UP_TO_Z_UP
    return pinhole @ extrinsic @ model


def pixels(points, line):
    """Return the columns and rows (n, 2) where points (n, 3) appear."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ matrix(line).T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def place(indices, size, scale):
    """Return points (n, 3) of a published grid: a cube of side ``scale`` about the origin."""
    return (np.asarray(indices) / size - 0.5) * scale


def silhouette(grid, scale, line, steps=6):
    """Return the mask (137, 137) that the occupied voxels of a grid cover."""
    inside = np.linspace(0, 1, steps)
    cube = np.stack(np.meshgrid(inside, inside, inside, indexing="ij"), axis=-1).reshape(-1, 3)
    outer = grid & ~ndimage.binary_erosion(grid)  # the others are hidden behind these
    points = (np.argwhere(outer)[:, None, :] + cube).reshape(-1, 3)
    column, row = np.floor(pixels(place(points, len(grid), scale), line)).astype(int).T
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    keep = (column >= 0) & (column < SIZE) & (row >= 0) & (row < SIZE)
    mask[row[keep], column[keep]] = True
    return mask


def read_object(root, synset, model):
    """Return grid, scale, translate, metadata lines and the 24 alphas of an object on disk.

    The binvox file is read by the few lines that the format's own page gives.
    """
    data = (root / "ShapeNetVox32" / synset / model / "model.binvox").read_bytes()
    header, runs = data.split(b"data\n", 1)
    fields = dict(line.split(" ", 1) for line in header.decode("ascii").splitlines())
    size = int(fields["dim"].split()[0])
    values, counts = np.frombuffer(runs, np.uint8).reshape(-1, 2).T
    grid = np.repeat(values, counts).reshape(size, size, size).transpose(0, 2, 1).astype(bool)
    translate = np.array(fields["translate"].split(), dtype=float)
    folder = root / "ShapeNetRendering" / synset / model / "rendering"
    lines = (folder / "rendering_metadata.txt").read_text(encoding="ascii").splitlines()
    alphas = [np.asarray(Image.open(folder / f"{view:02d}.png"))[..., 3] for view in range(24)]
    return grid, float(fields["scale"]), translate, lines, alphas


def coverage(grid, scale, lines, alphas):
    """Return for each view which part of the silhouette the voxels cover, and the IoU of both."""
    found = []
    for line, alpha in zip(lines, alphas):
        covered, seen = silhouette(grid, scale, line), alpha > 127
        both = (covered & seen).sum()
        found.append((both / seen.sum(), both / (covered | seen).sum()))
    return np.array(found).T
