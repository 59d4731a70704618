"""Variation of the views: what it changes, and what it must leave."""

import unittest
from unittest import mock

import numpy as np

from voxlstm.lib.data import variation
from voxlstm.lib.data.pictures import frame


def square(side=137, low=50, high=90):
    """Return a rendering with a square of one colour on nothing."""
    rendering = np.zeros((side, side, 4), np.uint8)
    rendering[low:high, low:high] = 200, 100, 50, 255
    return rendering


def always(**kinds):
    """Let these kinds of variation happen to every view, and no others."""
    every = dict.fromkeys(("REFRAMED", "GREY", "LIT", "BLURRED", "NOISY", "COMPRESSED"), 0.0)
    return mock.patch.multiple(variation, **{**every, **kinds})


class RenderingTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(0)

    def test_without_a_kind_nothing_changes(self):
        with always():
            np.testing.assert_array_equal(variation.varied_rendering(square(), self.rng), square())

    def test_reframing_keeps_colours_and_reaches_every_size_and_place(self):
        sides, middles = [], []
        for _ in range(200):
            varied = variation.reframed(square(), self.rng)
            rows, columns = np.nonzero(varied[..., 3] > 127)
            self.assertLessEqual(np.abs(varied[rows, columns, :3] - [200, 100, 50]).max(), 2)
            sides.append(np.ptp(columns) + 1)
            middles.append([rows.mean(), columns.mean()])
        low, high = (extent * 137 for extent in variation.EXTENTS)
        self.assertTrue(low - 2 < min(sides) < low + 5 and high - 5 < max(sides) < high + 2)
        spread = np.ptp(middles, axis=0)
        np.testing.assert_allclose(spread, 2 * variation.SHIFT * 137, atol=2)
        below = np.mean(middles, axis=0) - 68
        np.testing.assert_allclose(below, [variation.BELOW * 137, 0], atol=1)

    def test_a_framed_rendering_is_framed_as_a_users_picture(self):
        rendering = square(low=10, high=30)
        colour, alpha = rendering[..., :3] / 255, rendering[..., 3] / 255
        expected = np.abs(frame(colour, alpha) * 255 - 240).max(axis=0) > 40
        with always():
            varied = variation.varied_rendering(rendering, self.rng, framed=True)
        found = varied[5:-5, 5:-5, 3] > 127
        overlap = (found & expected).sum() / (found | expected).sum()
        self.assertGreater(overlap, 0.94)

    def test_an_empty_rendering_stays_empty(self):
        empty = np.zeros((137, 137, 4), np.uint8)
        with always(REFRAMED=1.0, GREY=1.0, LIT=1.0):
            self.assertFalse(variation.varied_rendering(empty, self.rng)[..., 3].any())

    def test_grey_has_one_value_in_all_channels(self):
        with always(GREY=1.0):
            varied = variation.varied_rendering(square(), self.rng)
        self.assertEqual(varied[70, 70].tolist(), [124, 124, 124, 255])

    def test_light_changes_colours_in_order_and_leaves_alpha(self):
        rendering = square()
        rendering[..., 3] = np.arange(137)
        with always(LIT=1.0):
            varied = variation.varied_rendering(rendering, self.rng)
        np.testing.assert_array_equal(varied[..., 3], rendering[..., 3])
        red, green, blue = varied[70, 70, :3].tolist()
        self.assertTrue(red > green > blue)
        self.assertNotEqual((red, green, blue), (200, 100, 50))


class ViewTest(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(0)
        self.view = np.full((3, 127, 127), 120, np.uint8)
        self.view[:, 40:80, 40:80] = 30

    def vary(self, **kinds):
        with always(**kinds):
            varied = variation.varied_view(self.view, self.rng)
        self.assertEqual((varied.shape, varied.dtype), (self.view.shape, np.uint8))
        return varied

    def test_without_a_kind_nothing_changes(self):
        np.testing.assert_array_equal(self.vary(), self.view)

    def test_noise_has_the_deviation_that_was_drawn_and_no_bias(self):
        with mock.patch.object(variation, "NOISES", (6.0, 6.0)):
            strays = self.vary(NOISY=1.0)[:, :40].astype(float) - 120
        self.assertAlmostEqual(strays.std(), 6, delta=0.2)
        self.assertAlmostEqual(strays.mean(), 0, delta=0.2)

    def test_blur_softens_edges_only(self):
        varied = self.vary(BLURRED=1.0)
        self.assertTrue((varied[:, 60, 39] < 120).all())
        np.testing.assert_array_equal(varied[:, :30], self.view[:, :30])

    def test_compression_keeps_the_picture(self):
        varied = self.vary(COMPRESSED=1.0)
        self.assertTrue(0 < np.abs(varied.astype(int) - self.view).max() < 40)
        self.assertLess(np.abs(varied.astype(int) - self.view).mean(), 3)
