"""Tables, the paper's rows, and which data may stand beside them."""

import json
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.marker import VERSION
from voxlstm.lib.data.shapenet import CATEGORIES
from voxlstm.lib.evaluation import paper, tables

PUBLISHED = {category.name: category.count for category in CATEGORIES}


def results(kernel="3x3x3", name="ours", papers=False, iou=(0.5, 0.6), data="a set"):
    """Return results with what the tables read."""

    def part(views, value):
        return {
            "views": views,
            "objects": 4,
            "iou": value,
            "cross_entropy": 0.1,
            "average_precision": 0.8,
            "f_score": 0.7,
        }

    base = {"objects": 4, "iou": 0.25, "cross_entropy": 0.2, "average_precision": 0.3, "f_score": 0.4}
    lines = [part(views, value) for views, value in zip((1, 2), iou)]
    return {
        "objects": 4,
        "views": [1, 2],
        "thresholds": [0.4, 0.5],
        "by_views": lines,
        "by_category": {"chair": lines},
        "sweep": [{"views": v, "iou": [value, 0.3]} for v, value in zip((1, 2), iou)],
        "baseline": {"mean shape": {**base, "by_category": {"chair": base}}},
        "network": {"kernel": kernel, "name": name},
        "data": {"name": data, "papers_data": papers},
    }


class StoredThresholdTest(unittest.TestCase):
    def test_the_iou_at_the_networks_own_threshold_is_said(self):
        found = {**results(), "weights": {"threshold": 0.5}}
        self.assertIn("IoU at 0.5,", tables.stored_threshold_text(found))
        self.assertIn("0.300 (1 v.), 0.300 (2 v.)", tables.stored_threshold_text(found))

    def test_weights_without_one_say_nothing(self):
        for weights in ({}, {"threshold": None}, {"threshold": 0.25}):
            self.assertEqual(tables.stored_threshold_text({**results(), "weights": weights}), "")


class PaperTest(unittest.TestCase):
    def test_the_papers_rows_come_first_and_ours_beside_the_matching_one(self):
        lines = tables.paper_rows([results("1x1x1", "small"), results("3x3x3", "large")])
        self.assertEqual(
            [line[:2] for line in lines],
            [
                ["paper", "1x1x1"],
                ["small", "1x1x1"],
                ["paper", "3x3x3"],
                ["large", "3x3x3"],
                ["mean shape", "none"],
            ],
        )
        self.assertEqual(lines[0][4:], [0.499, 0.116])
        self.assertEqual(lines[2][4:], [0.539, 0.106])
        self.assertAlmostEqual(lines[1][4], 0.55)

    def test_a_kernel_that_the_paper_has_not_is_still_shown(self):
        lines = tables.paper_rows([results("5x5x5", "wide")])
        self.assertIn(["wide", "5x5x5"], [line[:2] for line in lines])

    def test_other_data_is_never_presented_as_the_papers(self):
        text = tables.paper_table([results(data="procedural set")])
        self.assertIn("other data", text)
        self.assertIn("procedural set", text)
        ours = next(line for line in text.splitlines() if line.startswith("ours"))
        self.assertIn("procedural set", ours)
        self.assertNotIn("other data", tables.paper_table([results(papers=True)]))

    def test_one_run_on_other_data_is_enough_for_the_warning(self):
        note = tables.comparison_note([results(papers=True), results(data="mine")])
        self.assertIn("mine is other data", note)

    def test_grids_of_another_size_are_not_presented_as_the_papers(self):
        self.assertNotIn("voxels a side", tables.comparison_note([results(papers=True)]))
        runs = [results(papers=True), {**results(papers=True), "resolution": 64}]
        self.assertIn("32 voxels a side, those here 64;", tables.comparison_note(runs))


def split_results(form="pix2vox", kind="shapenet part", views=(1, 2, 5)):
    """Return results of 4 chairs, 12 lamps and 5 boxes on a split of this form."""

    def parts(objects, first):
        return [{"views": count, "objects": objects, "iou": first + count / 100} for count in views]

    return {
        "objects": 21,
        "views": list(views),
        "threshold": 0.3,
        "resolution": 32,
        "by_category": {"box": parts(5, 0.9), "chair": parts(4, 0.5), "lamp": parts(12, 0.3)},
        "data": {"name": "ShapeNet", "kind": kind},
        "split": {"name": "somebody's", "form": form},
    }


