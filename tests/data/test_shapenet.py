"""The index, its cache and the categories."""

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.data.tree import add_model, age, make_tree
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import shapenet
from voxlstm.lib.data.categories import CATEGORIES, find_synsets
from voxlstm.lib.data.index_cache import IndexCache
from voxlstm.lib.data.shapenet import Index, Item, Problem, list_models
from voxlstm.lib.data.splits import choose

PLANE, CHAIR = "02691156", "03001627"


class TreeCase(unittest.TestCase):
    models = {PLANE: 2, CHAIR: 3}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "data"
        self.cache = Path(folder.name) / "cache"
        patch = mock.patch.dict(os.environ, {"VOXLSTM_CACHE": str(self.cache)})
        patch.start()
        self.addCleanup(patch.stop)
        make_tree(self.root, self.models)

    def renderings(self, synset, model):
        return self.root / "ShapeNetRendering" / synset / model / "rendering"

    def voxels(self, synset, model):
        return self.root / "ShapeNetVox32" / synset / model / "model.binvox"

    def names(self, **options):
        return [item.name for item in Index.open(self.root, **options)]

    def refused(self, *words, root=None, **options):
        with self.assertRaises(UserError) as caught:
            Index.open(root or self.root, **options)
        for word in words:
            self.assertIn(word, str(caught.exception))


class TestCategories(unittest.TestCase):
    def test_published_counts(self):
        self.assertEqual(len(CATEGORIES), 13)
        self.assertEqual(sum(category.count for category in CATEGORIES), 43784)
        self.assertEqual(sorted(CATEGORIES), list(CATEGORIES))

    def test_names_synsets_and_aliases(self):
        every = [category.synset for category in CATEGORIES]
        for category in CATEGORIES:
            self.assertEqual(find_synsets([category.name], every), [category.synset])
            self.assertEqual(find_synsets([category.synset], every), [category.synset])
        pairs = {
            "plane": "02691156",
            "Monitor": "03211117",
            "speaker": "03691459",
            " cellphone ": "04401088",
            "couch": "04256520",
            "boat": "04530566",
        }
        for alias, synset in pairs.items():
            self.assertEqual(find_synsets([alias], every), [synset])
        self.assertEqual(find_synsets(["chair", "plane", CHAIR], every), [PLANE, CHAIR])

    def test_names_of_other_scripts_and_spellings(self):
        own = ["m\u00fcg", "STRASSE", "Mug", "mug", "椅子", "arm chair"]
        for asked, found in (
            ("mu\u0308g", "m\u00fcg"), ("M\u00dcG", "m\u00fcg"), ("straße", "STRASSE"), ("Mug", "Mug"),
            ("mug", "mug"), ("椅子", "椅子"), ("arm chair", "arm chair"),
        ):  # fmt: skip
            self.assertEqual(find_synsets([asked], own), [found])
        self.assertEqual(find_synsets(["Mug  椅子"], own), ["Mug", "椅子"])
        for wrong in ("Mug 机", "", " "):
            with self.assertRaisesRegex(UserError, f"no category '{wrong}'"):
                find_synsets([wrong], own)

    def test_own_folders(self):
        self.assertEqual(find_synsets(["Mugs", "chair"], ["mugs", CHAIR]), [CHAIR, "mugs"])
        self.assertEqual(find_synsets(["chair"], ["chair"]), ["chair"])

    def test_unknown_and_absent(self):
        with self.assertRaisesRegex(UserError, "no category 'chiar'.*chair .03001627.*telephone"):
            find_synsets(["chiar"], [PLANE])
        with self.assertRaisesRegex(UserError, "has no chair .03001627.; it has airplane"):
            find_synsets(["chair"], [PLANE])


