"""Graphs kept between runs: found again, never by another's name, and bound to new variables."""

import gc
import os
import pickle
import sys
import tempfile
import unittest
import zlib
from pathlib import Path
from unittest import mock

import numpy as np

from tests.solvers.boxes import make_batch, make_network, make_recipe
from voxlstm.lib.backend.door import tensor, theano
from voxlstm.lib.base import program
from voxlstm.lib.ops import graph_cache
from voxlstm.solvers.solver import Solver


def refuse():
    raise AssertionError("the graph was built again")


class Counter:
    """A function that adds ``step`` times its argument to a shared vector."""

    def __init__(self, start, step=2.0):
        self.total = theano.shared(np.full(1000, start, "float32"), name="total")
        self.step = step

    def build(self):
        x = tensor.fscalar("x")
        changes = [(self.total, self.total + self.step * x)]
        return theano.function([x], self.total.sum(), updates=changes)

    def compiled(self, build=None):
        about, shared = {"step": self.step}, {"total": self.total}
        return graph_cache.compiled("count", about, shared, build or self.build)


class GraphCache(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        patch = mock.patch.dict(os.environ, {"VOXLSTM_CACHE": folder.name})
        patch.start()
        self.addCleanup(patch.stop)

    def files(self):
        return sorted(self.folder.glob("graphs/*"))

    def test_a_kept_graph_works_on_the_new_variables(self):
        first, second = Counter(1.0), Counter(5.0)
        first.compiled()
        again = second.compiled(refuse)
        self.assertEqual([float(again(np.float32(x))) for x in (1, 3)], [5000.0, 7000.0])
        self.assertEqual(second.total.get_value()[0], 13.0)
        self.assertEqual(first.total.get_value()[0], 1.0)
        second.total.set_value(np.zeros(7, "float32"))
        self.assertEqual(float(again(np.float32(1))), 0.0)

    def test_values_of_variables_are_not_kept(self):
        Counter(1.2345).compiled()
        (path,) = self.files()
        self.assertNotIn(np.float32(1.2345).tobytes() * 2, zlib.decompress(path.read_bytes()))

    def test_another_description_or_setting_is_another_graph(self):
        Counter(1.0).compiled()
        with self.assertRaisesRegex(AssertionError, "built again"):
            Counter(1.0, step=3.0).compiled(refuse)
        with theano.change_flags(on_unused_input="ignore"):
            with self.assertRaisesRegex(AssertionError, "built again"):
                Counter(1.0).compiled(refuse)

    def test_other_code_is_another_graph(self):
        Counter(1.0).compiled()
        read = Path.read_text
        for name in ("models/decoder.py", "lib/evaluation/metrics.py", "lib/ops/plan.h"):
            changed = graph_cache.ROOT / name

            def edited(path, **settings):
                return read(path, **settings) + ("#" if path == changed else "")

            with self.subTest(name), mock.patch.object(Path, "read_text", edited):
                with self.assertRaisesRegex(AssertionError, "built again"):
                    Counter(1.0).compiled(refuse)
        Counter(1.0).compiled(refuse)

    def test_code_in_a_new_subfolder_counts(self):
        names = (
            "lib/new/a.py",
            "lib/ops/new/deep/a.cpp",
            "models/new/a.h",
            "tools/new/a.py",
            "lib/ops/other/a.cu",
        )
        root = self.folder / "package"
        with mock.patch.object(graph_cache, "ROOT", root):
            for path in map(root.joinpath, names):
                path.parent.mkdir(parents=True)
                for text in ("", "1"):  # a new file, then another text in it
                    path.write_text(text)
                    with self.assertRaisesRegex(AssertionError, "built again", msg=path):
                        Counter(1.0).compiled(refuse)
                    Counter(1.0).compiled()
                    Counter(1.0).compiled(refuse)
            path.rename(path.with_name("b.py"))
            with self.assertRaisesRegex(AssertionError, "built again"):
                Counter(1.0).compiled(refuse)

    def test_every_module_of_the_package_is_in_a_folder_that_counts(self):
        loaded = {name.split(".")[1] for name in sys.modules if name.startswith("voxlstm.")}
        self.assertLessEqual({"lib", "models", "solvers"}, loaded)
        self.assertLessEqual(loaded, set(program.FOLDERS))

    def test_a_damaged_file_is_replaced(self):
        Counter(1.0).compiled()
        (path,) = self.files()
        another = zlib.compress(pickle.dumps({"not": "a graph"}))
        for damaged in (b"", path.read_bytes()[:-9], zlib.compress(b"cos\nnothing\n."), another):
            path.write_bytes(damaged)
            with self.assertLogs("voxlstm.lib.ops.graph_cache", "WARNING") as logs:
                Counter(1.0).compiled()
            self.assertIn("made anew", logs.output[0])
            Counter(1.0).compiled(refuse)

    def test_what_another_user_could_have_written_is_never_unpickled(self):
        Counter(1.0).compiled()
        (path,) = self.files()
        trap = self.folder / "trap"
        path.write_bytes(
            zlib.compress(b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + os.fsencode(trap) + b"\ntRtR.")
        )
        for mode in (0o666, 0o620):
            path.chmod(mode)
            with self.assertLogs("voxlstm.lib.ops.graph_cache", "WARNING") as logs:
                self.assertEqual(float(Counter(1.0).compiled()(np.float32(1))), 1000.0)
            self.assertIn("another user", logs.output[0])
            self.assertFalse(trap.exists())
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        path.parent.chmod(0o777)
        with self.assertLogs("voxlstm.lib.ops.graph_cache", "WARNING") as logs:
            Counter(1.0).compiled()
        self.assertIn("others may write to", logs.output[0])

    def test_a_folder_that_cannot_be_written_costs_nothing_but_time(self):
        (self.folder / "graphs").write_text("a file")
        with self.assertLogs("voxlstm.lib.ops.graph_cache", "WARNING"):
            self.assertEqual(float(Counter(1.0).compiled()(np.float32(1))), 1000.0)

    def test_the_oldest_graphs_go(self):
        with mock.patch.object(graph_cache, "KEPT", 2):
            for step in (1.0, 2.0, 3.0):
                Counter(1.0, step).compiled()
                for path in self.files():
                    os.utime(path, (path.stat().st_mtime - 60,) * 2)
        self.assertEqual(len(self.files()), 2)
        Counter(1.0, 3.0).compiled(refuse)
        with self.assertRaises(AssertionError):
            Counter(1.0, 1.0).compiled(refuse)

    def test_the_collector_works_again_afterwards(self):
        with self.assertRaises(AssertionError):
            Counter(1.0).compiled(refuse)
        self.assertTrue(gc.isenabled())

    def test_a_training_goes_on_with_the_same_bits(self):
        batch, losses = make_batch(), []
        for _ in range(2):
            solver = Solver(make_network(), make_recipe())
            losses.append([solver.step(*batch) for _ in range(3)])
            with mock.patch.object(Solver, "_build_step", lambda _: refuse()):
                again = Solver(make_network(), make_recipe())
                losses.append([again.step(*batch) for _ in range(3)])
                with self.assertRaises(AssertionError):
                    Solver(make_network(), make_recipe(momentum=0.5)).step(*batch)
        self.assertEqual(losses[0], losses[1])
        self.assertEqual(losses[0], losses[2])
