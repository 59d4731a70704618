"""Procedural shapes: closed, varied, reproducible."""

import unittest

import numpy as np
import trimesh
from numpy.testing import assert_array_equal

from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.geometry.shapes.dice import Draw
from voxlstm.lib.geometry.frame import in_grid
from voxlstm.lib.geometry.shapes import KINDS, generate, kind
from voxlstm.lib.geometry.voxels import is_closed, voxelise


class Counting(Draw):
    """Counts the free numbers that a shape takes."""

    def __init__(self, generator):
        super().__init__(generator)
        self.numbers = 0

    def __call__(self, low, high):
        self.numbers += 1
        return super().__call__(low, high)


def every_kind():
    return [(name, make) for kinds in KINDS.values() for name, make in kinds.items()]


class ProceduralTest(unittest.TestCase):
    def test_all_categories_have_several_kinds(self):
        self.assertEqual(set(KINDS), {category.synset for category in CATEGORIES})
        for kinds in KINDS.values():
            self.assertGreaterEqual(len(kinds), 3)
        self.assertEqual(len({name for name, _ in every_kind()}), sum(map(len, KINDS.values())))

    def test_kinds_take_turns(self):
        for synset, kinds in KINDS.items():
            self.assertEqual([kind(synset, index) for index in range(len(kinds))], list(kinds))

    def test_every_part_is_closed_and_faces_outwards(self):
        for name, make in every_kind():
            for seed in range(3):
                for material, part in make(Draw(np.random.default_rng(seed))).parts:
                    body = trimesh.Trimesh(part.vertices, part.faces, process=True)
                    where = f"{name}, seed {seed}: {material}"
                    self.assertTrue(np.isfinite(part.vertices).all(), where)
                    self.assertTrue(is_closed(body), where)
                    self.assertGreater(body.volume, 0, where)

    def test_shapes_have_at_least_six_free_parameters(self):
        for name, make in every_kind():
            for seed in range(3):
                draw = Counting(np.random.default_rng(seed))
                make(draw)
                self.assertGreaterEqual(draw.numbers, 6, name)

    def test_same_seed_same_shape_and_other_seeds_others(self):
        for synset in KINDS:
            first, names = generate(synset, 3, 4)
            again, _ = generate(synset, 3, 4)
            assert_array_equal(first.vertices, again.vertices)
            assert_array_equal(first.materials, again.materials)
            self.assertEqual(len(names), len(first.materials))
            for seed, index in ((4, 4), (3, 4 + len(KINDS[synset]))):
                other, _ = generate(synset, seed, index)
                same = other.vertices.shape == first.vertices.shape
                self.assertFalse(same and np.allclose(other.vertices, first.vertices), synset)

    def test_objects_have_several_colours(self):
        for synset in KINDS:
            colours = [generate(synset, 0, index)[0].materials for index in range(6)]
            # What is not of one grey has a colour a part.
            self.assertGreaterEqual(max(len(np.unique(c, axis=0)) for c in colours), 2)
            self.assertGreaterEqual(len(np.unique(np.round(np.concatenate(colours), 2), axis=0)), 8)

    def test_about_half_of_the_objects_are_of_one_grey(self):
        objects = [generate(synset, 0, index)[0] for synset in KINDS for index in range(12)]
        grey = [mesh for mesh in objects if np.ptp(mesh.materials) == 0]
        self.assertGreater(len(grey), 0.35 * len(objects))
        self.assertLess(len(grey), 0.65 * len(objects))
        self.assertGreater(len({mesh.materials[0, 0] for mesh in grey}), 20)

    def test_shapes_are_neither_blobs_nor_invisible(self):
        for synset, kinds in KINDS.items():
            hollow = 0
            for index in range(len(kinds)):
                grid = voxelise(in_grid(generate(synset, 1, index)[0]))
                self.assertGreater(grid.sum(), 60, kind(synset, index))
                box = np.prod(np.ptp(np.argwhere(grid), axis=0) + 1)
                hollow += grid.sum() < 0.75 * box
            # At least one kind of each category leaves a good part of its box empty.
            self.assertGreater(hollow, 0, synset)