class R2N2Test(unittest.TestCase):
    def test_categories_and_views_of_both_and_means_weighted_by_our_objects(self):
        header, lines = tables.r2n2_rows(split_results())
        self.assertEqual(
            header, ["category", "objects", "ours, 1 v.", "ours, 5 v.", "3D-R2N2, 1 v.", "3D-R2N2, 5 v."]
        )
        expected = [
            ["chair", 4, 0.51, 0.55, 0.466, 0.550],
            ["lamp", 12, 0.31, 0.35, 0.381, 0.421],
            ["mean over our objects", 16, 0.36, 0.40, 0.40225, 0.45325],
        ]
        for line, wanted in zip(lines, expected, strict=True):
            self.assertEqual(line[:2], wanted[:2])
            for value, other in zip(line[2:], wanted[2:], strict=True):
                self.assertAlmostEqual(value, other, places=12)

    def test_one_number_of_views_in_common_is_enough(self):
        header, lines = tables.r2n2_rows(split_results(views=(3, 5)))
        self.assertEqual(header[2:], ["ours, 5 v.", "3D-R2N2, 5 v."])
        self.assertEqual(lines[0][2:], [0.55, 0.550])
        self.assertEqual(tables.r2n2_table(split_results(views=(2, 3))), "")

    def test_only_shapenet_on_a_published_split_is_set_beside_it(self):
        for form in ("pix2vox", "occupancy_networks", "pytorch3d"):
            self.assertIn("3D-R2N2, 1 v.", tables.r2n2_table(split_results(form)))
        self.assertIn("3D-R2N2, 1 v.", tables.r2n2_table(split_results(kind="shapenet")))
        for form, kind in (
            ("json", "shapenet"),
            (None, "shapenet"),
            ("pix2vox", "procedural"),
            ("pix2vox", "unknown"),
            ("pytorch3d", None),
        ):
            self.assertEqual(tables.r2n2_table(split_results(form, kind)), "", (form, kind))
        self.assertEqual(tables.r2n2_table({**split_results(), "split": None}), "")
        self.assertEqual(tables.r2n2_table(results()), "")

    def test_what_differs_is_said(self):
        same = tables.r2n2_table(split_results())
        self.assertIn("another network", same)
        self.assertIn("Pix2Vox's split", same)
        self.assertIn("ours is 0.3.", same)
        self.assertNotIn("another split", same)
        self.assertNotIn("trained on", same)
        self.assertNotIn("voxels a side", same)
        other = tables.r2n2_table({**split_results("pytorch3d"), "resolution": 64, "trained_objects": 2})
        self.assertIn("another split (somebody's)", other)
        self.assertIn("32 voxels a side, ours 64", other)
        self.assertIn("trained on (2 of 21)", other)

    def test_the_figures_are_of_shapenets_categories(self):
        self.assertEqual(set(paper.R2N2), set(PUBLISHED))
        # Plain means over the categories; a slip of a digit would change them.
        for count, mean in zip(paper.R2N2_VIEWS, (7.284 / 13, 8.199 / 13), strict=True):
            found = sum(line[count] for line in paper.R2N2.values()) / 13
            self.assertAlmostEqual(found, mean, places=9)


class DataSetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "things"
        self.root.mkdir()

    def mark(self, text):
        (self.root / "dataset.json").write_text(text, encoding="utf-8")

    def test_shapenet_is_known_by_its_counts(self):
        found = paper.describe(self.root, PUBLISHED, PUBLISHED)
        self.assertTrue(found.papers)
        self.assertIn("43,784", found.name)

    def test_a_part_of_shapenet_is_named_and_not_the_papers(self):
        found = paper.describe(self.root, {"chair": 6778}, PUBLISHED)
        self.assertEqual((found.kind, found.papers), ("shapenet part", False))
        self.assertIn("1 of 13 categories", found.name)

    def test_one_model_less_is_not_recognised(self):
        found = paper.describe(self.root, {**PUBLISHED, "chair": 6777}, PUBLISHED)
        self.assertEqual((found.kind, found.papers), ("unknown", False))

    def test_a_procedural_set_is_never_the_papers_whatever_its_counts(self):
        self.mark(json.dumps({"source": "procedural", "seed": 0, "version": VERSION}))
        found = paper.describe(self.root, PUBLISHED, PUBLISHED)
        self.assertEqual((found.kind, found.papers), ("procedural", False))
        self.assertIn("procedural set 'things'", found.name)

    def test_shapenets_models_rendered_here_are_the_papers_data(self):
        self.mark(json.dumps({"source": "models", "version": VERSION}))
        self.assertTrue(paper.describe(self.root, PUBLISHED, PUBLISHED).papers)
        self.assertFalse(paper.describe(self.root, {"chair": 3}, PUBLISHED).papers)

    def test_a_set_that_was_added_to_is_named_by_all_its_sources(self):
        for added, name in (("procedural", "procedural set"), ("models", "mixed set")):
            made = {"source": "procedural", "version": VERSION, "added": [{"source": added}]}
            self.mark(json.dumps(made))
            self.assertIn(name, paper.describe(self.root, {"chair": 3}, PUBLISHED).name)
            self.assertFalse(paper.describe(self.root, PUBLISHED, PUBLISHED).papers)

    def test_a_damaged_marker_is_said(self):
        for text in ("{", f'{{"version": {VERSION}, "added": [1]}}'):
            self.mark(text)
            with self.assertRaisesRegex(UserError, "dataset.json"):
                paper.describe(self.root, {"chair": 3}, PUBLISHED)


