"""Views: the blend against a loop, the range of every random draw, and unreadable files."""

import io
import tempfile
import tracemalloc
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.views import as_float, load_views, prepare


class Fixed:
    """A generator whose next draws are given."""

    def __init__(self, *draws):
        self.draws = np.array(draws)

    def integers(self, low, high):
        assert ((low <= self.draws) & (self.draws < high)).all()
        return self.draws


def noise():
    return np.random.default_rng(0).integers(0, 256, (137, 137, 4), np.uint8)


def naive(picture, background, left, top, flip):
    view = np.empty((3, 127, 127))
    for channel, y, x in np.ndindex(3, 127, 127):
        column = left + (126 - x if flip else x)
        pixel = picture[top + y, column].astype(float)
        alpha = pixel[3] / 255
        view[channel, y, x] = alpha * pixel[channel] + (1 - alpha) * background[channel]
    return np.rint(view)


class TestPrepare(unittest.TestCase):
    def test_test_time_is_grey_and_centred(self):
        view = prepare(noise())
        self.assertEqual((view.dtype, view.shape), (np.uint8, (3, 127, 127)))
        np.testing.assert_array_equal(view, naive(noise(), [240] * 3, 5, 5, False))

    def test_training_time_against_a_loop(self):
        for draws in ((225, 240, 255, 0, 10, 0), (250, 230, 226, 10, 3, 1)):
            *background, left, top, flip = draws
            view = prepare(noise(), Fixed(*draws))
            expected = naive(noise(), background, left, top, flip)
            np.testing.assert_array_equal(view, expected)

    def test_exact_values(self):
        picture = np.zeros((137, 137, 4), np.uint8)
        picture[..., :3] = 51  # colour under alpha 0 must not show
        self.assertEqual(set(prepare(picture).flat), {240})
        picture[..., 3] = 255
        self.assertEqual(set(prepare(picture).flat), {51})
        picture[...] = 255
        self.assertEqual(set(prepare(picture).flat), {255})

    def test_every_draw_has_its_whole_range(self):
        # Red and green tell where a pixel was; the transparent corner tells the background.
        picture = np.full((137, 137, 4), 255, np.uint8)
        picture[..., 0], picture[..., 1] = np.meshgrid(np.arange(137), np.arange(137))
        clear = picture.copy()
        clear[..., 3] = 0
        lefts, tops, flips, colours = set(), set(), set(), [set(), set(), set()]
        for seed in range(1000):
            view = prepare(picture, np.random.default_rng(seed))
            flip = view[0, 0, 0] > view[0, 0, -1]
            flips.add(bool(flip))
            lefts.add(int(view[0, 0, -1 if flip else 0]))
            tops.add(int(view[1, 0, 0]))
            empty = prepare(clear, np.random.default_rng(seed))
            for channel in range(3):
                self.assertEqual(len(set(empty[channel].flat)), 1)
                colours[channel].add(int(empty[channel, 0, 0]))
        self.assertEqual((lefts, tops), (set(range(11)), set(range(11))))
        self.assertEqual(flips, {False, True})
        self.assertEqual(colours, [set(range(225, 256))] * 3)

    def test_what_the_network_computes_with(self):
        values = as_float(np.array([0, 51, 255], np.uint8))
        self.assertEqual(values.dtype, np.float32)
        self.assertEqual(values.tolist(), [0, np.float32(0.2), 1])
        self.assertIs(as_float(values), values)


class FileCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "00.png"

    def save(self, picture, mode=None):
        Image.fromarray(picture, mode).save(self.path)
        return self.path


class TestFiles(FileCase):
    def test_order_and_independence_of_views(self):
        other = self.path.with_name("01.png")
        Image.fromarray(255 - noise()).save(other)
        views = load_views([self.save(noise()), other, self.path])
        np.testing.assert_array_equal(views[0], prepare(noise()))
        np.testing.assert_array_equal(views[1], prepare(255 - noise()))
        drawn = load_views([self.path] * 2, np.random.default_rng(0))
        self.assertFalse(np.array_equal(*drawn))  # each view has its own draw
        np.testing.assert_array_equal(drawn, load_views([self.path] * 2, np.random.default_rng(0)))

    def test_pictures_without_alpha_are_opaque(self):
        expected = noise()
        expected[..., 3] = 255
        view = load_views([self.save(noise()[..., :3].copy())])[0]
        np.testing.assert_array_equal(view, prepare(expected))


