"""How a tool ends."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
import unittest

from tests.process import run_python
from voxlstm.lib.base.errors import UserError, cause, need, why

RUN = "from voxlstm.lib.base.errors import *\ndef main():\n    {}\nrun_tool(main)"


class RunTool(unittest.TestCase):
    def ends(self, body, status, error, **environment):
        answer = run_python(RUN.format(body), **environment)
        self.assertEqual((answer.returncode, answer.stderr), (status, error))

    def test_an_empty_argument_is_a_variable_that_is_not_set(self):
        for argument, status in (("", 2), ("--out=", 2), ("--set=a=", 0), ("a=", 0), ("-", 0)):
            answer = run_python(RUN.format("pass"), argument)
            self.assertEqual(answer.returncode, status, argument)
            self.assertRegex(answer.stderr, "an argument is empty.*leave it out" if status else "^$")

    def test_statuses_and_lines(self):
        self.ends("pass", 0, "")
        self.ends("return 3", 3, "")
        self.ends("raise UserError('no data; make it')", 2, "-c: error: no data; make it\n")
        missing = "-c: error: No such file or directory (/no/file)\n"
        self.ends("open('/no/file')", 2, missing)
        moved = "-c: error: No space left on device (/a to /b); make room and run it again\n"
        closed = (
            "-c: error: Permission denied (/a); choose another place, or let this user read and write there\n"
        )
        self.ends("raise OSError(13, 'Permission denied', '/a')", 2, closed)
        self.ends("raise OSError(28, 'No space left on device', '/a', None, '/b')", 2, moved)
        memory = "-c: error: there is not enough memory; close other programs, or ask for less at a time\n"
        self.ends("bytearray(1 << 60)", 2, memory)
        self.ends("raise SystemError('f returned NULL without setting an exception')", 2, memory)
        waits = "import atexit, time; atexit.register(time.sleep, 9999); "
        thread = waits + 'raise RuntimeError("can\'t start new thread")'
        many = "-c: error: no thread can be started; the limit on processes and threads is reached: raise it "
        self.ends(thread, 2, many + "(ulimit -u, a container's --pids-limit), or ask for fewer --workers\n")
        self.ends("import mmap; mmap.mmap = lambda *_: bytearray(1 << 60); " + thread, 2, memory)
        self.ends("raise KeyboardInterrupt", 130, "-c: interrupted\n")
        self.ends("raise BrokenPipeError", 141, "")

    def test_what_is_for_one_process_is_refused_to_several(self):
        refused = "-c: error: -c is for one process; start it without mpirun\n"
        self.ends("print('done')", 2, refused, OMPI_COMM_WORLD_SIZE="2")
        self.ends("pass", 0, "", OMPI_COMM_WORLD_SIZE="1")

    def test_names_cannot_command_the_terminal(self):
        for name, shown in (
            ("a\\x1b[2Jb", "a\\x1b[2Jb"), ("m\\udcfcg", "m\\udcfcg"), ("a\\u202eb", "a\\u202eb"),
        ):  # fmt: skip
            self.ends(f"raise UserError('no {name}')", 2, f"-c: error: no {shown}\n")
        self.ends("raise UserError('no 椅子, müg')", 2, "-c: error: no 椅子, müg\n")

    def test_a_defect_of_ours_keeps_its_traceback(self):
        answer = run_python(RUN.format("return [][0]"))
        self.assertEqual(answer.returncode, 1)
        self.assertIn("IndexError", answer.stderr)

    def test_control_c_at_the_exit_ends_it_without_a_word(self):
        exits = "import atexit, os, time; atexit.register(time.sleep, 60); print(os.getpid(), flush=True)"
        with subprocess.Popen(
            [sys.executable, "-c", RUN.format(exits)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as program:
            program.stdout.readline()
            while program.poll() is None:
                time.sleep(0.2)
                program.send_signal(signal.SIGINT)
            self.assertEqual((program.returncode, program.stderr.read()), (130, ""))


class Why(unittest.TestCase):
    """The machine's errors: what is the matter, and what helps."""

    def test_each_has_its_own_remedy(self):
        for number, remedy in (
            (errno.EACCES, "let this user read"),
            (errno.EROFS, "mount this one for writing"),
            (errno.ENOSPC, "make room"),
            (errno.EDQUOT, "quota"),
            (errno.EFBIG, "ulimit -f"),
            (errno.EMFILE, "ulimit -n"),
            (errno.ENFILE, "the whole machine"),
            (errno.EAGAIN, "ulimit -u"),
            (errno.ENOMEM, "ask for less"),
            (errno.EIO, "system's log"),
            (errno.ESTALE, "mount it again"),
            (errno.ENAMETOOLONG, "shorter name"),
            (errno.ELOOP, "circle"),
            (errno.EEXIST, "where a folder is wanted"),
            (errno.ENOTDIR, "where a folder is wanted"),
        ):
            error = OSError(number, os.strerror(number))
            self.assertRegex(
                why(error, "a"), rf"^{re.escape(os.strerror(number))} \(a\); .*{re.escape(remedy)}"
            )
            self.assertIn(remedy, cause(f"x.cpp: fatal error: {os.strerror(number)}\n"))

    def test_others_have_none(self):
        self.assertEqual(why(FileNotFoundError(2, "No such file"), "a"), "No such file (a)")
        self.assertEqual(why(OSError("timed out"), otherwise="try again"), "timed out; try again")

    def test_what_compilers_say(self):
        for said, remedy in (
            ("ld terminated with signal 25 [File size limit exceeded]", "ulimit -f"),
            ("plugin framework: out of file descriptors. Try", "ulimit -n"),
            ("fatal error: Killed signal terminated program cc1plus", "ask for less"),
        ):
            self.assertIn(remedy, cause(said))
        self.assertIsNone(cause("a.cpp:3: error: expected ';' before 'x'"))


class Need(unittest.TestCase):
    def test_there(self):
        self.assertEqual(need("json", "data").dumps([]), "[]")

    def test_the_extra_is_named(self):
        with self.assertRaisesRegex(UserError, r"nosuchmodule .* 'voxlstm\[data\]'"):
            need("nosuchmodule", "data")
