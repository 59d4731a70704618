"""The baselines between training part, saved predictions and evaluation, and their absence."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

from voxlstm.lib.evaluation.baseline import mean_shapes
from voxlstm.lib.evaluation.evaluate import evaluate, summary
from voxlstm.lib.evaluation.metrics import SWEEP
from voxlstm.lib.evaluation.predictions import Prediction, Predictions, open_writer
from voxlstm.lib.evaluation.subject import (
    GLOBAL,
    OWN,
    SavedSubject,
    describe_shapes,
    load_shapes,
    saving,
    shape_choosers,
)


def prediction(category, model="m"):
    """Return a prediction of 4 voxels a side from one view."""
    random = np.random.default_rng(0)
    return Prediction(
        category, model, random.random((4, 4, 4)) < 0.5, random.normal(0, 2, (1, 4, 4, 4)).astype(np.float32)
    )


class BaselineTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "saved.npz"

    def save_and_load(self, shapes):
        """Save a prediction with these baselines; return the file."""
        with open_writer(self.path, SWEEP) as writer:
            list(saving([prediction("lamp")], writer, *shapes, {"views": [1]}))
        return Predictions(self.path)

    def test_none_are_chosen_described_saved_and_loaded_as_none(self):
        shapes = load_shapes(self.save_and_load((None, {})))
        self.assertEqual(shapes, (None, {}))
        self.assertEqual(shape_choosers(*shapes), {})
        self.assertEqual(describe_shapes(*shapes), {})

    def test_a_saved_object_is_scored_without_baselines(self):
        subject = SavedSubject(self.save_and_load((None, {})))
        result = evaluate(subject.predictions([1]), [1], shapes=shape_choosers(None, {}))
        self.assertEqual((result.baselines, summary(result)["baseline"]), ({}, {}))
        self.assertEqual(len(result.rows), 1)

    def test_they_come_back_from_a_file(self):
        shapes = mean_shapes(["chair", "lamp"], [prediction("a").voxels, ~prediction("b").voxels])
        shape, parts = load_shapes(self.save_and_load(shapes))
        self.assertEqual(sorted(parts), ["chair", "lamp"])
        for one, other in ((shape, shapes[0]), (parts["lamp"], shapes[1]["lamp"])):
            np.testing.assert_array_equal(one.occupancy, other.occupancy)
            self.assertEqual((one.threshold, one.objects), (other.threshold, other.objects))

    def test_a_category_without_a_training_object_takes_the_mean_of_all(self):
        shape, parts = mean_shapes(["chair"], [prediction("chair").voxels])
        choosers = shape_choosers(shape, parts)
        self.assertIs(choosers[OWN]("lamp"), shape)
        self.assertIs(choosers[OWN]("chair"), parts["chair"])
        self.assertIs(choosers[GLOBAL]("chair"), shape)
        table = summary(evaluate([prediction("lamp")], [1], shapes=choosers))["baseline"]
        self.assertEqual(table[OWN], table[GLOBAL])


if __name__ == "__main__":
    unittest.main()
