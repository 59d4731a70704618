"""Renderings of meshes whose picture is known."""

import unittest

import numpy as np
import trimesh

from tests.geometry.meshes import box, mesh_of
from voxlstm.lib.geometry.camera import SIZE, Viewpoint, project
from voxlstm.lib.geometry.mesh import Mesh, join
from voxlstm.lib.geometry.rendering import DIFFUSE, GLOSS, SLOPE, Light, Renderer, corner_normals

FRONT = Viewpoint(0.0, 0.0, 0.8)


def coloured_box():
    """Return a box with red front, green right side and blue top; the other sides grey."""
    body = trimesh.creation.box((0.5, 0.4, 0.3))
    mesh = mesh_of(body)
    mesh.materials = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]], dtype=float)
    sides = [(0, 0.5), (2, 0.5), (1, 0.5)]
    mesh.face_materials[:] = 3
    for number, (axis, least) in enumerate(sides):
        mesh.face_materials[body.face_normals[:, axis] > least] = number
    return mesh


class PictureTest(unittest.TestCase):
    def test_format(self):
        picture = Renderer(box(0.5, 0.4, 0.3)).render(Viewpoint(30.0, 27.0, 0.8))
        self.assertEqual((picture.shape, picture.dtype), ((137, 137, 4), np.dtype(np.uint8)))
        self.assertEqual(picture[0, 0].tolist(), [0, 0, 0, 0])
        self.assertEqual(picture[68, 68, 3], 255)

    def test_sides_are_seen_from_where_they_are(self):
        renderer = Renderer(coloured_box())
        for azimuth, channel in ((0.0, 0), (90.0, 1)):
            colour = renderer.render(Viewpoint(azimuth, 0.0, 0.8))[68, 68, :3]
            self.assertEqual(colour.argmax(), channel)
            self.assertEqual(np.sort(colour)[:2].tolist(), [0, 0])
        grey = renderer.render(Viewpoint(180.0, 0.0, 0.8))[68, 68, :3].astype(int)
        self.assertEqual(np.ptp(grey), 0)
        above = renderer.render(Viewpoint(0.0, 30.0, 0.8))
        row = int(project([[0.0, 0.2, 0.0]], Viewpoint(0.0, 30.0, 0.8))[0, 1])
        self.assertEqual(above[row, 68, :3].argmax(), 2)
        both = renderer.render(Viewpoint(45.0, 0.0, 0.8))
        seen = both[both[..., 3] == 255][:, :3].argmax(axis=1)
        # Seen over the right front corner, the right side is on the left.
        self.assertEqual(set(seen), {0, 1})
        middle = both[68, both[68, :, 3] == 255, :3].argmax(axis=1)
        self.assertEqual((middle[0], middle[-1]), (1, 0))

    def test_coverage_is_the_area_of_the_silhouette(self):
        viewpoint = Viewpoint(0.0, 0.0, 0.9)
        plate = box(1e-4, 0.333, 0.457)
        corners = project([[0, 0.1665, 0.2285], [0, -0.1665, -0.2285]], viewpoint)
        area = np.prod(np.abs(corners[0] - corners[1]))
        alpha = Renderer(plate).render(viewpoint)[..., 3] / 255.0
        self.assertLess(abs(alpha.sum() / area - 1), 0.02)

    def test_edges_have_partial_alpha_and_whole_colour(self):
        plate = box(0.01, 0.5, 0.5)
        plate.vertices = plate.vertices @ trimesh.transformations.rotation_matrix(0.3, (1, 0, 0))[:3, :3]
        picture = Renderer(plate).render(FRONT)
        partial = (picture[..., 3] > 0) & (picture[..., 3] < 255)
        self.assertGreater(partial.sum(), 100)
        self.assertEqual(set(np.unique(picture[..., 3])), {0, 64, 128, 191, 255})
        # Not premultiplied: an edge pixel has the colour of the surface, not a darker one.
        surface = picture[68, 68, :3].astype(int)
        self.assertLess(np.abs(picture[partial][:, :3] - surface).max(), 12)

    def test_nearest_surface_wins(self):
        near, far = box(0.02, 0.2, 0.2, at=(0.2, 0, 0)), box(0.02, 0.5, 0.5, at=(-0.2, 0, 0))
        near.materials[:], far.materials[:] = (0, 0, 1), (1, 0, 0)
        for parts in ((near, far), (far, near)):
            picture = Renderer(join(parts)).render(FRONT)
            self.assertEqual(picture[68, 68, :3].argmax(), 2)
            self.assertEqual(picture[68, 40, :3].argmax(), 0)

    def test_orientation_of_faces_does_not_matter(self):
        mesh = coloured_box()
        picture = Renderer(mesh).render(Viewpoint(40.0, 27.0, 0.8))
        mesh.faces = mesh.faces[:, ::-1]
        turned = Renderer(mesh).render(Viewpoint(40.0, 27.0, 0.8))
        self.assertLessEqual(np.abs(picture.astype(int) - turned).max(), 1)

    def test_thin_rod_is_seen_along_its_whole_length(self):
        picture = Renderer(box(0.004, 0.6, 0.004)).render(Viewpoint(33.0, 0.0, 0.9))
        rows = np.flatnonzero(picture[..., 3].any(axis=1))
        self.assertEqual(np.ptp(rows) + 1, len(rows))
        self.assertGreater(len(rows), 50)

    def test_mesh_larger_than_the_picture_is_cut_off(self):
        picture = Renderer(box(0.1, 3.0, 3.0)).render(FRONT)
        self.assertTrue((picture[..., 3] == 255).all())


