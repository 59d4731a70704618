"""The report's file: its sections, its notes, and that it loads nothing."""

import base64
import json
import re
import tempfile
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.evaluation import output
from voxlstm.lib.evaluation.report import figures, sections

from ..example import CHAIR, evaluate_example, make_data
from .example import Example, Page


def setUpModule():
    """Write the report once."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


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
        self.assertLessEqual(
            {"paper", "views", "categories", "thresholds", "pictures", "viewer", "gates", "training", "made"},
            page.ids,
        )

    def test_names_are_escaped(self):
        text = example.page.read_text(encoding="utf-8")
        self.assertIn("the &lt;other&gt; &amp; one", text)
        self.assertNotIn("<other>", text)

    def test_other_data_is_marked_at_the_top(self):
        text = example.page.read_text(encoding="utf-8")
        self.assertIn("not on the paper’s data", text.split("<main>")[0])

    def test_a_report_without_pictures_gates_and_curves_leaves_those_parts_out(self):
        bare = [figures.Case(c.rank, c.rows, c.voxels, c.occupancy) for c in example.cases]
        path = example.out / "bare.html"
        sections.write_report(path, example.results, bare)
        ids = Page(path.read_text(encoding="utf-8")).ids
        self.assertIn("viewer", ids)
        self.assertFalse({"gates", "training"} & ids)


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
        split = {
            "name": "my <own>",
            "form": "json",
            "digest": "0123456789abcdef",
            "train": 0,
            "validation": 0,
            "test": 1,
        }
        text, *_ = self.write(notes=["The <baselines> are left out."], split=split)
        top, rest = text.split("<main>")
        self.assertIn('<p class="note">The &lt;baselines&gt; are left out.</p>', top)
        made = rest.split('<section id="made">')[1]
        self.assertIn("<dt>split</dt><dd>my &lt;own&gt; (json), digest 0123456789ab: 0 training", made)
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
        split = {
            "name": "Pix2Vox <own>",
            "form": "pytorch3d",
            "digest": "0" * 16,
            "train": 0,
            "validation": 0,
            "test": 1,
        }
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


if __name__ == "__main__":
    unittest.main()
