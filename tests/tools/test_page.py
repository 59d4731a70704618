"""The page as ``voxlstm page`` makes it: its results are reconstruct's, and they come soon."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.browser.made import ENCODED, decoded
from tests.browser.site import CHROMIUM, visit
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.browser import runtime
from voxlstm.lib.data.demo_objects import demo_objects
from voxlstm.tools import page, reconstruct

FIRST, LATER = 10.0, 2.0  # seconds that a result may take
SCRIPT = (
    ENCODED
    + """
  const found = [];
  for (const number of data.examples.keys()) {
    let start = number ? performance.now() : 0;
    const before = results();
    example(number);
    for (const count of [5, 1]) {
      if (count === 1) { start = performance.now(); use(1); }
      await until(() => results() > before + (count === 1));
      const seconds = (performance.now() - start) / 1000;
      found.push([data.examples[number].name, count, seconds, encoded(occupancy().buffer)]);
    }
  }
  return { found, threshold: state.threshold };"""
)


def quietly(main, *arguments):
    """Run a tool; return what it printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        main([str(argument) for argument in arguments])
    return output.getvalue()


class RefusalTest(unittest.TestCase):
    def test_a_folder_of_other_files_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            own = {"thesis.txt", "net.onnx", "index.html"}  # an exported network lies there too
            for name in own:
                (Path(folder) / name).touch()
            with self.assertRaisesRegex(UserError, "holds other files"):
                page.main(["--out", folder])
            with self.assertRaisesRegex(UserError, "is not a folder"):
                page.main(["--out", f"{folder}/thesis.txt"])
            self.assertEqual({path.name for path in Path(folder).iterdir()}, own)


@unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            runtime.runtime_files()
        except UserError as error:
            raise unittest.SkipTest(str(error)) from error
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.root = Path(made.name)
        for _ in range(2):  # an earlier page is replaced
            cls.said = quietly(page.main, "--out", cls.root / "page")
        cls.visit = visit(cls.root / "page", SCRIPT)

    def test_every_result_is_that_of_reconstruct(self):
        items = {item.category: item for item in demo_objects()}
        for name, count, _, text in self.visit.value["found"]:
            if name not in ("car", "chair", "sofa"):
                continue
            with self.subTest(name=name, views=count):
                shown = decoded(text).reshape(32, 32, 32)
                out = self.root / "expected.npy"
                paths = [items[name].view_path(number) for number in range(count)]
                quietly(reconstruct.main, *paths, "--out", out)
                expected = np.load(out)
                self.assertLess(np.abs(shown - expected).max(), 1e-3)
                self.assertGreater(expected.max(), 0.5)

    def test_the_slider_starts_where_reconstruct_cuts(self):
        out = self.root / "car.npy"
        (car,) = (item for item in demo_objects() if item.category == "car")
        said = quietly(reconstruct.main, car.view_path(0), "--out", out)
        filled = int((np.load(out) > np.float32(self.visit.value["threshold"])).sum())
        self.assertIn(f"{filled} of 32768 voxels", said)

    def test_results_come_soon(self):
        first, *later = [seconds for _, _, seconds, _ in self.visit.value["found"]]
        self.assertLess(first, FIRST)
        self.assertLess(max(later), LATER)

    def test_only_its_own_files_are_asked_for(self):
        self.assertEqual(self.visit.console, [])
        folder = self.root / "page"
        here = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        self.assertLessEqual(set(self.visit.asked), here)
        self.assertIn("net.onnx", self.visit.asked)

    def test_it_says_how_to_see_it(self):
        self.assertIn(f"python3 -m http.server --directory {self.root / 'page'}", self.said)


if __name__ == "__main__":
    unittest.main()