class TestIndex(TreeCase):
    def test_items(self):
        index = Index.open(self.root)
        self.assertEqual((len(index), index.incomplete), (5, []))
        self.assertEqual(
            [(i.synset, i.model, i.views) for i in index],
            [
                (PLANE, "m000", 3),
                (PLANE, "m001", 3),
                (CHAIR, "m000", 3),
                (CHAIR, "m001", 3),
                (CHAIR, "m002", 3),
            ],
        )
        item = index.items[0]
        self.assertEqual((item.category, item.name), ("airplane", f"{PLANE}/m000"))
        self.assertTrue(os.path.isfile(item.view_path(2)))
        self.assertTrue(os.path.isfile(item.voxels_path))

    def test_relative_root_survives_a_change_of_folder(self):
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.root.parent)
        item = Index.open("data").items[0]
        os.chdir("/")
        self.assertTrue(os.path.isfile(item.voxels_path))

    def test_categories(self):
        self.assertEqual(
            self.names(categories=["chair"]), [f"{CHAIR}/m000", f"{CHAIR}/m001", f"{CHAIR}/m002"]
        )
        self.refused("no category 'dog'", categories=["dog"])
        self.refused("has no sofa", categories=["sofa"])

    def test_own_category(self):
        add_model(self.root, "mugs", "m000")
        self.assertEqual([item.category for item in Index.open(self.root, ["mugs"])], ["mugs"])

    def test_incomplete_objects_are_reported(self):
        self.voxels(PLANE, "m001").unlink()
        shutil.rmtree(self.renderings(CHAIR, "m000"))
        (self.renderings(CHAIR, "m001") / "01.png").unlink()
        shutil.rmtree(self.root / "ShapeNetVox32" / CHAIR / "m002")
        with self.assertLogs(shapenet.__name__, "WARNING") as logs:
            index = Index.open(self.root)
        self.assertEqual([item.name for item in index], [f"{PLANE}/m000"])
        self.assertEqual(
            index.incomplete,
            [
                Problem(PLANE, "m001", "ShapeNetVox32 lacks its model.binvox"),
                Problem(CHAIR, "m000", "ShapeNetRendering lacks its view 00.png"),
                Problem(CHAIR, "m001", "ShapeNetRendering lacks its view 01.png"),
                Problem(CHAIR, "m002", "ShapeNetVox32 lacks its model.binvox"),
            ],
        )
        self.assertIn("4 of 5 objects", logs.output[0])
        self.assertIn(f"{CHAIR}/m002: ShapeNetVox32 lacks", logs.output[0])

    def test_complaint_is_short(self):
        problems = [Problem(CHAIR, f"m{k}", "gone") for k in range(9)]
        text = Index("/data", [], problems).complaint(most=2)
        self.assertIn("m0: gone; 03001627/m1: gone; and 7 more", text)
        self.assertNotIn("m2", text)

    def test_other_files_do_not_matter(self):
        (self.root / "ShapeNetRendering" / "README").write_text("x")
        (self.root / "ShapeNetRendering" / ".partial").mkdir()
        (self.root / "ShapeNetVox32" / PLANE / "list.txt").write_text("x")
        (self.renderings(PLANE, "m000") / "renderings.txt").write_text("x")
        (self.renderings(PLANE, "m000") / "sheet.png").write_text("x")
        self.assertEqual(len(Index.open(self.root)), 5)

    def test_no_data_set(self):
        make, fetch = "tools/make_dataset.py", "tools/fetch_shapenet.py"
        self.refused("there is no folder", make, fetch, root=self.root / "nowhere")
        shutil.rmtree(self.root / "ShapeNetVox32")
        self.refused("holds no ShapeNetVox32 folder", make, fetch)
        (self.root / "ShapeNetVox32").mkdir()
        with self.assertNoLogs():
            self.refused("holds no complete object", f"{PLANE}/m000: ShapeNetVox32 lacks", make)
        shutil.rmtree(self.root / "ShapeNetRendering")
        (self.root / "ShapeNetRendering").mkdir()
        self.refused("holds an empty data set", make, fetch)