class LightTest(unittest.TestCase):
    """The levels of white faces are those of published pictures."""

    def level(self, azimuth, light):
        body = box(0.5, 0.5, 0.5)
        body.materials[:] = 1
        return Renderer(body, light).render(Viewpoint(azimuth, 0.0, 0.8))[68, 68, 0] / 255

    def test_the_lamp_stays_with_the_object(self):
        for lamp in (90.0, 180.0):
            light = Light(azimuth=lamp)
            self.assertAlmostEqual(self.level(lamp, light), 0.81, delta=0.01)
            self.assertAlmostEqual(self.level(lamp + 90, light), 0.635, delta=0.01)
            self.assertAlmostEqual(self.level(lamp - 90, light), 0.635, delta=0.01)
            self.assertAlmostEqual(self.level(lamp + 180, light), 0.46, delta=0.01)

    def test_a_level_face_shines_towards_a_camera_opposite_the_lamp(self):
        plate = box(0.8, 0.02, 0.8)
        plate.materials[:] = 0.9

        def top(azimuth, gloss):
            picture = Renderer(plate, Light(90.0, gloss)).render(Viewpoint(azimuth, 45.0, 0.8))
            return picture[68, 68, 0] / 255

        dull = 0.9 * (DIFFUSE + SLOPE / np.sqrt(2))
        self.assertAlmostEqual(top(270.0, 0.0), dull, delta=0.01)
        self.assertAlmostEqual(top(270.0, GLOSS), dull + GLOSS, delta=0.01)
        self.assertAlmostEqual(top(90.0, GLOSS), dull, delta=0.01)

    def test_half_of_the_objects_reflect_and_the_lamps_stand_all_round(self):
        lights = [Light.draw(np.random.default_rng(seed)) for seed in range(200)]
        self.assertAlmostEqual(np.mean([light.gloss > 0 for light in lights]), 0.5, delta=0.1)
        counts, _ = np.histogram([light.azimuth for light in lights], 4, (0, 360))
        self.assertGreater(counts.min(), 30)


class ColourTest(unittest.TestCase):
    def test_texture_lies_as_its_coordinates_say(self):
        quad = np.array([[0, -0.3, 0.3], [0, -0.3, -0.3], [0, 0.3, -0.3], [0, 0.3, 0.3]])
        uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
        faces = np.array([[0, 1, 2], [0, 2, 3]])
        image = np.zeros((2, 2, 3), dtype=np.uint8)
        image[0, 0], image[0, 1], image[1, 0], image[1, 1] = (
            (255, 0, 0),
            (0, 255, 0),
            (0, 0, 255),
            (255, 255, 255),
        )
        mesh = Mesh(quad, faces, np.ones((1, 3)), np.zeros(2, dtype=int), None, uv[faces], {0: image})
        picture = Renderer(mesh).render(FRONT)
        # From the front the first corner (u = v = 0) is the lower left one of the picture.
        self.assertEqual(picture[50, 50, :3].argmax(), 0)
        self.assertEqual(picture[50, 86, :3].argmax(), 1)
        self.assertEqual(picture[86, 50, :3].argmax(), 2)
        self.assertEqual(np.ptp(picture[86, 86, :3]), 0)

    def test_colours_at_vertices_run_into_each_other(self):
        quad = np.array([[0, -0.3, 0.3], [0, -0.3, -0.3], [0, 0.3, -0.3], [0, 0.3, 0.3]])
        colours = np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]])
        faces = np.array([[0, 1, 2], [0, 2, 3]])
        mesh = Mesh(quad, faces, np.ones((1, 3)), np.zeros(2, dtype=int), colours[faces])
        column = Renderer(mesh).render(FRONT)[:, 68, :3].astype(int)
        rows = np.flatnonzero(column.any(axis=1))
        self.assertTrue((np.diff(column[rows, 0]) >= 0).all())
        self.assertTrue((np.diff(column[rows, 2]) <= 0).all())

    def test_cylinders_are_round_and_boxes_have_edges(self):
        pipe = trimesh.creation.cylinder(0.2, 0.5, sections=24)
        normals = corner_normals(pipe.vertices, pipe.faces)
        side = np.abs(pipe.face_normals[:, 2]) < 0.1
        radial = pipe.vertices[pipe.faces[side]] * (1, 1, 0) / 0.2
        np.testing.assert_allclose(normals[side], radial, atol=1e-6)
        np.testing.assert_allclose(normals[~side], np.repeat(pipe.face_normals[~side, None], 3, 1), atol=1e-6)
        cube = trimesh.creation.box()
        expected = np.repeat(cube.face_normals[:, None], 3, axis=1)
        np.testing.assert_allclose(corner_normals(cube.vertices, cube.faces), expected, atol=1e-9)

    def test_picture_is_137_pixels(self):
        self.assertEqual(SIZE, 137)
