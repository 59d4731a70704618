"""Saved predictions: small, without pickle, and scored to the same numbers."""

import json
import tempfile
import unittest
import warnings
import zipfile
from pathlib import Path

import numpy as np

from tests.base import hostile
from voxlstm.lib.evaluation import metrics
from voxlstm.lib.evaluation.evaluate import evaluate, save_passing, thresholds_with
from voxlstm.lib.evaluation.predictions import (
    LIMIT,
    STEP,
    TOLERANCE,
    Prediction,
    Predictions,
    decode,
    encode,
    open_writer,
)
from voxlstm.lib.base.errors import UserError


def example(count=3, views=2, size=8, seed=0):
    """Return predictions with many voxels near the thresholds."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        log_odds = random.normal(-1, 2.5, (views, size, size, size)).astype(np.float32)
        near = np.log(np.array(metrics.SWEEP) / (1 - np.array(metrics.SWEEP)))
        log_odds[:, 0, :3] = random.choice(near, (views, 3, size)) + random.normal(0, 1e-3, (views, 3, size))
        voxels = random.random((size, size, size)) < metrics.sigmoid(log_odds[-1])
        made.append(Prediction("chair", f"m{number}", voxels, log_odds))
    return made


class CodesTest(unittest.TestCase):
    def test_rounding_is_at_most_a_step(self):
        log_odds = np.random.default_rng(0).normal(0, 4, 10000).astype(np.float32)
        back = decode(encode(log_odds, metrics.SWEEP))
        inside = np.abs(log_odds) < LIMIT
        self.assertLessEqual(np.abs(back - log_odds)[inside].max(), 1.5 * STEP)

    def test_no_voxel_crosses_a_threshold(self):
        thresholds = thresholds_with(0.37)
        odds = np.log(np.array(thresholds) / (1 - np.array(thresholds))).astype(np.float32)
        near = [odds]
        for _ in range(40):
            near += [np.nextafter(near[-1], np.float32(9))]
        log_odds = np.concatenate([*near, odds - 1e-3, odds + 1e-3, odds - 5e-3, odds + 5e-3])
        before = metrics.sigmoid(log_odds)
        after = metrics.sigmoid(decode(encode(log_odds, thresholds)))
        for threshold in thresholds:
            np.testing.assert_array_equal(
                metrics.occupied(before, threshold), metrics.occupied(after, threshold)
            )

    def test_extremes_are_kept_within_the_limit(self):
        codes = encode(np.array([-1e9, 1e9], np.float32), metrics.SWEEP)
        np.testing.assert_array_equal(decode(codes), [-LIMIT, LIMIT])


class FileTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "saved.npz"

    def save(self, predictions, threshold=0.4):
        with open_writer(self.path, thresholds_with(threshold)) as writer:
            passed = list(save_passing(predictions, writer))
            writer.finish({"views": [1, 2]})
        return passed

    def test_scores_again_are_the_same(self):
        predictions = example()
        first = evaluate(self.save(predictions, 0.37), [1, 2], 0.37)
        again = evaluate(Predictions(self.path), [1, 2], 0.37)
        self.assertEqual([row.iou for row in first.rows], [row.iou for row in again.rows])
        self.assertEqual([row.f_score for row in first.rows], [row.f_score for row in again.rows])
        self.assertEqual(first.sweep, again.sweep)
        for one, other in zip(first.rows, again.rows, strict=True):
            self.assertEqual(one.model, other.model)
            self.assertAlmostEqual(one.cross_entropy, other.cross_entropy, delta=TOLERANCE)
            self.assertAlmostEqual(one.average_precision, other.average_precision, delta=TOLERANCE)

    def test_the_order_of_nearly_constant_predictions_is_kept_well_enough(self):
        random = np.random.default_rng(1)
        log_odds = random.normal(-3, 0.02, (1, 32, 32, 32)).astype(np.float32)
        voxels = random.random((32, 32, 32)) < 0.03 + 2 * (log_odds[0] + 3)
        self.save([Prediction("lamp", "m", voxels, log_odds)])
        before = metrics.average_precision(log_odds, voxels[None])
        after = metrics.average_precision(Predictions(self.path)[0].log_odds, voxels[None])
        self.assertGreater(before[0], 1.2 * voxels.mean())
        np.testing.assert_allclose(after, before, atol=TOLERANCE)

    def test_the_file_is_small_and_has_no_pickle(self):
        predictions = example(size=16)
        self.save(predictions)
        floats = sum(item.log_odds.nbytes for item in predictions)
        self.assertLess(self.path.stat().st_size, 0.5 * floats)
        with np.load(self.path, allow_pickle=False) as arrays:
            self.assertEqual(arrays["000000.log_odds"].dtype, np.uint8)
            self.assertEqual(len(arrays.files), 2 * 3 + 1)

    def test_voxels_and_names_come_back(self):
        predictions = example()
        self.save(predictions)
        for before, after in zip(predictions, Predictions(self.path), strict=True):
            self.assertEqual((before.category, before.model), (after.category, after.model))
            np.testing.assert_array_equal(before.voxels, after.voxels)

    def test_a_failure_leaves_no_file(self):
        with self.assertRaises(ZeroDivisionError):
            with open_writer(self.path, metrics.SWEEP) as writer:
                writer.add("chair", "m", np.ones((2, 2, 2)), np.zeros((1, 2, 2, 2), np.float32))
                raise ZeroDivisionError
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_other_files_are_refused(self):
        cases = {"text": b"hello", "empty": b"", "zip": None, "npz": None}
        for name, content in cases.items():
            path = self.path.with_name(name)
            if name == "zip":
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("a", "b")
            elif name == "npz":
                with open(path, "wb") as file:
                    np.savez(file, weights=np.zeros(3))
            else:
                path.write_bytes(content)
            with self.assertRaises(UserError, msg=name):
                Predictions(path)
        with self.assertRaisesRegex(UserError, "cannot read"):
            Predictions(self.path.with_name("missing.npz"))

    def test_arrays_of_another_kind_are_refused(self):
        with open_writer(self.path, metrics.SWEEP) as writer:
            writer.add("chair", "m", np.ones((2, 2, 2)), np.zeros((1, 2, 2), np.float32))
            writer.finish({"views": [1]})
        with self.assertRaisesRegex(UserError, "damaged"):
            list(Predictions(self.path))

    def test_every_kind_of_damage_is_refused(self):
        self.save(example())
        entries = hostile.entries_of(self.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile warns of a name given twice
            for victim in ("about.npy", "000000.log_odds.npy", "000001.voxels.npy"):
                for what, data in hostile.spoiled(entries, victim):
                    self.path.write_bytes(data)
                    with self.subTest(victim, what=what), self.assertRaises(UserError):
                        list(Predictions(self.path))

    def test_what_is_said_of_a_file_has_the_right_kinds(self):
        self.save(example())
        entries = dict(hostile.entries_of(self.path))
        good = Predictions(self.path).about
        wrong = [
            {"objects": value} for value in (None, 3, [3], [["a"]], [["a", 1]], [["a", "b"], ["a", "b"]])
        ]
        wrong += [{"views": value} for value in (None, 3, [0], ["1"], [True], [1, 2, 3], [10**400])]
        wrong += [{"thresholds": value} for value in (None, [2.0], ["x"], {})]
        wrong += [{"mean_shapes": value} for value in (None, [], {"": 3}, {"": {"threshold": 0.3}})]
        texts = [json.dumps({**good, **change}) for change in wrong] + ["[" * 100_000, "null", "9" * 5000]
        for text in texts:
            entries["about.npy"] = hostile.text_array(text)
            self.path.write_bytes(hostile.archive(entries.items()))
            with self.subTest(text[:60]), self.assertRaises(UserError):
                saved = Predictions(self.path)
                saved.of_views(0, saved.about["views"])

    def test_a_cut_file_is_refused(self):
        self.save(example())
        self.path.write_bytes(self.path.read_bytes()[:-200])
        with self.assertRaises(UserError):
            list(Predictions(self.path))


if __name__ == "__main__":
    unittest.main()
