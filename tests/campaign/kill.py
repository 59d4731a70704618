"""Trainings that are killed, lose a worker or run out of disk: resumed, they leave the very same numbers."""

import os
import random
import shutil
import signal
import subprocess
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
NOTICED = 5  # seconds after which a worker's end or halt is noticed
SMALL, ROOM = 400, 64_000  # KB of a disk that is full soon, and of one that is not
PATIENCE = 10  # times the whole run's seconds, after which a run hangs


class Trainings:
    """Runs in a folder, each disturbed, then resumed to its end and compared with one that was left alone.

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
        self._start(folder / "warm")  # compiles
        start = time.monotonic()
        status = self._start(folder / "whole")
        if status:
            raise UserError(f"the training that nobody kills ended with status {status}; see {folder}/log")
        self._seconds = time.monotonic() - start
        self._wanted = _left(folder / "whole")

    def run(self, seconds):
        """Disturb trainings for so long; return the counts."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            out = self._folder / "run"
            shutil.rmtree(out, ignore_errors=True)
            self._finish(out, self._one_run(out, end))
        return dict(self.counts)

    def _finish(self, out, status):
        """Count a run that came to its end with a status."""
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

    def _start(self, out, disturb=None):
        """Train in a fork, which has imported all; return its status, negative for a signal.

        ``disturb`` is called with its number and the seconds that it runs, and says whether to kill it.
        """
        resume = (out / "run.json").exists()
        options = ["--out", str(out), "--workers", "1", *(["--resume"] if resume else self._first)]
        number = os.fork()
        if not number:
            self._train(options)
        begin, workers = time.monotonic(), []
        while not (ended := os.waitpid(number, os.WNOHANG))[0]:
            spent = time.monotonic() - begin
            if disturb is not None and disturb(number, spent):
                workers = _children(number)
                os.kill(number, signal.SIGKILL)
                ended = os.waitpid(number, 0)
                break
            if hasattr(self, "_seconds") and spent > 60 + PATIENCE * self._seconds:
                self.counts["hangs"] += 1
                os.kill(number, signal.SIGKILL)
                ended = os.waitpid(number, 0)
                break
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


class Kills(Trainings):
    """Each run is killed a few times."""

    def _one_run(self, out, end):
        for kill in range(KILLS + 1):
            wait = self._random.uniform(0, 0.6 * self._seconds)
            last = kill == KILLS or time.monotonic() > end
            status = self._start(out, None if last else lambda _, spent, wait=wait: spent > wait)
            if status != -signal.SIGKILL:
                break
            self.counts["kills"] += 1
            self._look_at(out)
        return status


class Workers(Trainings):
    """In each run a data worker is killed, or stopped until it is missed."""

    def _one_run(self, out, end):
        log = self._folder / "log"
        begin = log.stat().st_size
        how = self._random.choice((signal.SIGKILL, signal.SIGSTOP))
        wait, victim, since = self._random.uniform(0, self._seconds), None, None

        def disturb(number, spent):
            nonlocal victim, since
            if victim is None and spent > wait and (workers := _children(number)):
                victim, since = workers[0], time.monotonic()
                os.kill(victim, how)
                self.counts[f"{how.name.lower()}s"] += 1
            elif how == signal.SIGSTOP and since and b"waiting for data" in log.read_bytes()[begin:]:
                self.counts["noticed late"] += time.monotonic() - since > NOTICED + self._step
                os.kill(victim, signal.SIGCONT)
                since = None
            return False

        status = self._start(out, disturb)
        if how == signal.SIGKILL and since and status == 2:
            self.counts["noticed late"] += time.monotonic() - since > NOTICED + self._step
            status = self._start(out)
        return status

    @property
    def _step(self):
        return self._seconds / 10  # what was read ahead is trained on first


class Disks(Trainings):
    """Each run is on a disk that is full sooner or later, and goes on when there is room."""

    def _one_run(self, out, end):
        out.mkdir()
        size = self._random.randrange(4, SMALL)
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", out], check=False)
        if made.returncode:
            raise UserError("only root can mount the small disks of this part")
        try:
            run = out / "run"
            status = self._start(run)
            if status == 2:
                self.counts["full disks"] += 1
                self.counts["temporary files"] += len(list(run.glob(".tmp-*")))
                self._look_at(run)
                subprocess.run(["mount", "-o", f"remount,size={ROOM}k", out], check=True)
                if not (run / "last.npz").exists():
                    shutil.rmtree(run, ignore_errors=True)
                status = self._start(run)
            if not status:
                shutil.copytree(run, self._folder / "moved", dirs_exist_ok=True)
        finally:
            subprocess.run(["umount", out], check=True)
        if not status:
            shutil.rmtree(out)
            (self._folder / "moved").rename(out)
        return status


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
