"""The camera against the published convention, written another way."""

import unittest

import numpy as np
from numpy.testing import assert_allclose

from tests.geometry.published import pixels
from voxlstm.lib.geometry.camera import Viewpoint, project, sample_viewpoints


class CameraTest(unittest.TestCase):
    def test_projection_is_the_published_chain_of_matrices(self):
        random = np.random.default_rng(3)
        for viewpoint in sample_viewpoints(random):
            points = random.uniform(-0.4, 0.4, (50, 3))
            assert_allclose(project(points, viewpoint), pixels(points, viewpoint.line()), atol=1e-9)

    def test_front_right_and_up_are_where_the_convention_puts_them(self):
        front = Viewpoint(0.0, 0.0, 0.8)
        # Seen from the front (+x), the object's right side (+z) is on the picture's left.
        assert_allclose(project([[0, 0, 0]], front), [[68.5, 68.5]])
        self.assertLess(project([[0, 0, 0.1]], front)[0, 0], 68.5)
        self.assertLess(project([[0, 0.1, 0]], front)[0, 1], 68.5)
        side = Viewpoint(90.0, 0.0, 0.8)
        self.assertGreater(project([[0.1, 0, 0]], side)[0, 0], 68.5)
        # The nearer of two points is farther from the centre.
        near = project([[0.3, 0.1, 0]], front)[0, 1]
        self.assertLess(near, project([[-0.3, 0.1, 0]], front)[0, 1])

    def test_field_of_view_is_that_of_35_mm_on_32_mm(self):
        viewpoint = Viewpoint(0.0, 0.0, 1.0)
        edge = 1.75 * np.tan(np.radians(49.134 / 2))
        assert_allclose(project([[0, 0, -edge]], viewpoint)[0, 0], 137.0, atol=0.01)

    def test_views_are_drawn_from_the_published_ranges(self):
        views = sample_viewpoints(np.random.default_rng(0), 4000)
        values = np.array([(v.azimuth, v.elevation, v.ratio) for v in views])
        low, high = np.array([[0, 25, 0.65], [360, 30, 0.95]])
        self.assertTrue((values >= low).all() and (values < high).all())
        assert_allclose(values.mean(axis=0), (low + high) / 2, rtol=0.03)
        self.assertEqual(len(sample_viewpoints(np.random.default_rng(0))), 24)

    def test_metadata_line_keeps_every_digit(self):
        viewpoint = Viewpoint(123.456789012345, 27.1, 0.7000000000000001)
        line = viewpoint.line().split()
        self.assertEqual(
            [float(line[0]), float(line[1]), float(line[3])],
            [viewpoint.azimuth, viewpoint.elevation, viewpoint.ratio],
        )
        self.assertEqual((line[2], line[4]), ("0", "25"))
