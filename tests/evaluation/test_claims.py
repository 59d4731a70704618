"""The paper's claims over several seeds: means, spreads and the text."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from voxlstm.lib.evaluation import claims, style


def result(iou, kernel="1x1x1"):
    """Return the part of a results.json that is used; IoU grows by 0.1 with the second view."""
    by_views = [
        {"views": 1, "iou": iou, "cross_entropy": 0.2},
        {"views": 2, "iou": iou + 0.1, "cross_entropy": 0.1},
    ]
    return {
        "views": [1, 2],
        "by_views": by_views,
        "objects": 7,
        "data": {"name": "set"},
        "network": {"parameters": 5, "kernel": kernel},
        "baseline": {"mean shape": {"iou": 0.25, "cross_entropy": 0.3}},
    }


def cells(state):
    row = {"state": state, "input_gate": 0.5, "forget_gate": 0.6, "occupancy": 0.01}
    return {"views": {"2": {"old": row}, "3": {"new": row, "old": {**row, "state": state / 2}}}}


HULL = {"objects": 7, "by_views": [{"views": 1, "iou": 0.125}, {"views": 20, "iou": 0.75}]}


class ClaimsTest(unittest.TestCase):
    def setUp(self):
        results = {
            "1x1x1": [result(v) for v in (0.3, 0.4, 0.5)],
            "3x3x3": [result(v, "3x3x3") for v in (0.4, 0.6, 0.45)],
        }
        measured = {name: [cells(v) for v in (0.1, 0.2, 0.3)] for name in results}
        self.claims = claims.summarise(results, measured, HULL)

    def test_the_spread_is_the_samples(self):
        found = claims.spread([1, 2, 6])
        self.assertEqual(found["mean"], 3)
        self.assertAlmostEqual(found["deviation"], 7**0.5)
        self.assertEqual(claims.spread([4])["deviation"], 0)

    def test_differences_are_seed_by_seed(self):
        difference = self.claims["difference"]["iou"]
        for value, expected in zip(difference["values"], (0.1, 0.2, -0.05)):
            self.assertAlmostEqual(value, expected)
        self.assertIn("higher IoU with 2 of 3 seeds", claims.describe(self.claims))

    def test_scores_by_views_and_cells(self):
        kernel = self.claims["kernels"]["1x1x1"]
        self.assertAlmostEqual(kernel["iou"]["mean"], 0.45)
        self.assertEqual([entry["views"] for entry in kernel["by_views"]], [1, 2])
        self.assertAlmostEqual(kernel["by_views"][1]["iou"]["mean"], 0.5)
        self.assertAlmostEqual(kernel["cells"]["3"]["new"]["state"]["mean"], 0.2)
        self.assertAlmostEqual(kernel["cells"]["3"]["old"]["state"]["mean"], 0.1)
        self.assertEqual(self.claims["mean_shape"], {"iou": 0.25, "cross_entropy": 0.3})

    def test_the_hull_stands_beside_the_networks_with_as_many_views(self):
        lines = [line.split() for line in claims.describe(self.claims).splitlines()]
        self.assertIn(["1", "0.1250", "0.4000", "+-", "0.1000", "0.4833", "+-", "0.1041"], lines)
        self.assertIn(["20", "0.7500"], lines)

    def test_without_a_baseline_its_line_is_left_out(self):
        results = {name: [{**result(0.3, name), "baseline": {}}] for name in claims.KERNELS}
        found = claims.summarise(results, {name: [cells(0.1)] for name in results}, HULL)
        self.assertIsNone(found["mean_shape"])
        text = claims.describe(found)
        self.assertNotIn("mean shape", text)
        self.assertIn("kernel 3x3x3", text)
        with tempfile.TemporaryDirectory() as folder:
            claims.draw(found, Path(folder) / "claims.png")

    def test_it_goes_into_json_and_a_picture(self):
        json.dumps(self.claims, allow_nan=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "claims.png"
            claims.draw(self.claims, path)
            pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        halves = np.array_split(pixels, 2, axis=1)
        for half in halves:  # both kernels are in both charts, in their own colour
            for colour in ([int(name[k : k + 2], 16) for k in (1, 3, 5)] for name in style.COLOURS[:2]):
                self.assertGreater((np.abs(half - colour).max(axis=-1) < 8).sum(), 100)
        self.assertGreater((pixels.max(axis=-1) < 60).sum(), 1000)  # axes and words
