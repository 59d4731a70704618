"""The training run around a solver that is only arithmetic: stopping and going on anywhere."""

import itertools
import resource
import tempfile
import unittest
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.signals import Interrupted
from voxlstm.lib.evaluation.metrics import SWEEP
from voxlstm.solvers import checkpoint
from voxlstm.solvers.optimisers import SGD, Optimiser
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.training import Training
from voxlstm.solvers.validation import Scores, score

RECIPE = Recipe(
    optimiser=Optimiser(sgd=SGD(0.9, 0.0)),
    rate=0.1,
    batch=1,
    iterations=10,
    views=(1, 1),
    checkpoint_every=4,
    validate_every=3,
)


class Numbers:
    """Batches that are numbers, with a state like that of the real ones."""

    def __init__(self, state=None):
        self.next = state["next"] if state else 0

    def __next__(self):
        self.next += 1
        return SimpleNamespace(views=np.float64(self.next), voxels=np.float64(0.5))

    def state(self):
        return {"next": self.next}


class Arithmetic:
    """A solver with one weight and one velocity; order and state matter to every bit."""

    def __init__(self, recipe=RECIPE):
        self.recipe, self.iteration, self.rate = recipe, 0, 0.1
        self.weight, self.velocity = np.float64(0.3), np.float64(0.1)

    def send(self, views, voxels):
        return views, voxels

    def step_sent(self, batch, meanwhile):
        views, voxels = batch
        meanwhile()
        loss = float(np.sin(self.weight * views) + voxels)
        self.velocity = 0.9 * self.velocity + loss
        self.weight = self.weight - 0.1 * self.velocity
        self.iteration += 1
        return loss

    def state(self, random, extra):
        return checkpoint.Checkpoint(
            weights=OrderedDict(w=np.array(self.weight)),
            optimiser=OrderedDict(v=np.array(self.velocity)),
            iteration=self.iteration,
            random=random,
            extra=extra,
        )

    def restore(self, saved):
        self.weight = np.float64(saved.weights["w"])
        self.velocity = np.float64(saved.optimiser["v"])
        self.iteration = saved.iteration


class Switch:
    """False for so many questions, then true."""

    def __init__(self, questions):
        self.left = questions

    def __bool__(self):
        self.left -= 1
        return self.left < 0


class Run:
    """A run in a folder: `go` starts or resumes it; what it recorded is cut back like the curves."""

    def __init__(self, folder):
        self.folder, self.steps, self.saves = Path(folder), [], 0

    def go(self, stop=False, recipe=RECIPE):
        last = self.folder / "last.npz"
        saved = checkpoint.load(last) if last.exists() else None
        solver = Arithmetic(recipe)
        batches = Numbers(saved.random if saved else None)

        def validate():
            # Asked once more within, as the real one does between batches.
            weight = float(solver.weight)
            return None if stop else Scores(np.cos(weight), weight, abs(np.sin(weight)))

        training = Training(solver, batches, validate, self.folder, stop)
        if saved:
            training.restore(saved)
        del self.steps[training.recorded :]
        training.run(self.steps.append, before_save=self._count, after_save=lambda: None)
        return training

    def _count(self):
        self.saves += 1

    def arrays(self, name="last.npz"):
        saved = checkpoint.load(self.folder / name)
        return {**saved.weights, **saved.optimiser}, saved.iteration, saved.random, saved.extra


class TrainingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def new_run(self, name):
        (self.root / name).mkdir()
        return Run(self.root / name)

    def test_a_run_steps_validates_and_saves_when_due(self):
        run = self.new_run("run")
        training = run.go()
        self.assertTrue(training.done)
        self.assertEqual([step.iteration for step in run.steps], list(range(1, 11)))
        validated = [step.iteration for step in run.steps if step.scores]
        self.assertEqual(validated, [3, 6, 9, 10])
        self.assertEqual(run.saves, 4)  # at 0, 4, 8 and 10
        self.assertEqual(run.arrays()[1], 10)
        best = max((step for step in run.steps if step.scores), key=lambda step: step.scores[0])
        self.assertEqual(training.best["iteration"], best.iteration)
        self.assertEqual(training.best["iou"], best.scores[0])
        self.assertEqual(checkpoint.load(run.folder / "best.npz").threshold, best.scores.threshold)
        self.assertEqual(run.arrays("best.npz")[1], best.iteration)

    def test_a_wait_given_up_anywhere_and_resumed_ends_the_same(self):
        whole = self.new_run("whole")
        whole.go()
        for at in range(1, 12):
            run, count = self.new_run(f"given up at {at}"), itertools.count(1)

            def interrupted(batches):
                if next(count) == at:
                    run.wish.append(True)
                    raise Interrupted
                return numbers(batches)

            numbers, run.wish = Numbers.__next__, []
            with mock.patch.object(Numbers, "__next__", interrupted):
                self.assertFalse(run.go(stop=run.wish).done and at < 11)
            training = run.go()
            self.assertTrue(training.done)
            self.assertEqual(run.steps, whole.steps)
            self.assertEqual(run.arrays(), whole.arrays())

    def test_a_checkpoint_whose_steps_are_of_wrong_kinds_is_refused(self):
        run = self.new_run("damaged")
        run.go(stop=Switch(9))
        good = checkpoint.load(run.folder / "last.npz")
        number = {"iteration": 1, "iou": 0.5, "cross_entropy": 0.1}
        wrong = [
            {"best": value} for value in (3, [1], {}, {**number, "iou": "x"}, {**number, "iou": float("nan")})
        ]
        wrong += [{"unrecorded": value} for value in ({"a": 1}, {"iteration": -1, "loss": 1.0, "rate": 0.1})]
        for change in wrong:
            checkpoint.save(run.folder / "last.npz", replace(good, extra={**good.extra, **change}))
            with self.subTest(change), self.assertRaisesRegex(UserError, "last.npz is damaged"):
                run.go()

    def test_stopped_anywhere_and_resumed_it_ends_the_same(self):
        whole = self.new_run("whole")
        whole.go()
        stopped_in_validation = 0
        for questions in range(15):
            with self.subTest(questions=questions):
                run = self.new_run(f"run{questions}")
                training = run.go(stop=Switch(questions))
                self.assertEqual(run.arrays()[1], training.solver.iteration)
                stopped_in_validation += run.arrays()[3]["unrecorded"] is not None
                self.assertTrue(run.go().done)
                self.assertEqual(run.arrays(), whole.arrays())
                self.assertEqual(run.arrays("best.npz"), whole.arrays("best.npz"))
                self.assertEqual(run.steps, whole.steps)
        self.assertGreater(stopped_in_validation, 1)

    def test_killed_after_any_step_and_resumed_it_ends_the_same(self):
        whole = self.new_run("whole")
        whole.go()
        for steps in range(1, 11):
            with self.subTest(steps=steps):
                run = self.new_run(f"run{steps}")
                with _dying_after(steps):
                    with self.assertRaises(ZeroDivisionError):
                        run.go()
                # No more is lost than what came after the last checkpoint.
                self.assertEqual(run.arrays()[1], steps // 4 * 4 - (4 if steps % 4 == 0 else 0))
                run.go()
                self.assertEqual(run.arrays(), whole.arrays())
                self.assertEqual(run.steps, whole.steps)

    def test_stopping_every_step_makes_headway(self):
        whole, run = self.new_run("whole"), self.new_run("run")
        whole.go()
        for _ in range(14):
            run.go(stop=Switch(2))
        self.assertEqual(run.arrays(), whole.arrays())

    def test_a_longer_recipe_goes_on(self):
        run, whole = self.new_run("run"), self.new_run("whole")
        run.go()
        run.go(recipe=replace(RECIPE, iterations=20))
        whole.go(recipe=replace(RECIPE, iterations=20))
        self.assertEqual(run.arrays()[:3], whole.arrays()[:3])

    def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(self):
        run = self.new_run("run")
        run.go(stop=Switch(4))
        before = (run.folder / "last.npz").read_bytes()
        kept, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))  # no file may grow beyond 300 bytes
        try:
            with self.assertRaisesRegex(UserError, "last.npz: File too large.*still good"):
                run.go()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (kept, hard))
        self.assertEqual((run.folder / "last.npz").read_bytes(), before)
        self.assertEqual([p.name for p in run.folder.glob(".tmp*")], [])

    def test_divergence_leaves_the_last_checkpoint(self):
        run = self.new_run("run")
        run.go(stop=Switch(6))
        before = (run.folder / "last.npz").read_bytes()
        with mock.patch.object(Arithmetic, "step_sent", side_effect=UserError("diverged")):
            with self.assertRaises(UserError):
                run.go()
        self.assertEqual((run.folder / "last.npz").read_bytes(), before)


class ScoreTest(unittest.TestCase):
    def batches(self):
        generator = np.random.default_rng(0)
        for size in (3, 3, 1):
            yield SimpleNamespace(
                views=generator.random((2, size, 32, 32, 32), dtype=np.float32),
                voxels=np.float32(generator.random((size, 32, 32, 32)) > 0.6),
                objects=[SimpleNamespace(category="chair")] * size,
            )

    def score(self, fewest):
        def validate(views, voxels):  # a network that believes its last view
            return views[-1], np.abs(views[-1] - voxels).mean((1, 2, 3))

        return score(SimpleNamespace(validate=validate), self.batches(), fewest)

    def overlaps(self, view, threshold):
        """Return the IoU of each object, by definition, from one view."""
        for batch in self.batches():
            for occupancy, voxels in zip(batch.views[view], batch.voxels):
                filled, solid = occupancy > np.float32(threshold), voxels > 0.5
                yield (filled & solid).sum() / (filled | solid).sum()

    def test_means_are_over_objects_not_over_batches(self):
        losses = [abs(y - p).mean() for b in self.batches() for p, y in zip(b.views[1], b.voxels)]
        found = self.score(2)
        self.assertAlmostEqual(found.iou, np.mean(list(self.overlaps(1, 0.4))), 6)
        self.assertAlmostEqual(found.cross_entropy, np.mean(losses), 6)

    def test_the_threshold_is_best_over_the_fewest_and_the_most_views(self):
        for fewest, views in ((1, (0, 1)), (2, (1,))):
            means = [np.mean([list(self.overlaps(view, t)) for view in views]) for t in SWEEP]
            self.assertEqual(self.score(fewest).threshold, SWEEP[np.argmax(means)])

    def test_an_example_is_shown_as_it_was_scored(self):
        found = self.score(1)
        (example,) = found.examples
        first = next(self.batches())
        np.testing.assert_array_equal(example.views, first.views[:, 0])
        np.testing.assert_array_equal(example.voxels, first.voxels[0] > 0)
        np.testing.assert_array_equal(example.predicted, first.views[1, 0] > np.float32(found.threshold))

    def test_it_stops_when_asked(self):
        self.assertIsNone(score(None, self.batches(), 1, stop=True))


def _dying_after(steps):
    left, whole_step = [steps], Arithmetic.step_sent

    def dying(self, batch, meanwhile):
        if left[0] == 0:
            raise ZeroDivisionError
        left[0] -= 1
        loss = whole_step(self, batch, meanwhile)
        if left[0] == 0:
            raise ZeroDivisionError
        return loss

    return mock.patch.object(Arithmetic, "step_sent", dying)
