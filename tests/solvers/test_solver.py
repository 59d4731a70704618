"""Training: it learns, it resumes to the bit, it stops when it diverges."""

import os
import subprocess
import sys
import tempfile
import unittest
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.solvers.boxes import DEFINITION, STEPS, iou, make_batch, make_network, make_recipe
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.views import as_float
from voxlstm.lib.ops import available
from voxlstm.lib.ops.dense import DenseSGDStep
from voxlstm.lib.ops.update import SGDStep
from voxlstm.models.network import Network
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.checkpoint import load, load_network, save
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.solver import Diverged, Solver

ROOT = Path(__file__).resolve().parents[2]


class Trained(unittest.TestCase):
    """One solver serves the class, since compiling takes longer than training."""

    @classmethod
    def setUpClass(cls):
        cls.solver = Solver(make_network(), make_recipe())
        cls.start = cls.solver.state()
        cls.batch = make_batch()

    def setUp(self):
        self.solver.restore(self.start)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "last.npz"

    def steps(self, count):
        return [self.solver.step(*self.batch) for _ in range(count)]

    def assert_same_arrays(self, got, expected):
        self.assertEqual(list(got), list(expected))
        for name in expected:
            self.assertEqual(got[name].tobytes(), expected[name].tobytes(), name)

    def test_memorises_eight_objects(self):
        losses = self.steps(STEPS)
        self.assertAlmostEqual(losses[0], np.log(2), delta=0.15)
        self.assertLess(losses[-1], 0.02)
        occupancy, cross_entropy = self.solver.validate(*self.batch)
        self.assertGreater(iou(occupancy, self.batch[1]).min(), 0.95)
        self.assertEqual(cross_entropy.shape, (8,))
        self.assertLess(cross_entropy.mean(), 0.02)

    def test_resumed_training_is_bit_identical(self):
        # Begin just before the rate drops, so that a forgotten iteration shows.
        self.solver.restore(replace(self.start, iteration=245))
        self.steps(3)
        save(self.path, self.solver.state())
        self.steps(10)
        uninterrupted = self.solver.state()

        self.solver.restore(load(self.path))
        self.assertEqual(self.solver.iteration, 248)
        self.steps(10)
        self.assert_same_arrays(self.solver.state().weights, uninterrupted.weights)
        self.assert_same_arrays(self.solver.state().optimiser, uninterrupted.optimiser)

        fresh = self.path.with_name("fresh.npz")
        # Another hash seed, since an order taken from a set would show here.
        subprocess.run(
            [sys.executable, "-m", "tests.solvers.resume", str(self.path), "10", str(fresh)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "12345"},
        )
        self.assert_same_arrays(load(fresh).weights, uninterrupted.weights)
        self.assert_same_arrays(load(fresh).optimiser, uninterrupted.optimiser)
        self.assertEqual(load(fresh).iteration, 258)

    def test_first_step_is_gradient_descent(self):
        before = self.start.weights
        self.steps(1)
        after = self.solver.state()
        for name, value in before.items():
            velocity = after.optimiser[f"velocity/{name}"]
            self.assertTrue(np.any(velocity), name)
            np.testing.assert_array_equal(after.weights[name], value + velocity)

    def test_goes_on_from_a_checkpoint_of_an_older_recipe_with_the_same_bits(self):
        self.steps(2)
        state = self.solver.state()
        self.steps(2)
        expected = self.solver.state()
        older = {**state.recipe, "method": "sgd", "clip_norm": 0.0, **state.recipe["optimiser"]["sgd"]}
        del older["optimiser"]
        save(self.path, replace(state, recipe=older))
        self.solver.restore(load(self.path))
        self.steps(2)
        self.assert_same_arrays(self.solver.state().weights, expected.weights)
        self.assert_same_arrays(self.solver.state().optimiser, expected.optimiser)

    @unittest.skipUnless(*available())
    def test_the_step_is_the_fast_one(self):
        kinds = {type(node.op) for node in self.solver._train.maker.fgraph.apply_nodes}
        self.assertIn(SGDStep, kinds)

    def test_state_holds_copies(self):
        state = self.solver.state(random={"epoch": 1}, extra={"best": 0.5})
        kept = state.weights["decoder.conv1.W"].copy()
        self.steps(2)
        np.testing.assert_array_equal(state.weights["decoder.conv1.W"], kept)
        self.assertEqual((state.iteration, state.random, state.extra), (0, {"epoch": 1}, {"best": 0.5}))
        self.assertEqual(state.network, DEFINITION.to_dict())
        self.assertEqual(state.recipe["rate_drops"], [[250, 0.5], [500, 0.5]])

    def test_predictions_by_another_batch_and_number_of_views(self):
        for views, objects in [(1, 1), (5, 3)]:
            occupancy = self.solver.predict(make_batch(views, objects)[0])
            self.assertEqual(occupancy.shape, (objects, 16, 16, 16))
            self.assertTrue(((occupancy > 0) & (occupancy < 1)).all())

    def test_loss_is_the_mean_of_the_validation_losses(self):
        _, cross_entropy = self.solver.validate(*self.batch)
        self.assertAlmostEqual(self.steps(1)[0], float(cross_entropy.mean()), places=6)

    def test_rate_follows_the_recipe(self):
        self.assertEqual(self.solver.rate, 0.1)
        self.solver.restore(replace(self.start, iteration=250))
        self.assertEqual(self.solver.rate, 0.05)
        self.steps(1)
        self.assertEqual(self.solver.iteration, 251)
        velocity = self.solver.state().optimiser["velocity/encoder.fc.b"]
        self.solver.restore(self.start)
        self.steps(1)
        np.testing.assert_allclose(
            self.solver.state().optimiser["velocity/encoder.fc.b"], 2 * velocity, rtol=1e-6
        )

    def test_a_loss_that_is_no_number_stops(self):
        self.steps(2)
        weights = self.solver.network.get_weights()
        weights["decoder.conv4.b"][0] = np.nan
        self.solver.network.set_weights(weights)
        with self.assertRaisesRegex(Diverged, "iteration 3: the loss is nan"):
            self.steps(1)
        with self.assertRaises(Diverged):
            self.solver.state()
        with self.assertRaises(Diverged):
            self.steps(1)

    def test_broken_weights_are_not_saved(self):
        weights = self.solver.network.get_weights()
        weights["encoder.fc.b"][3] = np.inf
        self.solver.network.set_weights(weights)
        with self.assertRaisesRegex(Diverged, "iteration 0: encoder.fc.b holds"):
            self.solver.state()

    def test_a_step_takes_bytes_alone(self):
        views, voxels = self.batch
        for batch, kind in [
            ((as_float(views), voxels), "views are float32"),
            ((views, voxels.astype("float32")), "voxels are float32"),
            ((views, voxels > 0), "voxels are bool"),
        ]:
            with self.assertRaisesRegex(TypeError, kind):
                self.solver.step(*batch)

    def test_bytes_and_floats_predict_the_same(self):
        views, voxels = self.batch
        occupancy, cross_entropy = self.solver.validate(views, voxels)
        found = self.solver.validate(as_float(views), voxels.astype("float32"))
        np.testing.assert_array_equal(found[0], occupancy)
        np.testing.assert_array_equal(found[1], cross_entropy)
        np.testing.assert_array_equal(self.solver.predict(as_float(views)), self.solver.predict(views))

    def test_foreign_checkpoints_change_nothing(self):
        other = Network(replace(DEFINITION, kernel=1))
        foreign = Solver(other, make_recipe()).state()
        state = self.start
        optimiser = OrderedDict(state.optimiser)
        optimiser["velocity/encoder.fc.b"] = np.zeros(3, "float32")
        cases = [
            (foreign, "lstm.forget.U has the shape"),
            (replace(state, optimiser=OrderedDict()), "weights only"),
            (replace(state, recipe={"method": "adam"}), "trained with adam, the recipe says sgd"),
            (replace(state, recipe={"optimiser": {"adam": {}}}), "trained with adam, the recipe"),
            (replace(state, optimiser=optimiser), "velocity/encoder.fc.b has the shape"),
        ]
        self.steps(1)
        before = self.solver.state()
        for checkpoint, pattern in cases:
            with self.subTest(pattern), self.assertRaisesRegex(UserError, pattern):
                self.solver.restore(checkpoint)
        self.assert_same_arrays(self.solver.state().weights, before.weights)
        self.assert_same_arrays(self.solver.state().optimiser, before.optimiser)
        self.assertEqual(self.solver.iteration, 1)


