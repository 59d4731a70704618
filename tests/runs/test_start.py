"""What a resumption may change, told apart without running anything."""

import json
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from tests.tools import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.layout import MARKER
from voxlstm.lib.data.marker import VERSION
from voxlstm.lib.runs.run_folder import RunFolder
from voxlstm.lib.runs.start import Asked, check_same_data, data_facts, open_data, resumed_definitions


class ResumeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        cls.data = tiny.make_data(cls.root / "data")

    def setUp(self):
        self.folder = RunFolder(self.root / self.id().split(".")[-1])
        self.addCleanup(self.folder.__exit__)
        self.folder.write_definitions(tiny.NETWORK, tiny.RECIPE)

    def definitions(self, *settings, model=None):
        return resumed_definitions(self.folder, Asked(settings=settings, model=model))

    def parts(self):
        return open_data(self.data, Asked(), *self.definitions())

    def test_the_length_may_change_and_the_rate_may_not(self):
        network, recipe = self.definitions("iterations=99", "log_every=1")
        self.assertEqual(network.to_dict(), tiny.NETWORK)
        self.assertEqual((recipe.iterations, recipe.log_every, recipe.seed), (99, 1, 5))
        with self.assertRaisesRegex(UserError, "rate would change the run"):
            self.definitions("rate=1.0")
        with self.assertRaisesRegex(UserError, "network would change the run"):
            self.definitions("network.kernel=3")

    def test_a_run_of_an_older_recipe_goes_on(self):
        older = {**tiny.RECIPE, "method": "sgd", **tiny.RECIPE["optimiser"]["sgd"]}
        del older["optimiser"]
        _, today = self.definitions()
        self.folder.write_definitions(tiny.NETWORK, older)
        _, recipe = self.definitions("iterations=99")
        self.assertEqual(recipe, replace(today, iterations=99))

    def test_another_network_is_refused(self):
        other, _ = tiny.write_definitions(self.folder.path, network={"kernel": 3})
        with self.assertRaisesRegex(UserError, "a run of another network"):
            self.definitions(model=str(other))

    def test_other_data_are_refused(self):
        parts = self.parts()
        self.folder.note_start(**data_facts(parts, self.data))
        check_same_data(self.folder, parts, self.data)
        fewer = parts._replace(train=parts.train[1:])
        with self.assertRaisesRegex(UserError, "not the one that the run"):
            check_same_data(self.folder, fewer, self.data)

    def test_data_made_anew_are_refused(self):
        parts = self.parts()
        made = self.root / "made"
        made.mkdir(exist_ok=True)
        (made / MARKER).write_text(json.dumps({"source": "procedural", "version": VERSION}))
        today = data_facts(parts, made)
        first = {name: today[name] for name in ("data_digest", "objects")}
        self.folder.note_start(**first)  # as a run of the first version
        with self.assertRaisesRegex(UserError, "was made anew, with other grids"):
            check_same_data(self.folder, parts, made)
        check_same_data(self.folder, parts, self.data)  # data that others made
        with RunFolder(self.root / "today") as folder:
            folder.note_start(**today)
            check_same_data(folder, parts, made)
