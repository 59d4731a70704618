"""train_net as several processes under mpirun: agreement with one, resuming, every way to end."""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np

from tests.parallel.mpi import ONE_THREAD, command, needs_mpi, run, run_two
from tests.process import NO_PYGPU, alive, run_python
from tests.tools import tiny
from voxlstm.lib.runs import curves
from voxlstm.solvers import checkpoint

TOOL, FAULTY = "tools/train_net.py", "tests/tools/faulty_train.py"


def same(one, other):
    """Tell whether two checkpoints hold the same bits of weights and optimiser."""
    pairs = ((getattr(one, part), getattr(other, part)) for part in ("weights", "optimiser"))
    return all(np.array_equal(a[name], b[name]) for a, b in pairs for name in a)


class RanksCase(unittest.TestCase):
    RECIPE = {"iterations": 50, "batch": 4, "checkpoint_every": 10, "validate_every": 20}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        data = tiny.make_data(cls.root / "data")
        model, recipe = tiny.write_definitions(cls.root, recipe=cls.RECIPE)
        cls.basic = ["--model", model, "--solver", recipe, "--data", data, "--workers", 1]

    def train(self, ranks, name, *arguments):
        """Train as so many processes, or as one without mpirun; return the last checkpoint."""
        out = self.root / name
        given = ["--out", out, *(self.basic if "--resume" not in arguments else ()), *arguments]
        done = run(ranks, TOOL, *given) if ranks else run_python(Path(TOOL), *given, **ONE_THREAD)
        self.assertEqual(done.returncode, 0, done.stderr)
        return checkpoint.load(out / "last.npz")


@needs_mpi
class AgreementTest(RanksCase):
    def test_one_two_and_four_processes_agree_and_go_on_with_any_number(self):
        one = self.train(0, "one")
        start = self.train(0, "start", "--set", "iterations=1")
        far = max(float(np.abs(one.weights[n] - start.weights[n]).max()) for n in one.weights)
        whole = {}
        for ranks in (2, 4):
            whole[ranks] = self.train(ranks, f"of {ranks}")
            apart = max(float(np.abs(one.weights[n] - whole[ranks].weights[n]).max()) for n in one.weights)
            self.assertLess(apart, 1e-3 * far)
            self.assertEqual(whole[ranks].random, one.random)
            self.compare_curves(self.root / f"of {ranks}")
        half = self.train(2, "parts", "--set", "iterations=23")
        self.assertEqual(half.iteration, 23)
        self.assertTrue(same(self.train(2, "parts", "--resume", "--set", "iterations=50"), whole[2]))
        self.train(4, "others", "--set", "iterations=23")
        on = self.train(0, "others", "--resume", "--set", "iterations=50")
        apart = max(float(np.abs(one.weights[n] - on.weights[n]).max()) for n in one.weights)
        self.assertLess(apart, 1e-3 * far)

    def test_a_process_may_have_no_object_to_validate_on(self):
        given = "--set", "validation=0.05", "--set", "iterations=20"
        one, three = self.train(0, "few of one", *given), self.train(3, "few of three", *given)
        self.assertLess(one.split.count("validation"), 3)
        found, wanted = (saved.extra["best"]["cross_entropy"] for saved in (three, one))
        self.assertAlmostEqual(found, wanted, places=4)

    def compare_curves(self, folder):
        """A row a step, and what one process has in them."""
        rows, others = (curves.read(path / "curves.csv") for path in (folder, self.root / "one"))
        self.assertEqual([row.iteration for row in rows], list(range(1, 51)))
        for row, other in zip(rows, others):
            self.assertAlmostEqual(row.loss, other.loss, places=4)
            self.assertEqual(row.validation_iou is None, other.validation_iou is None)
            if row.validation_iou is not None:
                self.assertAlmostEqual(row.validation_iou, other.validation_iou, places=3)
                found, wanted = row.validation_cross_entropy, other.validation_cross_entropy
                self.assertAlmostEqual(found, wanted, places=4)