class ShippedRecipes(unittest.TestCase):
    @unittest.skipUnless(*available())
    def test_their_steps_are_the_fast_ones(self):
        both = {SGDStep, DenseSGDStep}
        for name, expected in [("sgd_3d_r2n2", both), ("sgd", {SGDStep}), ("small", {SGDStep})]:
            solver = Solver(make_network(), Recipe.from_file(ROOT / f"solvers/{name}.yaml"))
            kinds = {type(node.op) for node in solver._train.maker.fgraph.apply_nodes}
            self.assertEqual(kinds & {SGDStep, DenseSGDStep}, expected, name)

    def test_adam_clips_and_takes_relative_rates(self):
        recipe = Recipe.from_file(ROOT / "solvers/medium_adam.yaml")
        batch, means, weights = make_batch(1, 2), [], []
        for changes in ({}, {"clip_norm": 1e-3}, {"layer_rates": True}):
            solver = Solver(make_network(), replace(recipe, **changes))
            solver.step(*batch)
            state = solver.state()
            parts = [v.ravel() for n, v in state.optimiser.items() if n.startswith("mean/")]
            means.append(np.linalg.norm(np.concatenate(parts)))
            weights.append(state.weights["encoder.fc.W"])
        self.assertGreater(means[0], 2e-4)
        # The first mean is a tenth of the gradient, which is as long as the limit.
        np.testing.assert_allclose(means[1], 1e-4, rtol=1e-4)
        np.testing.assert_allclose(means[2], means[0], rtol=1e-6)
        self.assertFalse(np.array_equal(weights[2], weights[0]))


