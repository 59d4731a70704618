"""Users' pictures: every mode and size, backgrounds removed, the object framed as in training."""

import struct
import tempfile
import tracemalloc
import unittest
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import decoding, pictures

RED = (200, 30, 20)


def scene(height=200, width=300, box=(60, 100, 140, 160), background=(250, 250, 250)):
    """Return (height, width, 3) bytes: a red box (top, left, bottom, right) on a plain ground."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = background
    top, left, bottom, right = box
    pixels[top:bottom, left:right] = RED
    return pixels


def extent(view):
    """Return top, left, bottom, right of what differs from the grey of a view (3, 127, 127)."""
    rows, columns = np.nonzero(np.abs(view - pictures.BACKGROUND).max(axis=0) > 0.2)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


class PictureCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def save(self, image, name="picture.png", **options):
        path = self.folder / name
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
        return path

    def assert_framed(self, view, ratio=60 / 80, delta=2):
        """The box's longer (upright) side has the training extent and it sits in the middle."""
        top, left, bottom, right = extent(view)
        tall = pictures.EXTENT * pictures.SIZE
        self.assertAlmostEqual(bottom - top, tall, delta=delta)
        self.assertAlmostEqual(right - left, tall * ratio, delta=delta)
        middle = pictures.SIZE / 2 + pictures.BELOW
        self.assertAlmostEqual((top + bottom) / 2, middle, delta=1.5)
        self.assertAlmostEqual((left + right) / 2, pictures.SIZE / 2, delta=1.5)


class FrameTest(PictureCase):
    def test_plain_backgrounds_of_any_colour_are_removed(self):
        for background in [(250, 250, 250), (0, 0, 0), (30, 120, 220), (120, 120, 120)]:
            picture = pictures.load_picture(self.save(scene(background=background)))
            self.assertEqual(picture.cut, "plain background")
            self.assertEqual(picture.view.shape, (3, 127, 127))
            self.assertEqual(picture.view.dtype, np.float32)
            self.assert_framed(picture.view)
            np.testing.assert_allclose(picture.view[:, 2, 2], pictures.BACKGROUND, atol=1e-6)
            np.testing.assert_allclose(picture.view[:, 63, 63], np.array(RED) / 255, atol=0.02)

    def test_a_shaded_noisy_background_in_a_jpeg_is_removed(self):
        pixels = scene().astype(float)
        y, x = np.mgrid[0:200, 0:300]
        ground = np.all(pixels == 250, axis=-1)
        pixels[ground] -= (0.25 * x + 0.2 * y)[ground][:, None]
        pixels += np.random.default_rng(0).normal(0, 2, pixels.shape)
        path = self.save(np.uint8(np.clip(pixels, 0, 255)), "picture.jpg", quality=85)
        picture = pictures.load_picture(path)
        self.assertEqual(picture.cut, "plain background")
        self.assert_framed(picture.view, delta=5)  # JPEG's colour bleeds two pixels out

    def test_an_object_across_the_border_does_not_become_the_background(self):
        path = self.save(scene(box=(60, 100, 200, 180)))
        top, left, bottom, right = extent(pictures.load_picture(path).view)
        self.assertAlmostEqual((bottom - top) / (right - left), 140 / 80, delta=0.1)

    def test_alpha_is_used_before_colour(self):
        pixels = np.random.default_rng(1).integers(0, 255, (200, 300, 4), dtype=np.uint8)
        pixels[..., 3] = 0
        pixels[60:140, 100:160] = RED + (255,)
        picture = pictures.load_picture(self.save(pixels))
        self.assertEqual(picture.cut, "alpha")
        self.assert_framed(picture.view)
        self.assertEqual(float(picture.view[0].min()), float(np.float32(200 / 255)))

    def test_a_busy_background_is_kept_and_said(self):
        pixels = np.random.default_rng(2).integers(0, 255, (90, 160, 3), dtype=np.uint8)
        picture = pictures.load_picture(self.save(pixels))
        self.assertEqual(picture.cut, "not cut out")
        self.assertGreater(picture.view.std(), 0.1)

    def test_specks_do_not_change_the_frame(self):
        pixels = scene()
        pixels[5:8, 5:8] = 0
        self.assert_framed(pictures.load_picture(self.save(pixels)).view)

    def test_the_same_object_nearer_and_elsewhere_gives_the_same_view(self):
        near = pictures.load_picture(self.save(scene(400, 420, (20, 30, 340, 270)))).view
        far = pictures.load_picture(self.save(scene(500, 900, (300, 700, 380, 760)), "b.png")).view
        self.assertLess(np.abs(near - far).mean(), 0.01)


