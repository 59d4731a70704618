"""Seconds to a result in the browser, of the page that ``voxlstm page`` makes, in headless Chromium.

Goal: the first result within 10 s of opening the page, later ones within 2 s. To be run from the
repository's root, as ``python -m benchmarks.browser``.
"""

import io
import tempfile

import numpy as np
from PIL import Image

from tests.browser.site import visit
from voxlstm.tools import page

SCRIPT = """
  const found = [], timed = async (what, act, start) => {
    const before = results();
    act();
    await until(() => results() > before);
    found.push([what, (performance.now() - start) / 1000]);
  };
  await timed("first result, 5 views, from opening the page", () => example(1), 0);
  await timed("5 views of another object", () => example(2), performance.now());
  await timed("1 view of it", () => use(1), performance.now());
  const many = Array.from({ length: 24 }, (_, k) => state.pictures[k % 5]);
  await timed("24 views", () => show(many), performance.now());
  const photo = await given("photo.jpg");
  await timed("a photo of 12 megapixels", () => take(photo), performance.now());
  return found;"""


def photo():
    """Return a camera's picture of a box before a grey wall, as the bytes of a JPEG file."""
    pixels = np.random.default_rng(0).normal(205, 3, (3000, 4000, 3))
    pixels[900:2100, 1200:2900] -= (140, 90, 40)
    buffer = io.BytesIO()
    Image.fromarray(np.uint8(np.clip(pixels, 0, 255))).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def main():
    """Make the page, open it, print the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        page.main(["--out", f"{folder}/page"])
        for what, seconds in visit(f"{folder}/page", SCRIPT, {"photo.jpg": photo()}).value:
            print(f"{what}: {seconds:.2f} s")


if __name__ == "__main__":
    main()
