"""Views: the blend against a loop, the range of every random draw, and unreadable files."""
import io
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.data.views import load_views, prepare
from voxlstm.lib.runtime.errors import UserError


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
        view[channel, y, x] = (alpha * pixel[channel] + (1 - alpha) * background[channel]) / 255
    return view


class TestPrepare(unittest.TestCase):
    def test_test_time_is_grey_and_centred(self):
        view = prepare(noise())
        self.assertEqual((view.dtype, view.shape), (np.float32, (3, 127, 127)))
        np.testing.assert_allclose(view, naive(noise(), [240] * 3, 5, 5, False), rtol=2e-7)

    def test_training_time_against_a_loop(self):
        for draws in ((225, 240, 255, 0, 10, 0), (250, 230, 226, 10, 3, 1)):
            *background, left, top, flip = draws
            view = prepare(noise(), Fixed(*draws))
            expected = naive(noise(), background, left, top, flip)
            np.testing.assert_allclose(view, expected, rtol=2e-7)

    def test_exact_values(self):
        picture = np.zeros((137, 137, 4), np.uint8)
        picture[..., :3] = 51  # colour under alpha 0 must not show
        self.assertEqual(set(prepare(picture).flat), {np.float32(240 / 255)})
        picture[..., 3] = 255
        self.assertEqual(set(prepare(picture).flat), {np.float32(0.2)})
        picture[...] = 255
        self.assertEqual(set(prepare(picture).flat), {np.float32(1)})

    def test_every_draw_has_its_whole_range(self):
        # Red and green tell where a pixel was; the transparent corner tells the background.
        picture = np.full((137, 137, 4), 255, np.uint8)
        picture[..., 0], picture[..., 1] = np.meshgrid(np.arange(137), np.arange(137))
        clear = picture.copy()
        clear[..., 3] = 0
        lefts, tops, flips, colours = set(), set(), set(), [set(), set(), set()]
        for seed in range(1000):
            view = np.rint(255 * prepare(picture, np.random.default_rng(seed)))
            flip = view[0, 0, 0] > view[0, 0, -1]
            flips.add(bool(flip))
            lefts.add(int(view[0, 0, -1 if flip else 0]))
            tops.add(int(view[1, 0, 0]))
            empty = np.rint(255 * prepare(clear, np.random.default_rng(seed)))
            for channel in range(3):
                self.assertEqual(len(set(empty[channel].flat)), 1)
                colours[channel].add(int(empty[channel, 0, 0]))
        self.assertEqual((lefts, tops), (set(range(11)), set(range(11))))
        self.assertEqual(flips, {False, True})
        self.assertEqual(colours, [set(range(225, 256))] * 3)


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


class TestDamage(FileCase):
    def refused(self, offence):
        with self.assertRaises(UserError) as caught:
            load_views([self.path])
        self.assertIn(str(self.path), str(caught.exception))
        self.assertIn(offence, str(caught.exception))

    def test_missing(self):
        self.refused("is missing")

    def test_wrong_size(self):
        self.save(noise()[:, :127].copy())
        self.refused("is 127x137, not 137x137")

    def test_wrong_depth(self):
        Image.fromarray(np.zeros((137, 137), np.uint16)).save(self.path)
        self.refused("mode I;16")

    def test_not_a_picture(self):
        self.path.write_bytes(b"<html>404</html>")
        self.refused("cannot read the view")
        Image.new("RGB", (137, 137)).save(self.path, "JPEG")
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
