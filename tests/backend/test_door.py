"""Theano as the door opens it: flags, devices, repairs."""

import tempfile
import unittest
from pathlib import Path

from tests.process import NO_PYGPU, run_python
from voxlstm.lib.backend import door
from voxlstm.lib.base.cache import cache_folder

SHOW = (
    "from voxlstm.lib.backend.door import theano\n"
    "print(theano.config.floatX, theano.config.device, theano.config.base_compiledir)"
)
ASK = (
    "from voxlstm.lib.backend.door import use_device, device\n"
    "from voxlstm.lib.base.errors import run_tool\n"
    "run_tool(lambda: use_device({}) or print(device()))"
)


class Flags(unittest.TestCase):
    def test_round_trip_with_commas_and_blanks(self):
        flags = {"blas.ldflags": "-L/a -lb -Wl,-rpath,/a", "floatX": "float32"}
        self.assertEqual(door.split_flags(door.join_flags(flags)), flags)

    def test_defaults(self):
        flags, device = door.choose_flags({}, Path("/cache"))
        self.assertEqual(flags["floatX"], "float32")
        self.assertEqual(flags["base_compiledir"], "/cache/theano")
        self.assertIn("openblas", flags["blas.ldflags"])
        self.assertEqual((flags["device"], device), ("cpu", "cpu"))

    def test_the_users_own_win(self):
        flags, device = door.choose_flags(
            {"floatX": "float64", "blas.ldflags": "-lmkl_rt", "device": "cuda"}, Path("/cache")
        )
        self.assertEqual((flags["floatX"], flags["blas.ldflags"]), ("float64", "-lmkl_rt"))
        self.assertEqual((flags["device"], device), ("cpu", "cuda"))

    def test_the_users_own_win_in_theano_itself(self):
        answer = run_python(SHOW, THEANO_FLAGS="floatX=float64", VOXLSTM_CACHE="/tmp/elsewhere")
        self.assertEqual(answer.stdout.split(), ["float64", "cpu", "/tmp/elsewhere/theano"])


