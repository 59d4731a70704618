"""The published camera convention, written for the tests alone and sharing no code with the project.

Blender imports a y-up file by turning it a quarter about x; 3D-R2N2 then places its camera on the
x axis and turns it by -elevation about y and -azimuth about z; a camera in Blender looks along its
own -z with +y up. This is the chain of matrices that readers of the published data use.
"""

import numpy as np
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


def silhouette(grid, line, steps=6):
    """Return the mask (137, 137) that the occupied voxels of a (32, 32, 32) grid cover."""
    inside = np.linspace(0, 1, steps)
    cube = np.stack(np.meshgrid(inside, inside, inside, indexing="ij"), axis=-1).reshape(-1, 3)
    outer = grid & ~ndimage.binary_erosion(grid)  # the others are hidden behind these
    points = (np.argwhere(outer)[:, None, :] + cube).reshape(-1, 3) / 32.0 - 0.5
    column, row = np.floor(pixels(points, line)).astype(int).T
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    keep = (column >= 0) & (column < SIZE) & (row >= 0) & (row < SIZE)
    mask[row[keep], column[keep]] = True
    return mask