def scene(width, height):
    """Return a picture of a soft disc, red to the right and green downwards, on transparency."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    alpha = np.clip((0.4 - np.hypot(x - 0.5, y - 0.5)) * 40, 0, 1)
    return np.uint8(np.rint(255 * np.stack([x, y, 0.5 + 0 * x, alpha], axis=-1)))


class TestSizes(FileCase):
    def test_a_larger_or_smaller_picture_gives_nearly_the_same_view(self):
        expected = as_float(prepare(scene(137, 137)))
        for side in (64, 138, 224, 1000):
            view = as_float(load_views([self.save(scene(side, side))])[0])
            self.assertEqual(view.shape, (3, 127, 127))
            self.assertLess(np.abs(view - expected).mean(), 0.006)

    def test_137_pixels_are_not_resampled(self):
        np.testing.assert_array_equal(load_views([self.save(noise())])[0], prepare(noise()))

    def test_colours_under_transparency_do_not_bleed(self):
        picture = scene(300, 300)
        picture[..., :3][picture[..., 3] == 0] = 0
        view = load_views([self.save(picture)])[0]
        self.assertGreater(view[2].min(), 0.45 * 255)

    def test_what_is_not_square_is_neither_cut_off_nor_distorted(self):
        picture = np.zeros((100, 200, 4), np.uint8)
        picture[:, :20] = (255, 0, 0, 255)  # at the left edge, over the whole height
        view = as_float(load_views([self.save(picture)], size=200)[0])
        red = np.argwhere(view[0] - view[1] > 0.9)
        rows, columns = np.ptp(red, axis=0) + 1
        # Of 216 pixels 200 are kept: 8 of the picture's leftmost 216 / 200 * 20 are cut off.
        self.assertAlmostEqual(rows, 100 * 216 / 200, delta=2)
        self.assertAlmostEqual(columns, 20 * 216 / 200 - 8, delta=2)
        self.assertEqual(view[0, 0, 100], np.float32(240 / 255))

    def test_the_crop_has_the_proportion_of_127_to_137_whatever_the_network_takes(self):
        for size in (64, 127, 254):
            self.save(scene(411, 411))
            view = as_float(load_views([self.path], size=size)[0])
            self.assertEqual(view.shape, (3, size, size))
            middle = view[:2, size // 2]
            edges = np.flatnonzero(np.abs(view[2, size // 2] - 240 / 255) > 0.2)
            self.assertAlmostEqual((np.ptp(edges) + 1) / size, 0.78 * 137 / 127, delta=0.02)
            self.assertAlmostEqual(middle[1].mean(), middle[1][size // 2], delta=0.2)
            drawn = [
                load_views([self.path], np.random.default_rng(seed), size=size)[0, 0] for seed in range(12)
            ]
            self.assertGreater(len({part.tobytes() for part in drawn}), 10)

    def test_a_long_and_narrow_picture_takes_little_memory(self):
        picture = np.full((30_000, 2, 4), 255, np.uint8)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        view = load_views([self.save(picture)])[0]
        self.assertEqual(view.shape, (3, 127, 127))
        self.assertLess(tracemalloc.get_traced_memory()[1], 1 << 22)
        np.testing.assert_array_equal(view[:, 60, 63], 255)

    def test_a_camera_held_upright(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter, clockwise
        picture = Image.new("RGB", (137, 137))
        picture.paste((255, 255, 255), (0, 0, 137, 60))  # light above, so to the right when turned
        picture.save(self.path.with_suffix(".jpg"), exif=exif)
        view = load_views([self.path.with_suffix(".jpg")])[0]
        self.assertGreater(view[0, 60, 120], 230)
        self.assertLess(view[0, 60, 10], 25)

    def test_jpeg(self):
        Image.new("RGB", (137, 137), (10, 200, 30)).save(self.path.with_suffix(".jpg"))
        view = load_views([self.path.with_suffix(".jpg")])[0]
        np.testing.assert_allclose(view[:, 60, 60], (10, 200, 30), atol=3)


class TestDamage(FileCase):
    def refused(self, offence):
        with self.assertRaises(UserError) as caught:
            load_views([self.path])
        self.assertIn(str(self.path), str(caught.exception))
        self.assertIn(offence, str(caught.exception))

    def test_missing(self):
        self.refused("is missing")

    def test_wrong_depth(self):
        Image.fromarray(np.zeros((137, 137), np.uint16)).save(self.path)
        self.refused("mode I;16")

    def test_not_a_picture(self):
        self.path.write_bytes(b"<html>404</html>")
        self.refused("cannot read the view")
        Image.new("RGB", (137, 137)).save(self.path, "GIF")
        self.refused("cannot read the view")

    def test_cut_off_anywhere(self):
        buffer = io.BytesIO()
        Image.fromarray(noise()[::1]).resize((137, 137)).save(buffer, "PNG")
        data = buffer.getvalue()
        for length in (0, 7, 20, 40, len(data) // 2, len(data) - 30):
            self.path.write_bytes(data[:length])
            self.refused("cannot read the view")

    def test_flipped_bits_give_a_picture_or_a_sentence(self):
        buffer = io.BytesIO()
        Image.new("RGBA", (137, 137), (1, 2, 3, 255)).save(buffer, "PNG")
        rng = np.random.default_rng(0)
        refused = 0
        for _ in range(500):
            data = bytearray(buffer.getvalue())
            for place in rng.integers(0, len(data), 3):
                data[place] ^= 1 << rng.integers(8)
            self.path.write_bytes(data)
            try:
                load_views([self.path])
            except UserError as error:
                refused += 1
                self.assertIn(str(self.path), str(error))
        self.assertGreater(refused, 100)
