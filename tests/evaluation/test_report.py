"""The report in a real browser: it opens offline, runs without an error, and shows the numbers."""
import base64
import dataclasses
import io
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.evaluation import figures, metrics, output, report
from voxlstm.lib.runs.curves import Row as CurveRow

from .example import CHAIR, LAMP, evaluate_example, make_data

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LOUD = {"link", "script", "img", "iframe", "audio", "video", "source", "object", "embed"}


class Example:
    """One written report for all the tests of this module."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        make_data(root / "set", {CHAIR: 15, LAMP: 10}, views=3)
        self.evaluation, self.results, self.cases = evaluate_example(root / "set", (1, 3))
        other = json.loads(json.dumps(self.results))
        other["network"].update(name="the <other> & one", kernel="1x1x1")
        rows = [CurveRow(k, 0.5 / k, 0.1, *((0.4, 0.2) if k % 50 == 0 else ()))
                for k in range(1, 201)]
        self.out = root / "out"
        output.write(self.out, self.evaluation, self.results, self.cases,
                     output.training_curves(rows), [other])
        self.page = self.out / "report.html"


def setUpModule():
    """Write the report once."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


def browse(page, *options, fragment=""):
    """Run headless Chromium on a page; return standard output and the page's console messages."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--enable-unsafe-swiftshader",  # WebGL drawn by software, as asked for by newer ones
            "--enable-logging=stderr", f"--user-data-dir={profile}", "--hide-scrollbars",
            # Any look-up of a name fails, so that a page that needs the network shows it.
            "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000",
            *options, page.resolve().as_uri() + fragment,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    # What a software renderer says about its own speed is no fault of the page.
    return done.stdout, [line for line in console if "GPU stall due to ReadPixels" not in line]


class Page(HTMLParser):
    """Attributes of the root, addresses that are asked for, scripts, and text by data-role."""

    def __init__(self, text):
        super().__init__()
        self.root, self.addresses, self.roles, self.ids, self._role = {}, [], {}, set(), None
        self.scripts = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "html":
            self.root = attrs
        if tag in LOUD:
            self.addresses += [attrs[key] for key in ("src", "href", "data") if attrs.get(key)]
        if "id" in attrs:
            self.ids.add(attrs["id"])
        self._role = attrs.get("data-role")
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        if self._role:
            self.roles[self._role] = self.roles.get(self._role, "") + data

    def handle_endtag(self, tag):
        self._role = None


class FileTest(unittest.TestCase):
    def test_nothing_is_loaded_from_elsewhere(self):
        text = example.page.read_text(encoding="utf-8")
        addresses = Page(text).addresses
        self.assertGreater(len(addresses), 10)
        self.assertEqual([a for a in addresses if not a.startswith("data:")], [])
        style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
        self.assertNotIn("url(", style)
        self.assertNotIn("@import", style)
        self.assertIn("default-src 'none'", text)

    def test_every_part_is_there(self):
        page = Page(example.page.read_text(encoding="utf-8"))
        self.assertLessEqual({"paper", "views", "categories", "thresholds", "pictures", "viewer",
                              "gates", "training", "made"}, page.ids)

    def test_names_are_escaped(self):
        text = example.page.read_text(encoding="utf-8")
        self.assertIn("the &lt;other&gt; &amp; one", text)
        self.assertNotIn("<other>", text)

    def test_a_model_name_cannot_break_the_page(self):
        name = '"></script><script>evil()</script>'
        rows = [dataclasses.replace(row, model=name) for row in example.cases[0].rows]
        path = example.out / "evil.html"
        case = dataclasses.replace(example.cases[0], rows=rows)
        report.write_report(path, example.results, [case])
        page = Page(path.read_text(encoding="utf-8"))
        self.assertEqual(len(page.scripts), 2)
        self.assertEqual(json.loads(page.scripts[0])["cases"][0]["model"], name)

    def test_other_data_is_marked_at_the_top(self):
        text = example.page.read_text(encoding="utf-8")
        self.assertIn("not on the paper’s data", text.split("<main>")[0])

    def test_grids_come_back_from_their_packing(self):
        random = np.random.default_rng(0)
        for grid in (random.integers(0, 20, (7, 7, 7)), np.zeros((32, 32, 32), int),
                     np.repeat([3, 4], 255).reshape(1, 2, 255), np.array([[[5]]])):
            pairs = np.frombuffer(base64.b64decode(report.pack(grid)), np.uint8)
            back = np.repeat(pairs[::2], pairs[1::2])
            np.testing.assert_array_equal(back, grid.ravel())

    def test_levels_cut_exactly_at_every_threshold(self):
        thresholds = (0.1, 0.4, 0.7)
        occupancy = np.array([0.05, 0.1, 0.4, np.nextafter(np.float32(0.4), np.float32(1)), 0.9],
                             np.float32)
        levels = report.levels(occupancy, thresholds)
        for place, threshold in enumerate(thresholds):
            np.testing.assert_array_equal(levels > place, metrics.occupied(occupancy, threshold))

    def test_the_gates_heading_counts_the_cells(self):
        text = example.page.read_text(encoding="utf-8")
        self.assertIn("What the 4×4×4 recurrent cells", text)
        case = next(case for case in example.cases if case.gates)
        gates = {name: np.zeros((2, 3, 2, 2, 2)) for name in case.gates}
        path = example.out / "coarse.html"
        report.write_report(path, example.results, [dataclasses.replace(case, gates=gates)])
        self.assertIn("What the 2×2×2 recurrent cells", path.read_text(encoding="utf-8"))

    def test_gate_maps_are_means_and_steps(self):
        random = np.random.default_rng(0)
        gates = {name: random.random((3, 5, 4, 4, 4)) for name in ("input", "forget", "hidden")}
        maps = report.gate_maps(gates)
        hidden = gates["hidden"]
        self.assertAlmostEqual(maps["input"][1, 0, 2, 3], gates["input"][1, :, 0, 2, 3].mean())
        first = np.sqrt((hidden[0, :, 1, 1, 1] ** 2).mean())
        third = np.sqrt(((hidden[2, :, 1, 1, 1] - hidden[1, :, 1, 1, 1]) ** 2).mean())
        self.assertAlmostEqual(maps["change"][0, 1, 1, 1], first)
        self.assertAlmostEqual(maps["change"][2, 1, 1, 1], third)

    def test_a_report_without_pictures_gates_and_curves_leaves_those_parts_out(self):
        bare = [figures.Case(c.rank, c.rows, c.voxels, c.occupancy) for c in example.cases]
        path = example.out / "bare.html"
        report.write_report(path, example.results, bare)
        ids = Page(path.read_text(encoding="utf-8")).ids
        self.assertIn("viewer", ids)
        self.assertFalse({"gates", "training"} & ids)


class FolderTest(unittest.TestCase):
    def test_the_files_are_there_and_agree(self):
        names = {path.name for path in example.out.iterdir()}
        self.assertLessEqual({"rows.csv", "baseline_rows.csv", "sweep_rows.csv", "results.json",
                              "report.html", "figures"}, names)
        results = output.read_results(example.out / "results.json")
        self.assertEqual(results["by_views"], example.results["by_views"])
        drawn = {path.name for path in (example.out / "figures").iterdir()}
        self.assertEqual(drawn, {"iou_by_views.svg", "iou_by_category.svg", "iou_by_threshold.svg",
                                 "reconstructions.png", "medians.png"})

    def test_the_sheets_show_all_cases_and_the_medians(self):
        medians = [case for case in example.cases if case.rank == "median"]
        self.assertEqual([case.rows[0].category for case in medians], ["chair"])  # of two lamps none is
        for name, cases in (("reconstructions", example.cases), ("medians", medians)):
            with Image.open(example.out / f"figures/{name}.png") as sheet:
                expected = figures.result_sheet(cases, example.results["threshold"])
                np.testing.assert_array_equal(np.asarray(sheet), expected, name)

    def test_results_are_not_overwritten_unasked(self):
        with self.assertRaisesRegex(UserError, "--overwrite"):
            output.reserve(example.out)
        output.reserve(example.out, overwrite=True)
        with self.assertRaisesRegex(UserError, "not a folder"):
            output.reserve(example.page)

    def test_other_json_is_refused(self):
        path = example.out / "other.json"
        for text in ("[]", "{}", "not json"):
            path.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(UserError, "results"):
                output.read_results(path)


class OneObjectTest(unittest.TestCase):
    """A test part of one object, with no training object and so without baselines."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, size=32, **more):
        """Write everything about one object; return its page, its results and its cases."""
        data = make_data(self.root / f"set{size}", {CHAIR: 1}, views=2, size=size)
        evaluation, results, cases = evaluate_example(data, (1, 2))
        results.update(more)
        output.write(self.root / "out", evaluation, results, cases)
        return (self.root / "out/report.html").read_text(encoding="utf-8"), results, cases

    def test_it_is_scored_shown_and_read_again(self):
        text, results, cases = self.write()
        self.assertEqual((results["objects"], len(cases), results["baseline"]), (1, 1, {}))
        self.assertEqual(output.read_results(self.root / "out/results.json")["baseline"], {})
        self.assertNotIn("mean shape", text)
        self.assertIn("1 held-out object of 1 category", text)
        self.assertIn(f"{cases[0].rows[-1].iou:.3f}", text)
        lines = (self.root / "out/baseline_rows.csv").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(lines), 1)

    def test_grids_of_16_and_of_64_voxels_a_side(self):
        for size, voxels in ((16, "4,096"), (64, "262,144")):
            with self.subTest(size=size):
                text, results, cases = self.write(size)
                self.assertIn(f"the sum over a grid is that times {voxels}.", text)
                self.assertIn(f"those here {size};", text)
                data = json.loads(Page(text).scripts[0])
                self.assertEqual(data["size"], size)
                pairs = np.frombuffer(base64.b64decode(data["cases"][0]["truth"]), np.uint8)
                back = np.repeat(pairs[::2], pairs[1::2])
                np.testing.assert_array_equal(back, cases[0].voxels.ravel())

    def test_notes_stand_at_the_top_and_the_split_beside_the_weights(self):
        split = {"name": "my <own>", "form": "json", "digest": "0123456789abcdef", "train": 0,
                 "validation": 0, "test": 1}
        text, *_ = self.write(notes=["The <baselines> are left out."], split=split)
        top, rest = text.split("<main>")
        self.assertIn('<p class="note">The &lt;baselines&gt; are left out.</p>', top)
        made = rest.split('<section id="made">')[1]
        self.assertIn("<dt>split</dt><dd>my &lt;own&gt; (json), digest 0123456789ab: 0 training",
                      made)
        self.assertNotIn("trained on", text)

    def test_figures_of_objects_that_were_trained_on_are_marked_everywhere(self):
        text, *_ = self.write(trained_objects=1)
        top, rest = text.split("<main>")
        said = "Measured on objects that the network was trained on (1 of 1)"
        self.assertIn(said, top)
        self.assertNotIn("held-out object", top)
        for name in ("views", "categories", "thresholds", "pictures"):
            self.assertIn(said, rest.split(f'<section id="{name}">')[1].split("</section>")[0])
        for name in ("views", "category", "threshold"):
            drawing = (self.root / f"out/figures/iou_by_{name}.svg").read_text(encoding="utf-8")
            self.assertIn("mean IoU, trained on", drawing)

    def test_results_of_before_the_notes_still_stand_beside(self):
        data = make_data(self.root / "set", {CHAIR: 6}, views=1)
        evaluation, results, cases = evaluate_example(data, (1,))
        old = {key: value for key, value in results.items() if key != "resolution"}
        old["network"] = {**old["network"], "name": "old"}
        output.write(self.root / "out", evaluation, results, cases, beside=[old])
        text = (self.root / "out/report.html").read_text(encoding="utf-8")
        self.assertIn("<td>old</td>", text)
        self.assertNotIn("<dt>split</dt>", text)

    def test_figures_of_3d_r2n2_stand_beside_those_of_a_published_split_alone(self):
        split = {"name": "Pix2Vox <own>", "form": "pytorch3d", "digest": "0" * 16, "train": 0,
                 "validation": 0, "test": 1}
        for kind, there in (("shapenet part", True), ("unknown", False)):
            with self.subTest(kind=kind):
                data = {"name": "ShapeNet", "papers_data": False, "kind": kind}
                text, *_ = self.write(16 if there else 32, data=data, split=split)
                part = text.split('<section id="paper">')[1].split("</section>")[0]
                self.assertEqual("3D-R2N2, 1 v." in part, there)
                self.assertEqual("another split (Pix2Vox &lt;own&gt;)" in part, there)
                self.assertEqual('<td class="n">0.466</td>' in part, there)

    def test_no_picture_of_an_earlier_run_stays(self):
        stale = self.root / "out/figures/medians.png"
        stale.parent.mkdir(parents=True)
        stale.write_bytes(b"old")
        self.write()
        self.assertFalse(stale.exists())


