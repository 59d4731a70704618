"""Pictures of 16 bits a channel keep a camera's brightness, in every file that holds such."""

import struct
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from voxlstm.lib.data import depth, pictures, views
from voxlstm.lib.data.decoding import opened

PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels to the format's number for them


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels):
    """Return a PNG of uint16 (height, width, channels), which Pillow cannot write."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, PNG_KINDS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(pixels, order="<", packed=False):
    """Return a TIFF of uint16 (height, width, 3 or 4), which Pillow cannot write."""
    height, width, channels = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if packed else data
    depths = struct.pack(f"{order}{channels}H", *[16] * channels)
    at = 8 + len(depths)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, 8),
        (259, 3, 1, 8 if packed else 1),
        (262, 3, 1, 2),
        (273, 4, 1, at),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]
    tags += [(338, 3, 1, 2)] if channels == 4 else []
    made = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at + len(data)) + depths + data
    made += struct.pack(f"{order}H", len(tags))
    for tag, kind, count, value in tags:
        short = kind == 3 and count == 1
        made += struct.pack(f"{order}HHI", tag, kind, count)
        made += struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
    return made + bytes(4)


class Depth(unittest.TestCase):
    def setUp(self):
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "a"

    def read(self, data):
        """Return what a picture becomes as 8-bit RGBA."""
        self.path.write_bytes(data)
        with opened(self.path) as image:
            depth.restore(self.path, image)
            return np.asarray(depth.eight_bits(image, depth.top(image)).convert("RGBA")).astype(int)

    def test_every_kind_of_file_and_camera(self):
        shown = np.random.default_rng(0).integers(0, 256, (150, 5, 4))  # more than a band of rows
        shown[0] = 255
        for bits in (10, 12, 14, 16):
            stored = np.uint16(shown / 255 * (2**bits - 1))
            for channels, file in [
                (1, png),
                (2, png),
                *((channels, kind) for channels in (3, 4) for kind in (png, tiff)),
                *(
                    (channels, lambda pixels, order=order, packed=packed: tiff(pixels, order, packed))
                    for channels in (3, 4)
                    for order, packed in ((">", False), ("<", True), (">", True))
                ),
            ]:
                with self.subTest(bits=bits, channels=channels):
                    kept = [0, 1] if channels == 2 else list(range(channels))
                    found = self.read(file(stored[..., kept]))
                    wanted = shown[..., kept]
                    if channels < 3:
                        wanted = np.concatenate([wanted[..., :1]] * 3 + [wanted[..., 1:]], axis=2)
                    assert_allclose(found[..., : wanted.shape[2]], wanted, atol=1)

    def test_alpha_has_bits_of_its_own(self):
        pixels = np.full((8, 8, 4), 4095, np.uint16)
        pixels[..., 3] = 65535
        pixels[0, 0, 3] = 0
        found = self.read(png(pixels))
        assert_array_equal(found[1], 255)
        self.assertEqual(found[0, 0, 3], 0)

    def test_both_ways_of_reading_take_it(self):
        pixels = np.full((137, 137, 4), 4095, np.uint16)
        pixels[..., :3] = 2048
        pixels[:20, :, 3] = 0
        self.path.write_bytes(png(pixels))
        assert_allclose(views.read_rendering(self.path)[60, 60], [128, 128, 128, 255], atol=1)
        picture = pictures.load_picture(self.path)
        self.assertEqual(picture.cut, "alpha")
        assert_allclose(picture.view[:, 70, 63], 0.5, atol=0.01)
