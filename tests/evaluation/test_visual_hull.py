"""The visual hull: what it holds, what views take away, and where it must keep voxels."""

import unittest

import numpy as np

from voxlstm.lib.evaluation.visual_hull import silhouette, visual_hulls
from voxlstm.lib.geometry.camera import SIZE, Viewpoint, sample_viewpoints
from voxlstm.lib.geometry.frame import header, in_grid, normalised
from voxlstm.lib.geometry.rendering import Renderer
from voxlstm.lib.geometry.shapes import generate
from voxlstm.lib.geometry.voxels import voxelise

VIEWPOINTS = sample_viewpoints(np.random.default_rng(0), 12)


def rendered(synset, index=0):
    """Return an object's voxels, its silhouettes and its grid's side."""
    mesh = normalised(generate(synset, 0, index)[0])
    renderer = Renderer(mesh)
    silhouettes = [silhouette(renderer.render(viewpoint)) for viewpoint in VIEWPOINTS]
    return voxelise(in_grid(mesh), 32), silhouettes, header(mesh)[1]


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


class VisualHullTest(unittest.TestCase):
    def test_it_holds_the_object_and_shrinks_with_every_view(self):
        voxels, silhouettes, scale = rendered("02958343")  # a car: few parts are thinner than a pixel
        hulls = visual_hulls(silhouettes, VIEWPOINTS, scale, range(1, 13))
        self.assertLess((voxels & ~hulls[-1]).sum(), 0.05 * voxels.sum())
        for more, less in zip(hulls[1:], hulls):
            self.assertFalse((more & ~less).any())
        scores = [overlap(hull, voxels) for hull in hulls]
        self.assertLess(scores[0], 0.3)
        self.assertGreater(scores[-1], 0.5)

    def test_a_box_is_found_from_many_sides(self):
        voxels, silhouettes, scale = rendered("03691459")  # a loudspeaker
        (hull,) = visual_hulls(silhouettes, VIEWPOINTS, scale, [12])
        self.assertGreater(overlap(hull, voxels), 0.75)

    def test_a_view_of_nothing_leaves_nothing_and_one_of_all_leaves_all(self):
        viewpoint = Viewpoint(30.0, 27.0, 0.9)
        for shown in (True, False):
            (hull,) = visual_hulls([np.full((SIZE, SIZE), shown)], [viewpoint], 0.5, [1], 8)
            self.assertEqual((hull.shape, hull.all(), hull.any()), ((8, 8, 8), shown, shown))

    def test_what_lies_beyond_the_picture_stays(self):
        near = Viewpoint(0.0, 0.0, 0.5)  # the corners of so large a grid are outside of its picture
        (hull,) = visual_hulls([np.zeros((SIZE, SIZE), bool)], [near], 1.0, [1], 16)
        self.assertTrue(hull[-1, 0, 0])
        self.assertFalse(hull[8, 8, 8])

    def test_the_edge_of_an_object_counts(self):
        rendering = np.zeros((1, 3, 4), np.uint8)
        rendering[0, :, 3] = 0, 1, 255
        self.assertEqual(silhouette(rendering).tolist(), [[False, True, True]])


if __name__ == "__main__":
    unittest.main()
