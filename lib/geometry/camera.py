"""The camera of 3D-R2N2's renderings.

A model stands in ShapeNetCore.v1's frame: y up, front towards +x, z to its right, the centre of
its bounding box at the origin and the diagonal of the box of length 1 (`frame` says where its
voxels lie)::

              y (up)
              |
              |___ x (front)
             /
            z (right)

The published pictures were made in Blender, which turns a y-up file into its own z-up frame,
(x, y, z) -> (x, -z, y), with a camera on the x axis that is turned by -elevation about y and then
by -azimuth about z. In the model's own frame the camera is therefore at

    distance * (cos(el) cos(az), sin(el), cos(el) sin(az))

looking at the origin with y upwards in the picture: azimuth 0 sees the front, azimuth 90 the right
side. Every line of ``rendering_metadata.txt`` reads ``azimuth elevation in-plane ratio 25``, in
degrees; the distance is ratio * 1.75. The 25 is a leftover that the renderer never used: the lens
is 35 mm on a sensor of 32 mm, a field of view of 49.13 degrees. Pixel (column, row) covers
[column, column + 1) x [row, row + 1), and the axis of the lens meets the picture's centre.
"""

from dataclasses import dataclass

import numpy as np

from ..base.hints import StrPath
from ..data.layout import VIEWS, read_metadata

SIZE = 137
FOCAL_PIXELS = 35.0 / 32.0 * SIZE
MAX_DISTANCE = 1.75
AZIMUTH = (0.0, 360.0)
ELEVATION = (25.0, 30.0)
RATIO = (0.65, 0.95)


@dataclass(frozen=True)
class Viewpoint:
    """Where a picture is taken from: angles in degrees, ratio = distance / 1.75."""

    azimuth: float
    elevation: float
    ratio: float

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return (centre, right, down, forward), each (3,): the camera in the model's frame."""
        azimuth, elevation = np.radians([self.azimuth, self.elevation])
        back = np.array(
            [np.cos(elevation) * np.cos(azimuth), np.sin(elevation), np.cos(elevation) * np.sin(azimuth)]
        )
        right = np.array([np.sin(azimuth), 0.0, -np.cos(azimuth)])
        down = np.cross(right, back)
        return back * self.ratio * MAX_DISTANCE, right, down, -back


def read_viewpoints(path: StrPath) -> list[Viewpoint]:
    """Return the `Viewpoint` of each view that ``rendering_metadata.txt`` lists.

    Raises
    ------
    UserError
        When the file cannot be read or a line is not five numbers.
    """
    return [Viewpoint(*row) for row in read_metadata(path)]


def sample_viewpoints(generator: np.random.Generator, count: int = VIEWS) -> list[Viewpoint]:
    """Draw ``count`` viewpoints from 3D-R2N2's ranges with a NumPy ``Generator``."""
    ranges = np.array([AZIMUTH, ELEVATION, RATIO])
    draws = generator.uniform(ranges[:, 0], ranges[:, 1], size=(count, 3))
    return [Viewpoint(*map(float, draw)) for draw in draws]


def project(points: np.ndarray, viewpoint: Viewpoint) -> np.ndarray:
    """Project points into a picture.

    Parameters
    ----------
    points : (n, 3) array
        In the model's frame.
    viewpoint : Viewpoint

    Returns
    -------
    (n, 2) array
        Column and row, in pixels from the upper left corner of the picture.
    """
    centre, right, down, forward = viewpoint.axes()
    offsets = np.asarray(points, dtype=np.float64) - centre
    plane = np.stack([offsets @ right, offsets @ down], axis=1) / (offsets @ forward)[:, None]
    return plane * FOCAL_PIXELS + SIZE / 2