class ModeTest(PictureCase):
    def test_every_mode_is_read(self):
        rgb = Image.fromarray(scene())
        modes = "1 L LA P PA RGB RGBA RGBX CMYK YCbCr I F I;16".split()
        for mode in modes:
            with self.subTest(mode=mode):
                if mode == "I;16":
                    image = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
                elif mode == "I":
                    image = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.int32) * 257)
                elif mode == "PA":
                    image = rgb.convert("LA").convert("PA")
                else:
                    image = rgb.convert(mode)
                self.assertEqual(image.mode, mode)
                others = {"CMYK": "jpg", "YCbCr": "jpg", "F": "tiff", "RGBX": "tiff", "I": "tiff"}
                ending = others.get(mode, "png")
                if mode == "PA":
                    image = image.convert("RGBA")  # no writer keeps it; the reader sees RGBA
                # Without this JPEG's colour bleeds some pixels out of the object.
                options = {"quality": 95, "subsampling": 0} if ending == "jpg" else {}
                path = self.save(image, f"picture_{mode.replace(';', '')}.{ending}", **options)
                top, _, bottom, _ = extent(pictures.load_picture(path).view)
                self.assertAlmostEqual(bottom - top, pictures.EXTENT * pictures.SIZE, delta=5)

    def test_a_palette_with_a_transparent_colour_counts_as_alpha(self):
        palette = Image.fromarray(scene()).quantize(8)
        ground = palette.getpixel((0, 0))
        path = self.save(palette, "picture.gif", transparency=ground)
        picture = pictures.load_picture(path)
        self.assertEqual(picture.cut, "alpha")
        np.testing.assert_allclose(picture.view[:, 63, 63], np.array(RED) / 255, atol=0.03)

    def test_rounded_corners_are_no_object(self):
        corners = np.hypot(*np.mgrid[0:200, 0:300].astype(float)) < 24
        for turn in (np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1]):
            corners = corners | corners[turn]
        alpha = np.where(corners, 0, 255).astype(np.uint8)[..., None]
        path = self.save(np.concatenate([scene() * (alpha > 0), alpha], axis=2))
        picture = pictures.load_picture(path)
        self.assertEqual(picture.cut, "plain background")
        self.assert_framed(picture.view)
        noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
        busy = self.save(np.concatenate([noise, alpha], axis=2), "busy.png")
        self.assertEqual(pictures.load_picture(busy).cut, "not cut out")
        disc = np.hypot(*(np.mgrid[0:200, 0:200] - 99.5)) < 100  # it touches every side
        whole = np.concatenate([noise[:, :200], 255 * disc[..., None].astype(np.uint8)], axis=2)
        self.assertEqual(pictures.load_picture(self.save(whole, "disc.png")).cut, "alpha")

    def test_an_object_that_is_nowhere_opaque(self):
        alpha = np.where((scene() == RED).all(axis=2), 90, 0).astype(np.uint8)[..., None]
        picture = pictures.load_picture(self.save(np.concatenate([scene(), alpha], axis=2)))
        self.assertEqual(picture.cut, "alpha")
        self.assert_framed(picture.view)

    def test_16_bit_pictures_of_cameras(self):
        grey = scene()[..., 1].astype(np.uint16)
        views = []
        for bits in (10, 12, 14, 16):
            path = self.save(Image.fromarray(np.uint16(grey / 255 * (2**bits - 1))), f"{bits}.png")
            views.append(pictures.load_picture(path).view)
            np.testing.assert_allclose(views[-1], views[0], atol=0.02)
        self.assert_framed(views[0])

    def test_large_pictures_are_reduced_on_the_way(self):
        pixels = np.dstack([scene(1900, 2500, (400, 900, 1500, 1800)), np.full((1900, 2500), 255)])
        exif = Image.Exif()
        exif[0x0112] = 6
        for name, image in (
            ("a.png", Image.fromarray(pixels.astype(np.uint8))),
            ("a.jpg", Image.fromarray(pixels[..., :3].astype(np.uint8))),
            ("b.png", Image.fromarray(np.uint16(pixels[..., 1]) * 257)),
            ("c.png", Image.fromarray(pixels[..., 1] > 100)),
        ):
            path = self.save(image, name, exif=exif)
            usual = pictures.load_picture(path)
            with (
                mock.patch.object(decoding, "LARGE", 100_000),
                mock.patch.object(pictures, "WORKING_SIDE", 300),
            ):
                small = pictures.load_picture(path)
            self.assertEqual(small.cut, usual.cut)
            np.testing.assert_allclose(extent(small.view), extent(usual.view), atol=1.5)

    def test_exif_rotation_is_applied(self):
        upright = scene()
        lying = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned 90 degrees clockwise
        path = self.save(lying, "turned.jpg", exif=exif, quality=95)
        top, left, bottom, right = extent(pictures.load_picture(path).view)
        self.assertGreater(bottom - top, right - left)

    def test_tiny_and_huge_pictures(self):
        small = self.save(scene(12, 15, (3, 4, 9, 10)), "small.png")
        large = self.save(scene(3000, 4000, (300, 1500, 2700, 2500)), "large.png")
        for path in (small, large):
            top, _, bottom, _ = extent(pictures.load_picture(path).view)
            self.assertAlmostEqual(bottom - top, pictures.EXTENT * pictures.SIZE, delta=14)