@unittest.skipIf(CHROMIUM is None, "Chromium is not installed")
class BrowserTest(unittest.TestCase):
    def open(self, fragment="", page=None):
        """Return the page after its script has run, having checked that nothing went wrong."""
        text, console = browse(page or example.page, "--dump-dom", fragment=fragment)
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
        self.assertIn(page.root["data-renderer"], ("webgl", "canvas"))
        self.assertEqual(page.roles["iou"], f"{example.cases[0].rows[-1].iou:.4f}")

    def test_it_falls_back_to_a_plain_canvas(self):
        page = self.open("#case=1&renderer=canvas")
        self.assertEqual(page.root["data-renderer"], "canvas")
        self.assertEqual(page.roles["iou"], f"{example.cases[1].rows[-1].iou:.4f}")

    def test_views_and_threshold_are_applied(self):
        page = self.open("#case=3&views=1&threshold=0.75")
        self.assertEqual(page.roles["iou"], f"{self.case_iou(3, 0, 0.75):.4f}")
        self.assertEqual(page.roles["level"], "0.75")
        self.assertNotEqual(page.roles["iou"], f"{self.case_iou(3, 1, 0.4):.4f}")

    def test_controls_and_dragging_work(self):
        script = """<script>
          const pick = (role) => document.querySelector(`[data-role="${role}"]`);
          pick("object").value = "2"; pick("object").dispatchEvent(new Event("change"));
          document.querySelector('[data-views="0"]').click();
          pick("threshold").value = "9"; pick("threshold").dispatchEvent(new Event("input"));
          const canvas = document.querySelector("canvas");
          const send = (kind, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: 1 }));
          send("pointerdown", 0); send("pointermove", 110); send("pointerup", 110);
          send("pointermove", 900);
        </script>"""
        page = example.out / "driven.html"
        text = example.page.read_text(encoding="utf-8")
        page.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
        found = self.open(page=page)
        threshold = example.results["thresholds"][9]
        self.assertEqual(found.roles["iou"], f"{self.case_iou(2, 0, threshold):.4f}")
        self.assertAlmostEqual(float(found.root["data-yaw"]), np.radians(35) - 1.0, places=3)
        self.assertAlmostEqual(float(found.root["data-pitch"]), np.radians(24), places=3)

    def test_an_error_would_be_seen(self):
        page = example.out / "broken.html"
        text = example.page.read_text(encoding="utf-8")
        page.write_text(text.replace("const N = data.size;", "const N = data.size.no.such;"),
                        encoding="utf-8")
        dom, console = browse(page, "--dump-dom")
        found = Page(dom)
        self.assertNotEqual(found.root.get("data-errors"), "0")
        self.assertNotIn("data-ready", found.root)
        self.assertTrue(console)

    def test_both_renderers_draw_the_object_where_python_does(self):
        panes = {}
        for name in ("webgl", "canvas"):
            pane, zoom = panes[name] = self.first_pane(name)
            # Half a pane is 0.86 grids; half a drawing is what the turned box of the grid reaches.
            turned = figures.camera(35 - np.degrees(3))
            reach = np.abs((np.array(list(np.ndindex(2, 2, 2))) - 0.5) @ turned[:2].T).max() / 0.98
            drawn = figures.draw_voxels(example.cases[0].voxels, len(pane),
                                        azimuth=35 - np.degrees(3), zoom=zoom * reach / 0.86)
            expected, shown = (drawn != 255).any(axis=2), pane < 235
            overlap = (shown & expected).sum() / (shown | expected).sum()
            self.assertGreater(overlap, 0.95, name)
        # The same faces are in front: their shades differ by the softer shadows of WebGL alone.
        one, other = panes["webgl"][0].astype(int), panes["canvas"][0].astype(int)
        apart = np.abs(one - other)[(one < 235) & (other < 235)]
        self.assertLess((apart > 12).mean(), 0.06)

    def first_pane(self, renderer):
        """Return the first pane in shades of grey, turned by three radians, and its zoom."""
        page = example.out / "pane.html"
        text = example.page.read_text(encoding="utf-8")
        script = """<script>
          const canvas = document.querySelector(".pane canvas");
          const send = (kind, x) => canvas.dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: 50, pointerId: 1 }));
          send("pointerdown", 0); send("pointermove", 330); send("pointerup", 330);
          page.dataset.pane = canvas.toDataURL();
        </script>"""
        page.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
        found = self.open(f"#case=0&renderer={renderer}", page)
        self.assertEqual(found.root["data-renderer"], renderer)
        picture = base64.b64decode(found.root["data-pane"].split(",")[1])
        pane = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
        return pane, float(found.root["data-zoom"])


if __name__ == "__main__":
    unittest.main()
