"""Choosing ``cuda``: refused with a sentence where there is none, proven where there is one."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from . import simulation

ROOT = Path(__file__).parents[2]


@unittest.skipIf(*simulation.pygpu_is_missing())
class ChoosingCuda(unittest.TestCase):
    """The tools with ``--device cuda``, each in a process of its own."""

    @classmethod
    def setUpClass(cls):
        cls.libraries = simulation.build()
        cls.simulated = simulation.environment(cls.libraries)

    def run_tool(self, name, *arguments, **changes):
        """Run a tool with changes to the simulated device's environment; return how it ended."""
        return subprocess.run(
            [sys.executable, f"tools/{name}.py", "--device", "cuda", *arguments],
            cwd=ROOT,
            env={**self.simulated, **changes},
            capture_output=True,
            text=True,
        )

    def assert_refused(self, ended, sentence):
        """Assert that a tool ended with one line that holds ``sentence`` and with status 2."""
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertIn(sentence, ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        self.assertEqual(len(ended.stderr.splitlines()), 1, ended.stderr)

    def train(self, folder, **changes):
        """Start a training that must not come to making its folder."""
        arguments = ["--model", "models/small_1x1x1.yaml", "--solver", "solvers/small.yaml"]
        arguments += ["--data", folder, "--out", f"{folder}/run"]
        ended = self.run_tool("train_net", *arguments, **changes)
        self.assertEqual(os.listdir(folder), [])
        return ended

    def test_a_machine_without_the_run_time_compiler(self):
        with tempfile.TemporaryDirectory() as libraries, tempfile.TemporaryDirectory() as folder:
            Path(libraries, "libnvrtc.so").write_bytes(b"no library")
            ended = self.train(folder, LD_LIBRARY_PATH=f"{libraries}:{self.libraries}")
        self.assert_refused(ended, "libnvrtc.so (CUDA's run-time compiler) cannot be loaded")

    def test_a_device_that_does_not_start_is_told_with_the_remedy(self):
        for changes, remedy in (
            ({"CUDA_VISIBLE_DEVICES": ""}, "see what nvidia-smi lists, and CUDA_VISIBLE_DEVICES"),
            ({"SIMULATED_DEVICES": "0"}, "see what nvidia-smi lists and what uses it alone"),
            ({"SIMULATED_DRIVER": "12020"}, "update the driver, which is older than libnvrtc.so"),
            ({"SIMULATED_CAPABILITY": "37"}, "libnvrtc.so cannot compile for this GPU"),
        ):
            with self.subTest(**changes), tempfile.TemporaryDirectory() as folder:
                ended = self.train(folder, **changes)
                self.assert_refused(ended, "the device cuda could not be started: ")
                self.assertIn(remedy, ended.stderr)
                self.assertNotIn("b'", ended.stderr)

    def test_page_locked_memory_is_given_back_with_its_array(self):
        program = """
            from voxlstm.lib.backend import door, page_locked
            from voxlstm.lib.base.errors import UserError
            from tests.cuda import simulation

            door.use_device("cuda")
            held = simulation.counters()
            array = page_locked.empty(1000)
            array[...] = 7
            part = array[10:20]
            del array
            print(held.page_locked_bytes, part.sum())
            del part
            print(held.page_locked_bytes)
            try:
                page_locked.empty(1 << 62)
            except UserError as error:
                print(error)
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        ended = subprocess.run(command, cwd=ROOT, env=self.simulated, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(
            ended.stdout.splitlines(),
            [
                "1000 70",
                "0",
                f"the CUDA driver cannot lock {1 << 62} bytes of memory (error 2); use a smaller batch",
            ],
        )

    def test_the_set_up_check_proves_the_device(self):
        ended = self.run_tool("check_setup")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("cuda: a convolution agrees with the CPU", ended.stdout)
        self.assertRegex(ended.stdout, r"its convolutions +cuDNN \d+\.\d+\.\d+")
        ended = self.run_tool("check_setup", VOXLSTM_CUDNN="0")
        self.assertIn("Theano's own (VOXLSTM_CUDNN=0 switches it off)", ended.stdout)
        ended = self.run_tool("check_setup", SIMULATED_DNN_VERSION="7605")
        self.assertIn("Theano's own (cuDNN 7605 is too old; 8 and 9 serve)", ended.stdout)

    def test_devices_newer_than_the_names_that_libgpuarray_knows(self):
        for capability in ("100", "103", "120"):
            with self.subTest(capability):
                ended = self.run_tool("check_setup", SIMULATED_CAPABILITY=capability)
                self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
                self.assertIn("cuda: a convolution agrees with the CPU", ended.stdout)

    def test_the_set_up_check_reports_a_missing_device(self):
        ended = self.run_tool("check_setup", CUDA_VISIBLE_DEVICES="")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("the device cuda could not be started", ended.stdout + ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)

    def test_the_set_up_check_reports_a_number_that_no_device_has(self):
        ended = self.run_tool("check_setup", "--device", "cuda7")
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("the device cuda7 could not be started", ended.stderr)
        self.assertIn("nvidia-smi lists the GPUs, and cuda0 is the first", ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
