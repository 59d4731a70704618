"""Voxel drawings: what is drawn where."""

import dataclasses
import unittest

import numpy as np

from voxlstm.lib.evaluation.report import figures
from voxlstm.lib.evaluation.report.figures import Case, camera, draw_voxels
from voxlstm.lib.evaluation.rows import Row

WHITE = (255, 255, 255)


def one_voxel(x, y, z, size=9):
    """Return a grid with a single voxel."""
    grid = np.zeros(3 * (size,), bool)
    grid[x, y, z] = True
    return grid


def centre(picture):
    """Return the centre (column, row) of what is not background."""
    rows, columns = np.nonzero((picture != 255).any(axis=2))
    return columns.mean(), rows.mean()


def is_like(pixels, colour):
    """Return which pixels have the hue of a colour, whatever their shade."""
    shares = pixels / np.maximum(pixels.max(axis=-1, keepdims=True), 1)
    return np.abs(shares - np.array(colour) / max(colour)).max(axis=-1) < 0.06


class DrawTest(unittest.TestCase):
    def test_the_result_is_a_picture_of_the_size_asked_for(self):
        picture = draw_voxels(one_voxel(4, 4, 4), 50)
        self.assertEqual((picture.shape, picture.dtype), ((50, 50, 3), np.uint8))
        self.assertEqual(tuple(picture[0, 0]), WHITE)

    def test_an_empty_grid_is_background(self):
        picture = draw_voxels(np.zeros((4, 4, 4)), 30, background=(9, 8, 7))
        self.assertTrue((picture == (9, 8, 7)).all())

    def test_axes_go_where_the_camera_says(self):
        for azimuth in (0, 35, 90, 200, 300):
            right, up, _ = camera(azimuth)
            middle = centre(draw_voxels(one_voxel(4, 4, 4), 180, azimuth=azimuth))
            for axis in range(3):
                place = [4, 4, 4]
                place[axis] = 8
                column, row = centre(draw_voxels(one_voxel(*place), 180, azimuth=azimuth))
                moved = np.array([column - middle[0], middle[1] - row])
                direction = np.array([right[axis], up[axis]])
                unit = np.linalg.norm(moved) / max(np.linalg.norm(direction), 1e-9)
                np.testing.assert_allclose(moved, direction * unit, atol=1.5)

    def test_y_is_up(self):
        low, high = (centre(draw_voxels(one_voxel(4, y, 4), 90))[1] for y in (1, 7))
        self.assertLess(high, low)

    def test_the_nearer_voxel_hides_the_farther(self):
        red, blue = (200, 40, 40), (40, 40, 200)
        for azimuth in (10, 100, 190, 280):
            towards = camera(azimuth)[2]
            axis = int(np.argmax(np.abs(towards)))
            grid, paint = np.zeros((9, 9, 9), bool), np.zeros((9, 9, 9, 3), np.uint8)
            near, far = [4, 4, 4], [4, 4, 4]
            near[axis] += 1 if towards[axis] > 0 else -1
            grid[tuple(near)] = grid[tuple(far)] = True
            paint[tuple(near)], paint[tuple(far)] = red, blue
            picture = draw_voxels(grid, 180, paint=paint, azimuth=azimuth, elevation=8)
            self.assertGreater(is_like(picture, red).sum(), 3 * is_like(picture, blue).sum())

    def test_against_a_ray_through_every_pixel(self):
        random = np.random.default_rng(0)
        grid = random.random((6, 6, 6)) < 0.25
        paint = random.integers(60, 256, (6, 6, 6, 3)).astype(np.uint8)
        paint[..., 0] = 255  # so that the hue survives shading
        size = 120
        picture = draw_voxels(grid, size, paint=paint)
        right, up, back = camera()
        corners = np.array(list(np.ndindex(2, 2, 2))) * 6 - 3
        half = np.abs(corners @ camera()[:2].T).max()
        wrong = seen = 0
        for row in range(2, size, 7):
            for column in range(2, size, 7):
                u = (column + 0.5 - size / 2) / (0.98 * size / 2 / half)
                v = (size / 2 - row - 0.5) / (0.98 * size / 2 / half)
                line = 3 + u * right + v * up + np.linspace(9, -9, 2500)[:, None] * back
                cells = np.floor(line).astype(int)
                inside = ((cells >= 0) & (cells < 6)).all(axis=1)
                hits = [tuple(c) for c in cells[inside] if grid[tuple(c)]]
                expected = paint[hits[0]] if hits else np.array(WHITE)
                seen += 1
                pixel = picture[row, column][None]
                same = is_like(pixel, expected)[0] if hits else tuple(pixel[0]) == WHITE
                wrong += not same
        self.assertLess(wrong, 0.12 * seen)  # pixels on an edge mix two voxels

    def test_the_fitting_zoom_fills_the_picture_and_cuts_nothing(self):
        grid = np.zeros((16, 16, 16), bool)
        grid[5:11, 4:9, 6:10] = True
        zoom = figures.fitting_zoom(grid, one_voxel(4, 8, 8, 16))
        self.assertGreater(zoom, 1.2)
        shown = (draw_voxels(grid | one_voxel(4, 8, 8, 16), 100, zoom=zoom) != 255).any(axis=2)
        self.assertFalse(shown[[0, -1]].any() or shown[:, [0, -1]].any())
        reach = np.abs(np.argwhere(shown) - 49.5).max()
        self.assertGreater(reach, 44)
        self.assertEqual(figures.fitting_zoom(np.zeros((4, 4, 4))), 1.0)
        self.assertEqual(figures.fitting_zoom(np.ones((4, 4, 4))), 1.0)

    def test_difference_tells_agreed_false_and_missed(self):
        predicted, truth = one_voxel(0, 0, 0, 3) | one_voxel(1, 1, 1, 3), one_voxel(1, 1, 1, 3)
        truth |= one_voxel(2, 2, 2, 3)
        union, paint = figures.difference_paint(predicted, truth)
        self.assertEqual(union.sum(), 3)
        self.assertEqual(tuple(paint[0, 0, 0]), figures.FALSE)
        self.assertEqual(tuple(paint[1, 1, 1]), figures.TRUTH)
        self.assertEqual(tuple(paint[2, 2, 2]), figures.MISSED)

    def test_pictures_of_views_are_channels_last(self):
        views = np.zeros((2, 3, 4, 5), np.float32)
        views[1, 0, 2, 3] = 1.0
        pictures = figures.pictures_of(views)
        self.assertEqual((pictures.shape, pictures.dtype), ((2, 4, 5, 3), np.uint8))
        self.assertEqual(pictures[1, 2, 3].tolist(), [255, 0, 0])
        bytes_of_views = np.random.default_rng(0).integers(0, 256, views.shape, np.uint8)
        pictures = figures.pictures_of(bytes_of_views)
        np.testing.assert_array_equal(pictures, bytes_of_views.transpose(0, 2, 3, 1))

    def test_the_sheet_has_a_row_an_object_and_cuts_at_the_threshold(self):
        grid = one_voxel(4, 4, 4)
        occupancy = np.stack([grid * 0.5]).astype(np.float32)
        row = Row("chair", "m", 1, 0.5, 0.1, 0.5, 0.5)
        case = Case("best", [row], grid, occupancy, np.zeros((1, 8, 8, 3), np.uint8))
        low = figures.result_sheet([case, case], 0.4, shown_views=1, size=60)
        high = figures.result_sheet([case, case], 0.5, shown_views=1, size=60)
        self.assertGreater(len(low), 2 * 60)
        self.assertTrue(is_like(low, figures.PREDICTION).any())
        self.assertFalse(is_like(high, figures.PREDICTION).any())
        for name in ("WIDE NAMES OF SOMEBODY'S FOLDERS", "椅子と机の部屋にある大きな家具"):
            named = Case("best", [dataclasses.replace(row, category=name)], grid, occupancy)
            sheet = figures.result_sheet([named], 0.4, shown_views=1, size=60)
            self.assertTrue((sheet[26:, 10:160] < 200).any())
            self.assertTrue((sheet[26:, 170:230] == 255).all())  # it has no picture, and no name in its place


if __name__ == "__main__":
    unittest.main()
