"""Recipes: the shipped files, and what is refused."""
import unittest
from pathlib import Path

from voxlstm.lib.runtime.config import build
from voxlstm.lib.runtime.errors import UserError
from voxlstm.solvers.recipe import Recipe
from voxlstm.solvers.schedule import rate_at

SOLVERS = Path(__file__).resolve().parents[2] / "solvers"


class Shipped(unittest.TestCase):
    def test_paper(self):
        recipe = Recipe.from_file(SOLVERS / "sgd.yaml")
        self.assertEqual(recipe.method, "sgd")
        self.assertEqual((recipe.momentum, recipe.weight_decay), (0.9, 5e-5))
        self.assertEqual((recipe.batch, recipe.iterations, recipe.views), (36, 60000, (1, 5)))
        self.assertEqual(rate_at(recipe.schedule, 19999), 0.1)
        self.assertAlmostEqual(rate_at(recipe.schedule, 20000), 0.01)

    def test_all_files_are_read_and_returned(self):
        paths = sorted(SOLVERS.glob("*.yaml"))
        self.assertLessEqual({"sgd.yaml", "small.yaml"}, {path.name for path in paths})
        for path in paths:
            recipe = Recipe.from_file(path)
            self.assertEqual(build(Recipe, recipe.to_dict()), recipe)


class Refused(unittest.TestCase):
    def assert_refused(self, pattern, **changes):
        values = {**Recipe.from_file(SOLVERS / "sgd.yaml").to_dict(), **changes}
        with self.assertRaisesRegex(UserError, pattern):
            build(Recipe, values, where="my.yaml")

    def test_unknown_key(self):
        self.assert_refused("my.yaml: unknown key moment", moment=0.9)

    def test_wrong_values(self):
        self.assert_refused("method must be one of sgd, adam", method="rmsprop")
        self.assert_refused("rate must be a positive", rate=0.0)
        self.assert_refused("loss_limit must be a positive", loss_limit=float("nan"))
        self.assert_refused("momentum must be at least 0 and below 1", momentum=1.0)
        self.assert_refused("weight_decay must not be negative", weight_decay=-1e-5)
        self.assert_refused("batch must be at least 1", batch=0)
        self.assert_refused("views must be", views=[3, 2])
        self.assert_refused("views must be", views=[0, 2])
        self.assert_refused("must rise", rate_drops=[[20, 0.1], [10, 0.1]])

    def test_wrong_types(self):
        self.assert_refused("batch must be a whole number", batch=1.5)
        self.assert_refused("rate_drops.0 must", rate_drops=[[20, 0.1, 3]])