def leave(path, content=b"x"):
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class TestLeftovers(TreeCase):
    """What servers, systems and editors leave in a data set is no model and no category."""

    models = {PLANE: 8, CHAIR: 8}
    trees = ("ShapeNetRendering", "ShapeNetVox32")
    names = (
        "@eaDir",
        "__MACOSX",
        "lost+found",
        "$RECYCLE.BIN",
        "#recycle",
        "@Recycle",
        "Thumbs",
        ".ipynb_checkpoints",
        ".tmp-abc",
        "zzz",
        "m003 copy",
    )

    def setUp(self):
        super().setUp()
        self.before = choose(Index.open(self.root, cache=False))

    def unmoved(self):
        with self.assertNoLogs():
            index = Index.open(self.root, cache=False)
            again = Index.open(self.root), Index.open(self.root)  # by way of the cache
        self.assertEqual(index.incomplete, [])
        self.assertEqual(choose(index), self.before)
        self.assertEqual([choose(other) for other in again], [self.before] * 2)
        self.assertEqual(sorted(list_models(self.root)), [PLANE, CHAIR])

    def test_empty_folders(self):
        for name in self.names:
            for tree in self.trees:
                (self.root / tree / name).mkdir()
                (self.root / tree / PLANE / name).mkdir()
            (self.root / "ShapeNetRendering" / PLANE / name / "rendering").mkdir()
        self.unmoved()

    def test_files_of_other_kinds_inside(self):
        for name in self.names:
            for tree in self.trees:
                for place in (PLANE, f"{PLANE}/{name}", name):
                    leave(self.root / tree / place / "._model.binvox")
                    leave(self.root / tree / place / "Thumbs.db")
                    leave(self.root / tree / place / ".DS_Store")
                    leave(self.root / tree / place / "model.binvox~")
            folder = self.root / "ShapeNetRendering" / PLANE / name / "rendering"
            for file in ("._00.png", "00.png.part", "SYNOPHOTO_THUMB_M.jpg", "sheet.png", "a00.png"):
                leave(folder / file)
        self.unmoved()

    def test_thumbnails_of_a_file_server(self):
        for model in ("m000", "m001"):
            for name in ("SYNOPHOTO_THUMB_S.jpg", "SYNOPHOTO_THUMB_XL.jpg"):
                leave(self.renderings(PLANE, model) / "@eaDir" / "00.png" / name)
            leave(self.root / "ShapeNetRendering" / PLANE / "@eaDir" / f"{model}@SynoEAStream")
            leave(self.root / "ShapeNetVox32" / PLANE / model / "@eaDir" / "model.binvox" / "x")
        self.unmoved()

    def test_whole_trees_in_a_bin(self):
        for tree in self.trees:
            source = self.root / tree / PLANE
            for name in ("@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX"):
                shutil.copytree(source / "m000", source / name)  # as if it were a model
                shutil.copytree(source / "m000", self.root / tree / name / "m000")
        shutil.copytree(self.root / "ShapeNetVox32" / PLANE, self.root / "ShapeNetVox32" / "bin" / PLANE)
        self.unmoved()

    def test_files_and_broken_links_where_folders_are_expected(self):
        for tree in self.trees:
            leave(self.root / tree / "list.csv")
            leave(self.root / tree / PLANE / "m999")
            (self.root / tree / PLANE / "m998").symlink_to("nowhere")
            (self.root / tree / PLANE / "m996").symlink_to("m996")  # in a circle
            (self.root / tree / PLANE / "m995").mkdir()
            (self.root / tree / PLANE / "m995" / "rendering").symlink_to("rendering")
            (self.root / tree / PLANE / "m997").mkdir()
        leave(self.root / "ShapeNetRendering" / PLANE / "m997" / "rendering")
        leave(self.root / "ShapeNetRendering" / PLANE / "m994" / "rendering" / "00.png" / "x")
        (self.root / "ShapeNetVox32" / PLANE / "m997" / "model.binvox").symlink_to("nowhere")
        self.unmoved()

    def test_what_has_lost_one_half_still_is_a_model(self):
        shutil.rmtree(self.renderings(PLANE, "m002"))
        self.voxels(CHAIR, "m003").unlink()
        with self.assertLogs(shapenet.__name__):
            index = Index.open(self.root, cache=False)
        self.assertEqual([problem.model for problem in index.incomplete], ["m002", "m003"])
        self.assertEqual(choose(index).test, self.before.test)


class TestNames(TreeCase):
    """Views by other names, where their order is beyond doubt."""

    def rename(self, change, model="m000"):
        folder = self.renderings(PLANE, model)
        for path in sorted(folder.glob("*.png")):
            path.rename(folder / change(int(path.stem)))

    def files(self):
        return Index.open(self.root, ["plane"], cache=False).items[0].files

    def problem(self, words):
        with self.assertLogs(shapenet.__name__):
            index = Index.open(self.root, ["plane"])
        (problem,) = index.incomplete
        self.assertIn(words, problem.reason)

    def test_usual_names(self):
        for change in (
            lambda k: f"{k}.png",
            lambda k: f"{k:03d}.png",
            lambda k: f"{k:02d}.jpg",
            lambda k: f"{k:02d}.PNG",
            lambda k: f"{k}.JPEG",
            lambda k: f"{k:02d}." + ("jpg" if k else "png"),
        ):
            shutil.rmtree(self.root)
            make_tree(self.root, {PLANE: 1}, views=12)
            self.rename(change)
            self.assertEqual(self.files(), tuple(change(k) for k in range(12)))
            age(self.root)
            for _ in range(2):  # from the folders, then from the cache
                (item,) = Index.open(self.root).items
                self.assertEqual(item.view_path(10), str(self.renderings(PLANE, "m000") / change(10)))

    def test_counted_from_one(self):
        self.rename(lambda k: f"{k + 1:02d}.png.new")
        for path in self.renderings(PLANE, "m000").glob("*.new"):
            path.rename(path.with_suffix(""))
        self.assertEqual(self.files(), ("01.png", "02.png", "03.png"))
        metadata = self.renderings(PLANE, "m000") / "rendering_metadata.txt"
        metadata.unlink()
        self.assertEqual(self.files(), ("01.png", "02.png", "03.png"))
        # Four viewpoints for three pictures: the first picture was lost.
        metadata.write_text("30 27.5 0 0.8 25\n" * 4)
        self.problem("lacks its view 00.png")

    def test_doubtful_orders_are_incomplete(self):
        folder = self.renderings(PLANE, "m000")
        shutil.copy(folder / "01.png", folder / "1.png")
        self.problem("has two of its view 1: 01.png and 1.png")
        (folder / "1.png").unlink()
        shutil.copy(folder / "02.png", folder / "02.jpg")
        self.problem("has two of its view 2")
        (folder / "02.jpg").unlink()
        (folder / "02.png").rename(folder / "04.png")
        self.problem("lacks its view 02.png")

    def test_equal_lists_are_one_object(self):
        items = Index.open(self.root, cache=False).items
        self.assertEqual(len({id(item.files) for item in items}), 1)


