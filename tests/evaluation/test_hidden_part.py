"""What a hidden part's first view changes: shapes and states whose answer is known."""

import tempfile
import unittest
from pathlib import Path

import numpy as np

from tests.tools import tiny
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.views import load_views
from voxlstm.lib.evaluation import hidden_part
from voxlstm.lib.geometry.camera import Viewpoint

FRONT, SIDE, BACK = (Viewpoint(azimuth, 27.0, 0.8) for azimuth in (30.0, 45.0, 210.0))


def block():
    """Return a solid block that fills the blocks 1 and 2 of each axis."""
    grid = np.zeros((32, 32, 32), bool)
    grid[8:24, 8:24, 8:24] = True
    return grid


class ChooseTest(unittest.TestCase):
    def test_nearest_and_opposite_across_the_turn(self):
        azimuths = [355.0, 90.0, 20.0, 200.0, 170.0]
        viewpoints = [Viewpoint(azimuth, 27.0, 0.8) for azimuth in azimuths]
        self.assertEqual(hidden_part.choose_views(viewpoints), [0, 2, 4])


class GroupsTest(unittest.TestCase):
    def test_the_back_is_new_when_seen_from_behind_and_not_from_nearby(self):
        near, opposite = hidden_part.groups(block(), 1.0, [FRONT, SIDE, BACK])
        # These azimuths look from +x and +z: the block at small x and z is hidden.
        self.assertFalse(near["new"].any())
        self.assertTrue(opposite["new"][1, 1, 1])
        self.assertFalse(opposite["new"][2, :, 2].any())
        for masks in (near, opposite):
            self.assertEqual(masks["empty"].sum(), 64 - 8)
            self.assertFalse((masks["new"] & (masks["old"] | masks["empty"])).any())

    def test_what_was_shown_already_is_never_new(self):
        near, opposite = hidden_part.groups(block(), 1.0, [FRONT, FRONT, FRONT])
        for masks in (near, opposite):
            self.assertFalse(masks["new"].any())
            self.assertEqual(masks["old"].sum(), 8)
        self.assertFalse(hidden_part.groups(block(), 1.0, [FRONT, BACK, BACK])[1]["new"].any())

    def test_the_least_surface_of_a_block_grows_with_its_side(self):
        # Sides of 16, 32 and 64 voxels have blocks of 4, 8 and 16; 1, 4 and 16 voxels are enough.
        for size, least in ((16, 1), (32, 4), (64, 16)):
            for height in (least - 1, least):
                grid = np.zeros(3 * (size,), bool)
                grid[0, :height, 0] = True
                masks = hidden_part.groups(grid, 1.0, [FRONT, FRONT])[0]
                self.assertEqual(masks["old"].sum(), int(height == least), (size, height))


class ChangesTest(unittest.TestCase):
    def measure(self, moved):
        """Change h by 0.5 in the cells ``moved`` at the third view, and the occupancy by 0.25."""
        hidden = np.zeros((3, 5, 4, 4, 4), np.float32)
        hidden[2, :, moved] = 0.5
        occupancy = np.zeros((3, 32, 32, 32), np.float32)
        occupancy[2] = 0.25 * np.kron(moved, np.ones((8, 8, 8)))
        gates = {"hidden": hidden, "input": np.full_like(hidden, 0.75), "forget": np.full_like(hidden, 0.125)}
        found = hidden_part.changes(block(), 1.0, [FRONT, SIDE, BACK], gates, occupancy)
        return {(change.view, change.group): change for change in found}

    def test_a_change_of_the_new_part_alone_is_found_there_alone(self):
        new = hidden_part.groups(block(), 1.0, [FRONT, SIDE, BACK])[1]["new"]
        found = self.measure(new)
        self.assertEqual(found[3, "new"].blocks, new.sum())
        self.assertAlmostEqual(found[3, "new"].state, 0.5)
        self.assertAlmostEqual(found[3, "new"].occupancy, 0.25)
        self.assertAlmostEqual(found[3, "new"].input_gate, 0.75)
        self.assertAlmostEqual(found[3, "new"].forget_gate, 0.125)
        for group in ("old", "empty"):
            self.assertEqual(found[3, group].state, 0)
            self.assertEqual(found[3, group].occupancy, 0)
        self.assertEqual(found[2, "old"].state, 0)

    def test_a_change_elsewhere_is_not_counted_as_the_new_parts(self):
        empty = hidden_part.groups(block(), 1.0, [FRONT, SIDE, BACK])[1]["empty"]
        found = self.measure(empty)
        self.assertEqual(found[3, "new"].state, 0)
        self.assertAlmostEqual(found[3, "empty"].state, 0.5)

    def test_means_are_over_objects(self):
        new = hidden_part.groups(block(), 1.0, [FRONT, SIDE, BACK])[1]["new"]
        objects = [list(self.measure(mask).values()) for mask in (new, np.zeros_like(new))]
        table = hidden_part.summarise(objects)
        self.assertAlmostEqual(table["3"]["new"]["state"], 0.25)
        self.assertEqual(table["3"]["new"]["objects"], 2)
        self.assertEqual(table["3"]["new"]["blocks"], 2 * new.sum())


class Recorder:
    """A predictor that keeps what it is shown."""

    def gates(self, views):
        self.views = views
        return dict.fromkeys(("hidden", "input", "forget"), np.zeros((3, 1, 2, 4, 4, 4), np.float32))

    def log_odds(self, views, counts):
        self.counts = counts
        return np.zeros((3, 1, 32, 32, 32), np.float32)


class MeasureTest(unittest.TestCase):
    def test_the_network_sees_the_first_the_near_and_the_opposite_view(self):
        with tempfile.TemporaryDirectory() as folder:
            root = tiny.make_data(Path(folder), objects=1, views=4)
            item = Index.open(root, cache=False).items[0]
            lines = [f"{azimuth} 27 0 0.8 25\n" for azimuth in (10, 100, 185, 350)]
            metadata = Path(item.renderings_path) / "rendering_metadata.txt"
            metadata.write_text("".join(lines))
            predictor = Recorder()
            found = hidden_part.measure(item, predictor)
            expected = load_views([item.view_path(number) for number in (0, 3, 2)])
            np.testing.assert_array_equal(predictor.views[:, 0], expected)
            self.assertEqual(predictor.counts, [1, 2, 3])
            self.assertEqual({change.view for change in found}, {2, 3})
            metadata.write_text("".join(lines[:2]))
            with self.assertRaisesRegex(UserError, "4 pictures and 2 viewpoints"):
                hidden_part.measure(item, predictor)
