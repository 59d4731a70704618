"""What the progress line says."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
import unittest
from unittest import mock

from voxlstm.lib.base import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Line(unittest.TestCase):
    def setUp(self):
        self.now = 0.0
        clock = mock.patch.object(progress.time, "monotonic", lambda: self.now)
        clock.start()
        self.addCleanup(clock.stop)

    def test_time_left_counts_only_what_this_run_did(self):
        stream = io.StringIO()
        with progress.Progress(100, "train", initial=50, stream=stream) as bar:
            self.now = 20.0
            bar.update(10, loss=0.123456, name="x")
        self.assertEqual(
            stream.getvalue().splitlines()[-1],
            "train:  60 % 60/100 [0:20, 1:20 left, 0.5 it/s] loss 0.1235, name x",
        )

    def test_a_line_an_interval_and_a_last_one_without_a_terminal(self):
        stream = io.StringIO()
        with progress.Progress(30, "x", every=10, stream=stream) as bar:
            for _ in range(30):
                self.now += 1
                bar.update()
        self.assertEqual(len(stream.getvalue().splitlines()), 4)

    def test_one_line_on_a_terminal_wiped_when_it_shrinks(self):
        stream = Terminal()
        with progress.Progress(2, "x", stream=stream) as bar:
            self.now = 1.0
            bar.update(1, note="long note")
            self.now, bar.postfix = 2.0, {}
            bar.update(1)
        self.assertEqual(stream.getvalue().count("\n"), 1)
        first, second, _ = stream.getvalue().split("\r")[1:]
        self.assertEqual(len(first), len(second))

    def test_a_line_never_takes_more_columns_than_there_are(self):
        bar = progress.Progress(40000, "train", initial=100, stream=Terminal())
        self.now = 3725.0
        bar.update(9000, **{"loss": 0.0712345, "objects/s": 27.123, "waiting for data": "3 %", "IoU": 0.4512})
        whole = bar.message()
        self.assertGreater(len(whole), 99)
        for columns, line in (
            (len(whole), whole),
            (81, "train:  23 % 9100/40000 [3:33:09 left] loss 0.07123, objects/s 27.12, IoU 0.4512"),
            (79, "train:  23 % 9100/40000 [3:33:09 left] loss 0.07123, objects/s 27.12"),
            (50, "train:  23 % 9100/40000 [3:33:09 left] IoU 0.4512"),
            (30, "train:  23 % 9100/40000 [3:33:"),
            (3, "tra"),
        ):
            self.assertEqual(bar.message(columns), line)
        bar.label = "unpacking 椅子と机の椅子e\u0301"
        for columns in range(1, 60):
            line = bar.message(columns)
            wide = sum("\u3000" < letter for letter in line)
            self.assertLessEqual(len(line) + wide - line.count("\u0301"), columns)

    def test_a_terminal_says_how_wide_it_is(self):
        for told, columns in ((40, 40), (132, 132), (0, 80)):  # 0: it does not say
            main, other = pty.openpty()
            self.addCleanup(os.close, main)
            with open(other, "w", encoding="utf-8") as stream:
                fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, told, 0, 0))
                with progress.Progress(9, "a label of many words", stream=stream) as bar:
                    self.now += 1
                    bar.update(1, **{"a value with a long name": "x" * 20, "another": "y" * 40})
                seen = ""
                while not seen.endswith("\n"):
                    seen += os.read(main, 9999).decode()
            widest = max(map(len, re.split("[\r\n]", seen)))
            self.assertTrue(columns - 50 < widest < columns, (columns, widest))

    def test_clock(self):
        self.assertEqual(progress.clock(59.6), "1:00")
        self.assertEqual(progress.clock(3725), "1:02:05")

    def test_nothing_to_do(self):
        stream = io.StringIO()
        with progress.Progress(0, "x", stream=stream):
            pass
        self.assertIn("100 % 0/0", stream.getvalue())


class Unwritable(unittest.TestCase):
    """Words that nobody can read are no reason to end a job."""

    def streams(self):
        closed = io.StringIO()
        closed.close()
        full = open("/dev/full", "w", encoding="utf-8")
        reader, writer = os.pipe()
        os.close(reader)
        pipe = open(writer, "w", encoding="utf-8")
        self.addCleanup(full.close)
        self.addCleanup(pipe.close)
        return closed, full, pipe

    def test_the_job_goes_on(self):
        for stream in self.streams():
            with progress.Progress(3, "x", every=0, stream=stream) as bar:
                for _ in range(3):
                    bar.update()
            progress.say("a word", stream)
            self.assertEqual(bar.done, 3)

    def test_no_stream_at_all(self):
        with mock.patch("sys.stderr", None):
            progress.say("a word")
            with progress.Progress(1, "x", every=0) as bar:
                bar.update()


class Printable(unittest.TestCase):
    def test_a_name_commands_no_terminal(self):
        stream = io.StringIO()
        progress.say("\x1b]0;title\x07\x1b[31mred\x9b\r\u202eleft\udcff", stream)
        self.assertEqual(stream.getvalue(), r"\x1b]0;title\x07\x1b[31mred\x9b\r\u202eleft\udcff" + "\n")
        for text in ("plain, two\n\tlines", "\u6905\u5b50 \U0001fa91 \xfc"):
            self.assertEqual(progress.printable(text), text)
