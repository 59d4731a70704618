"""Cutting polygons into triangles."""

import unittest

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from voxlstm.lib.geometry.polygons import cut, triangulate

TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])  # any plane in space


def normals(points, triangles):
    """Return the normals of triangles, as long as twice their areas."""
    first, second, third = np.swapaxes(points[triangles], 0, 1)
    return np.cross(second - first, third - first)


class TriangulateTest(unittest.TestCase):
    def check(self, flat, area):
        """Check that a polygon's triangles cover its area, none of them turned over."""
        for corners in (flat, flat[::-1]):
            points = np.column_stack([corners, np.zeros(len(corners))]) @ TURN.T
            for start in range(len(points)):
                rolled = np.roll(points, start, axis=0)
                triangles = triangulate(rolled)
                self.assertEqual(triangles.shape, (len(points) - 2, 3))
                found = normals(rolled, triangles)
                assert_allclose(np.linalg.norm(found, axis=1).sum(), 2 * area)
                assert_allclose(np.linalg.norm(found.sum(axis=0)), 2 * area)

    def test_square(self):
        self.check(np.array([[0, 0], [2, 0], [2, 2], [0, 2]]), 4)

    def test_arrow_whose_fan_would_leave_it(self):
        self.check(np.array([[0, 0], [4, 3], [0, 6], [3, 3]]), 3)

    def test_comb(self):
        comb = [
            [0, 0],
            [7, 0],
            [7, 3],
            [6, 3],
            [6, 1],
            [4, 1],
            [4, 3],
            [3, 3],
            [3, 1],
            [1, 1],
            [1, 3],
            [0, 3],
        ]
        self.check(np.array(comb), 7 + 3 * 2)

    def test_hole_with_a_seam(self):
        ring = [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0], [1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]
        self.check(np.array(ring), 8)

    def test_star_that_only_turns_left_twice_round(self):
        angles = np.arange(5) * 2 * 2 * np.pi / 5
        star = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(5)])
        self.assertEqual(triangulate(star).shape, (3, 3))

    def test_points_on_straight_sides(self):
        self.check(np.array([[0, 0], [1, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2], [0, 1]]), 3)

    def test_size_and_place_do_not_matter(self):
        notch = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [1, 1, 0], [0, 2, 0]], dtype=float)
        for scale, place in ((1e-200, 0), (1e200, 0), (1, 5e5)):
            assert_array_equal(triangulate(notch * scale + place), triangulate(notch))

    def test_many_polygons_keep_their_order(self):
        points = np.array([[0, 0, 0], [4, 3, 0], [0, 6, 0], [3, 3, 0]])
        corners = np.array([0, 1, 2, 1, 0, 0, 1, 2, 3, 2, 1, 0])
        places, polygons = cut(points, corners, np.array([3, 2, 4, 3]))
        assert_array_equal(polygons, [0, 2, 2, 3])
        assert_array_equal(corners[places[[0, 3]]], [[0, 1, 2], [2, 1, 0]])
        self.assertTrue((np.sort(corners[places[1:3]])[:, -1] == 3).all())  # both at the notch

    def test_no_area(self):
        line = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3]])
        assert_array_equal(triangulate(line), [[0, 1, 2], [0, 2, 3]])


if __name__ == "__main__":
    unittest.main()
