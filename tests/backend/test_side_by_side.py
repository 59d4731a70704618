"""C++ modules are compiled side by side, each once, and a failure is still told."""

import json
import tempfile
import unittest
from pathlib import Path

from tests.process import run_python

# Every run of the compiler for a module of the graph is noted with the thread that made it.
GRAPH = """
import json, os, threading
os.sched_getaffinity = lambda _: {{0, 1}}
from voxlstm.lib.backend.door import tensor, theano
calls, run = [], theano.gof.cmodule.output_subprocess_Popen
def noted(command):
    ahead = threading.current_thread() is not threading.main_thread()
    if "-shared" in command:
        calls.append((os.path.basename(command[command.index("-o") + 1]), ahead))
        {failure}
    return run(command)
theano.gof.cmodule.output_subprocess_Popen = noted
x = tensor.matrix()
y, _ = theano.scan(lambda row: tensor.exp(row * row + 2).cumsum() * 3, sequences=[x])
results = [tensor.tanh(2 * x + x * x), tensor.exp(x - x * x), tensor.dot(x, x), y]
function = theano.function([x], results)
answers = [float(r.sum()) for r in function([[0.25, 0.5], [1, 2]])]
print(json.dumps([answers, calls]))
"""


class SideBySide(unittest.TestCase):
    def run_graph(self, failure="pass", processes=1):
        with tempfile.TemporaryDirectory() as folder:
            graph, settings = GRAPH.format(failure=failure), {"VOXLSTM_CACHE": folder}
            return [run_python(graph, without=["THEANO_FLAGS"], **settings) for _ in range(processes)]

    def test_each_module_is_compiled_once_and_ahead(self):
        first, second = self.run_graph(processes=2)
        values, calls = json.loads(first.stdout)
        names = [name for name, _ in calls]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(sum(ahead for _, ahead in calls), 3, first.stderr)
        again, later = json.loads(second.stdout)
        self.assertEqual(values, again)
        self.assertEqual(later, [], "the second process compiles nothing")

    def test_a_folder_that_another_process_has_removed_is_made_again(self):
        removed = """
import os, theano.gof.cmodule as cmodule
make = cmodule.dlimport_workdir
def made_and_removed(parent):
    folder = make(parent)
    os.rmdir(folder)
    return folder
cmodule.dlimport_workdir = made_and_removed
"""
        with tempfile.TemporaryDirectory() as folder:
            graph = GRAPH.format(failure="pass").replace("calls, run =", f"exec({removed!r})\ncalls, run =")
            settings = {"VOXLSTM_CACHE": folder}
            first, second = (run_python(graph, without=["THEANO_FLAGS"], **settings) for _ in range(2))
            self.assertEqual(json.loads(second.stdout), [json.loads(first.stdout)[0], []], first.stderr)
            self.assertNotIn("Traceback", first.stderr + second.stderr)
            (modules,) = Path(folder, "theano").iterdir()
            self.assertFalse([path for path in modules.glob("tmp*") if not path.is_dir()])

    def test_what_fails_ahead_is_compiled_by_theano(self):
        (first,) = self.run_graph("if ahead: raise OSError")
        values, calls = json.loads(first.stdout)
        self.assertEqual(values, json.loads(self.run_graph()[0].stdout)[0])
        self.assertGreaterEqual(sum(not ahead for _, ahead in calls), 3)

    def test_what_the_machine_keeps_from_being_compiled_is_one_sentence(self):
        said = "Compilation failed (return status=1): collect2: fatal error: vfork: Resource temporarily unavailable"
        (first,) = self.run_graph(f"raise Exception('{said}')")
        last = first.stderr.splitlines()[-1]
        self.assertRegex(last, r"UserError: the C\+\+ compiler cannot work in .*: Resource temp.*ulimit -u")

    def test_a_module_that_cannot_be_compiled_is_an_error(self):
        (first,) = self.run_graph("raise RuntimeError('no space for the object file')")
        self.assertNotEqual(first.returncode, 0)
        self.assertIn("no space for the object file", first.stderr)
