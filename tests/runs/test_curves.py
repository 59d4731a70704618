"""Curves: rows that survive a resumption unchanged, pictures and events where installed."""

import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.runs import curves
from voxlstm.lib.runs.curves import Curves, Row

ROWS = [
    Row(1, 0.6931471805599453, 0.1),
    Row(2, 0.5, 0.1, 0.25, 0.55),
    Row(3, 1 / 3, 0.01),
    Row(4, 0.2, 0.01, 0.5, 0.3),
]


def write(folder, rows, iteration=0):
    with Curves(folder, iteration) as growing:
        for row in rows:
            growing.add(row)
        growing.flush()
        growing.draw()
        return growing.missing


class CurvesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_rows_come_back_digit_for_digit(self):
        write(self.folder, ROWS)
        self.assertEqual(curves.read(self.folder / "curves.csv"), ROWS)

    def test_a_resumed_run_leaves_the_bytes_of_one_that_ran_through(self):
        write(self.folder / "through", ROWS)
        write(self.folder / "resumed", ROWS[:3])
        with open(self.folder / "resumed/curves.csv", "a", encoding="utf-8") as file:
            file.write("4,0.7")  # torn by a kill
        write(self.folder / "resumed", ROWS[2:], iteration=2)
        through, resumed = [self.folder / name / "curves.csv" for name in ("through", "resumed")]
        self.assertEqual(resumed.read_bytes(), through.read_bytes())

    def test_a_new_run_starts_empty(self):
        write(self.folder, ROWS)
        write(self.folder, ROWS[:1])
        self.assertEqual(curves.read(self.folder / "curves.csv"), ROWS[:1])

    def test_damaged_rows_are_one_sentence(self):
        write(self.folder, ROWS)
        path = self.folder / "curves.csv"
        good = path.read_bytes()
        for row in (
            b"1\n",
            b"1,2,3,4,5,6\n",
            b"x,1,1,,\n",
            b"1,y,1,,\n",
            b"\n",
            b"\xff\xfe\n",
            b'"' + b"9" * 200_000 + b"\n",
            b"9" * 5000 + b",1,1,,\n",
        ):
            path.write_bytes(good + row)
            with self.subTest(row[:20]), self.assertRaisesRegex(UserError, "curves.csv is damaged"):
                curves.read(path)

    def test_rows_that_are_missing_or_foreign_are_refused(self):
        write(self.folder, ROWS[:2])
        with self.assertRaisesRegex(UserError, "does not reach iteration 3"):
            Curves(self.folder, 3)
        (self.folder / "curves.csv").write_text("a,b\n1,2\n")
        with self.assertRaisesRegex(UserError, "not a file of training curves"):
            Curves(self.folder, 1)
        (self.folder / "curves.csv").write_text(",".join(curves.FIELDS) + "\n1,2,three,,\n")
        with self.assertRaisesRegex(UserError, "damaged"):
            curves.read(self.folder / "curves.csv")

    def test_a_picture_is_drawn(self):
        self.assertEqual(write(self.folder, ROWS), [])
        with Image.open(self.folder / "curves.png") as image:
            self.assertEqual(image.size, (800, 800))
            self.assertGreater(len(image.convert("RGB").getcolors(maxcolors=1 << 20)), 10)

    def test_events_hold_every_value_and_none_twice(self):
        write(self.folder, ROWS[:3])
        write(self.folder, ROWS[2:], iteration=2)
        found = read_events(self.folder / "events")
        expected = {"train/loss": {r.iteration: r.loss for r in ROWS}}
        expected["train/rate"] = {r.iteration: r.rate for r in ROWS}
        expected["validation/iou"] = {2: 0.25, 4: 0.5}
        expected["validation/cross_entropy"] = {2: 0.55, 4: 0.3}
        self.assertEqual(found.keys(), expected.keys())
        for tag, values in expected.items():
            self.assertEqual(found[tag].keys(), values.keys(), tag)
            for step, value in values.items():
                self.assertAlmostEqual(found[tag][step], value, places=6)

    def test_events_hold_the_pictures_of_a_validation(self):
        views = np.full((4, 3, 127, 127), 200, np.uint8)
        views[1], views[2] = 100, 50
        voxels, predicted = np.zeros((2, 8, 8, 8), bool)
        voxels[2:6, 2:6, 2:6], predicted[3:5, 3:5, 3:5] = True, True
        with Curves(self.folder) as growing:
            for row in ROWS:
                shown = [("chair", views, voxels, predicted)] if row.validation_iou is not None else []
                growing.add(row, shown)
        found = read_events(self.folder / "events")["validation/chair"]
        self.assertEqual(list(found), [2, 4])
        with Image.open(io.BytesIO(found[4])) as image:
            drawn = np.asarray(image.convert("RGB"))
        tiles = [drawn[:, 133 * k : 133 * k + 127] for k in range(5)]
        self.assertEqual(drawn.shape, (127, 5 * 133, 3))
        self.assertEqual([int(tile.mean()) for tile in tiles[:3]], [200, 100, 50])
        # Both grids are drawn as large, so that the smaller one is seen to be smaller.
        filled = [(tile < 240).any(-1).sum() for tile in tiles[3:]]
        self.assertTrue(0.15 < filled[1] / filled[0] < 0.35, filled)

    def test_without_the_extra_the_csv_is_written_and_the_rest_is_said(self):
        with mock.patch.dict(sys.modules, {"matplotlib": None, "tensorboardX": None}):
            missing = write(self.folder, ROWS)
        self.assertEqual(len(missing), 2)
        self.assertIn("report", missing[0])
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["curves.csv"])
        self.assertEqual(curves.read(self.folder / "curves.csv"), ROWS)

    def test_the_running_mean_against_a_loop(self):
        values = np.random.default_rng(0).random(130)
        expected = [np.mean(values[max(0, i - 49) : i + 1]) for i in range(130)]
        np.testing.assert_allclose(curves.smooth(values), expected, rtol=1e-12)

    def test_series_are_those_of_the_run(self):
        rows = [Row(k, 1 / k, 0.1, *((0.4, 0.2) if k == 60 else ())) for k in range(1, 101)]
        losses, crosses, ious = curves.series(rows).values()
        self.assertEqual([k for k, _ in losses], list(range(1, 101)))
        np.testing.assert_array_equal([v for _, v in losses], curves.smooth([row.loss for row in rows]))
        self.assertEqual((crosses, ious), ([(60, 0.2)], [(60, 0.4)]))


def read_events(folder):
    """Read event files in order of writing, as TensorBoard does: a purge drops later steps."""
    import struct

    from tensorboardX.proto.event_pb2 import Event

    tags = {}
    for path in sorted(folder.iterdir()):
        data, position = path.read_bytes(), 0
        while position < len(data):
            (length,) = struct.unpack_from("<Q", data, position)
            event = Event.FromString(data[position + 12 : position + 12 + length])
            position += 16 + length
            if event.session_log.status == event.session_log.START:
                for values in tags.values():
                    for step in [step for step in values if step >= event.step]:
                        del values[step]
            for value in event.summary.value:
                shown = value.image.encoded_image_string
                tags.setdefault(value.tag, {})[event.step] = shown or value.simple_value
    return tags
