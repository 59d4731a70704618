"""Batches: what they hold, that only the seed and the place decide it, and every bad end."""

import collections
import contextlib
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

from tests.data.tree import add_model, code_of, grid_of, make_tree
from tests.process import assert_none_left, read_workers
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.signals import Interrupted
from voxlstm.lib.data import binvox, pool
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.pool import WorkerError
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.views import load_views

PLANE, CHAIR = "02691156", "03001627"


class BatchCase(unittest.TestCase):
    """Seven objects, six renderings each."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        make_tree(cls.root, {PLANE: 3, CHAIR: 4}, views=6)
        cls.items = Index.open(cls.root, cache=False).items

    def first(self, count, *arguments, **options):
        with Batches(self.items, *arguments, **options) as batches:
            return [next(batches) for _ in range(count)]

    def assert_same(self, some, others):
        self.assertEqual(len(some), len(others))
        for one, other in zip(some, others):
            self.assertEqual(one.objects, other.objects)
            np.testing.assert_array_equal(one.views, other.views)
            np.testing.assert_array_equal(one.voxels, other.voxels)

    def check_rows(self, batch):
        """Check that every row is the object that it claims to be; return the views drawn."""
        self.assertEqual((batch.views.dtype, batch.voxels.dtype), (np.uint8, np.uint8))
        self.assertEqual(batch.views.shape[1:], (len(batch.objects), 3, 127, 127))
        drawn = []
        for row, item in enumerate(batch.objects):
            code = ((PLANE, CHAIR).index(item.synset), int(item.model[1:]))
            np.testing.assert_array_equal(batch.voxels[row], grid_of(code))
            codes = [code_of(view) for view in batch.views[:, row]]
            self.assertEqual({(red, green) for red, green, _ in codes}, {code})
            drawn.append([view for _, _, view in codes])
        return drawn


class TestEvaluation(BatchCase):
    def test_first_views_in_order_and_the_last_partial_batch(self):
        for workers in (0, 2):
            with Batches(
                self.items, 3, views=2, augment=False, shuffle=False, epochs=1, workers=workers
            ) as batches:
                self.assertEqual(len(batches), 3)
                found = list(batches)
            self.assertEqual([len(batch.objects) for batch in found], [3, 3, 1])
            self.assertEqual([i for batch in found for i in batch.objects], self.items)
            for batch in found:
                self.assertEqual(self.check_rows(batch), [[0, 1]] * len(batch.objects))
                for row, item in enumerate(batch.objects):
                    expected = load_views([item.view_path(0), item.view_path(1)])
                    np.testing.assert_array_equal(batch.views[:, row], expected)

    def test_the_end_stays_the_end(self):
        for workers in (0, 1):
            with Batches(self.items, 7, 1, augment=False, epochs=1, workers=workers) as batches:
                self.assertEqual(len(list(batches)), 1)
                self.assertEqual(list(batches), [])

    def test_endless_batches_have_no_length(self):
        with Batches(self.items, 3, 1, workers=0) as batches:
            with self.assertRaises(TypeError):
                len(batches)


class TestTraining(BatchCase):
    def test_every_object_once_an_epoch_in_a_new_order(self):
        rows = [item for batch in self.first(14, 3, 1, workers=0) for item in batch.objects]
        epochs = [rows[k : k + 7] for k in range(0, 42, 7)]
        for epoch in epochs:
            self.assertEqual(sorted(epoch), self.items)
        self.assertGreater(len({tuple(epoch) for epoch in epochs}), 4)
        others = self.first(3, 3, 1, seed=1, workers=0)
        self.assertNotEqual([i for batch in others for i in batch.objects][:7], epochs[0])

    def test_number_of_views_is_drawn_for_each_batch(self):
        found = self.first(60, 1, (1, 5), workers=0)
        counts = collections.Counter(len(batch.views) for batch in found)
        self.assertEqual(sorted(counts), [1, 2, 3, 4, 5])
        self.assertGreater(min(counts.values()), 3)

    def test_views_are_drawn_without_replacement_from_all(self):
        drawn = [row for batch in self.first(20, 3, 4, workers=0) for row in self.check_rows(batch)]
        for row in drawn:
            self.assertEqual(len(set(row)), 4)
        counts = collections.Counter(view for row in drawn for view in row)
        self.assertEqual(sorted(counts), [0, 1, 2, 3, 4, 5])
        self.assertGreater(min(counts.values()), 25)  # 40 expected
        self.assertGreater(len({row[0] for row in drawn}), 4)  # and the order is random too

    def test_variation_changes_views_and_no_voxels_and_depends_on_the_seed_alone(self):
        varied = self.first(3, 3, (1, 5), vary=True, workers=0)
        self.assert_same(self.first(3, 3, (1, 5), vary=True, workers=2), varied)
        for one, other in zip(varied, self.first(3, 3, (1, 5), workers=0)):
            self.assertEqual(one.objects, other.objects)
            np.testing.assert_array_equal(one.voxels, other.voxels)
            self.assertEqual(one.views.shape, other.views.shape)
            self.assertFalse(np.array_equal(one.views, other.views))

    def test_an_object_differs_from_epoch_to_epoch(self):
        found = self.first(2, 7, 2, shuffle=False, workers=0)
        self.assertEqual(found[0].objects, found[1].objects)
        self.assertFalse(any(np.array_equal(found[0].views[:, k], found[1].views[:, k]) for k in range(7)))

    def test_set_smaller_than_a_batch(self):
        for workers in (0, 1):
            for batch in self.first(3, 16, 1, workers=workers):
                self.check_rows(batch)
                self.assertEqual(len(batch.objects), 16)
                self.assertEqual(set(batch.objects), set(self.items))

    def test_nothing_depends_on_the_workers(self):
        expected = self.first(9, 3, (1, 5), seed=4, workers=0)
        for workers in (1, 2, 8):
            self.assert_same(self.first(9, 3, (1, 5), seed=4, workers=workers), expected)

    def test_workers_are_separate_processes(self):
        with Batches(self.items, 2, 1, workers=3) as batches:
            next(batches)
            self.assertEqual(len({w.process.pid for w in batches._pool.workers}), 3)


class TestParts(BatchCase):
    """Of each batch several processes take their parts."""

    def test_the_parts_in_order_are_the_batch(self):
        endless = {"batch": 5, "views": (1, 4), "seed": 3, "workers": 0}
        finite = {"batch": 4, "views": 2, "augment": False, "shuffle": False, "epochs": 1, "workers": 1}
        for count, settings in ((6, endless), (2, finite)):
            whole = self.first(count, **settings)
            parts = [self.first(count, **settings, part=(rank, 3)) for rank in range(3)]
            for one, *some in zip(whole, *parts):
                self.assertEqual(one.objects, sum((part.objects for part in some), []))
                np.testing.assert_array_equal(one.views, np.concatenate([part.views for part in some], 1))
                np.testing.assert_array_equal(one.voxels, np.concatenate([part.voxels for part in some]))

    def test_the_state_is_that_of_the_whole(self):
        states = []
        for part in ((0, 1), (0, 2), (1, 2)):
            with Batches(self.items, 4, 2, workers=0, part=part) as batches:
                next(batches)
                states.append(batches.state())
        self.assertEqual(states[1:], states[:1] * 2)


class TestState(BatchCase):
    def test_resumes_in_the_middle_of_an_epoch(self):
        expected = self.first(9, 3, (1, 5), seed=4, workers=0)
        for workers in (0, 2):
            for stop in (0, 1, 4):
                with Batches(self.items, 3, (1, 5), seed=4, workers=workers) as batches:
                    for _ in range(stop):
                        next(batches)
                    # The workers are ahead; what they have read is not what was consumed.
                    state = json.loads(json.dumps(batches.state()))
                rest = self.first(9 - stop, 3, (1, 5), seed=4, workers=2 - workers, state=state)
                self.assert_same(rest, expected[stop:])

    def test_resumes_a_finite_run_at_its_end(self):
        with Batches(self.items, 3, 1, epochs=1, workers=0) as batches:
            list(batches)
            state = batches.state()
        with Batches(self.items, 3, 1, epochs=1, workers=1, state=state) as batches:
            self.assertEqual(list(batches), [])

    def test_refuses_another_run(self):
        with Batches(self.items, 3, (1, 5), workers=0) as batches:
            state = batches.state()
        changes = [
            ("batch", {"batch": 4}),
            ("views", {"views": (1, 4)}),
            ("seed", {"seed": 1}),
            ("augment", {"augment": False}),
            ("vary", {"vary": True}),
            ("shuffle", {"shuffle": False}),
            ("epochs", {"epochs": 2}),
            ("objects", {"objects": self.items[1:]}),
            ("digest", {"objects": self.items[::-1]}),
        ]
        for name, change in changes:
            options = {"objects": self.items, "batch": 3, "views": (1, 5), **change}
            with self.assertRaisesRegex(UserError, f"cannot be resumed: '{name}' was"):
                Batches(**options, workers=0, state=state)

    def test_goes_on_from_a_state_of_before_the_variation(self):
        with Batches(self.items, 3, 2, workers=0) as batches:
            state = batches.state()
        del state["vary"]
        self.assert_same(self.first(2, 3, 2, workers=0, state=state), self.first(2, 3, 2, workers=0))
        with self.assertRaisesRegex(UserError, "cannot be resumed: 'vary' was False"):
            Batches(self.items, 3, 2, vary=True, workers=0, state=state)


class TestMemory(BatchCase):
    def test_kept_batches_are_not_overwritten(self):
        expected = self.first(30, 2, (1, 3), workers=0)
        self.assert_same(self.first(30, 2, (1, 3), workers=1), expected)

    def test_a_kept_part_of_a_batch_is_not_overwritten(self):
        expected = [batch.views[-1, 1, 2].copy() for batch in self.first(30, 2, 2, workers=0)]
        with Batches(self.items, 2, 2, workers=1) as batches:
            kept = [next(batches).views[-1, 1, 2] for _ in range(30)]
        np.testing.assert_array_equal(kept, expected)

    def test_memory_is_used_again_without_copies(self):
        with Batches(self.items, 2, 2, workers=1) as batches:
            places = set()
            for _ in range(40):
                batch = next(batches)
                self.assertFalse(batch.views.flags.owndata)
                places.add(batch.views.ctypes.data)
            self.assertLessEqual(len(places), 4)

    def test_arrays_outlive_the_workers(self):
        (batch,) = self.first(1, 2, 2, workers=1)
        self.check_rows(batch)
        batch.views[...] = 0  # and may be written to

    def test_nothing_is_left_open(self):
        self.first(1, 2, 2, workers=1)
        before = sorted(os.listdir("/proc/self/fd"))
        for _ in range(3):
            self.first(2, 2, 2, workers=2)
        self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)
        self.assertNotIn("memfd:batches", Path("/proc/self/maps").read_text())

    def test_more_memory_than_there_is(self):
        with self.assertRaisesRegex(UserError, "more than this machine's memory; use a smaller"):
            Batches(self.items, 10**9, 1, workers=1)

    def test_forgotten_batches_end_their_workers(self):
        batches = Batches(self.items, 2, 2, workers=2)
        processes = [worker.process for worker in batches._pool.workers]
        del batches
        self.assertEqual([process.returncode for process in processes], [-signal.SIGKILL] * 2)


class Told:
    """True once a pattern is in what was written to a stream, or a minute has gone."""

    def __init__(self, stream, pattern):
        self.stream, self.pattern, self.start = stream, pattern, time.monotonic()

    def __bool__(self):
        return bool(re.search(self.pattern, self.stream.getvalue())) or time.monotonic() > self.start + 60


class TestErrors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        make_tree(self.root, {CHAIR: 6}, views=2)
        self.items = Index.open(self.root, cache=False).items

    def batches(self, workers, items=None, views=2):
        batches = Batches(
            items or self.items, 2, views, augment=True, shuffle=False, epochs=1, workers=workers
        )
        self.addCleanup(batches.close)
        return batches

    def test_unreadable_picture(self):
        path = Path(self.items[3].view_path(1))
        path.write_bytes(path.read_bytes()[:100])
        for workers in (0, 1, 3):
            batches = self.batches(workers)
            next(batches)  # the batches before the bad one come, however far ahead it was read
            for _ in range(2):  # and it is not stepped over
                with self.assertRaises(UserError) as caught:
                    next(batches)
                self.assertIn(str(path), str(caught.exception))
                self.assertEqual(batches.state()["next"], 1)
            if workers:
                trace = str(caught.exception.__cause__)
                self.assertIn("Traceback", trace)
                self.assertIn("read_rendering", trace)

    def test_unreadable_voxels(self):
        path = Path(self.items[0].voxels_path)
        path.write_bytes(path.read_bytes()[:-2])
        for workers in (0, 1):
            with self.assertRaisesRegex(UserError, f"{path} is not a valid binvox file.*--skip-damaged"):
                next(self.batches(workers))

    def test_grid_of_another_size(self):
        binvox.write(self.items[0].voxels_path, np.zeros((16, 16, 16)))
        with self.assertRaisesRegex(
            UserError, r"holds 16\^3 voxels, not the 32\^3 of the network: .*--resolution 32"
        ):
            next(self.batches(0))

    def test_sizes_are_the_network_s(self):
        grid = np.random.default_rng(0).random((16, 16, 16)) < 0.5
        for item in self.items:
            binvox.write(item.voxels_path, grid)
        for workers in (0, 1):
            with Batches(self.items, 2, 2, workers=workers, image=64, resolution=16) as batches:
                batch = next(batches)
                self.assertEqual(batch.views.shape, (2, 2, 3, 64, 64))
                np.testing.assert_array_equal(batch.voxels, np.stack([grid, grid]))

    def test_a_bug_in_a_worker_arrives_with_traceback_and_file(self):
        items = [self.items[0]._replace(files={0: "00.png", 7: ""})]  # no index gives such a thing
        with self.assertRaises(WorkerError) as caught:
            next(self.batches(1, items))
        for part in ("Traceback", "KeyError", "plan.py", self.items[0].renderings_path):
            self.assertIn(part, str(caught.exception))

    def test_fewer_renderings_than_asked(self):
        add_model(self.root, CHAIR, "m100", views=1)
        items = Index.open(self.root, cache=False).items
        with self.assertRaisesRegex(UserError, f"{CHAIR}/m100 has 1 rendering.* 2 view"):
            self.batches(0, items)

    def test_absurd_arguments(self):
        for options in (
            {"batch": 0},
            {"views": 0},
            {"views": (2, 1)},
            {"seed": -1},
            {"epochs": 0},
            {"workers": -1},
            {"objects": []},
        ):
            with self.assertRaises(UserError):
                Batches(**{"objects": self.items, "batch": 1, "views": 1, **options})

    def test_a_killed_worker_is_noticed_while_waiting(self):
        batches = self.batches(2)
        workers = [worker.process for worker in batches._pool.workers]
        for process in workers:
            process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(0.3, workers[1].send_signal, (signal.SIGKILL,))
        timer.start()
        self.addCleanup(timer.join)
        with self.assertRaisesRegex(UserError, "killed by SIGKILL; if the memory ran out"):
            list(batches)

    def wait_until_told(self, batches, words):
        """Ask for batches until these words are told and the wish to stop then ends the wait."""
        with mock.patch.object(pool, "PATIENCE", 0.2), mock.patch("sys.stderr", io.StringIO()) as told:
            batches._pool.stop_wanted = Told(told, words)
            with self.assertRaises(Interrupted):
                for _ in range(9):  # some may have been read before
                    next(batches)
        self.assertRegex(told.getvalue(), words)

    def test_a_worker_leaves_its_end_to_the_parent(self):
        # A cluster that ends a job sends a signal to each of its processes.
        with Batches(self.items, 2, 2, workers=1) as batches:
            next(batches)
            for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
                batches._pool.workers[0].process.send_signal(number)
            for _ in range(8):
                next(batches)

    def test_a_stopped_worker_is_told_and_the_wait_given_up_when_asked(self):
        batches = self.batches(1)
        want = list(self.batches(0))
        process = batches._pool.workers[0].process
        process.send_signal(signal.SIGSTOP)
        self.wait_until_told(batches, rf"waiting for data .* {process.pid} is stopped")
        process.send_signal(signal.SIGCONT)
        batches._pool.stop_wanted = False
        for batch in want[batches.state()["next"] :]:  # nothing was lost
            got = next(batches)
            np.testing.assert_array_equal(got.views, batch.views)
            np.testing.assert_array_equal(got.voxels, batch.voxels)

    def test_a_file_that_never_answers_is_named(self):
        path = Path(self.items[0].view_path(0))
        hold(self, path)
        batches = Batches(self.items[:1], 1, 1, augment=False, workers=1)
        self.addCleanup(batches.close)
        self.wait_until_told(batches, f" at {path}\n")

    def test_a_killed_worker_is_noticed_at_the_next_batch(self):
        batches = Batches(self.items, 1, 2, workers=2)
        self.addCleanup(batches.close)
        next(batches)
        process = batches._pool.workers[0].process
        process.kill()
        process.wait()
        with self.assertRaisesRegex(UserError, "killed by SIGKILL"):
            for _ in range(3):  # those it had finished may still come
                next(batches)

    def test_a_worker_that_cannot_start_is_noticed(self):
        # Noticed when the first task is sent or when its answer is awaited, whichever is later.
        with mock.patch.object(sys, "executable", "/bin/false"):
            with self.assertRaisesRegex(WorkerError, "ended with status 1"):
                next(self.batches(1))

    def test_a_worker_that_cannot_be_started(self):
        with mock.patch.object(sys, "executable", "/nowhere/python"):
            with self.assertRaisesRegex(UserError, "cannot start 1 data worker.*No such file"):
                self.batches(1)

    def test_closed(self):
        batches = self.batches(1)
        batches.close()
        batches.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            next(batches)


PROGRAM = """
import sys
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.shapenet import Index
batches = Batches(Index.open(sys.argv[1], cache=False).items, 2, 2, workers=2)
next(batches)
print(*(worker.process.pid for worker in batches._pool.workers), flush=True)
while True:
    next(batches)
