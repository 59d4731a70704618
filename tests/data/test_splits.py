"""Splits: the rule, the four forms of files, and what is wrong with them."""

import json
import tempfile
import unittest
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.data.shapenet import Index, Item, Problem
from voxlstm.lib.data.split_files import parts_of, with_earlier
from voxlstm.lib.data.splits import choose

PLANE, CHAIR = "02691156", "03001627"
FILES = tuple(f"{number:02d}.png" for number in range(24))


def fake_index(counts, incomplete=()):
    items = [
        Item("/data", synset, f"m{k:03d}", FILES)
        for synset, count in counts.items()
        for k in range(count)
        if (synset, k) not in incomplete
    ]
    problems = [Problem(synset, f"m{k:03d}", "gone") for synset, k in incomplete]
    return Index("/data", items, problems)


class TestRatio(unittest.TestCase):
    def test_first_four_fifths_train(self):
        parts = choose(fake_index({PLANE: 5, CHAIR: 11}), validation=0)
        self.assertEqual(
            [i.model for i in parts.train if i.synset == PLANE], ["m000", "m001", "m002", "m003"]
        )
        self.assertEqual([i.model for i in parts.test], ["m004", "m008", "m009", "m010"])
        self.assertEqual((parts.validation, parts.form, parts.notes), ([], "ratio", []))

    def test_the_rule_is_int_of_a_product(self):
        for count in [*range(1, 200), *(category.count for category in CATEGORIES)]:
            parts = choose(fake_index({PLANE: count}), validation=0)
            self.assertEqual(
                (len(parts.train), len(parts.test)), (int(0.8 * count), count - int(0.8 * count))
            )

    def test_ids_are_sorted(self):
        index = fake_index({PLANE: 10})
        index.items.reverse()
        parts = choose(index, validation=0)
        self.assertEqual(sorted(item.model for item in parts.test), ["m008", "m009"])

    def test_validation_comes_from_training_alone(self):
        index = fake_index({PLANE: 100, CHAIR: 37})
        plain, parts = choose(index, validation=0), choose(index, validation=0.1)
        self.assertEqual(parts.test, plain.test)
        self.assertEqual(sorted(parts.train + parts.validation), plain.train)
        self.assertFalse(set(parts.train) & set(parts.validation))
        of = [item.synset for item in parts.validation]
        self.assertEqual((of.count(PLANE), of.count(CHAIR)), (8, 3))
        # Evenly spread: every tenth from the fifth.
        self.assertEqual(
            [i.model for i in parts.validation if i.synset == PLANE], [f"m{k:03d}" for k in range(5, 80, 10)]
        )
        self.assertEqual(parts, choose(index, validation=0.1))

    def test_a_set_of_a_few_objects_has_every_part(self):
        for counts in ({PLANE: 3}, {PLANE: 3, CHAIR: 3}, {PLANE: 2, CHAIR: 2}, {PLANE: 1, CHAIR: 4}):
            parts = choose(fake_index(counts), validation=0.1)
            self.assertEqual(len(parts.validation), 1)
            self.assertTrue(parts.train and parts.test)
        self.assertEqual(parts.validation[0].synset, CHAIR)
        lost = choose(fake_index({PLANE: 4}, [(PLANE, 1)]), validation=0.1)
        self.assertEqual((len(lost.train), len(lost.validation), len(lost.test)), (1, 1, 1))
        alone = choose(fake_index({PLANE: 2}), validation=0.1)
        self.assertEqual((len(alone.train), alone.validation), (1, []))

    def test_training_part_is_never_emptied(self):
        for count in range(1, 8):
            parts = choose(fake_index({PLANE: count}), validation=0.99)
            self.assertEqual(len(parts.train), min(1, int(0.8 * count)))

    def test_a_lost_file_moves_nothing_else(self):
        whole = choose(fake_index({PLANE: 20}))
        lost = choose(fake_index({PLANE: 20}, incomplete={(PLANE, 3)}))
        for part in ("train", "validation", "test"):
            self.assertEqual(
                [item for item in getattr(whole, part) if item.model != "m003"], getattr(lost, part)
            )

    def test_share_out_of_range(self):
        for share in (-0.1, 1, 1.5):
            with self.assertRaises(UserError):
                choose(fake_index({PLANE: 20}), validation=share)

    def test_all_is_for_the_test(self):
        parts = choose(fake_index({PLANE: 3, CHAIR: 1}), "all")
        self.assertEqual((parts.train, parts.validation, len(parts.test)), ([], [], 4))