@needs_mpi
class EndTest(RanksCase):
    """A training of two processes that would take long, ended in every way."""

    RECIPE = {**RanksCase.RECIPE, "iterations": 5000, "log_every": 1}

    def end(self, name, act, script=(TOOL,)):
        """Call ``act`` with mpirun and the ranks' numbers after step 12; return step, status, text."""
        out = self.root / name
        given = command(2, *script, *self.basic, "--out", out)
        process = subprocess.Popen(
            given,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )
        self.addCleanup(process.kill)
        lines, begun = [], None
        for line in process.stderr:
            lines.append(line)
            if begun is None and " 12/5000 " in line:
                ranks = self.ranks(process.pid)
                begun = time.monotonic()
                act(process, ranks)
        process.stderr.close()
        status, seconds = process.wait(), time.monotonic() - begun
        while any(map(alive, ranks)) and seconds < 20:
            time.sleep(0.05)
            seconds = time.monotonic() - begun
        text = "".join(lines)
        self.assertLess(seconds, 10, text)
        saved = checkpoint.load(out / "last.npz")
        self.assertGreaterEqual(saved.iteration, 10)
        return saved.iteration, status, text

    def ranks(self, mpirun):
        """Return the process numbers of the ranks, in order."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
                words = path.read_bytes().split(b"\0") if parent == mpirun else []
            except OSError:
                continue
            for word in words:
                if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(word.partition(b"=")[2])] = int(path.parent.name)
        self.assertEqual(sorted(found), [0, 1])
        return [found[0], found[1]]

    def test_sigterm_to_mpirun_writes_a_checkpoint(self):
        reached, status, text = self.end("term", lambda mpirun, _: mpirun.send_signal(signal.SIGTERM))
        self.assertNotEqual(status, 0)
        self.assertGreater(reached, 12)
        self.assertNotIn("Traceback", text)

    def test_control_c_to_mpirun_writes_a_checkpoint(self):
        reached, status, text = self.end("int", lambda mpirun, _: mpirun.send_signal(signal.SIGINT))
        self.assertNotEqual(status, 0)
        self.assertGreater(reached, 12)
        self.assertNotIn("Traceback", text)

    def test_sigusr2_to_mpirun_writes_a_checkpoint_however_long_a_step_takes(self):
        # Open MPI would kill a second after a SIGTERM; the step takes 1.5 s.
        reached, status, text = self.end(
            "usr2", lambda mpirun, _: mpirun.send_signal(signal.SIGUSR2), (FAULTY, "slow")
        )
        self.assertEqual(status, 128 + signal.SIGUSR2)
        self.assertGreater(reached, 12)
        self.assertIn(f"stopped at iteration {reached}; go on with --resume", text)
        self.assertNotIn("Traceback", text)

    def test_a_killed_rank_ends_the_others(self):
        _, status, text = self.end("killed", lambda _, ranks: os.kill(ranks[1], signal.SIGKILL))
        self.assertNotEqual(status, 0)
        self.assertIn("rank 1", text)
        self.assertNotIn("Traceback", text)

    def test_a_stopped_rank_ends_the_others(self):
        _, status, text = self.end("stopped", lambda _, ranks: os.kill(ranks[0], signal.SIGSTOP))
        self.assertNotEqual(status, 0)
        self.assertRegex(text, r"error: rank 0 \(process \d+ on .*\) has been stopped for 5 seconds")

    def test_without_mpirun_nobody_goes_on(self):
        self.end("launcher", lambda mpirun, _: mpirun.kill())


@needs_mpi
class RefusalTest(RanksCase):
    def refused(self, ranks, *arguments):
        return self.said(run(ranks, TOOL, *self.basic, "--out", self.root / "none", *arguments))

    def said(self, done, times=1):
        """Return the sentence of processes that were refused."""
        self.assertEqual(done.returncode, 2, done.stderr)
        said = [line for line in done.stderr.splitlines() if re.match(r"(train_net|faulty_train): ", line)]
        self.assertEqual(len(said), times, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return said[0]

    def test_other_options_in_one_process(self):
        given = [*self.basic, "--out", self.root / "apart", "--set", "seed=1"]
        said = self.said(run_two(TOOL, given, [*given[:-1], "seed=2"]))
        self.assertRegex(
            said,
            r"error: the option 'settings' is \['seed=1'\] for rank 0 and \['seed=2'\] for rank 1 .*; start",
        )
        self.assertFalse((self.root / "apart").exists())

    def test_without_mpi4py_they_do_not_train_one_by_one(self):
        given = [*self.basic, "--out", self.root / "bare"]
        done = run(2, TOOL, *given, PYTHONPATH=NO_PYGPU["PYTHONPATH"])
        self.assertRegex(self.said(done, times=2), r"error: mpi4py is not installed; .*voxlstm\[mpi\]")
        self.assertFalse((self.root / "bare").exists())

    def test_a_view_that_one_process_alone_cannot_read(self):
        data = tiny.make_data(self.root / "damaged")
        for path in (data / "ShapeNetRendering").rglob("0000*/rendering/*.png"):
            path.write_bytes(path.read_bytes()[:100])
        said = self.refused(2, "--data", data, "--out", self.root / "unread")
        self.assertRegex(said, r"error: .*0000/rendering/0\d.png")

    def test_a_loss_of_one_process_that_is_no_number_ends_all(self):
        said = self.said(run(2, FAULTY, "nan", *self.basic, "--out", self.root / "nan"))
        self.assertRegex(said, r"training diverged at iteration 13: the loss is nan")
        self.assertEqual(checkpoint.load(self.root / "nan/last.npz").iteration, 10)

    def test_a_full_disk_ends_all_and_leaves_the_checkpoint_before(self):
        said = self.said(
            run(2, FAULTY, "full", *self.basic, "--out", self.root / "full", "--set", "validate_every=40")
        )
        said_of_the_limit = (
            r"error: cannot write .*/last.npz: File too large; raise the limit on the size of files .*;"
            " the one written before is still good"
        )
        self.assertRegex(said, said_of_the_limit)
        self.assertEqual(checkpoint.load(self.root / "full/last.npz").iteration, 10)

    def test_a_batch_smaller_than_the_processes(self):
        said = self.refused(3, "--set", "batch=2")
        self.assertRegex(said, r"a batch of 2 objects cannot be divided over 3 processes; start 2 of them")
        self.assertFalse((self.root / "none").exists())

    def test_a_training_that_diverges_says_so_once(self):
        said = self.refused(2, "--set", "loss_limit=0.1")
        self.assertRegex(said, r"training diverged at iteration 1: the loss is 0\.\d+ \(limit 0.1\)")


if __name__ == "__main__":
    unittest.main()