"""


class TestEndOfTheCaller(BatchCase):
    """However the calling process ends, its workers end too and no shared memory is left.

    The memory goes with the last process that maps it, because it has no name.
    """

    def end_by(self, number):
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        workers = read_workers(self, program)
        for pid in workers:
            files = open_files(pid)
            self.assertIn("/memfd:batches (deleted)", files)
            self.assertFalse([name for name in files if name.startswith("/dev/shm")])
        os.killpg(program.pid, number)  # as a terminal does
        assert_none_left(self, program, workers)
        return program

    def test_control_c(self):
        program = self.end_by(signal.SIGINT)
        self.assertEqual(program.returncode, -signal.SIGINT)
        # One traceback: the caller's. The workers are not disturbed by the terminal's signal.
        self.assertEqual(program.stderr.read().count("Traceback"), 1)

    def test_terminated(self):
        self.assertEqual(self.end_by(signal.SIGTERM).returncode, -signal.SIGTERM)

    def test_killed(self):
        self.assertEqual(self.end_by(signal.SIGKILL).returncode, -signal.SIGKILL)

    def test_killed_while_a_read_never_ends(self):
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory()))
        make_tree(self.root, {CHAIR: 4}, views=2)
        for path in Path(self.root).rglob("*.png"):
            hold(self, path)
        lines = PROGRAM.splitlines()
        first = lines.index("next(batches)")
        program = "\n".join([*lines[:first], "import time; time.sleep(2)", *lines[first + 1 :]])
        with mock.patch.dict(globals(), PROGRAM=program):
            self.assertEqual(self.end_by(signal.SIGKILL).returncode, -signal.SIGKILL)

    def test_killed_while_the_workers_still_start(self):
        slow = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (slow / "numpy.py").write_text("import time\nopen(__file__ + '.here', 'w')\ntime.sleep(100)\n")
        begin = "\nimport os\nos.environ['PYTHONPATH'] = sys.argv[2]\nbatches"
        code = PROGRAM.replace("next(batches)\n", "").replace("\nbatches", begin, 1)
        program = subprocess.Popen(
            [sys.executable, "-c", code + "    pass", str(self.root), str(slow)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        workers = read_workers(self, program)
        deadline = time.monotonic() + 60
        while not (slow / "numpy.py.here").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)  # the other one, too
        program.kill()
        assert_none_left(self, program, workers)


def hold(test, path):
    """Have whoever opens a file wait until the test ends, as on a network's disk that was lost."""
    file = test.enterContext(open(path, "r+b"))
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # with it the system asks for the file
    test.addCleanup(signal.signal, signal.SIGIO, before)
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)


def open_files(pid):
    """Return the names of a process's open files, less those it closes meanwhile."""
    names = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(os.readlink(file))
    return names
