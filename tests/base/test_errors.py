"""How a tool ends."""

import unittest

from tests.process import run_python
from voxlstm.lib.base.errors import UserError, need

RUN = "from voxlstm.lib.base.errors import *\ndef main():\n    {}\nrun_tool(main)"


class RunTool(unittest.TestCase):
    def ends(self, body, status, error, **environment):
        answer = run_python(RUN.format(body), **environment)
        self.assertEqual((answer.returncode, answer.stderr), (status, error))

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
        waits = "import atexit, time; atexit.register(time.sleep, 9999); "
        self.ends(waits + 'raise RuntimeError("can\'t start new thread")', 2, memory)
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


class Need(unittest.TestCase):
    def test_there(self):
        self.assertEqual(need("json", "data").dumps([]), "[]")

    def test_the_extra_is_named(self):
        with self.assertRaisesRegex(UserError, r"nosuchmodule .* 'voxlstm\[data\]'"):
            need("nosuchmodule", "data")
