"""The tool that makes a data set: layout, restarts, broken models, every format."""

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from tests.geometry.meshes import nearest
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.geometry.tasks import file_tasks, procedural_tasks
from voxlstm.tools.make_dataset import main

ROOT = Path(__file__).resolve().parents[2]
TOOL = [sys.executable, str(ROOT / "tools" / "make_dataset.py")]


def run(*arguments):
    """Return (status, standard output, standard error) of the tool, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return status, out.getvalue(), err.getvalue()


def digests(root):
    """Return {path: digest of the content} of all files under ``root``."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


class DatasetCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)


class ProceduralTest(DatasetCase):
    def test_layout(self):
        sheet = self.root / "sheet.png"
        status, out, _ = run(
            "--out",
            self.root / "data",
            "--procedural",
            1,
            "--categories",
            "chair",
            "02691156",
            "--contact-sheet",
            sheet,
        )
        self.assertEqual(status, 0)
        self.assertIn("2 of 2 objects", out)
        items = Index.open(self.root / "data", cache=False).items
        self.assertEqual(sorted({item.synset for item in items}), ["02691156", "03001627"])
        for synset in ("02691156", "03001627"):
            (model,) = (self.root / "data" / "ShapeNetRendering" / synset).iterdir()
            self.assertRegex(model.name, "^[0-9a-f]{32}$")
            names = sorted(path.name for path in (model / "rendering").iterdir())
            pictures = [f"{view:02d}.png" for view in range(24)]
            self.assertEqual(names, pictures + ["rendering_metadata.txt", "renderings.txt"])
            with Image.open(model / "rendering" / "23.png") as picture:
                self.assertEqual((picture.size, picture.mode), ((137, 137), "RGBA"))
            lines = (model / "rendering" / "rendering_metadata.txt").read_text().splitlines()
            self.assertEqual([len(line.split()) for line in lines], [5] * 24)
            place = Path(synset) / model.name
            content = (self.root / "data" / "ShapeNetCore.v1" / place / "model.obj").read_text()
            self.assertIn("mtllib model.mtl", content)
            voxels = binvox.load(self.root / "data" / "ShapeNetVox32" / place / "model.binvox")
            self.assertEqual(voxels.grid.shape, (32, 32, 32))
            # The model is centred on the origin, and its longest side is the grid's.
            self.assertAlmostEqual(voxels.scale, -2 * min(voxels.translate), places=5)
            self.assertAlmostEqual(np.linalg.norm(voxels.translate), 0.5, places=5)
        with Image.open(sheet) as image:
            self.assertEqual(image.size, (137, 2 * (137 + 16)))

    def test_same_seed_same_bytes_for_any_number_of_workers(self):
        arguments = ("--procedural", 2, "--categories", "lamp", "table", "--seed", 5)
        run("--out", self.root / "one", *arguments, "--workers", 1)
        run("--out", self.root / "two", *arguments, "--workers", 2)
        first = digests(self.root / "one")
        self.assertEqual(first, digests(self.root / "two"))
        self.assertGreater(len(first), 4 * 28)
        # A larger set begins with the same objects; another seed has none of them.
        larger, other = procedural_tasks(3, 5), procedural_tasks(2, 6)
        ids = {task.model for task in procedural_tasks(2, 5)}
        self.assertTrue(ids < {task.model for task in larger})
        self.assertFalse(ids & {task.model for task in other})

    def test_damaged_objects_are_made_again_and_whole_ones_left(self):
        arguments = ("--out", self.root, "--procedural", 2, "--categories", "table")
        run(*arguments)
        before = digests(self.root)
        models = sorted((self.root / "ShapeNetRendering" / "04379243").iterdir())
        victim = models[0] / "rendering"
        (victim / "07.png").write_bytes((victim / "07.png").read_bytes()[:100])
        (models[0] / ".tmp-left").mkdir()
        untouched = models[1] / "rendering" / "00.png"
        stamp = untouched.stat().st_mtime_ns
        run(*arguments)
        self.assertEqual(digests(self.root), before)
        self.assertEqual(untouched.stat().st_mtime_ns, stamp)
        self.assertFalse(list(self.root.rglob(".tmp-*")))
        for name in ("ShapeNetVox32", "ShapeNetCore.v1"):
            next((self.root / name).rglob("model.*")).unlink()
        run(*arguments)
        self.assertEqual(digests(self.root), before)

    def test_a_folder_made_otherwise_is_refused(self):
        run("--out", self.root, "--procedural", 1, "--categories", "table")
        with self.assertRaisesRegex(UserError, "was made with .*seed 0"):
            run("--out", self.root, "--procedural", 1, "--seed", 1)
        other = self.root / "other"
        (other / "ShapeNetVox32").mkdir(parents=True)
        with self.assertRaisesRegex(UserError, "did not make"):
            run("--out", other, "--procedural", 1)
        with self.assertRaisesRegex(UserError, "at least 1"):
            run("--out", other, "--procedural", 0)

    def test_objects_made_otherwise_are_added_where_asked(self):
        one = "--out", self.root, "--procedural", 1, "--categories"
        run(*one, "table")
        before = digests(self.root / "ShapeNetRendering")
        added = *one, "table", "lamp", "--seed", 1
        with self.assertRaisesRegex(UserError, "or --add to add objects"):
            run(*added)
        run(*added, "--add")
        after = digests(self.root / "ShapeNetRendering")
        self.assertEqual(len(after), 3 * len(before))
        self.assertLessEqual(before.items(), after.items())
        said = json.loads((self.root / "dataset.json").read_text())
        self.assertEqual((said["seed"], [part["seed"] for part in said["added"]]), (0, [1]))
        run(*added)  # what was added once may be gone on with
        run(*one, "table")
        self.assertEqual(json.loads((self.root / "dataset.json").read_text()), said)
        with self.assertRaisesRegex(UserError, "grids of the same resolution"):
            run(*added, "--add", "--resolution", 16)

    def test_a_file_of_the_same_name_is_another_object(self):
        out = "--out", self.root / "data", "--models"
        for tree, size in (("one", (1, 2, 3)), ("two", (3, 1, 1))):
            (self.root / tree / "mug").mkdir(parents=True)
            trimesh.creation.box(size).export(self.root / tree / "mug" / "a.obj")
        run(*out, self.root / "one")
        before = digests(self.root / "data")
        for options in ((), ("--add",), ("--add", "--seed", 1)):
            with self.assertRaisesRegex(
                UserError, "has an object mug/a already, .* another file.*two/mug/a.obj"
            ):
                run(*out, self.root / "two", *options)
        self.assertEqual(digests(self.root / "data"), before)
        (self.root / "one").rename(self.root / "moved")
        self.assertEqual(run(*out, self.root / "moved")[0], 0)
        self.assertEqual(digests(self.root / "data"), before)
        for name, other in (("mug/A", "mug/a"), ("MUG/c", "mug"), ("ｍug/c", None)):
            tree = self.root / other.replace("/", "-") if other else self.root / "wide"
            (tree / name).parent.mkdir(parents=True)
            trimesh.creation.box((2, 2, 1)).export(tree / f"{name}.obj")
            if other:
                with self.assertRaisesRegex(UserError, f"holds {other}, which file systems may take for"):
                    run(*out, tree)
            else:
                self.assertEqual(run(*out, tree)[0], 0)
        (self.root / "moved" / "mug" / "a.obj").write_text("v 0 0 0")  # changed since
        with self.assertRaisesRegex(UserError, "another file"):
            run(*out, self.root / "moved")

    def test_a_set_of_an_older_version_is_refused_with_the_remedy(self):
        old = {"source": "procedural", "seed": 0, "version": 1}
        self.root.joinpath("dataset.json").write_text(json.dumps(old))
        with self.assertRaisesRegex(UserError, "make the set again, in another folder"):
            run("--out", self.root, "--procedural", 1)

    def test_killed_run_leaves_no_process_and_goes_on_where_it_was(self):
        command = [
            *TOOL,
            "--out",
            str(self.root),
            "--procedural",
            "3",
            "--workers",
            "2",
            "--categories",
            "sofa",
        ]
        for sent in (signal.SIGKILL, signal.SIGINT):
            process = subprocess.Popen(
                command,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
            count = len(list(self.root.rglob("model.binvox")))
            self.wait(lambda: len(list(self.root.rglob("model.binvox"))) > count)
            os.kill(process.pid, sent) if sent == signal.SIGKILL else os.killpg(process.pid, sent)
            errors = process.communicate(timeout=120)[1]
            if sent == signal.SIGINT and process.returncode:
                self.assertEqual(process.returncode, 130)
                self.assertNotIn("Traceback", errors)
            self.wait(lambda: not self.alive(process.pid))
        for path in self.root.rglob("*.png"):
            if not any(part.startswith(".tmp-") for part in path.parts):
                with Image.open(path) as picture:
                    picture.load()
        self.assertEqual(
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode, 0
        )
        self.assertEqual(len(list(self.root.rglob("model.binvox"))), 3)
        self.assertFalse(list(self.root.rglob(".tmp-*")))

    def wait(self, condition, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not happen")
            time.sleep(0.05)

    @staticmethod
    def alive(session):
        """Tell whether a process of the session runs."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] not in "ZX":
                return True
        return False


class ModelsTest(DatasetCase):
    def setUp(self):
        super().setUp()
        self.models, self.out = self.root / "models", self.root / "data"

    def save(self, path, body):
        target = self.models / path
        target.parent.mkdir(parents=True, exist_ok=True)
        body.export(target)

    def grid(self, synset, model):
        return binvox.read(self.out / "ShapeNetVox32" / synset / model / "model.binvox")

    def test_formats_scales_and_broken_meshes(self):
        ball = trimesh.creation.icosphere(subdivisions=3)
        for scale, suffix in ((1e-3, "obj"), (1.0, "ply"), (250.0, "stl"), (7.0, "off"), (1e4, "glb")):
            body = ball.copy()
            body.apply_scale(scale)
            body.apply_translation((3 * scale, -scale, 5 * scale))
            self.save(f"mine/{suffix}_ball.{suffix}", body)
        opened = ball.copy()
        opened.update_faces(opened.triangles_center[:, 1] > -0.8)
        self.save("mine/open.ply", opened)
        flipped = ball.copy()
        flipped.faces[::3] = flipped.faces[::3, ::-1]
        self.save("mine/flipped.ply", flipped)
        status, out, _ = run("--out", self.out, "--models", self.models)
        self.assertEqual(status, 0)
        self.assertIn("7 of 7", out)
        names = [f"{s}_ball" for s in ("obj", "ply", "stl", "off", "glb")]
        sums = [self.grid("mine", name).sum() for name in [*names, "flipped", "open"]]
        # A ball fills the grid: a radius of 16 voxels, and what its surface touches.
        expected = (nearest() < 0.5).sum()
        np.testing.assert_allclose(sums[:6], expected, rtol=0.02)
        self.assertGreater(sums[6], 0.95 * expected)

    def test_other_resolutions(self):
        self.save("mine/ball.ply", trimesh.creation.icosphere(subdivisions=4))
        for resolution in (16, 64):
            out = self.root / str(resolution)
            status, _, _ = run("--out", out, "--models", self.models, "--resolution", resolution)
            self.assertEqual(status, 0)
            grid = binvox.read(out / "ShapeNetVox32" / "mine" / "ball" / "model.binvox")
            self.assertEqual(len(grid), resolution)
            expected = (nearest(resolution) < 0.5).sum()
            self.assertAlmostEqual(grid.sum() / expected, 1, delta=0.03)
        with self.assertRaisesRegex(UserError, "was made with .*resolution 64"):
            run("--out", out, "--models", self.models)
        for resolution in (0, -1, 100_000):
            with self.assertRaisesRegex(UserError, "--resolution .* between 1 and"):
                run("--out", self.out, "--models", self.models, "--resolution", resolution)
        self.assertFalse(self.out.exists())

    def test_shapenet_tree_and_names(self):
        for path in (
            "04379243/abc/model.obj",
            "Chair/one.ply",
            "Chair/deep/two.stl",
            "Chair/one.stl",
            "own/x/models/model_normalized.obj",
            "loose.off",
        ):
            self.save(path, trimesh.creation.box())
        tasks = {(task.synset, task.model) for task in file_tasks(self.models, 0)}
        self.assertEqual(
            tasks,
            {
                ("04379243", "abc"),
                ("03001627", "one_one_ply"),
                ("03001627", "one_one_stl"),
                ("03001627", "deep_two"),
                ("own", "x"),
                ("objects", "loose"),
            },
        )
        for names, count in ((["own"], 1), (["chair"], 3), (["Chair", "own"], 4), (["03001627"], 3)):
            self.assertEqual(len(file_tasks(self.models, 0, synsets=names)), count)

    def test_what_systems_leave_is_no_model(self):
        self.save("chair/a.obj", trimesh.creation.box())
        for place in ("chair/._a.obj", "__MACOSX/chair/a.obj", "chair/@eaDir/a.obj", ".git/a.obj"):
            self.save(place, trimesh.creation.box())
        self.assertEqual([task.model for task in file_tasks(self.models, 0)], ["a"])

    def test_what_was_made_can_be_the_source(self):
        run("--out", self.out, "--procedural", 1, "--categories", "table")
        again = self.root / "again"
        run("--out", again, "--models", self.out / "ShapeNetCore.v1")
        for path in (self.out / "ShapeNetVox32").rglob("model.binvox"):
            other = again / "ShapeNetVox32" / path.relative_to(self.out / "ShapeNetVox32")
            self.assertEqual(path.read_bytes(), other.read_bytes())

    def test_broken_models_are_reported_counted_and_tried_again(self):
        self.save("things/good.ply", trimesh.creation.box())
        (self.models / "things" / "rubbish.glb").write_bytes(b"not a mesh at all")
        (self.models / "things" / "empty.obj").write_text("")
        (self.models / "things" / "flat.off").write_text("OFF\n3 1 0\n0 0 0\n0 0 0\n0 0 0\n3 0 1 2\n")
        for _ in range(2):
            status, out, errors = run("--out", self.out, "--models", self.models)
            self.assertEqual(status, 1)
            self.assertIn("1 of 4 objects", out)
            self.assertIn("3 models could not be used", errors)
            for name in ("rubbish.glb", "empty.obj", "flat.off"):
                self.assertRegex(errors, f"broken: .*{name}")
            self.assertNotIn("Traceback", errors)
        self.assertEqual(len(Index.open(self.out, cache=False).items), 1)
        self.assertFalse(list(self.out.rglob("*rubbish*")))
        self.save("things/rubbish.glb", trimesh.creation.box())
        self.assertIn("2 of 4 objects", run("--out", self.out, "--models", self.models)[1])

    def test_wrong_arguments_are_one_sentence(self):
        for arguments, words in (
            (["--models", str(self.models)], "there is no folder"),
            (["--procedural", "1", "--categories", "unicorn"], "no category 'unicorn'"),
        ):
            done = subprocess.run([*TOOL, "--out", str(self.out), *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(words, done.stderr)
        self.save("mine/box.obj", trimesh.creation.box())
        given = "--out", self.out, "--models", self.models, "--contact-sheet"
        for sheet, words in ((self.models / "mine/box.obj", "must end in"), ("a.gif", "must end in")):
            with self.assertRaisesRegex(UserError, words):
                run(*given, sheet)
        self.assertFalse(self.out.exists())
        (self.models / "mine" / "box.obj").unlink()
        with self.assertRaisesRegex(UserError, "holds no .obj"):
            run("--out", self.out, "--models", self.models)

    def test_settings_are_kept(self):
        self.save("mine/box.stl", trimesh.creation.box((1, 2, 3)))
        run("--out", self.out, "--models", self.models, "--up", "z", "--seed", 9)
        settings = json.loads((self.out / "dataset.json").read_text())
        self.assertEqual((settings["source"], settings["up"], settings["seed"]), ("models", "z", 9))
        grid = self.grid("mine", "box")
        extent = np.ptp(np.argwhere(grid), axis=0)
        self.assertEqual(extent.argmax(), 1)