class FileCase(unittest.TestCase):
    """Eight planes and four chairs; each form says the same of them."""

    train = [(PLANE, f"m{k:03d}") for k in (7, 0, 2, 3)] + [(CHAIR, "m002"), (CHAIR, "m003")]
    validation = [(PLANE, "m001"), (CHAIR, "m000")]
    test = [(PLANE, "m005"), (PLANE, "m004"), (PLANE, "m006"), (CHAIR, "m001")]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.index = fake_index({PLANE: 8, CHAIR: 4})
        self.path = self.root / "split"

    def parts(self):
        return {"train": self.train, "val": self.validation, "test": self.test}

    def by_category(self, part, synset):
        return [model for other, model in self.parts()[part] if other == synset]

    def write(self, content):
        data = content if isinstance(content, (str, bytes)) else json.dumps(content)
        self.path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
        return str(self.path)

    def list_text(self, between="\t", names=("train", "val", "test")):
        return "".join(
            f"{name}{between}{synset}{between}{model}\n"
            for name, part in zip(names, self.parts().values())
            for synset, model in part
        )

    def pix2vox(self):
        return [
            {
                "taxonomy_id": synset,
                "taxonomy_name": "x",
                **{part: self.by_category(part, synset) for part in self.parts()},
            }
            for synset in (PLANE, CHAIR)
        ]

    def pytorch3d(self):
        return {
            part: {
                synset: {model: [0, 5, 7] for model in self.by_category(part, synset)}
                for synset in (PLANE, CHAIR)
            }
            for part in self.parts()
        }

    def lists(self, end="\n"):
        folder = self.root / "lists"
        for synset in (PLANE, CHAIR):
            (folder / synset).mkdir(parents=True, exist_ok=True)
            for part in self.parts():
                text = end.join(self.by_category(part, synset))
                (folder / synset / f"{part}.lst").write_bytes(text.encode())
        return folder

    def check(self, name, form):
        parts = choose(self.index, str(name))
        self.assertEqual(parts.form, form)
        for part, expected in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            self.assertEqual([(i.synset, i.model) for i in getattr(parts, part)], sorted(expected))
        return parts