class Readiness(unittest.TestCase):
    """What stops every graph is one sentence, and the help of a tool comes all the same."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def refused(self, sentence, program=ASK.format(""), arguments=(), **environment):
        answer = run_python(program, *arguments, **{"THEANO_FLAGS": "", **environment})
        self.assertEqual((answer.returncode, answer.stdout), (2, ""), answer.stderr)
        self.assertRegex(answer.stderr, rf"\A[\w-]+: error: .*{sentence}.*\n\Z")

    def test_a_cache_that_is_a_file(self):
        path = self.folder / "cache"
        path.write_text("")
        tool, arguments = Path("tools/reconstruct.py"), ("x.png", "--out", "x.obj")
        self.refused("VOXLSTM_CACHE", tool, arguments, VOXLSTM_CACHE=str(path))
        answer = run_python(tool, "--help", VOXLSTM_CACHE=str(path))
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        self.assertIn("--preview", answer.stdout)

    def test_a_compile_folder_that_others_may_write_to(self):
        (self.folder / "theano").mkdir()
        (self.folder / "theano").chmod(0o777)
        self.refused("not safe .*theano.*VOXLSTM_CACHE", VOXLSTM_CACHE=str(self.folder))

    def test_a_user_whom_the_system_does_not_know(self):
        unknown = "import pwd\ndef unknown(*_): raise KeyError\npwd.getpwuid = unknown\n"
        program = unknown + ASK.format("") + "\n"
        drawing = program.replace(
            "run_tool(", "from voxlstm.lib.base.errors import need\nneed('matplotlib', '')\nrun_tool("
        )
        answer = run_python(drawing, without=("HOME",), THEANO_FLAGS="", VOXLSTM_CACHE=str(self.folder))
        self.assertEqual((answer.returncode, answer.stdout), (0, "cpu\n"), answer.stderr)
        answer = run_python(drawing, HOME="/nowhere", THEANO_FLAGS="", VOXLSTM_CACHE=str(self.folder))
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        answer = run_python(program, without=("HOME", "VOXLSTM_CACHE", "XDG_CACHE_HOME"))
        self.assertEqual(answer.returncode, 2)
        self.assertRegex(answer.stderr, r"\A-c: error: there is no cache: .*VOXLSTM_CACHE.*\n\Z")

    def test_nowhere_to_put_temporary_files(self):
        nowhere = "import os, tempfile\ntempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        program = nowhere + ASK.format("").replace("print(device())", "print(os.environ['TMPDIR'])")
        answer = run_python(program, without=("TMPDIR",), THEANO_FLAGS="", VOXLSTM_CACHE=str(self.folder))
        self.assertEqual((answer.returncode, answer.stdout, answer.stderr), (0, f"{door.MEMORY}\n", ""))

    def test_no_compiler(self):
        for name in ("ldconfig", "ld"):  # what else Theano and ctypes may look for
            (self.folder / name).write_text("")
        self.refused("apt install g[+][+]", PATH=str(self.folder))

    def test_settings_that_theano_refuses(self):
        path = self.folder / "rc"
        for text in (
            "[global]\nallow_gc = maybe\n",
            "[global]\nfloatX = float99\n",
            "floatX = float32\n",
            "[global\n",
            "[global]\nfloatX = float32\nfloatX = float64\n",
            "\xff[global]\n",
        ):
            path.write_bytes(text.encode("latin-1"))
            with self.subTest(text):
                self.refused(f"{path}", THEANORC=str(path))
        self.refused("THEANO_FLAGS", THEANO_FLAGS="floatX=float99")
        self.refused("THEANO_FLAGS", THEANO_FLAGS="floatX='float32")


class ConfigurationFiles(unittest.TestCase):
    """The settings of ~/.theanorc count as flags do."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.folder / ".theanorc"

    def test_a_device_in_the_home_folder_is_asked_for(self):
        self.path.write_text("[global]\ndevice = cuda\nfloatX = float64\n")
        cache = str(cache_folder())
        answer = run_python(
            ASK.format(""), without=["THEANO_FLAGS", "THEANORC"], HOME=str(self.folder), VOXLSTM_CACHE=cache
        )
        self.assertEqual(answer.returncode, 2)
        self.assertRegex(answer.stderr, "error: .*(pygpu|cuda)")
        answer = run_python(
            ASK.format("'cpu'"),
            without=["THEANO_FLAGS", "THEANORC"],
            HOME=str(self.folder),
            VOXLSTM_CACHE=cache,
        )
        self.assertEqual(answer.stdout.split(), ["cpu"])

    def test_a_later_file_and_then_the_flags_win(self):
        other = self.folder / "other"
        self.path.write_text(
            "[global]\nfloatX = float64\nbase_compiledir = %(TMPDIR)s/one\n[nvcc]\nflags=-D%x\n"
        )
        other.write_text("[global]\nbase_compiledir = /tmp/two\n")
        settings = {"THEANORC": f"{self.path}:{other}:/nowhere", "TMPDIR": str(self.folder)}
        answer = run_python(SHOW, without=["THEANO_FLAGS"], **settings)
        self.assertEqual(answer.stdout.split(), ["float64", "cpu", "/tmp/two"], answer.stderr)
        answer = run_python(SHOW, THEANO_FLAGS="floatX=float16", **{**settings, "THEANORC": str(self.path)})
        self.assertEqual(answer.stdout.split(), ["float16", "cpu", f"{self.folder}/one"], answer.stderr)


class Devices(unittest.TestCase):
    def refused(self, name, sentence, **environment):
        answer = run_python(ASK.format(name), **environment)
        self.assertEqual(answer.returncode, 2, answer.stderr)
        self.assertEqual(answer.stdout, "")
        self.assertRegex(answer.stderr, sentence)
        self.assertEqual(len(answer.stderr.strip().splitlines()), 1, answer.stderr)

    def test_cpu_is_the_default(self):
        answer = run_python(ASK.format(""), without=["THEANO_FLAGS"])
        self.assertEqual(answer.stdout.split(), ["cpu"])

    def test_a_device_that_cannot_be_had_is_refused(self):
        self.refused("'cuda7'", "error: .*(pygpu|cuda7)")

    def test_a_device_of_the_users_flags_is_refused_too(self):
        self.refused("", "error: .*(pygpu|cuda)", THEANO_FLAGS="device=cuda")

    def test_an_unknown_name_is_refused_with_pygpu_and_without(self):
        for name in ("gpu", "cuda7x", "opencl0"):
            for environment in ({}, NO_PYGPU):
                sentence = f"unknown device '{name}'; use cpu, cuda"
                self.refused(repr(name), sentence, **environment)

    def test_pygpu_that_cannot_be_loaded(self):
        self.refused("'cuda'", "pygpu cannot be loaded .*; install .* python3-pygpu", **NO_PYGPU)

    def test_pygpu_that_is_nowhere(self):
        code = (
            "from pathlib import Path\n"
            "from voxlstm.lib.backend import gpu\n"
            "from voxlstm.lib.base.errors import run_tool\n"
            "gpu.importlib.util.find_spec = lambda _: None\n"
            "run_tool(lambda: gpu.find_pygpu(Path('/nowhere')))"
        )
        answer = run_python(code)
        self.assertRegex(answer.stderr, r"\A-c: error: pygpu is not installed, .* python3-pygpu")
        self.assertEqual(answer.returncode, 2)

    def test_a_library_that_cannot_be_loaded_is_named(self):
        code = (
            "from voxlstm.lib.backend import gpu\n"
            "from voxlstm.lib.base.errors import run_tool\n"
            "gpu.CUDA_LIBRARIES = {'libnothing.so': 'the driver'}\n"
            "run_tool(lambda: gpu.check_cuda_libraries('cuda'))"
        )
        self.assertRegex(run_python(code).stderr, "libnothing.so .the driver. cannot be loaded")


