"""Pools of processes: fresh, of one thread each, and gone with their parent."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from tests.process import assert_none_left, read_workers
from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.processes import ONE_THREAD, pool

# A file, since each process imports it. It says which processes work, once all do, and then keeps them busy.
PROGRAM = """
import os, time
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.processes import pool

def work(seconds):
    time.sleep(seconds)
    return os.getpid()

def main():
    with pool(2) as processes:
        numbers = set()
        while len(numbers) < 2:
            numbers.update(processes.map(work, [0.05] * 4))
        print(*numbers, flush=True)
        for _ in processes.map(work, [0.1] * 1000):
            pass

if __name__ == "__main__":
    run_tool(main)
"""


class PoolTest(unittest.TestCase):
    def test_processes_have_one_thread_and_the_environment_comes_back(self):
        before = dict(os.environ)
        with pool(1) as processes:
            for name, value in ONE_THREAD.items():
                self.assertEqual(processes.submit(os.getenv, name).result(), value)
        self.assertEqual(dict(os.environ), before)

    def test_a_killed_process_is_told_with_the_remedy(self):
        with self.assertRaisesRegex(UserError, "want of memory: .* with fewer --workers"):
            with pool(1) as processes:
                number = processes.submit(os.getpid).result()
                killer = threading.Timer(0.2, os.kill, (number, signal.SIGKILL))
                killer.start()
                self.addCleanup(killer.join)
                processes.submit(time.sleep, 60).result()

    def test_an_error_of_the_caller_drops_what_waits(self):
        with self.assertRaises(KeyError):
            with pool(1) as processes:
                processes.submit(os.getpid).result()
                waiting = [processes.submit(time.sleep, 0.5) for _ in range(1000)]
                raise KeyError
        # All but what was being done and what had been handed over.
        self.assertGreater(sum(future.cancelled() for future in waiting), 900)


class EndOfTheParentTest(unittest.TestCase):
    """However the parent ends, its processes do."""

    def end_by(self, number):
        path = Path(self.enterContext(tempfile.TemporaryDirectory()), "program.py")
        path.write_text(PROGRAM)
        program = subprocess.Popen(
            [sys.executable, path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        workers = read_workers(self, program)
        # A terminal's Ctrl-C reaches all of them, a kill -9 the parent alone.
        os.killpg(program.pid, number) if number == signal.SIGINT else program.send_signal(number)
        assert_none_left(self, program, workers)
        return program

    def test_control_c(self):
        program = self.end_by(signal.SIGINT)
        self.assertEqual((program.returncode, program.stderr.read()), (130, "program: interrupted\n"))

    def test_terminated(self):
        self.assertEqual(self.end_by(signal.SIGTERM).returncode, -signal.SIGTERM)

    def test_killed(self):
        self.assertEqual(self.end_by(signal.SIGKILL).returncode, -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
