"""Trainings killed at random moments: resumed to their end, they leave the very same numbers."""

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter

import numpy as np

from tests.process import alive
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.processes import die_with_parent
from voxlstm.solvers import checkpoint
from voxlstm.tools import train_net

ITERATIONS = 40
KILLS = 6  # of one run, at most
PATIENCE = 10  # times the whole run's seconds, after which a run hangs


class Kills:
    """Runs in a folder, each killed a few times.

    Parameters
    ----------
    folder : Path
    first : list of str
        The options of a first start, beside ``--out``.
    seed : int
    """

    def __init__(self, folder, first, seed=0):
        self._folder, self._first = folder, first
        self._random = random.Random(seed)
        self.counts = Counter()
        self._start(folder / "warm", False, None)  # compiles
        start = time.monotonic()
        status = self._start(folder / "whole", False, None)
        if status:
            raise UserError(f"the training that nobody kills ended with status {status}; see {folder}/log")
        self._seconds = time.monotonic() - start
        self._wanted = _left(folder / "whole")

    def run(self, seconds):
        """Kill trainings for so long; return the counts."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._one_run(end)
        return dict(self.counts)

    def _one_run(self, end):
        out = self._folder / "run"
        shutil.rmtree(out, ignore_errors=True)
        for kill in range(KILLS + 1):
            last = kill == KILLS or time.monotonic() > end
            wait = None if last else self._random.uniform(0, 0.6 * self._seconds)
            status = self._start(out, (out / "run.json").exists(), wait)
            if status != -signal.SIGKILL:
                break
            self.counts["kills"] += 1
            self._look_at(out)
        self.counts["runs"] += 1
        if status:
            self.counts["odd ends"] += 1
        elif _left(out) != self._wanted:
            self.counts["other numbers"] += 1
        self.counts["temporary files"] += len(list(out.glob(".tmp-*")))

    def _look_at(self, out):
        for name in ("last.npz", "best.npz"):
            if (out / name).exists():
                try:
                    checkpoint.load(out / name)
                except UserError:
                    self.counts["damaged checkpoints"] += 1

    def _start(self, out, resume, kill_after):
        """Train in a fork, which has imported all; return its status, negative for a signal."""
        options = ["--out", str(out), "--workers", "1", *(["--resume"] if resume else self._first)]
        number = os.fork()
        if not number:
            self._train(options)
        begin, workers = time.monotonic(), []
        while not (ended := os.waitpid(number, os.WNOHANG))[0]:
            spent = time.monotonic() - begin
            if kill_after is not None and spent > kill_after:
                workers = _children(number)
                os.kill(number, signal.SIGKILL)
                ended = os.waitpid(number, 0)
                break
            if kill_after is None and hasattr(self, "_seconds") and spent > 60 + PATIENCE * self._seconds:
                self.counts["hangs"] += 1
                os.kill(number, signal.SIGKILL)
            time.sleep(0.002)
        self._wait_for(workers)
        return os.waitstatus_to_exitcode(ended[1])

    def _train(self, options):
        log = os.open(self._folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        die_with_parent()
        sys.modules["matplotlib"] = None  # drawing takes longer than all else at a checkpoint
        try:
            run_tool(lambda: train_net.main(options))
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else bool(end.code))
        finally:
            os._exit(99)

    def _wait_for(self, workers):
        deadline = time.monotonic() + 5
        while any(map(alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.counts["workers left"] += sum(map(alive, workers))


def _children(number):
    try:
        with open(f"/proc/{number}/task/{number}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _left(out):
    """Return all numbers that a run leaves."""
    found = {"curves": (out / "curves.csv").read_bytes()}
    for name in ("last.npz", "best.npz"):
        with np.load(out / name, allow_pickle=False) as file:
            found[name] = {entry: file[entry].tobytes() for entry in file.files}
    return found
