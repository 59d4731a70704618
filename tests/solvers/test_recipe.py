"""Recipes: the shipped files, and what is refused."""

import unittest
from pathlib import Path

import yaml

from voxlstm.lib.base.config import build, load_yaml, override
from voxlstm.lib.base.errors import UserError
from voxlstm.solvers.checkpoint import load
from voxlstm.solvers.optimisers import SGD, Adam
from voxlstm.solvers.recipe import Recipe, current_form
from voxlstm.solvers.schedule import rate_at

ROOT = Path(__file__).resolve().parents[2]
SOLVERS = ROOT / "solvers"

# solvers/small.yaml as it was when the optimiser's settings stood beside all others.
OLDER = """
method: sgd
rate: 0.0006  # of the length of a layer's weights
layer_rates: true
fit_initial: true
momentum: 0.9
weight_decay: 5.0e-5
warmup: 50
rate_drops: [[800, 0.5], [1150, 0.4], [1420, 0.4]]
batch: 8
iterations: 1600
views: [1, 3]
loss_limit: 10.0
augment: true
validation: 0.1
checkpoint_every: 200
validate_every: 200
log_every: 20
seed: 0
"""


class Shipped(unittest.TestCase):
    def test_paper(self):
        for name in ("sgd.yaml", "sgd_3d_r2n2.yaml"):
            recipe = Recipe.from_file(SOLVERS / name)
            self.assertEqual(recipe.optimiser.rule, SGD(momentum=0.9, weight_decay=5e-5))
            self.assertEqual((recipe.batch, recipe.iterations, recipe.views), (36, 60000, (1, 5)))

    def test_the_rate_of_3d_r2n2(self):
        recipe = Recipe.from_file(SOLVERS / "sgd_3d_r2n2.yaml")
        self.assertFalse(recipe.layer_rates or recipe.fit_initial)
        self.assertEqual(rate_at(recipe.schedule, 19999), 0.1)
        self.assertAlmostEqual(rate_at(recipe.schedule, 20000), 0.01)

    def test_all_files_are_read_and_returned(self):
        paths = sorted(SOLVERS.glob("*.yaml"))
        self.assertLessEqual({"sgd.yaml", "small.yaml"}, {path.name for path in paths})
        for path in paths:
            recipe = Recipe.from_file(path)
            self.assertEqual(build(Recipe, recipe.to_dict()), recipe)


class SetTest(unittest.TestCase):
    def test_one_setting_of_an_optimiser(self):
        values = load_yaml(SOLVERS / "sgd.yaml")
        changed = build(Recipe, override(values, ["optimiser.sgd.momentum=0.8"]))
        self.assertEqual(changed.optimiser.rule, SGD(0.8, 5e-5))
        other = build(Recipe, override(values, ["optimiser={adam: {weight_decay: 0.0}}"]))
        self.assertEqual(other.optimiser.rule, Adam(0.0))


class OlderTest(unittest.TestCase):
    def setUp(self):
        self.values = yaml.safe_load(OLDER)

    def test_it_reads_as_todays(self):
        moved = ("method", "momentum", "weight_decay")
        rest = {name: value for name, value in self.values.items() if name not in moved}
        today = {"optimiser": {"sgd": {"momentum": 0.9, "weight_decay": 5e-5}}, **rest}
        self.assertEqual(Recipe.from_dict(self.values), build(Recipe, today))

    def test_conversion_leaves_its_argument_and_todays_form_alone(self):
        new = current_form(self.values)
        self.assertEqual(self.values, yaml.safe_load(OLDER))
        self.assertEqual(new["optimiser"], {"sgd": {"momentum": 0.9, "weight_decay": 5e-5}})
        self.assertEqual(current_form(new), new)

    def test_adam_goes_on_without_what_it_took_no_notice_of(self):
        recipe = Recipe.from_dict({**self.values, "method": "adam", "clip_norm": 0.3})
        self.assertEqual(recipe.optimiser.rule, Adam(5e-5, 0.9, 0.999, 1e-8))
        self.assertEqual((recipe.clip_norm, recipe.layer_rates), (0.0, False))

    def test_the_recipe_of_the_shipped_weights_reads(self):
        recipe = Recipe.from_dict(load(ROOT / "models/pretrained.npz").recipe)
        self.assertEqual(recipe.optimiser.rule, Adam(0.0))

    def test_what_it_cannot_say_is_refused(self):
        with self.assertRaisesRegex(UserError, "clip_norm of older recipes"):
            Recipe.from_dict({**self.values, "clip_norm": 0.3})
        with self.assertRaisesRegex(UserError, "unknown key optimiser.rmsprop; known here: sgd"):
            Recipe.from_dict({**self.values, "method": "rmsprop"})


class Refused(unittest.TestCase):
    def assert_refused(self, pattern, **changes):
        values = {**Recipe.from_file(SOLVERS / "sgd.yaml").to_dict(), **changes}
        with self.assertRaisesRegex(UserError, pattern):
            build(Recipe, values, where="my.yaml")

    def test_unknown_key(self):
        self.assert_refused("my.yaml: unknown key moment", moment=0.9)

    def test_wrong_values(self):
        self.assert_refused("rate must be a positive", rate=0.0)
        self.assert_refused("loss_limit must be a positive", loss_limit=-1.0)
        self.assert_refused("loss_limit is out of range", loss_limit=float("nan"))
        self.assert_refused("validation must be at least 0 and below 1", validation=1.0)
        self.assert_refused("clip_norm must not be negative", clip_norm=-1.0)
        self.assert_refused("batch must be at least 1", batch=0)
        self.assert_refused("vary_pictures is a part of augm", augment=False, vary_pictures=True)
        self.assert_refused("views must be", views=[3, 2])
        self.assert_refused("views must be", views=[0, 2])
        self.assert_refused("must rise", rate_drops=[[20, 0.1], [10, 0.1]])

    def test_optimisers(self):
        sgd = {"momentum": 0.9, "weight_decay": 0.0}
        for optimiser, pattern in [
            ({"rmsprop": {}}, "unknown key optimiser.rmsprop; known here: sgd, adam"),
            (
                {"sgd": {**sgd, "beta1": 0.9}},
                "unknown key optimiser.sgd.beta1; known here: momentum, weight_decay",
            ),
            ({"adam": sgd}, "unknown key optimiser.adam.momentum; known here: weight_decay, beta1"),
            ({"sgd": {"momentum": 0.9}}, "the key optimiser.sgd.weight_decay is missing"),
            ({"sgd": {**sgd, "momentum": "much"}}, "optimiser.sgd.momentum must be a number"),
            ({"sgd": {**sgd, "momentum": 1.0}}, "my.yaml: momentum must be at least 0"),
            ({"sgd": sgd, "adam": {"weight_decay": 0.0}}, "one of sgd, adam; it names sgd and adam"),
            ({}, "my.yaml: optimiser must name one of sgd, adam; it names none"),
            ("sgd", "optimiser must be a group of keys"),
        ]:
            with self.subTest(pattern):
                self.assert_refused(pattern, optimiser=optimiser)
        self.assert_refused("unknown key method", method="sgd")

    def test_wrong_types(self):
        self.assert_refused("batch must be a whole number", batch=1.5)
        self.assert_refused("rate_drops.0 must", rate_drops=[[20, 0.1, 3]])
