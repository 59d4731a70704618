"""The mean shape: its probabilities, its threshold, its scores."""

import unittest

import numpy as np

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.evaluation import metrics
from voxlstm.lib.evaluation.baseline import PackedGrids, mean_shape, mean_shapes


def grids(count=9, size=4, seed=0):
    """Return boolean grids that are alike, voxel by voxel."""
    random = np.random.default_rng(seed)
    chance = random.random((size, size, size)) ** 2
    return [random.random(chance.shape) < chance for _ in range(count)]


class MeanShapeTest(unittest.TestCase):
    def test_probabilities_follow_laplaces_rule(self):
        shape = mean_shape([np.array([[[True, True, False]]]), np.array([[[True, False, False]]])])
        np.testing.assert_allclose(shape.occupancy.ravel(), [3 / 4, 2 / 4, 1 / 4])
        self.assertEqual(shape.objects, 2)

    def test_no_other_threshold_is_better_on_the_training_objects(self):
        for seed in range(5):
            training = grids(seed=seed)
            shape = mean_shape(training)
            truth = np.stack(training)
            batch = np.broadcast_to(shape.occupancy, truth.shape)
            own = metrics.iou(batch, truth, shape.threshold).mean()
            self.assertAlmostEqual(own, shape.training_iou, places=12)
            for threshold in np.linspace(0, 1, 201):
                self.assertLessEqual(metrics.iou(batch, truth, threshold).mean(), own + 1e-12)

    def test_identical_objects_are_predicted_perfectly(self):
        one = grids(1)[0]
        shape = mean_shape([one] * 6)
        self.assertEqual(shape.training_iou, 1.0)
        np.testing.assert_array_equal(metrics.occupied(shape.occupancy, shape.threshold), one)

    def test_a_cut_between_equal_probabilities_is_not_claimed(self):
        # Keeping the first voxel alone would be best, but the second is as probable.
        cells = [[0], [0], [1, 2, 3, 4], [1, 5, 6, 7]]
        training = [np.isin(np.arange(8), occupied).reshape(2, 2, 2) for occupied in cells]
        shape = mean_shape(training)
        batch = np.broadcast_to(shape.occupancy, (4, 2, 2, 2))
        own = metrics.iou(batch, np.stack(training), shape.threshold).mean()
        self.assertAlmostEqual(shape.training_iou, own, places=12)
        self.assertAlmostEqual(own, (1 / 2 + 1 / 2 + 1 / 5 + 1 / 5) / 4, places=12)

    def test_categories_have_their_own(self):
        first, second = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
        first[0], second[1] = True, True
        both, parts = mean_shapes(["a", "b", "a"], iter([first, second, first]))
        self.assertEqual(sorted(parts), ["a", "b"])
        self.assertEqual((both.objects, parts["a"].objects, parts["b"].objects), (3, 2, 1))
        for name, grid in (("a", first), ("b", second)):
            cut = metrics.occupied(parts[name].occupancy, parts[name].threshold)
            np.testing.assert_array_equal(cut, grid)

    def test_nothing_to_learn_from_is_said(self):
        with self.assertRaisesRegex(UserError, "no training object"):
            mean_shape([])

    def test_packed_grids_come_back(self):
        packed = PackedGrids()
        originals = grids(3, size=5)
        for grid in originals:
            packed.append(grid)
        for _ in range(2):
            for grid, original in zip(packed, originals, strict=True):
                np.testing.assert_array_equal(grid, original)
        np.testing.assert_array_equal(next(iter(packed.part([2]))), originals[2])


if __name__ == "__main__":
    unittest.main()
