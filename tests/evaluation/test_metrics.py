"""Metrics against loops and closed forms."""

import math
import unittest

import numpy as np

from voxlstm.lib.evaluation import metrics


def naive_counts(occupancy, voxels, threshold):
    """Return hit, false, missed of one object by a plain loop."""
    hit = false = missed = 0
    for p, y in zip(occupancy.ravel().tolist(), voxels.ravel().tolist()):
        hit += p > threshold and y == 1
        false += p > threshold and y == 0
        missed += p <= threshold and y == 1
    return hit, false, missed


def naive_average_precision(occupancy, voxels):
    """Return the average precision by its definition, threshold by threshold."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(occupancy.ravel().tolist()), reverse=True):
        kept = occupancy >= threshold
        hit = (kept & (voxels == 1)).sum()
        recall = hit / (voxels == 1).sum()
        total += (recall - recall_before) * hit / kept.sum()
        recall_before = recall
    return total


def example(seed=0, batch=3, size=5, levels=None):
    """Return random probabilities and voxels; of few distinct probabilities where asked."""
    random = np.random.default_rng(seed)
    occupancy = random.random((batch, size, size, size))
    if levels:
        occupancy = np.floor(occupancy * levels) / levels
    voxels = (random.random(occupancy.shape) < 0.3).astype(np.float32)
    return occupancy.astype(np.float32), voxels


class OverlapTest(unittest.TestCase):
    def test_iou_and_f_score_equal_counting_by_loop(self):
        occupancy, voxels = example()
        for threshold in (0.1, 0.4, 0.9):
            counts = [naive_counts(p, y, threshold) for p, y in zip(occupancy, voxels)]
            iou = [h / (h + f + m) for h, f, m in counts]
            f_score = [2 * h / (2 * h + f + m) for h, f, m in counts]
            np.testing.assert_allclose(metrics.iou(occupancy, voxels, threshold), iou, rtol=1e-12)
            np.testing.assert_allclose(metrics.f_score(occupancy, voxels, threshold), f_score)

    def test_f_score_is_the_harmonic_mean_of_precision_and_recall(self):
        occupancy, voxels = example(1, batch=1)
        hit, false, missed = naive_counts(occupancy[0], voxels[0], 0.5)
        precision, recall = hit / (hit + false), hit / (hit + missed)
        expected = 2 * precision * recall / (precision + recall)
        self.assertAlmostEqual(metrics.f_score(occupancy, voxels, 0.5)[0], expected, places=12)

    def test_every_pair_of_small_grids(self):
        cells = [np.array([a, b], np.float32) for a in (0, 1) for b in (0, 1)]
        for predicted in cells:
            for truth in cells:
                union = int(((predicted + truth) > 0).sum())
                expected = 1.0 if union == 0 else (predicted * truth).sum() / union
                self.assertEqual(metrics.iou(predicted[None], truth[None], 0.4)[0], expected)

    def test_a_probability_equal_to_the_threshold_is_empty(self):
        voxels = np.ones((1, 1), bool)
        for kind in (np.float32, np.float64):
            for threshold in metrics.SWEEP:
                same = np.full((1, 1), threshold, kind)
                self.assertEqual(metrics.iou(same, voxels, threshold)[0], 0.0)
                above = np.nextafter(same, kind(1))
                self.assertEqual(metrics.iou(above, voxels, threshold)[0], 1.0)

    def test_an_empty_union_counts_as_one(self):
        nothing = np.zeros((1, 2, 2, 2), np.float32)
        self.assertEqual(metrics.iou(nothing, nothing)[0], 1.0)
        self.assertEqual(metrics.f_score(nothing, nothing)[0], 1.0)
        self.assertEqual(metrics.iou(nothing + 1, nothing)[0], 0.0)

    def test_objects_do_not_mix(self):
        occupancy, voxels = example(2, batch=5)
        alone = [metrics.iou(occupancy[k : k + 1], voxels[k : k + 1])[0] for k in range(5)]
        np.testing.assert_array_equal(metrics.iou(occupancy, voxels), alone)

    def test_sweep_holds_the_iou_at_each_threshold(self):
        occupancy, voxels = example(3)
        table = metrics.sweep(occupancy, voxels)
        self.assertEqual(table.shape, (3, 19))
        for column, threshold in zip(table.T, metrics.SWEEP, strict=True):
            np.testing.assert_array_equal(column, metrics.iou(occupancy, voxels, threshold))
        self.assertEqual(metrics.SWEEP[7], 0.4)

    def test_the_sweep_counts_a_probability_at_a_threshold_as_empty(self):
        chances = np.float32([metrics.SWEEP])  # each is at one threshold and above those before it
        table = metrics.sweep(chances, np.ones_like(chances))
        np.testing.assert_allclose(table[0], np.arange(18, -1, -1) / 19)

    def test_the_sweep_of_nothing_found_and_nothing_there_is_1(self):
        empty = np.zeros((1, 5), np.float32)
        np.testing.assert_array_equal(metrics.sweep(empty, empty), np.ones((1, 19)))

    def test_the_best_threshold_is_that_of_the_mean(self):
        table = np.array([[0.1, 0.5, 0.2], [0.9, 0.4, 0.2]])
        self.assertEqual(metrics.best_threshold(table, (0.2, 0.3, 0.4)), (0.2, 0.5))

    def test_different_shapes_and_integers_are_refused(self):
        with self.assertRaisesRegex(ValueError, "differ in shape"):
            metrics.iou(np.zeros((1, 2)), np.zeros((1, 3)))
        with self.assertRaisesRegex(ValueError, "floating-point"):
            metrics.iou(np.zeros((1, 2), int), np.zeros((1, 2)))


class CrossEntropyTest(unittest.TestCase):
    def test_against_a_loop(self):
        occupancy, voxels = example(4)
        for k in range(3):
            pairs = zip(occupancy[k].ravel().tolist(), voxels[k].ravel().tolist())
            loss = [-math.log(p if y == 1 else 1 - p) for p, y in pairs]
            value = metrics.cross_entropy(occupancy, voxels)[k]
            self.assertAlmostEqual(value, sum(loss) / len(loss), places=6)

    def test_a_half_everywhere_costs_ln_2(self):
        voxels = example(5)[1]
        zeros = np.zeros(voxels.shape, np.float32)
        np.testing.assert_allclose(metrics.cross_entropy(zeros + 0.5, voxels), math.log(2))
        np.testing.assert_allclose(metrics.cross_entropy_of_log_odds(zeros, voxels), math.log(2))

    def test_log_odds_and_probabilities_agree(self):
        log_odds = np.random.default_rng(6).normal(0, 3, (3, 4, 4, 4)).astype(np.float32)
        voxels = example(6, size=4)[1]
        by_odds = metrics.cross_entropy_of_log_odds(log_odds, voxels)
        by_chance = metrics.cross_entropy(metrics.sigmoid(log_odds), voxels)
        np.testing.assert_allclose(by_odds, by_chance, rtol=1e-5)

    def test_certain_and_wrong_stays_finite_and_exact_from_log_odds(self):
        log_odds = np.array([[200.0, -200.0]], np.float32)
        self.assertEqual(metrics.cross_entropy_of_log_odds(log_odds, np.array([[0, 1]]))[0], 200.0)
        self.assertEqual(metrics.cross_entropy_of_log_odds(log_odds, np.array([[1, 0]]))[0], 0.0)
        chance = np.array([[1.0, 0.0]], np.float32)
        worst = metrics.cross_entropy(chance, np.array([[0, 1]]))[0]
        self.assertAlmostEqual(worst, 23 * math.log(2), places=9)

    def test_sigmoid_keeps_the_type_and_does_not_overflow(self):
        with np.errstate(over="raise"):
            values = metrics.sigmoid(np.array([-1000, 0, 1000], np.float32))
        self.assertEqual(values.dtype, np.float32)
        np.testing.assert_array_equal(values, [0, 0.5, 1])


class AveragePrecisionTest(unittest.TestCase):
    def test_against_the_definition_with_and_without_ties(self):
        for levels in (None, 4):
            occupancy, voxels = example(7, levels=levels)
            expected = [naive_average_precision(p, y) for p, y in zip(occupancy, voxels)]
            np.testing.assert_allclose(metrics.average_precision(occupancy, voxels), expected)

    def test_a_perfect_order_gives_one_and_a_constant_the_share_of_occupied(self):
        voxels = example(8)[1]
        np.testing.assert_array_equal(metrics.average_precision(voxels * 0.3, voxels), 1.0)
        constant = metrics.average_precision(np.full_like(voxels, 0.7), voxels)
        np.testing.assert_allclose(constant, voxels.reshape(3, -1).mean(axis=1))

    def test_an_empty_object_counts_as_one(self):
        grid = np.full((1, 2, 2, 2), 0.5, np.float32)
        self.assertEqual(metrics.average_precision(grid, np.zeros_like(grid))[0], 1.0)


if __name__ == "__main__":
    unittest.main()
