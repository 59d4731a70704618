"""From predictions to rows, from rows to tables."""

import csv
import tempfile
import unittest
from collections import namedtuple
from pathlib import Path

import numpy as np

from voxlstm.lib.evaluation import metrics, rows
from voxlstm.lib.evaluation.baseline import mean_shape
from voxlstm.lib.evaluation.evaluate import evaluate, pick_cases, predict_objects, summary, thresholds_with
from voxlstm.lib.evaluation.predictions import Prediction
from voxlstm.lib.evaluation.rows import Row, SweepRow

Item = namedtuple("Item", "category model")
Batch = namedtuple("Batch", "views voxels objects")


def example(count=7, counts=(1, 3), size=4, seed=0):
    """Return predictions of objects of two categories of different size."""
    random = np.random.default_rng(seed)
    return [
        Prediction(
            "table" if k % 3 else "chair",
            f"m{k}",
            random.random(3 * (size,)) < 0.4,
            random.normal(0, 2, (len(counts), size, size, size)).astype(np.float32),
        )
        for k in range(count)
    ]


class EvaluateTest(unittest.TestCase):
    def test_every_object_and_number_of_views_has_a_row_with_its_own_scores(self):
        predictions = example()
        result = evaluate(predictions, (1, 3), 0.3)
        self.assertEqual(len(result.rows), 14)
        for k, row in enumerate(result.rows):
            item, place = predictions[k // 2], k % 2
            self.assertEqual((row.category, row.model, row.views), (item.category, item.model, (1, 3)[place]))
            log_odds, voxels = item.log_odds[place][None], item.voxels[None]
            chance = metrics.sigmoid(log_odds)
            self.assertEqual(row.iou, metrics.iou(chance, voxels, 0.3)[0])
            self.assertEqual(row.f_score, metrics.f_score(chance, voxels, 0.3)[0])
            self.assertEqual(row.average_precision, metrics.average_precision(chance, voxels)[0])
            self.assertAlmostEqual(
                row.cross_entropy, metrics.cross_entropy_of_log_odds(log_odds, voxels)[0], 12
            )
            self.assertEqual(result.sweep[k].iou[result.thresholds.index(0.3)], row.iou)

    def test_the_mean_is_over_objects_not_over_categories_or_batches(self):
        result = evaluate(example(), (1, 3))
        table = summary(result)
        expected = np.mean([row.iou for row in result.rows if row.views == 3])
        self.assertAlmostEqual(table["by_views"][1]["iou"], expected, places=14)
        chairs = [row.iou for row in result.rows if row.views == 1 and row.category == "chair"]
        self.assertAlmostEqual(table["by_category"]["chair"][0]["iou"], np.mean(chairs), places=14)
        self.assertEqual(table["by_category"]["chair"][0]["objects"], 3)
        self.assertEqual(table["objects"], 7)

    def test_the_sweep_passes_through_the_score(self):
        table = summary(evaluate(example(), (1, 3), 0.33))
        place = table["thresholds"].index(0.33)
        for part, line in zip(table["sweep"], table["by_views"], strict=True):
            self.assertAlmostEqual(part["iou"][place], line["iou"], places=14)

    def test_baselines_are_scored_on_the_same_objects(self):
        predictions = example()
        shape = mean_shape([item.voxels for item in example(seed=5)])
        result = evaluate(predictions, (1, 3), 0.4, {"mean shape": lambda category: shape})
        lines = result.baselines["mean shape"]
        self.assertEqual([row.model for row in lines], [item.model for item in predictions])
        self.assertEqual({row.views for row in lines}, {0})
        truth = np.stack([item.voxels for item in predictions])
        batch = np.broadcast_to(shape.occupancy, truth.shape)
        self.assertEqual([row.iou for row in lines], metrics.iou(batch, truth, shape.threshold).tolist())
        np.testing.assert_allclose(
            [row.cross_entropy for row in lines], metrics.cross_entropy(batch, truth), rtol=1e-12
        )
        self.assertAlmostEqual(
            summary(result)["baseline"]["mean shape"]["iou"],
            metrics.iou(batch, truth, shape.threshold).mean(),
            places=12,
        )

    def test_thresholds_too_near_to_the_chosen_one_make_room(self):
        self.assertEqual(thresholds_with(0.4), metrics.SWEEP)
        self.assertEqual(len(thresholds_with(0.375)), 20)
        self.assertIn(0.41, thresholds_with(0.41))
        self.assertNotIn(0.4, thresholds_with(0.41))


class PredictObjectsTest(unittest.TestCase):
    def test_partial_batches_are_kept_and_objects_stay_in_order(self):
        random = np.random.default_rng(0)
        batches = []
        for size in (2, 2, 1):
            items = [Item("chair", f"m{len(batches)}{k}") for k in range(size)]
            batches.append(
                Batch(
                    random.random((3, size, 3, 2, 2)).astype(np.float32),
                    random.random((size, 2, 2, 2)),
                    items,
                )
            )
        asked = []

        def predict(views, counts):
            asked.append((views.shape, tuple(counts)))
            sums = [views[:count].sum(axis=(0, 2, 3, 4)) for count in counts]
            return np.tile(np.array(sums)[..., None, None, None], (1, 1, 2, 2, 2))

        made = list(predict_objects(batches, predict, [1, 3]))
        self.assertEqual([item.model for item in made], ["m00", "m01", "m10", "m11", "m20"])
        self.assertEqual(asked[-1], ((3, 1, 3, 2, 2), (1, 3)))
        np.testing.assert_allclose(made[3].log_odds[0, 0, 0, 0], batches[1].views[:1, 1].sum(), rtol=1e-6)
        np.testing.assert_allclose(made[4].log_odds[1, 0, 0, 0], batches[2].views.sum(), rtol=1e-6)
        np.testing.assert_array_equal(made[3].voxels, batches[1].voxels[1] > 0.5)


class PickTest(unittest.TestCase):
    def test_best_median_and_worst_of_each_category_by_the_last_number_of_views(self):
        lines = [
            Row("chair", f"m{k}", views, iou if views == 2 else 1 - iou, 0.1, 0.5, 0.5)
            for k, iou in enumerate([0.3, 0.9, 0.1, 0.5, 0.7])
            for views in (1, 2)
        ]
        lines.append(Row("lamp", "one", 2, 0.4, 0.1, 0.5, 0.5))
        chosen = [(rank, row.category, row.model) for rank, row in pick_cases(lines)]
        self.assertEqual(
            chosen,
            [
                ("best", "chair", "m1"),
                ("median", "chair", "m3"),
                ("worst", "chair", "m2"),
                ("best", "lamp", "one"),
            ],
        )


class RowsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "rows.csv"

    def test_rows_come_back_to_the_last_bit(self):
        lines = evaluate(example(), (1, 3)).rows
        rows.write_rows(self.path, lines)
        with open(self.path, newline="", encoding="utf-8") as file:
            found = [
                rows.Row(r["category"], r["model"], int(r["views"]), *(float(r[m]) for m in rows.METRICS))
                for r in csv.DictReader(file)
            ]
        self.assertEqual(found, lines)

    def test_the_columns_are_named(self):
        rows.write_rows(self.path, evaluate(example(), (1, 3)).rows)
        with open(self.path, newline="", encoding="utf-8") as file:
            first = next(csv.DictReader(file))
        self.assertEqual(
            list(first),
            ["category", "model", "views", "iou", "cross_entropy", "average_precision", "f_score"],
        )

    def test_sweep_has_a_column_a_threshold(self):
        rows.write_sweep(self.path, [SweepRow("chair", "m", 2, (0.25, 0.5))], (0.4, 0.45))
        self.assertEqual(
            self.path.read_text(encoding="utf-8"),
            "category,model,views,iou@0.4,iou@0.45\nchair,m,2,0.25,0.5\n",
        )


if __name__ == "__main__":
    unittest.main()
