"""The few validation objects that are kept to be looked at."""

import unittest
from types import SimpleNamespace

import numpy as np

from voxlstm.solvers.examples import MOST, Examples


def batch(*categories):
    """Return a batch of objects whose views and voxels tell them apart, and their probabilities."""
    count = len(categories)
    views = np.arange(2 * count, dtype=np.uint8).reshape(2, count, 1, 1, 1)
    voxels = (np.arange(count, dtype=np.uint8) % 2).reshape(count, 1, 1, 1)
    objects = [SimpleNamespace(category=name) for name in categories]
    occupancy = np.linspace(0, 1, count, dtype=np.float32).reshape(count, 1, 1, 1)
    return SimpleNamespace(views=views, voxels=voxels, objects=objects), occupancy


class ExamplesTest(unittest.TestCase):
    def test_the_first_of_each_of_the_first_categories_is_kept(self):
        examples = Examples()
        for names in (("chair", "chair", "lamp"), ("lamp", "sofa", "table", "car")):
            examples.add(*batch(*names))
        found = examples.at(0.4)
        self.assertEqual([one.name for one in found], ["chair", "lamp", "sofa", "table"])
        self.assertEqual(len(found), MOST)
        self.assertEqual([one.views.ravel().tolist() for one in found], [[0, 3], [2, 5], [1, 5], [2, 6]])
        self.assertEqual([bool(one.voxels) for one in found], [False, False, True, False])

    def test_parts_of_the_objects_in_order_keep_what_the_whole_does(self):
        parts, names = (
            [Examples(), Examples(), Examples()],
            (("chair", "lamp"), (), ("lamp", "sofa", "car", "bed")),
        )
        for part, objects in zip(parts, names):
            part.add(*batch(*objects))
        whole = Examples()
        for part in parts:
            whole.add_all(part)
        self.assertEqual([one.name for one in whole.at(0.4)], ["chair", "lamp", "sofa", "car"])
        self.assertEqual(whole.at(0.4)[1].views.ravel().tolist(), [1, 3])  # the first lamp

    def test_the_prediction_is_cut_at_the_threshold(self):
        examples = Examples()
        examples.add(*batch("chair", "lamp", "sofa"))  # 0, 0.5 and 1
        for threshold, expected in ((0.4, [False, True, True]), (0.5, [False, False, True])):
            self.assertEqual([bool(one.predicted) for one in examples.at(threshold)], expected)

    def test_the_memory_of_a_batch_may_be_used_again(self):
        examples = Examples()
        first, occupancy = batch("chair", "lamp")
        examples.add(first, occupancy)
        first.views[:], first.voxels[:], occupancy[:] = 99, 1, 1
        chair = examples.at(0.4)[0]
        self.assertEqual((chair.views.max(), chair.voxels.max(), chair.predicted.max()), (2, 0, 0))


if __name__ == "__main__":
    unittest.main()