class TestForms(FileCase):
    def test_each_form_says_the_same(self):
        found = [
            self.check(self.write(self.list_text()), "list"),
            self.check(self.write(self.list_text(" ")), "list"),
            self.check(
                self.write("# a comment\n\n" + self.list_text("\t", ("Training", "validation", "TEST"))),
                "list",
            ),
            self.check(self.write(self.list_text().replace("\n", "\r\n")), "list"),
            self.check(self.write("\ufeff" + self.list_text()), "list"),
            self.check(self.write(self.list_text().encode("utf-16")), "list"),
            self.check(self.write(self.list_text().replace(PLANE, "plane")), "list"),
            self.check(self.write(self.pix2vox()), "pix2vox"),
            self.check(self.write(json.dumps(self.pix2vox(), indent=4)), "pix2vox"),
            self.check(self.write(self.pytorch3d()), "pytorch3d"),
            self.check(self.lists(), "occupancy_networks"),
            self.check(self.lists("\r\n"), "occupancy_networks"),
        ]
        self.assertEqual(len({parts.digest() for parts in found}), 1)
        self.assertEqual([parts.notes for parts in found if parts.form != "pytorch3d"], [[]] * 11)
        self.assertIn("numbers of views", found[9].notes[0])

    def test_the_name_does_not_matter(self):
        for ending in (".json", ".txt", ".lst", ".yaml"):
            self.path = self.root / f"split{ending}"
            self.check(self.write(self.pix2vox()), "pix2vox")
            self.check(self.write(self.list_text()), "list")

    def test_our_own_text_is_read_back(self):
        parts = self.check(self.write(self.pix2vox()), "pix2vox")
        again = self.check(self.write(parts.text()), "list")
        self.assertEqual(again.digest(), parts.digest())
        self.assertEqual(parts.name, "split")
        names = parts_of(parts.text())
        self.assertEqual(len(names), 12)
        self.assertEqual((names[f"{PLANE}/m001"], names[f"{PLANE}/m005"]), ("validation", "test"))
        self.assertEqual(parts_of(""), {})

    def test_the_digest_tells_the_parts_apart(self):
        parts = self.check(self.write(self.list_text()), "list")
        moved = self.list_text().replace(f"val\t{CHAIR}\tm000", f"train\t{CHAIR}\tm000")
        other = choose(self.index, self.write(moved))
        self.assertNotEqual(other.digest(), parts.digest())

    def test_ids_with_blanks(self):
        items = [Item("/data", "my mugs", name, FILES) for name in ("a b", "c")]
        text = "train\tmy mugs\ta b\ntest\tmy mugs\tc\n"
        parts = choose(Index("/data", items), self.write(text))
        self.assertEqual([i.model for i in parts.train + parts.test], ["a b", "c"])
        self.assertEqual(choose(Index("/data", items), self.write(parts.text())).digest(), parts.digest())

    def test_names_that_are_no_text(self):
        name = b"m\xfcg".decode("utf-8", "surrogateescape")  # a folder made on another system
        items = [Item("/data", name, model, FILES) for model in (name, "b")]
        parts = choose(Index("/data", items), "all")
        again = choose(Index("/data", items), self.write(parts.text().encode("utf-8", "surrogateescape")))
        self.assertEqual((again.test, again.digest()), (parts.test, parts.digest()))

    def test_own_folders_keep_their_names(self):
        items = [Item("/data", "chair", name, FILES) for name in ("a", "b")]
        parts = choose(Index("/data", items), self.write("train chair a\ntest chair b\n"))
        self.assertEqual((len(parts.train), len(parts.test)), (1, 1))

    def test_the_lists_of_one_category(self):
        parts = choose(self.index, str(self.lists() / PLANE))
        self.assertEqual(sorted(i.model for i in parts.test), ["m004", "m005", "m006"])
        self.assertEqual({i.synset for i in parts.train}, {PLANE})

    def test_numbers_as_ids_and_missing_parts(self):
        items = [Item("/data", "7", name, FILES) for name in ("1", "2")]
        content = [{"taxonomy_id": 7, "train": [1], "test": ["2"]}]
        parts = choose(Index("/data", items), self.write(content), validation=0)
        self.assertEqual([i.model for i in parts.train + parts.test], ["1", "2"])


class TestEarlier(unittest.TestCase):
    def test_what_was_learnt_before_is_no_test_object(self):
        now = "# ratio ratio\ntrain\tc\ta b\ntest\tc\tx\ntest\tc\ty\n"
        before = "train\tc\tx\nvalidation\td\tq r\ntest\tc\ta b\ntest\tc\ty\n"
        found = parts_of(with_earlier(now, before))
        self.assertEqual(found, {"c/a b": "train", "c/x": "train", "c/y": "test", "d/q r": "train"})
        self.assertEqual(with_earlier(now, ""), now)
        self.assertEqual(with_earlier(now, now), now)


class TestValidation(FileCase):
    def test_it_is_held_back_where_the_file_names_none(self):
        text = "".join(f"train {PLANE} m{k:03d}\n" for k in range(8)) + f"test {CHAIR} m000\n"
        parts = choose(self.index, self.write(text), validation=0.25)
        self.assertEqual([i.model for i in parts.validation], ["m002", "m006"])
        self.assertEqual((len(parts.train), len(parts.test)), (6, 1))
        whole = choose(self.index, str(self.path), validation=0.0)
        self.assertEqual((len(whole.train), len(whole.validation)), (8, 0))

    def test_a_named_part_is_used_as_it_is(self):
        for share in (0.0, 0.5):
            parts = choose(self.index, self.write(self.list_text()), validation=share)
            self.assertEqual(len(parts.validation), 2)