class Repairs(unittest.TestCase):
    def test_scan_takes_its_python_loop_without_compiling_the_extension(self):
        answer = run_python(
            "from voxlstm.lib.backend.door import theano, tensor\n"
            "x = tensor.vector()\n"
            "total, _ = theano.scan(lambda v, s: s + v, sequences=[x], outputs_info=[x.sum() * 0])\n"
            "print(float(theano.function([x], total[-1])([1, 2, 3])))"
        )
        self.assertEqual((answer.stdout, answer.stderr), ("6.0\n", ""))

    def test_no_warning_of_old_numpy_idioms(self):
        answer = run_python(
            "import warnings; warnings.simplefilter('default')\n"
            "from voxlstm.lib.backend.door import theano, tensor\n"
            "x = tensor.vector(); theano.function([x], tensor.exp(x))([1])"
        )
        self.assertNotIn("Warning", answer.stderr)

    def test_gradients_through_theanos_product_use_a_linked_blas(self):
        answer = run_python(
            "from voxlstm.lib.backend.door import theano, tensor\n"
            "import numpy\n"
            "x = tensor.matrix(); f = theano.function([x], tensor.dot(x, x))\n"
            "print([type(n.op).__name__ for n in f.maker.fgraph.toposort()])\n"
            "print(float(f(numpy.eye(3, dtype='float32')).sum()))"
        )
        self.assertEqual(answer.stdout.splitlines(), ["['Dot22']", "3.0"])
        # Another process may hold the compile lock, and Theano then says that it waits.
        lines = answer.stderr.splitlines()
        self.assertEqual([n for n in lines if not n.startswith("INFO (theano.gof.compilelock)")], [])

    def test_only_what_pays_is_compiled(self):
        answer = run_python(
            "from voxlstm.lib.backend.door import tensor, theano\n"
            "x = tensor.matrix()\n"
            "outputs = [tensor.tanh(2 * x + x * x), 3 * x.shape[0] + 1, x.sum(), x + x.T]\n"
            "f = theano.function([x], outputs).fn\n"
            "print([hasattr(t, 'cthunk') for n, t in zip(f.nodes, f.thunks)"
            " if 'tanh' in str(n.op)])\n"
            "print(sum(hasattr(thunk, 'cthunk') for thunk in f.thunks), len(f.thunks))\n"
        )
        fused, counts = answer.stdout.splitlines()
        self.assertEqual(fused, "[True]", answer.stderr)
        compiled, total = map(int, counts.split())
        self.assertEqual(compiled, 1, answer.stderr)
        self.assertGreater(total, 4)

    def test_more_operands_than_numpy_takes_are_compiled(self):
        # As many as a norm of all gradients of the paper's network has.
        answer = run_python(
            "from voxlstm.lib.backend.door import tensor, theano\n"
            "xs = tensor.vectors(40)\n"
            "f = theano.function(xs, tensor.sqrt(sum((x ** 2).sum() for x in xs)))\n"
            "print(float(f(*(40 * [[3.0, 4.0]]))) / 1000 ** 0.5)"
        )
        self.assertAlmostEqual(float(answer.stdout or "nan"), 1.0, places=6, msg=answer.stderr)

    def test_constants_are_folded_without_compiling(self):
        # With a compiler that cannot work, simplifying succeeds only if nothing is compiled.
        answer = run_python(
            "from voxlstm.lib.backend.door import theano, tensor\n"
            "from theano.gof import cc\n"
            "def refuse(*_, **__): raise RuntimeError('compiled')\n"
            "cc.CLinker.cthunk_factory = refuse\n"
            "x = tensor.exp(tensor.constant([0.0])) + 2\n"
            "graph = theano.gof.FunctionGraph([], [x], clone=False)\n"
            "theano.compile.mode.get_mode('FAST_RUN').optimizer.optimize(graph)\n"
            "print(float(graph.outputs[0].data[0]))"
        )
        self.assertEqual((answer.stdout, answer.stderr), ("3.0\n", ""))
