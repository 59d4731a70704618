"""What the parity check calls agreement of two devices."""

import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np

from . import compare

ROOT = Path(__file__).parents[2]
ARRAYS = {  # of a batch; two layers, each with a choice
    "layers": np.array(["encoder.conv1", "lstm", "decoder.conv1"]),  # of the gradients
    "gradient/encoder.conv1.W": np.array([1.0, -2.0, 0.5], np.float32),
    "gradient/lstm.forget.U": np.array([4.0, 1.0], np.float32),
    "gradient/decoder.conv1.W": np.array([3.0, 8.0], np.float32),
    "pooled/encoder.conv1": np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3),
    "signed/encoder.conv1": np.array([2.0, -1e-6, -3.0], np.float32),
    "signed/decoder.conv1": np.array([-1.0, 1e-6], np.float32),
}
TRAINING = {
    "losses": np.array([0.7, 0.6]),
    "occupancy": np.array([0.2, 0.9], np.float32),
    "after/encoder.conv1.W": np.array([1.0, 0.5], np.float32),
}


class Comparing(unittest.TestCase):
    """Batches with a few numbers, changed on one of the two devices."""

    def compared(self, *batches, training=None):
        """Return the comparison when the other device found ``batches``, changes to `ARRAYS`."""
        with tempfile.TemporaryDirectory() as folder:
            folders = Path(folder, "cpu"), Path(folder, "cuda")
            for path, changes in zip(folders, [[{} for _ in batches], batches]):
                path.mkdir()
                for number, change in enumerate(changes):
                    np.savez(path / f"{number}.npz", **{**ARRAYS, **change})
            np.savez(folders[0] / "training.npz", **TRAINING)
            np.savez(folders[1] / "training.npz", **{**TRAINING, **(training or {})})
            return compare.compare(*folders)

    def changed(self, name, *values):
        """Return one array with its first values replaced."""
        array = ARRAYS[name].copy()
        array.ravel()[: len(values)] = values
        return {name: array}

    def test_the_same_results_agree(self):
        found = self.compared({})
        self.assertTrue(found["agrees"])
        self.assertEqual((found["gradient"], found["turned"], found["tested_in"]), (0, 0, 1))

    def test_a_wrong_gradient_does_not_agree(self):
        for name in ("encoder.conv1.W", "lstm.forget.U", "decoder.conv1.W"):
            first = ARRAYS[f"gradient/{name}"][0]
            found = self.compared({}, self.changed(f"gradient/{name}", first * 1.001))
            self.assertFalse(found["agrees"], name)
            self.assertGreater(found["gradient"], 1e-4, name)

    def test_a_turned_sign_excuses_its_layer_and_those_before(self):
        turned = self.changed("signed/encoder.conv1", 2.0, 1e-6)
        wrong = {**turned, **self.changed("gradient/encoder.conv1.W", 1.01)}
        found = self.compared({}, wrong)
        self.assertTrue(found["agrees"])
        self.assertEqual((found["turned"], found["gradient"], found["tested_in"]), (1, 0, 1))
        self.assertGreater(found["gradient_any"], 1e-3)

    def test_a_turned_sign_excuses_no_later_layer(self):
        turned = self.changed("signed/encoder.conv1", 2.0, 1e-6)
        found = self.compared({}, {**turned, **self.changed("gradient/lstm.forget.U", 4.1)})
        self.assertFalse(found["agrees"])

    def test_a_parameter_that_no_batch_tests_does_not_agree(self):
        found = self.compared(self.changed("signed/decoder.conv1", -1.0, -1e-6))
        self.assertFalse(found["agrees"])
        self.assertEqual(len(found["untested"]), 3)

    def test_a_gradient_of_zeros_tests_nothing(self):
        with unittest.mock.patch.dict(ARRAYS, self.changed("gradient/lstm.forget.U", 0, 0)):
            self.assertEqual(self.compared({})["untested"], ["lstm.forget.U"])

    def test_choices_far_apart_are_no_near_tie(self):
        self.assertFalse(self.compared({}, self.changed("signed/encoder.conv1", -2.0))["agrees"])
        self.assertFalse(self.compared({}, self.changed("pooled/encoder.conv1", *range(8, -1, -1)))["agrees"])

    def test_a_turned_maximum_is_a_near_tie(self):
        rows = [[1, 5, 5 - 1e-6], [2, 3, 4], [6, 7, 9]]
        almost = {"pooled/encoder.conv1": np.array([[rows]], np.float32)}
        rows[0] = [1, 5 - 1e-6, 5]
        other = {"pooled/encoder.conv1": np.array([[rows]], np.float32)}
        with unittest.mock.patch.dict(ARRAYS, almost):
            found = self.compared({}, other)
        self.assertEqual(found["turned"], 1)
        self.assertTrue(0 < found["widest_tie"] < 1e-6)

    def test_training_that_went_elsewhere_does_not_agree(self):
        for name in TRAINING:
            found = self.compared({}, training={name: TRAINING[name] * 1.01})
            self.assertFalse(found["agrees"], name)

    def test_what_is_no_number_does_not_agree(self):
        self.assertFalse(self.compared(self.changed("gradient/decoder.conv1.W", np.nan))["agrees"])
        self.assertFalse(self.compared({}, training={"losses": np.array([np.nan, 0.6])})["agrees"])


class Windows(unittest.TestCase):
    """The pooling windows of the comparison are those of the network."""

    def test_the_largest_of_each_window_is_what_the_network_pools(self):
        from voxlstm.lib.backend.door import tensor, theano
        from voxlstm.lib.ops.expressions import max_pool

        x = tensor.tensor4(dtype="float32")
        pool = theano.function([x], max_pool(x))
        for size in (5, 6, 9):
            maps = np.random.default_rng(size).normal(size=(2, 3, size, size)).astype("float32")
            np.testing.assert_array_equal(compare.in_windows(maps).max(axis=-1), pool(maps))


class OnDevice(unittest.TestCase):
    """A network's gradients and choices, as a process of its own writes them."""

    def test_every_parameter_has_a_gradient_and_its_layer_is_known(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "tests.parity.on_device", "small_1x1x1", "cpu", folder, "2"]
            subprocess.run(command, check=True, cwd=ROOT)
            found = compare.compare(Path(folder), Path(folder))
            self.assertEqual((found["turned"], found["untested"], found["batches"]), (0, [], 2))
            self.assertTrue(found["agrees"])
            with np.load(Path(folder, "1.npz")) as batch:
                pooled = [n for n in batch.files if n.startswith("pooled/")]
                signed = [n for n in batch.files if n.startswith("signed/")]
                self.assertEqual(len(pooled), 6)
                self.assertEqual(len(signed), 6 + 1 + 4)
                for name in pooled:
                    pooled_here = compare.in_windows(batch[name]).max(axis=-1)
                    biased = batch[name.replace("pooled", "signed")]
                    np.testing.assert_allclose(biased, pooled_here + 0.1, atol=1e-6)
