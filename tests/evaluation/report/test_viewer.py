"""The viewer in a real browser: it opens offline, runs without an error, and shows the numbers."""

import base64
import dataclasses
import html
import io
import shutil
import subprocess
import tempfile
import unittest

import numpy as np
import trimesh
from PIL import Image

from voxlstm.lib.evaluation import metrics
from voxlstm.lib.evaluation.report import figures, page, sections, viewer

from .example import Example, Page
from .test_page import NAMES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def setUpModule():
    """Write the report once."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


def browse(page, *options, fragment=""):
    """Run headless Chromium on a page; return standard output and the page's console messages."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-unsafe-swiftshader",  # WebGL drawn by software, as asked for by newer ones
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
            "--hide-scrollbars",
            # Any look-up of a name fails, so that a page that needs the network shows it.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=8000",
            *options,
            page.resolve().as_uri() + fragment,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    # What a software renderer says about its own speed is no fault of the page.
    return done.stdout, [line for line in console if "GPU stall due to ReadPixels" not in line]


class DataTest(unittest.TestCase):
    def test_the_look_is_that_of_the_drawings(self):
        look = viewer.viewer_data(example.results, example.cases)["look"]
        self.assertEqual((look["azimuth"], look["elevation"]), (figures.AZIMUTH, figures.ELEVATION))
        script = "".join(map(page.asset, page.SCRIPTS))
        for value in {*figures.TRUTH, *figures.PREDICTION, *figures.LIGHT, figures.FOLD} - {1.0}:
            self.assertNotRegex(script, rf"(?<![\d.]){value:g}(?![\d.])")

    def test_grids_come_back_from_their_packing(self):
        random = np.random.default_rng(0)
        for grid in (
            random.integers(0, 20, (7, 7, 7)),
            np.zeros((32, 32, 32), int),
            np.repeat([3, 4], 255).reshape(1, 2, 255),
            np.array([[[5]]]),
        ):
            pairs = np.frombuffer(base64.b64decode(viewer.pack(grid)), np.uint8)
            back = np.repeat(pairs[::2], pairs[1::2])
            np.testing.assert_array_equal(back, grid.ravel())

    def test_levels_cut_exactly_at_every_threshold(self):
        thresholds = (0.1, 0.4, 0.7)
        occupancy = np.array([0.05, 0.1, 0.4, np.nextafter(np.float32(0.4), np.float32(1)), 0.9], np.float32)
        levels = viewer.levels(occupancy, thresholds)
        for place, threshold in enumerate(thresholds):
            np.testing.assert_array_equal(levels > place, metrics.occupied(occupancy, threshold))


@unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
class BrowserTest(unittest.TestCase):
    def open(self, fragment="", page=None, *options):
        """Return the page after its script has run, having checked that nothing went wrong."""
        text, console = browse(page or example.page, "--dump-dom", *options, fragment=fragment)
        found = Page(text)
        self.assertEqual(console, [])
        self.assertEqual(found.root.get("data-ready"), "true")
        self.assertEqual(found.root.get("data-errors"), "0", found.root.get("data-last-error"))
        return found

    def case_iou(self, number, place, threshold):
        """Return the IoU of a case by the metric of this package."""
        case = example.cases[number]
        return metrics.iou(case.occupancy[place][None], case.voxels[None], threshold)[0]

    def test_it_runs_and_shows_the_score_of_the_first_object(self):
        page = self.open()
        self.assertEqual(page.root["data-renderer"], "webgl")
        self.assertEqual(page.roles["iou"], f"{example.cases[0].rows[-1].iou:.4f}")

    def test_without_webgl_the_pictures_remain_and_the_numbers_too(self):
        page = self.open("#case=1", None, "--disable-3d-apis")
        self.assertEqual(page.root["data-renderer"], "none")
        self.assertEqual(page.roles["iou"], f"{example.cases[1].rows[-1].iou:.4f}")
        self.assertNotIn("hidden", page.attributes["still"])
        self.assertIn("hidden", self.open().attributes["still"])

    def test_strange_names_are_shown_as_they_are(self):
        name = " ".join(NAMES)
        rows = [dataclasses.replace(row, category=name, model=name) for row in example.cases[0].rows]
        path = example.out / "strange.html"
        case = dataclasses.replace(example.cases[0], rows=rows)
        sections.write_report(path, example.results, [case])
        page = self.open(page=path)
        self.assertIn(f">{html.escape(name, quote=False)}, best (IoU", page.text)
        self.assertEqual(page.roles["iou"], f"{example.cases[0].rows[-1].iou:.4f}")

    def test_meshes_are_the_grids_at_the_threshold(self):
        case, threshold = example.cases[3], 0.75
        grids = {"prediction": metrics.occupied(case.occupancy[0], threshold), "truth": case.voxels}
        for kind, ending in (("prediction", "obj"), ("prediction", "stl"), ("truth", "glb")):
            with self.subTest(kind=kind, ending=ending):
                name, mesh = self.saved(kind, ending, f"#case=3&views=1&threshold={threshold}")
                self.assertEqual(name, f"{case.rows[-1].category}_{case.rank}_{kind}.{ending}")
                self.assert_is(mesh, grids[kind])

    def saved(self, kind, ending, fragment):
        """Return the name and the mesh of the file that a button of the page saves."""
        script = f"""
          URL.createObjectURL = (blob) => {{
            const reader = new FileReader();
            reader.onload = () => {{ page.dataset.mesh = reader.result; }};
            reader.readAsDataURL(blob);
            return "#";
          }};
          HTMLAnchorElement.prototype.click = function () {{ page.dataset.file = this.download; }};
          const grid = document.querySelector('[data-role="grid"]');
          grid.value = "{kind}"; grid.dispatchEvent(new Event("change"));
          document.querySelector('[data-mesh="{ending}"]').click();"""
        root = self.open(fragment, self.driven(script)).root
        content = base64.b64decode(root["data-mesh"].split(",")[1])
        return root["data-file"], trimesh.load(io.BytesIO(content), file_type=ending, force="mesh")

    def assert_is(self, mesh, grid):
        """Check that a mesh encloses the voxels of a grid once, centred, the longest side 1."""
        cells = np.argwhere(grid)
        low, side = cells.min(axis=0), np.ptp(cells, axis=0) + 1
        np.testing.assert_allclose(mesh.bounds, [-side / side.max() / 2, side / side.max() / 2], atol=1e-5)
        self.assertAlmostEqual(mesh.volume * side.max() ** 3 / grid.sum(), 1, places=3)
        middle = (cells.mean(axis=0) + 0.5 - low - side / 2) / side.max()
        np.testing.assert_allclose(mesh.center_mass, middle, atol=1e-3)

    def test_two_fingers_zoom(self):
        script = """
          const canvas = document.querySelector("canvas"), before = Number(page.dataset.zoom);
          const send = (kind, id, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: id }));
          send("pointerdown", 1, 100); send("pointerdown", 2, 200); send("pointermove", 2, 250);
          page.dataset.ratio = Number(page.dataset.zoom) / before;"""
        root = self.open(page=self.driven(script)).root
        self.assertAlmostEqual(float(root["data-ratio"]), 1.5, places=3)
        self.assertAlmostEqual(float(root["data-yaw"]), np.radians(35), places=3)

    def driven(self, script):
        """Return a copy of the page that runs a script of the test after its own."""
        path = example.out / "driven.html"
        text = example.page.read_text(encoding="utf-8")
        path.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        return path

    def test_views_and_threshold_are_applied(self):
        page = self.open("#case=3&views=1&threshold=0.75")
        self.assertEqual(page.roles["iou"], f"{self.case_iou(3, 0, 0.75):.4f}")
        self.assertEqual(page.roles["level"], "0.75")
        self.assertNotEqual(page.roles["iou"], f"{self.case_iou(3, 1, 0.4):.4f}")

    def test_controls_and_dragging_work(self):
        script = """
          const pick = (role) => document.querySelector(`[data-role="${role}"]`);
          pick("object").value = "2"; pick("object").dispatchEvent(new Event("change"));
          document.querySelector('[data-views="0"]').click();
          pick("threshold").value = "9"; pick("threshold").dispatchEvent(new Event("input"));
          const canvas = document.querySelector("canvas");
          const send = (kind, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: 1 }));
          send("pointerdown", 0); send("pointermove", 110); send("pointerup", 110);
          send("pointermove", 900);"""
        found = self.open(page=self.driven(script))
        threshold = example.results["thresholds"][9]
        self.assertEqual(found.roles["iou"], f"{self.case_iou(2, 0, threshold):.4f}")
        self.assertAlmostEqual(float(found.root["data-yaw"]), np.radians(35) - 1.0, places=3)
        self.assertAlmostEqual(float(found.root["data-pitch"]), np.radians(24), places=3)

    def test_an_error_would_be_seen(self):
        page = example.out / "broken.html"
        text = example.page.read_text(encoding="utf-8")
        page.write_text(
            text.replace("const N = data.size,", "const N = data.size.no.such,"), encoding="utf-8"
        )
        dom, console = browse(page, "--dump-dom")
        found = Page(dom)
        self.assertNotEqual(found.root.get("data-errors"), "0")
        self.assertNotIn("data-ready", found.root)
        self.assertTrue(console)

    def test_the_first_pane_shows_the_object_as_python_draws_it(self):
        pane, zoom = self.first_pane()
        # Half a pane is 0.86 grids; half a drawing is what the turned box of the grid reaches.
        turned = figures.camera(35 - np.degrees(3))
        reach = np.abs((np.array(list(np.ndindex(2, 2, 2))) - 0.5) @ turned[:2].T).max() / 0.98
        drawn = figures.draw_voxels(
            example.cases[0].voxels,
            len(pane),
            figures.TRUTH,
            azimuth=35 - np.degrees(3),
            zoom=zoom * reach / 0.86,
        )
        drawn = np.asarray(Image.fromarray(drawn).convert("L")).astype(int)
        expected, shown = drawn < 255, pane < 255
        self.assertGreater((shown & expected).sum() / (shown | expected).sum(), 0.95)
        # The same faces are in front, with the same light; Python's have a darker rim.
        apart = np.abs(pane - drawn)[shown & expected]
        self.assertLess(np.median(apart), 3)
        self.assertLess((apart > 16).mean(), 0.1)

    def first_pane(self):
        """Return the first pane in shades of grey, turned by three radians, and its zoom."""
        script = """
          const canvas = document.querySelector(".pane canvas");
          const send = (kind, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: 1 }));
          send("pointerdown", 0); send("pointermove", 330); send("pointerup", 330);
          page.dataset.pane = canvas.toDataURL();"""
        found = self.open("#case=0", self.driven(script))
        picture = base64.b64decode(found.root["data-pane"].split(",")[1])
        pane = np.asarray(Image.open(io.BytesIO(picture)).convert("L")).astype(int)
        return pane, float(found.root["data-zoom"])


if __name__ == "__main__":
    unittest.main()