class BadPictureTest(PictureCase):
    def assert_refused(self, path, words):
        with self.assertRaisesRegex(UserError, words) as caught:
            pictures.load_picture(path)
        self.assertIn(str(path), str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_missing_truncated_and_foreign_files_are_refused(self):
        self.assert_refused(self.folder / "none.png", "is missing")
        text = self.folder / "text.png"
        text.write_text("not a picture")
        self.assert_refused(text, "cannot read")
        whole = self.save(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
        whole.write_bytes(whole.read_bytes()[:3000])
        self.assert_refused(whole, "cannot read")
        self.assert_refused(self.folder, "cannot read")

    def test_pictures_of_too_many_pixels_are_refused_unread(self):
        path = self.save(np.zeros((8, 8), np.uint8))
        data = bytearray(path.read_bytes())
        data[16:24] = (20_000).to_bytes(4, "big") * 2
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        path.write_bytes(data)
        self.assert_refused(path, "has 400 million pixels, more than 100: reduce it first")

    def test_a_length_that_is_damaged_takes_no_memory(self):
        path = self.save(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
        data = bytearray(path.read_bytes())
        for name in (b"IDAT", b"IEND"):  # of what is needed, and of what is read behind it
            at = data.index(name) - 4
            path.write_bytes(data[:at] + b"\x3f\xff\xff\xff" + (name if name == b"IDAT" else b"juNk"))
            tracemalloc.start()
            try:
                self.assert_refused(path, "cannot read")
                self.assertLess(tracemalloc.get_traced_memory()[1], 10e6)
            finally:
                tracemalloc.stop()

    def test_what_decoders_cannot_do_is_one_sentence(self):
        path = self.save(np.zeros((8, 8, 3), np.uint8), "picture.dds")
        data = bytearray(path.read_bytes())
        data[80:84] = bytes(4)  # a pixel format that does not exist
        path.write_bytes(data)
        self.assert_refused(path, "cannot read the picture")
        for error in (MemoryError, NotImplementedError, RecursionError, struct.error, KeyError("x")):
            with mock.patch.object(Image, "open", side_effect=error):
                self.assert_refused(path, "picture.dds")

    def test_a_telephones_heic_names_the_remedy(self):
        path = self.folder / "phone.jpg"
        path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        with mock.patch.object(decoding, "READS_HEIC", False):
            self.assert_refused(path, "is a HEIC picture.*save it as JPEG.*voxlstm.heic")

    @unittest.skipUnless(decoding.READS_HEIC, "the extra heic is not installed")
    def test_a_telephones_heic(self):
        pixels = np.full((80, 120, 3), 230, np.uint8)
        pixels[30:60, 40:90] = 160, 60, 40
        kinds = [pictures.load_picture(self.save(pixels, name)) for name in ("phone.heic", "phone.png")]
        self.assertEqual(kinds[0].cut, kinds[1].cut)
        self.assertLess(np.abs(kinds[0].view - kinds[1].view).mean(), 0.01)

    def test_nothing_but_background_is_refused(self):
        self.assert_refused(self.save(np.full((50, 60, 3), 90, np.uint8)), "no object")
        empty = np.zeros((50, 60, 4), np.uint8)
        self.assert_refused(self.save(empty, "empty.png"), "no object")
        self.assert_refused(self.save(np.full((1, 1, 3), 90, np.uint8), "dot.png"), "no object")

    def test_no_pictures_at_all(self):
        with self.assertRaisesRegex(UserError, "at least one"):
            pictures.load_pictures([])

    def test_several_pictures_are_stacked_in_order(self):
        paths = [self.save(scene(background=(v, v, v)), f"{v}.png") for v in (250, 10, 120)]
        found, views = pictures.load_pictures(paths)
        self.assertEqual([p.name for p in found], ["250.png", "10.png", "120.png"])
        self.assertEqual(views.shape, (3, 3, 127, 127))
        np.testing.assert_array_equal(views[1], pictures.load_picture(paths[1]).view)
