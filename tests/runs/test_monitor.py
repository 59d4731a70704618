"""The display of a training: a bar on a terminal, a line every so many steps elsewhere."""

import io
import unittest
from unittest import mock

from voxlstm.lib.runs.monitor import Monitor


class Terminal(io.StringIO):
    def isatty(self):
        return True


class MonitorTest(unittest.TestCase):
    def show(self, stream, steps=6, start=0):
        """Show steps of two seconds each, half a second of it waiting; the first takes a minute."""
        clock, waits = [100.0], [0.0]
        with mock.patch("time.monotonic", lambda: clock[0]):
            with Monitor(20, start, 8, 2, lambda: waits[0], stream) as monitor:
                for number in range(steps):
                    clock[0] += 60.0 if number == 0 else 2.0
                    waits[0] += 0.5
                    scores = (0.375, 0.2) if number == 3 else None
                    monitor.show(start + number + 1, 0.5, scores)
        return stream.getvalue()

    def test_a_line_every_two_steps_without_the_compilation_in_the_rates(self):
        lines = self.show(io.StringIO()).splitlines()
        self.assertEqual(len(lines), 4)  # after 2, 4 and 6, and the last one
        self.assertIn(" 2/20 ", lines[0])
        self.assertIn("loss 0.5", lines[0])
        self.assertIn("objects/s 4,", lines[0])
        self.assertIn("waiting for data 25 %", lines[0])
        self.assertIn("0:36 left", lines[0])
        self.assertIn("validation IoU 0.375", lines[1])

    def test_a_resumed_run_counts_from_where_it_stood(self):
        lines = self.show(io.StringIO(), start=10).splitlines()
        self.assertIn(" 12/20 ", lines[0])
        self.assertIn("0:16 left", lines[0])

    def test_a_terminal_gets_one_line_that_changes(self):
        text = self.show(Terminal())
        self.assertEqual(text.count("\n"), 1)
        self.assertGreater(text.count("\r"), 3)
