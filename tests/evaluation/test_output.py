"""The folder of an evaluation: what is in it and what it refuses."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.evaluation import output
from voxlstm.lib.evaluation.report import figures

from .report.example import Example


def setUpModule():
    """Write the report once."""
    global example
    example = Example()
    unittest.addModuleCleanup(example.folder.cleanup)


class FolderTest(unittest.TestCase):
    def test_the_files_are_there_and_agree(self):
        names = {path.name for path in example.out.iterdir()}
        self.assertLessEqual(
            {"rows.csv", "baseline_rows.csv", "sweep_rows.csv", "results.json", "report.html", "figures"},
            names,
        )
        results = output.read_results(example.out / "results.json")
        self.assertEqual(results["by_views"], example.results["by_views"])
        drawn = {path.name for path in (example.out / "figures").iterdir()}
        self.assertEqual(
            drawn,
            {
                "iou_by_views.svg",
                "iou_by_category.svg",
                "iou_by_threshold.svg",
                "reconstructions.png",
                "medians.png",
            },
        )

    def test_the_sheets_show_all_cases_and_the_medians(self):
        medians = [case for case in example.cases if case.rank == "median"]
        self.assertEqual([case.rows[0].category for case in medians], ["chair"])  # of two lamps none is
        for name, cases in (("reconstructions", example.cases), ("medians", medians)):
            with Image.open(example.out / f"figures/{name}.png") as sheet:
                expected = figures.result_sheet(cases, example.results["threshold"])
                np.testing.assert_array_equal(np.asarray(sheet), expected, name)

    def test_results_are_not_overwritten_unasked(self):
        with self.assertRaisesRegex(UserError, "--overwrite"):
            output.reserve(example.out)
        output.reserve(example.out, overwrite=True)
        with self.assertRaisesRegex(UserError, "not a folder"):
            output.reserve(example.page)

    def test_other_json_is_refused(self):
        path = example.out / "other.json"
        for text in ("[]", "{}", "not json"):
            path.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(UserError, "results"):
                output.read_results(path)

    def test_matplotlib_is_missed_before_any_work_is_done(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(sys.modules, {"matplotlib": None}):
                with self.assertRaisesRegex(UserError, r"voxlstm\[report\]"):
                    output.reserve(Path(folder) / "out")
            self.assertFalse((Path(folder) / "out").exists())

    def test_the_same_results_give_the_same_charts(self):
        other = Path(example.folder.name) / "again"
        output.write(other, example.evaluation, example.results, [], beside=example.beside)
        for path in sorted((example.out / "figures").glob("*.svg")):
            self.assertEqual(path.read_bytes(), (other / "figures" / path.name).read_bytes(), path)


if __name__ == "__main__":
    unittest.main()
