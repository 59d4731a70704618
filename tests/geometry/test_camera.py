"""The camera against the published convention, written another way."""

import tempfile
import unittest
from dataclasses import astuple
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose

from tests.geometry.published import pixels
from voxlstm.lib.data import layout
from voxlstm.lib.geometry.camera import Viewpoint, project, read_viewpoints, sample_viewpoints


class CameraTest(unittest.TestCase):
    def test_projection_is_the_published_chain_of_matrices(self):
        random = np.random.default_rng(3)
        for viewpoint in sample_viewpoints(random):
            points = random.uniform(-0.4, 0.4, (50, 3))
            line = f"{viewpoint.azimuth} {viewpoint.elevation} 0 {viewpoint.ratio} 25"
            assert_allclose(project(points, viewpoint), pixels(points, line), atol=1e-9)

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

    def test_viewpoints_are_read_from_the_list_of_a_folder(self):
        viewpoints = [Viewpoint(12.5, 27.25, 0.7), Viewpoint(300.0, 29.0, 0.9)]
        with tempfile.TemporaryDirectory() as folder:
            layout.write_lists(folder, map(astuple, viewpoints))
            self.assertEqual(read_viewpoints(Path(folder, layout.METADATA)), viewpoints)