class Divergence(unittest.TestCase):
    def test_absurd_rate_stops_and_the_checkpoint_stays(self):
        solver = Solver(make_network(), make_recipe(rate=1e6))
        views, voxels = make_batch(1, 2)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "last.npz"
            save(path, solver.state())
            content = path.read_bytes()
            with self.assertRaisesRegex(Diverged, r"diverged at iteration [23]: the loss is"):
                for _ in range(5):
                    solver.step(views, voxels)
                    save(path, solver.state())
                    content = path.read_bytes()
            with self.assertRaises(Diverged):
                save(path, solver.state())
            self.assertEqual(path.read_bytes(), content)
            self.assertEqual(load(path).iteration, solver.iteration - 1)


class Prediction(unittest.TestCase):
    def test_predictor_compiles_only_what_is_asked_for(self):
        network = make_network()
        predictor = Predictor(network)
        gates = predictor.gates(make_batch(2, 3)[0])
        for name in ("forget", "input", "hidden"):
            self.assertEqual(gates[name].shape, (2, 3, 16, 4, 4, 4))
        self.assertEqual(list(predictor._functions), ["gates_float32"])

    def test_network_from_a_file(self):
        network = make_network(seed=5)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.npz"
            save(path, Solver(network, make_recipe()).state(), weights_only=True)
            loaded, checkpoint = load_network(path)
        self.assertEqual(loaded.config, network.config)
        self.assertEqual(list(checkpoint.recipe["optimiser"]), ["sgd"])
        for name, value in network.get_weights().items():
            np.testing.assert_array_equal(loaded.get_weights()[name], value)

    def test_file_of_another_network_is_refused(self):
        state = Solver(make_network(), make_recipe()).state()
        wrong = replace(state, network=replace(DEFINITION, features=32).to_dict())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.npz"
            save(path, wrong)
            with self.assertRaisesRegex(UserError, "weights.npz are of another network.*shape"):
                load_network(path)
            save(path, replace(state, network={"kernel": 3}))
            with self.assertRaisesRegex(UserError, "weights.npz: the key .* is missing"):
                load_network(path)
