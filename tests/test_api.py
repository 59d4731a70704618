"""``import voxlstm`` as a script uses it: little is imported, and its verbs are the commands'."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

import voxlstm
from tests.exchange.networks import drawn, write
from tests.process import run_python
from tests.tools import tiny
from voxlstm.lib.base.config import build
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.pictures import Picture
from voxlstm.models.network import NetworkConfig
from voxlstm.solvers import checkpoint
from voxlstm.tools import reconstruct, test_net, train_net

IMPORTED = """
import sys
import voxlstm
print(*{"numpy", "scipy", "theano", "yaml", "PIL", "voxlstm.lib.api"} & set(sys.modules))
print(set(voxlstm.__all__) <= set(dir(voxlstm)), hasattr(voxlstm, "nothing"))
print(*{"numpy", "theano"} & set(sys.modules))
for name in voxlstm.__all__:
    assert getattr(voxlstm, name).__doc__, name
print(*sorted({"numpy", "theano", "voxlstm.lib.api"} & set(sys.modules)))
"""


def quietly(main, *arguments):
    """Call a command's main with what it prints dropped; return its status."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main([str(argument) for argument in arguments])


class ImportTest(unittest.TestCase):
    def test_nothing_is_imported_before_a_verb_is_used(self):
        answer = run_python(IMPORTED)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        lines = "", "True False", "", "numpy theano voxlstm.lib.api"
        self.assertEqual(answer.stdout.splitlines(), list(lines))


class ReconstructTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.weights = write(drawn(build(NetworkConfig, tiny.NETWORK)), cls.folder / "net.npz")
        cls.pictures = []
        for number in range(2):
            pixels = np.full((90, 150, 3), 255, np.uint8)
            pixels[30:70, 40 : 80 + 20 * number] = 40, 90, 160
            cls.pictures.append(cls.folder / f"{number}.png")
            Image.fromarray(pixels).save(cls.pictures[-1])
        cls.net = voxlstm.load(cls.weights)

    def command(self, name):
        """Return the bytes of what the command writes of the pictures."""
        out = self.folder / "by_command" / name
        status = quietly(reconstruct.main, *self.pictures, "--out", out, "--weights", self.weights)
        self.assertEqual(status, 0)
        return out.read_bytes()

    def test_a_mesh_of_the_probabilities_is_the_commands(self):
        occupancy = self.net.predict(self.pictures)
        self.assertEqual((occupancy.shape, occupancy.dtype), ((32, 32, 32), np.float32))
        voxlstm.to_mesh(occupancy, self.net.threshold).export(self.folder / "a.ply")
        self.assertEqual((self.folder / "a.ply").read_bytes(), self.command("a.ply"))

    def test_what_is_written_is_the_commands(self):
        for name in ("b.obj", "b.npy", "b.binvox"):
            found = voxlstm.reconstruct(self.pictures, self.folder / name, self.weights)
            self.assertEqual((self.folder / name).read_bytes(), self.command(name))
            np.testing.assert_array_equal(found, self.net.predict(self.pictures))

    def test_its_threshold_is_the_weights(self):
        self.assertEqual(self.net.threshold, 0.35)
        saved = checkpoint.Checkpoint(self.net.network.get_weights())
        self.assertEqual(voxlstm.Reconstructor(self.net.network, saved).threshold, 0.4)

    def test_pictures_may_be_read_before_or_be_arrays(self):
        expected = self.net.predict(self.pictures)
        read = self.net.read(self.pictures)
        self.assertEqual(
            [(one.name, one.cut) for one in read], [(f"{n}.png", "plain background") for n in (0, 1)]
        )
        np.testing.assert_array_equal(self.net.predict(read), expected)
        own = [Picture("mine", one.view, "alpha") for one in read]
        np.testing.assert_array_equal(self.net.predict([own[0], self.pictures[1]]), expected)

    def test_nothing_found_and_other_faults_are_one_sentence(self):
        out = self.folder / "none.obj"
        with self.assertRaisesRegex(UserError, "nothing is above the threshold 0.999.*is not written$"):
            self.net.reconstruct(self.pictures, out, threshold=0.999)
        with self.assertRaisesRegex(UserError, "must end in one of"):
            voxlstm.reconstruct(self.pictures, self.folder / "none.xyz", self.folder / "nowhere.npz")
        with self.assertRaisesRegex(UserError, "give at least one picture"):
            self.net.predict([])
        with self.assertRaisesRegex(UserError, "the surface is 'round'"):
            voxlstm.to_mesh(self.net.predict(self.pictures), surface="round")
        self.assertFalse(out.exists())


class DataTest(unittest.TestCase):
    def test_scores_are_the_commands(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            data = tiny.make_data(folder / "data")
            weights = write(drawn(build(NetworkConfig, tiny.NETWORK)), folder / "net.npz")
            options = "--weights", weights, "--data", data, "--views", "1,2", "--threshold", 0.3
            self.assertEqual(quietly(test_net.main, *options, "--out", folder / "results"), 0)
            expected = json.loads((folder / "results/results.json").read_text())
            with contextlib.redirect_stderr(io.StringIO()):
                found = voxlstm.evaluate(data, weights, [1, 2], 0.3)
        del expected["made_by"]
        self.assertEqual(json.loads(json.dumps(found)), expected)
        self.assertEqual([part["views"] for part in found["by_views"]], [1, 2])

    def test_a_training_is_the_commands(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            data = tiny.make_data(folder / "data")
            model, solver = map(str, tiny.write_definitions(folder))
            options = "--model", model, "--solver", solver, "--data", data, "--workers", 1
            self.assertEqual(quietly(train_net.main, *options, "--out", folder / "command"), 0)
            with contextlib.redirect_stderr(io.StringIO()):
                settings = {"settings": ["iterations=8"], "workers": 1}
                training = voxlstm.train(model, solver, data, folder / "verb", **settings)
                self.assertTrue(training.done)
                training = voxlstm.train(
                    out=folder / "verb", resume=True, settings=["iterations=12"], workers=1
                )
            self.assertEqual(training.solver.iteration, 12)
            expected, found = (checkpoint.load(folder / run / "last.npz") for run in ("command", "verb"))
            for weight, value in expected.weights.items():
                np.testing.assert_array_equal(found.weights[weight], value, weight)
            self.assertEqual(training.best, expected.extra["best"])


if __name__ == "__main__":
    unittest.main()
