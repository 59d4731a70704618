"""The objects that come along, as a network that knows them would reconstruct them."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.evaluation.report.example import Page
from voxlstm.lib.data import binvox, demo_objects
from voxlstm.lib.evaluation import demo
from voxlstm.lib.evaluation.report import page

MOST = 300_000  # bytes that the objects may take in the package


class Knowing:
    """Stands for a network: the first objects become the truth, the last one stays empty."""

    def __init__(self):
        self.truths = [binvox.read(item.voxels_path) > 0 for item in demo_objects.demo_objects()]
        self.shown = []

    def log_odds(self, views, counts):
        truth = self.truths[len(self.shown)] & (len(self.shown) < 5)
        self.shown.append(views)
        return np.stack([np.where(truth, count, -count) for count in counts])[:, None].astype(np.float32)

    def gates(self, views):
        raise NotImplementedError


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Knowing()
        cls.cases = demo.demo_cases(cls.network, 127, 0.4)

    def test_every_object_is_shown_by_all_its_pictures(self):
        self.assertEqual(len(self.network.shown), len(self.network.truths))
        for views in self.network.shown:
            self.assertEqual(views.shape, (demo_objects.VIEWS, 1, 3, 127, 127))
            # Framed: the object is as large as users' own ones are made.
            rows, columns = np.nonzero((np.abs(views - 240 / 255) > 0.02).any(axis=(0, 1, 2)))
            self.assertAlmostEqual(max(np.ptp(rows), np.ptp(columns)) + 1, 88, delta=2)

    def test_the_best_come_first(self):
        self.assertEqual([case.rows[-1].iou for case in self.cases], [1.0] * 5 + [0.0])
        self.assertEqual([row.views for row in self.cases[0].rows], [1, 2, 3, 4, 5])
        self.assertEqual(self.cases[-1].rows[-1].category, "watercraft")

    def test_the_page_has_all_of_them_and_loads_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "demo.html"
            demo.write_demo(path, self.cases, 0.4, "network <a>")
            text = path.read_text(encoding="utf-8")
        found = Page(text)
        data = json.loads(found.scripts[0])
        self.assertEqual(len(data["cases"]), 6)
        self.assertEqual(data["views"], [1, 2, 3, 4, 5])
        self.assertTrue(all(address.startswith("data:") for address in found.addresses))
        self.assertIn("It is network &lt;a&gt;.", text)
        self.assertIn("viewer", found.ids)
        self.assertTrue(found.scripts[1].rstrip().endswith(page.asset("viewer.js").rstrip()))

    def test_the_objects_take_little_room(self):
        folder = Path(demo_objects.__file__).with_name("demo")
        self.assertLess(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), MOST)


if __name__ == "__main__":
    unittest.main()