class TestDifferences(FileCase):
    def test_they_are_counted_and_the_first_is_named(self):
        index = fake_index({PLANE: 8, CHAIR: 6}, incomplete={(PLANE, 7)})
        text = self.list_text() + f"test {PLANE} zzz\n"
        missing, unnamed = choose(index, self.write(text)).notes
        self.assertIn("2 objects of the split", missing)
        self.assertIn("or incomplete there", missing)
        self.assertIn(f"first: {PLANE}/m007", missing)
        self.assertIn("2 objects in /data are in no part", unnamed)
        self.assertIn(f"first: {CHAIR}/m004", unnamed)

    def test_unnamed_objects_are_in_no_part(self):
        parts = choose(self.index, self.write(f"train {PLANE} m000\ntest {PLANE} m001\n"))
        self.assertEqual(len(parts.train + parts.validation + parts.test), 2)

    def test_categories_that_are_not_wanted_are_not_missed(self):
        index = fake_index({PLANE: 8})
        self.assertEqual(choose(index, self.write(self.list_text()), wanted=["plane"]).notes, [])
        (note,) = choose(index, str(self.path)).notes
        self.assertIn("4 objects of the split", note)

    def test_a_split_of_another_data_set_is_refused(self):
        with self.assertRaisesRegex(UserError, "none of the objects in /data is named"):
            choose(self.index, self.write("train mugs a\ntest mugs b\n"))


class TestErrors(FileCase):
    def refused(self, words, content=None):
        if content is not None:
            self.write(content)
        with self.assertRaisesRegex(UserError, words) as caught:
            choose(self.index, str(self.path))
        self.assertNotIn("\n", str(caught.exception))

    def test_an_id_in_two_parts(self):
        twice = f"test\t{PLANE}\tm000\nval\t{CHAIR}\tm002\n"
        self.refused(
            f"has {PLANE}/m000 in its train part and in its test part; so are 1 more",
            self.list_text() + twice,
        )
        content = self.pix2vox()
        content[0]["test"].append("m001")
        self.refused(f"{PLANE}/m001 in its validation part and in its test part", content)
        self.refused("in its train part and in its test", f"train {CHAIR} a\ntest chair a\n")
        content = self.pytorch3d()
        content["val"][PLANE]["m005"] = []
        self.refused(f"{PLANE}/m005", content)
        (self.lists() / PLANE / "val.lst").write_text("m001\nm000\n")
        self.path = self.root / "lists"
        self.refused(f"{PLANE}/m000")

    def test_repeated_in_one_part_is_no_error(self):
        self.check(self.write(self.list_text() * 2), "list")

    def test_nothing_there(self):
        self.refused("cannot read the split .*No such file.*--split ratio")
        self.refused("names no object", "")
        self.refused("names no object", "# nothing\n\n")
        self.refused("names no object", [])
        self.refused("names no object", {"train": {}})
        self.path = self.root / "folder"
        self.path.mkdir()
        self.refused("holds a train.lst")
        (self.path / PLANE).mkdir()
        (self.path / PLANE / "train.lst").write_text("\n\n")
        self.refused("holds a train.lst")

    def test_content_of_another_kind(self):
        forms = "a split is text with a line"
        for content in (
            b"\x89PNG\r\n\x1a\n\xff\xfe",
            "a,b,c\n",
            "train\n",
            f"dev {PLANE} m000\n",
            f"train\t{PLANE}\t\n",
            f"train\t{PLANE}\tm000\tm001\n",
            [1, 2],
            [[]],
            [None],
            [{"train": []}],
            [{"taxonomy_id": PLANE, "train": "m000"}],
            [{"taxonomy_id": PLANE, "train": [["m000"]]}],
            [{"taxonomy_id": None, "train": []}],
            [{"taxonomy_id": PLANE, "train": [True]}],
            [{"taxonomy_id": PLANE, "train": [1.5]}],
            [{"taxonomy_id": PLANE, "train": {"m000": 1}}],
            {"train": [PLANE]},
            {"train": {PLANE: ["m000"]}},
            {"other": {PLANE: {"m000": []}}},
            {"train": None},
            {"version": 1},
        ):
            with self.subTest(content=content):
                self.refused(forms, content)

    def test_damaged_json(self):
        for content in ("{", "[", '[{"taxonomy_id": ', "[" * 100_000, '{"a":' * 100_000):
            self.refused("cannot be read as JSON", content)
