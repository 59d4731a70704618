"""The page's cut-outs beside those of lib/data/pictures.py, for pictures of every kind."""

import base64
import io
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.browser import folder
from voxlstm.lib.data import pictures
from voxlstm.lib.data.demo_objects import demo_objects

from .site import ABOUT, CHROMIUM, FAKE, visit

SCRIPT = """
  const found = {};
  for (const file of await given(%s)) {
    try {
      const { view, cut } = viewOf(await pixelsOf(file), data.image);
      const bytes = new Uint8Array(view.buffer);
      found[file.name] = [cut, btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""))];
    } catch (error) { found[file.name] = [error.message, ""]; }
  }
  return found;"""


def scene(height, width, ground, noise=0.0):
    """Return an object, of a disc and a bar, before a shaded ground, as bytes (height, width, 3)."""
    random = np.random.default_rng(height)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    pixels = np.array(ground) - 12.0 * (x + 0.6 * y)[..., None]
    pixels[np.hypot(x + 0.2, y * height / width) < 0.4] = 30, 90, 160
    pixels[(np.abs(y - 0.1) < 0.06) & (np.abs(x) < 0.7)] = 170, 60, 40
    return np.uint8(np.clip(pixels + random.normal(0, noise, pixels.shape), 0, 255))


def alpha_of(height, width, most=255):
    """Return opacity with soft edges, bytes (height, width)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.uint8(np.clip((0.6 - np.hypot(x, y + 0.1)) * 9, 0, 1) * most)


def kinds():
    """Return pictures by file name, each of another kind."""
    plain, big = scene(300, 420, (235, 230, 240), 2), scene(1500, 2222, (90, 160, 200), 3)
    soft = np.dstack([scene(210, 333, (10, 20, 30)), alpha_of(210, 333)])
    large = np.dstack([scene(1201, 999, (10, 20, 30)), alpha_of(1201, 999)])
    corners = np.dstack([plain, np.full(plain.shape[:2], 255, np.uint8)])
    corners[:9, :9, 3] = corners[-7:, -9:, 3] = 0
    busy = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    faint = np.dstack([scene(150, 150, (10, 20, 30)), alpha_of(150, 150, 90)])
    dusty = plain.copy()
    dusty[5:8, 300:303] = 0
    saved = {
        "plain.png": plain,
        "plain.jpg": plain,
        "big.png": big,
        "big.jpg": big,
        "soft.png": soft,
        "large.png": large,
        "corners.png": corners,
        "busy.png": busy,
        "faint.png": faint,
        "dusty.png": dusty,
        "grey.png": plain[..., 0],
        "narrow.png": np.ascontiguousarray(scene(40, 900, (240, 240, 240))),
        "tiny.png": soft[::15, ::15],
        "empty.png": np.full((90, 90, 3), 200, np.uint8),
    }
    files = {}
    for name, array in saved.items():
        files[name] = encoded(Image.fromarray(array), "JPEG" if name.endswith("jpg") else "PNG")
    turned = Image.Exif()
    turned[0x0112] = 6
    files["turned.jpg"] = encoded(Image.fromarray(plain), "JPEG", exif=turned)
    files["palette.png"] = encoded(Image.fromarray(plain).quantize(64), "PNG")
    return files


def encoded(image, kind, **options):
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
class FramingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.files = kinds()
        for item in demo_objects():
            cls.files[f"{item.category}.png"] = Path(item.view_path(2)).read_bytes()
        cls.root = Path(made.name)
        (cls.root / "page").mkdir()
        (cls.root / "page" / folder.NETWORK).touch()
        folder.write_page(cls.root / "page", FAKE, {}, ABOUT)
        names = ", ".join(f'"{name}"' for name in cls.files)
        cls.visit = visit(cls.root / "page", SCRIPT % names, cls.files)

    def expected(self, name):
        path = self.root / name
        path.write_bytes(self.files[name])
        return pictures.load_picture(path)

    def test_every_view_is_that_of_reconstruct(self):
        cuts = set()
        for name, (cut, text) in self.visit.value.items():
            if name == "empty.png":
                continue
            with self.subTest(name):
                expected = self.expected(name)
                self.assertEqual(cut, expected.cut)
                cuts.add(cut)
                view = np.frombuffer(base64.b64decode(text), np.float32).reshape(expected.view.shape)
                self.assertLess(np.abs(view - expected.view).max(), 1e-5)
        self.assertEqual(cuts, {"alpha", "plain background", "not cut out"})

    def test_a_picture_of_background_alone_is_one_sentence(self):
        self.assertIn("shows no object, only background", self.visit.value["empty.png"][0])

    def test_the_console_is_silent(self):
        self.assertEqual(self.visit.console, [])


if __name__ == "__main__":
    unittest.main()
