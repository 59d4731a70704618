"""The command ``voxlstm``: what its first argument does, and how little it imports."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.process import ROOT, run_python
from voxlstm import __version__
from voxlstm.tools.__main__ import COMMANDS

SCRIPT = Path(sys.executable).parent / "voxlstm"
NOT_TOOLS = {"__init__", "__main__", "options"}


def voxlstm(*arguments, env=None):
    command = [SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)


class CommandTest(unittest.TestCase):
    def test_every_tool_is_a_command(self):
        files = {path.stem for path in (ROOT / "tools").glob("*.py")} - NOT_TOOLS
        self.assertEqual({module for module, _ in COMMANDS.values()}, files)

    def test_the_commands_are_listed(self):
        for arguments in [(), ("--help",), ("-h",), ("help",)]:
            answer = voxlstm(*arguments)
            self.assertEqual((answer.returncode, answer.stderr), (0, ""))
            listed = re.findall(r"^  ([a-z-]+)  +\S", answer.stdout, re.MULTILINE)
            self.assertEqual(listed, list(COMMANDS))

    def test_the_version(self):
        answer = voxlstm("--version")
        self.assertEqual((answer.returncode, answer.stdout), (0, f"voxlstm {__version__}\n"))

    def test_several_processes_are_for_the_commands_that_divide_their_work(self):
        several = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2"}
        answer = voxlstm("reconstruct", "--help", env=several)
        refusal = "voxlstm: error: 'reconstruct' is for one process; start it without mpirun\n"
        self.assertEqual((answer.returncode, answer.stderr), (2, refusal))
        self.assertEqual(voxlstm("make-dataset", "--help", env=several).returncode, 0)

    def test_an_unknown_command_is_refused_in_one_sentence(self):
        for wrong, near in [("trian", "train"), ("make_dataset", "make-dataset"), ("xyz", None)]:
            answer = voxlstm(wrong)
            meant = f" (did you mean '{near}'?)" if near else ""
            sentence = f"there is no command '{wrong}'{meant}; take one of {', '.join(COMMANDS)}"
            self.assertEqual((answer.returncode, answer.stdout), (2, ""))
            self.assertEqual(answer.stderr, f"voxlstm: error: {sentence}\n")

    def test_a_tool_is_called_by_its_command_in_help_and_errors(self):
        answer = voxlstm("make-dataset", "--help")
        self.assertEqual(answer.returncode, 0)
        self.assertTrue(answer.stdout.startswith("usage: voxlstm make-dataset [-h]"), answer.stdout)
        answer = voxlstm("make-dataset", "--nonsense")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("voxlstm make-dataset: error: ", answer.stderr)
        answer = voxlstm("make-dataset", "--out", "/none", "--procedural", "1", "--resolution", "0")
        self.assertEqual(answer.returncode, 2)
        expected = "voxlstm make-dataset: error: --resolution 0 must lie between 1 and 256\n"
        self.assertEqual(answer.stderr, expected)

    def test_its_exit_status_is_the_tools(self):
        answer = voxlstm("fetch-shapenet", "--check-only", ROOT / "tests")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("voxlstm fetch-shapenet: error: ", answer.stderr)

    def test_it_is_a_module_too(self):
        command = [sys.executable, "-m", "voxlstm.tools", "train", "--help"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=600)
        self.assertTrue(answer.stdout.startswith("usage: voxlstm train "), answer.stderr)

    def test_a_tool_stays_a_script(self):
        answer = run_python(Path("tools/make_dataset.py"), "--help")
        self.assertTrue(answer.stdout.startswith("usage: make_dataset.py "), answer.stderr)


class InterruptTest(unittest.TestCase):
    """Ctrl-C before a command's main has begun ends it without a word."""

    def interrupted(self, number, *command):
        """Send a signal while NumPy is imported; return the status and what was said."""
        program = subprocess.Popen(
            [sys.executable, "-X", "importtime", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        for line in program.stderr:
            if "numpy.core._exceptions" in line:
                program.send_signal(number)
                break
        _, said = program.communicate(timeout=60)
        return program.returncode, [line for line in said.splitlines() if not line.startswith("import time:")]

    def test_during_the_imports(self):
        for command in (
            ("tools/train_net.py", "--help"),
            ("-m", "voxlstm.tools", "train", "--help"),
            ("-m", "voxlstm.tools.test_net", "--help"),
            (SCRIPT, "train", "--help"),
        ):
            self.assertEqual(self.interrupted(signal.SIGINT, *command), (130, []), command)
        command = "tools/train_net.py", "--help"
        self.assertEqual(self.interrupted(signal.SIGTERM, *command), (-signal.SIGTERM, []))

    def test_a_program_that_imports_the_package_keeps_its_own_way(self):
        command = "-c", "import voxlstm, numpy"
        status, said = self.interrupted(signal.SIGINT, *command)
        if any(line.startswith("Exception ignored in") for line in said):  # Python drops it within a callback
            status, said = self.interrupted(signal.SIGINT, *command)
        self.assertEqual((status, said[-1]), (-signal.SIGINT, "KeyboardInterrupt"))


class MachineTest(unittest.TestCase):
    """What of the machine fails the imports is one line too; a defect keeps its traceback."""

    def said(self, failure, *command):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "yaml.py").write_text(f"raise {failure}")
            env = {**os.environ, "PYTHONPATH": os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])}
            answer = subprocess.run(
                [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, env=env
            )
        return answer.returncode, answer.stderr

    def test_the_imports(self):
        library = "ImportError('libx.so: failed to map segment from shared object')"
        for command, name in (
            (["tools/train_net.py"], "train_net"),
            (["-m", "voxlstm.tools", "train"], "voxlstm train"),
        ):
            status, said = self.said(library, *command)
            self.assertEqual(status, 2)
            self.assertRegex(said, rf"\A{name}: error: .*failed to map segment.*; close other programs.*\n\Z")
            status, said = self.said("MemoryError", *command)
            self.assertEqual(status, 2)
            self.assertRegex(said, rf"\A{name}: error: there is not enough memory.*\n\Z")
            status, said = self.said("ImportError('no such name')", *command)
            self.assertEqual((status, said.splitlines()[-1]), (1, "ImportError: no such name"))


class ImportTest(unittest.TestCase):
    """What a call has imported at its end."""

    def imported(self, *arguments):
        code = (
            "import sys\n"
            "from voxlstm.tools.__main__ import main\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "print('\\n', *sys.modules)"
        )
        answer = run_python(code, *arguments, without=("OPENBLAS_CORETYPE",))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer.stdout.splitlines()[-1].split()

    def test_the_list_of_commands_needs_no_numpy(self):
        names = self.imported("--help")
        self.assertFalse({"numpy", "theano", "yaml", "PIL"} & set(names))

    def test_a_command_imports_its_own_tool_alone_and_voxlstm_before_numpy(self):
        names = self.imported("make-dataset", "--help")
        tools = [name for name in names if name.startswith("voxlstm.tools.")]
        self.assertEqual(tools, ["voxlstm.tools.__main__", "voxlstm.tools.make_dataset"])
        self.assertLess(names.index("voxlstm.lib.backend.blas"), names.index("numpy"))
        self.assertNotIn("theano", names)


if __name__ == "__main__":
    unittest.main()
