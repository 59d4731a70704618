"""Phases: done once, gone on with after any stop, due again when what they need has changed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.runs.phases import Phases, execute


def append(path, word):
    """Return a command that appends a word to a file."""
    return [sys.executable, "-c", f"open({str(path)!r}, 'a').write({word!r})"]


class PhasesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "log"

    def run_two(self, first="a", second="b", fail=False):
        failing = [sys.executable, "-c", "raise SystemExit(3)"]
        with redirect_stderr(StringIO()), Phases(self.folder) as phases:
            phases.run("first", append(self.log, first), self.log)
            phases.run(
                "second",
                failing if fail else append(self.log, second),
                self.log,
                ["first"],
                again=append(self.log, "again"),
            )

    def test_each_is_done_once(self):
        self.run_two()
        self.run_two()
        self.assertEqual(self.log.read_text(), "ab")

    def test_another_command_is_run_and_makes_what_needs_it_due(self):
        self.run_two()
        self.run_two(first="A")
        self.assertEqual(self.log.read_text(), "abAb")

    def test_a_lost_product_is_made_again(self):
        self.run_two()
        self.log.unlink()
        self.run_two()
        self.assertEqual(self.log.read_text()[0], "a")

    def test_what_was_begun_is_gone_on_with(self):
        self.run_two()
        state = json.loads((self.folder / "phases.json").read_text())
        state["second"]["finished"] = None  # as a kill -9 leaves it
        (self.folder / "phases.json").write_text(json.dumps(state))
        self.run_two()
        self.assertEqual(self.log.read_text(), "abagain")

    def test_a_failure_is_one_sentence_and_is_tried_again(self):
        with self.assertRaisesRegex(UserError, "'second' ended with status 3"):
            self.run_two(fail=True)
        self.run_two()
        self.assertEqual(self.log.read_text(), "ab")

    def test_two_at_once_are_refused(self):
        with Phases(self.folder):
            with self.assertRaisesRegex(UserError, "another run"):
                Phases(self.folder)


class ExecuteTest(unittest.TestCase):
    CHILD = "import time; print('up', flush=True); time.sleep(60)"

    def parent(self):
        """Start a process that executes a child; return it once the child is up, with its id."""
        child = f"import os; print(os.getpid(), flush=True); {self.CHILD}"
        code = f"""
            import sys
            from voxlstm.lib.runs.phases import Stopped, execute
            try:
                execute([sys.executable, "-c", {child!r}])
            except Stopped as stopped:
                sys.exit(stopped.status)
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.stdout.close)
        number = int(process.stdout.readline())
        process.stdout.readline()
        return process, number

    def assert_gone(self, number):
        for _ in range(100):
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        self.fail("the command is still running")

    def test_the_status_is_handed_back(self):
        self.assertEqual(execute([sys.executable, "-c", "raise SystemExit(5)"]), 5)
        killed = "import os; os.kill(os.getpid(), 9)"
        self.assertEqual(execute([sys.executable, "-c", killed]), 137)

    def test_signals_are_handed_on(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process, child = self.parent()
            process.send_signal(number)
            self.assertEqual(process.wait(), 128 + number)
            self.assert_gone(child)

    def test_a_kill_takes_the_command_along(self):
        process, child = self.parent()
        process.kill()
        process.wait()
        self.assert_gone(child)