class GridTest(unittest.TestCase):
    def test_columns_are_padded_and_numbers_stand_to_the_right(self):
        self.assertEqual(
            tables.grid(["name", "n"], [["a", 5], ["long name", 12]]),
            "\n".join(
                [
                    "=========  ==",
                    "name        n",
                    "=========  ==",
                    "a           5",
                    "long name  12",
                    "=========  ==",
                ]
            ),
        )

    def test_views_categories_and_sweep_show_every_value(self):
        one = results(iou=(0.123, 0.456))
        for text in (tables.views_table(one), tables.category_table(one), tables.sweep_table(one)):
            self.assertIn("0.123", text)
            self.assertIn("0.456", text)
        self.assertIn("mean shape (no view)", tables.views_table(one))
        self.assertIn("0.250", tables.category_table(one))


class NoBaselineTest(unittest.TestCase):
    def test_every_table_does_without_baselines(self):
        one = {**results(iou=(0.123, 0.456)), "baseline": {}}
        for table in (
            tables.views_table(one),
            tables.category_table(one),
            tables.sweep_table(one),
            tables.paper_table([one]),
        ):
            self.assertNotIn("mean shape", table)
            self.assertGreater(len(table.splitlines()), 4)
        header, line = tables.category_table(one).splitlines()[1:4:2]
        self.assertEqual(header.split(), ["category", "objects", "1", "v.", "2", "v."])
        self.assertEqual(line.split(), ["chair", "4", "0.123", "0.456"])

    def test_runs_with_and_without_baselines_stand_beside_each_other(self):
        lines = tables.paper_rows([{**results(), "baseline": {}}, results(data="other")])
        self.assertEqual([line[2] for line in lines if line[1] == "none"], ["other"])


class NotesTest(unittest.TestCase):
    def test_a_run_without_notes_has_none(self):
        self.assertEqual(tables.notes_text(results()), "")
        self.assertEqual(tables.notes_text({**results(), "notes": None, "trained_objects": 0}), "")
        self.assertEqual(tables.split_text(results()), "")

    def test_notes_are_printed_one_a_line(self):
        text = tables.notes_text({**results(), "notes": ["One is missing.", "Two are old."]})
        self.assertEqual(text, "Note: One is missing.\nNote: Two are old.")

    def test_every_table_says_what_was_trained_on(self):
        one = {**results(), "trained_objects": 3}
        for table in (tables.views_table, tables.category_table, tables.sweep_table):
            self.assertIn("Measured partly on objects that the network was trained on (3 of 4)", table(one))
            self.assertNotIn("trained on", table(results()))
        self.assertTrue(tables.notes_text({**one, "notes": ["x"]}).startswith("Note: Measured"))

    def test_a_run_that_was_trained_on_all_is_not_called_partly(self):
        every = {**results(), "trained_objects": 4}
        self.assertIn(
            "Measured on objects that the network was trained on (4 of 4)", tables.views_table(every)
        )
        self.assertEqual(tables.trained_mark(every), ", trained on")

    def test_the_row_beside_the_paper_is_marked(self):
        runs = [
            {**results(data="mine"), "trained_objects": 1},
            results(name="clean", data="mine"),
            {**results("5x5x5", "wide", data="mine"), "trained_objects": 1},
        ]
        data = {line[0]: line[2] for line in tables.paper_rows(runs)}
        self.assertEqual(data["ours"], "mine, partly trained on")
        self.assertEqual(data["wide"], "mine, partly trained on")
        self.assertEqual((data["clean"], data["mean shape"]), ("mine", "mine"))

    def test_the_split_is_named_with_its_sizes(self):
        split = {
            "name": "Pix2Vox",
            "form": "pix2vox",
            "digest": "0123456789abcdef",
            "train": 30642,
            "validation": 4371,
            "test": 8770,
        }
        self.assertEqual(
            tables.split_text({"split": split}),
            "Pix2Vox (pix2vox), digest 0123456789ab: 30,642 training, 4,371 validation and 8,770 "
            "test objects",
        )


if __name__ == "__main__":
    unittest.main()