class TestCache(TreeCase):
    def setUp(self):
        super().setUp()
        age(self.root)

    def looked(self, **options):
        """Open the index; return how many objects had their files listed."""
        with mock.patch.object(shapenet, "_look", wraps=shapenet._look) as look:
            self.index = Index.open(self.root, **options)
        return look.call_count

    def test_second_opening_lists_nothing(self):
        self.assertEqual(self.looked(), 5)
        first = self.index.items
        self.assertEqual(self.looked(), 0)
        self.assertEqual(self.index.items, first)
        self.assertIs(type(self.index.items[0]), Item)

    def test_changes_are_seen(self):
        self.looked()
        add_model(self.root, CHAIR, "m003")
        self.assertEqual((self.looked(), len(self.index)), (1, 6))
        self.voxels(CHAIR, "m001").unlink()
        with self.assertLogs(shapenet.__name__):
            self.looked()
        self.assertEqual([p.model for p in self.index.incomplete], ["m001"])
        shutil.copy(self.voxels(CHAIR, "m000"), self.voxels(CHAIR, "m001"))
        self.looked()
        self.assertEqual(self.index.incomplete, [])
        folder = self.renderings(PLANE, "m000")
        shutil.copy(folder / "02.png", folder / "03.png")
        self.looked()
        self.assertEqual(self.index.items[0].views, 4)
        shutil.rmtree(self.renderings(PLANE, "m001").parent)
        shutil.rmtree(self.voxels(PLANE, "m001").parent)
        self.looked()
        self.assertEqual(len(self.index), 5)

    def test_fresh_folders_are_not_trusted(self):
        # They may change again without their time changing.
        add_model(self.root, CHAIR, "m003")
        self.assertEqual(self.looked(), 6)
        self.assertEqual(self.looked(), 1)

    def test_categories_share_the_cache(self):
        self.assertEqual(self.looked(categories=["chair"]), 5)
        self.assertEqual(self.looked(), 0)
        self.assertEqual(self.looked(categories=["plane"]), 0)

    def test_damaged_or_foreign_cache_is_ignored(self):
        self.looked()
        path = IndexCache(self.root).path
        good = json.loads(path.read_text())
        wrong = [
            b"",
            b"\xff\xfe",
            b"[]",
            b"{}",
            b"null",
            b'{"version": 1}',
            b"[" * 100_000,
            json.dumps({**good, "entries": {f"{CHAIR}/m000": [float("inf"), 2, 0, ""]}}).encode(),
        ]
        entry = f"{CHAIR}/m000"
        wrong += [
            json.dumps({**good, **change}).encode()
            for change in (
                {"version": 0},
                {"root": "/elsewhere"},
                {"entries": []},
                {"entries": {entry: [1]}},
                {"entries": {entry: 7}},
                {"entries": {entry: ["a", "b", "c", "d"]}},
                {"files": []},
                {"files": 3},
                {"files": [7]},
                {"entries": {entry: [1, 2, 9, ""]}},
            )
        ]
        for data in wrong:
            path.write_bytes(data)
            self.assertEqual((self.looked(), len(self.index)), (5, 5), data)

    def test_data_folder_is_not_written_to(self):
        before = sorted(self.root.rglob("*"))
        self.looked()
        self.assertEqual(sorted(self.root.rglob("*")), before)
        self.assertTrue(IndexCache(self.root).path.is_file())

    def test_without_a_cache_folder(self):
        self.cache.write_text("a file, so that no folder can be made")
        self.assertEqual((self.looked(), self.looked()), (5, 5))
        self.cache.unlink()
        self.assertEqual(self.looked(cache=False), 5)
        self.assertFalse(self.cache.exists())
