"""How benchmarks/bench.py measures on the CPU, and what it tells."""

import subprocess
import tempfile
import unittest
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from voxlstm.lib.base.errors import UserError
from voxlstm.lib.base.files import read_json

from .test_check_gpu import ROOT, load

bench = load("bench")
contenders = load("cpu_contenders")
cases = load("cpu_cases")
tables = load("cpu_tables")

SECONDS = {"voxlstm": 1.0, "voxlstm_bfloat16": 0.5, "autocast_channels_last": 0.75, "channels_last": 1.25}
SMALL = {**cases.REFERENCE, "views": 1}


class Fake:
    """A contender whose runs take as long as is said, the first one ten times that."""

    def __init__(self, name, log, found=0.7, error=None):
        self.about = {"version": "1", "onednn": "yes"}
        self.name, self.log, self.found, self.error = name, log, found, error
        self.seconds = SECONDS.get(name, 2.0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.append(f"{self.name} ends")

    def ask(self, product=False, **case):
        if product:
            return {"seconds": 1.0, "operations": 1e12}
        self.log.append(self.name)
        if self.error:
            return {"error": self.error}
        first = self.log.count(self.name) == 1
        return {"seconds": self.seconds * (10 if first else 1), "found": self.found, "peak_bytes": 10**9}


class Measuring(unittest.TestCase):
    """A bench of contenders that have their answers ready."""

    def setUp(self):
        self.log, self.noise = [], iter(())
        asking = mock.patch.object(bench.others, "ask", self.ask)
        asking.start()
        self.addCleanup(asking.stop)

    def ask(self, contender, request):
        """Answer as others.ask does, with the noise that a test says."""
        return contender.ask(**request), "product" not in request and next(self.noise, False)

    def bench(self, *names, rounds=2, **changes):
        fakes = {name: Fake(name, self.log, **changes.get(name, {})) for name in names}
        return bench.Bench(fakes, rounds)

    def measure(self, chosen, case=cases.REFERENCE):
        with mock.patch.object(bench, "Progress", mock.MagicMock()) as progress:
            (result,) = chosen.all([case])
        self.updates = progress.return_value.__enter__.return_value.update.call_count
        self.total = progress.call_args.args[0]
        return result

    def test_contenders_take_turns_and_the_first_is_not_timed(self):
        result = self.measure(self.bench("voxlstm", "channels_last"), SMALL)
        self.assertEqual(self.log, ["voxlstm", "channels_last"] * 3)
        self.assertEqual(result["seconds"], {"voxlstm": 1.0, "channels_last": 1.25})
        self.assertEqual(result["rounds"], {"voxlstm": 2, "channels_last": 2})
        self.assertEqual(result["compared"]["float32"]["ratio"], 1.25)
        self.assertEqual((self.updates, self.total), (6, 6))

    def test_slow_ones_have_fewer_turns_in_the_reference_and_none_elsewhere(self):
        chosen = self.bench("voxlstm", "stock_theano", "compiled")
        result = self.measure(chosen)
        self.assertEqual(result["rounds"], {"voxlstm": 6, "stock_theano": 2, "compiled": 6})
        self.assertEqual(list(self.measure(chosen, SMALL)["rounds"]), ["voxlstm"])
        predicted = self.measure(chosen, {**cases.REFERENCE, "train": False})
        self.assertEqual(predicted["rounds"], {"voxlstm": 4, "stock_theano": 4})

    def test_what_cannot_be_compiled_is_left_out_and_told(self):
        chosen = self.bench("voxlstm", "channels_last", "compiled", compiled={"error": "no g++"})
        result = self.measure(chosen)
        self.assertEqual(list(result["seconds"]), ["voxlstm", "channels_last"])
        self.assertEqual((chosen.missing, self.log.count("compiled")), ({"compiled": "no g++"}, 1))
        self.assertEqual(self.updates, self.total)

    def test_who_finds_something_else_is_not_timed(self):
        for name, found, agrees in [
            ("channels_last", 0.70009, True),
            ("channels_last", 0.7002, False),
            ("voxlstm_bfloat16", 0.7019, True),
            ("voxlstm_bfloat16", 0.703, False),
            ("autocast_transposed", float("nan"), False),
        ]:
            with self.subTest(name=name, found=found):
                self.log.clear()
                chosen = self.bench("voxlstm", name, **{name: {"found": found}})
                if agrees:
                    self.assertEqual(self.measure(chosen, SMALL)["found"][name], found)
                    continue
                with self.assertRaisesRegex(UserError, f"training, 1 view: {name} finds"):
                    self.measure(chosen, SMALL)
                self.assertEqual(self.log, ["voxlstm", name])

    def test_a_disturbed_turn_is_repeated_once(self):
        chosen = self.bench("voxlstm")
        self.noise = iter([False, True, False, True, True])
        self.assertEqual(self.measure(chosen, SMALL)["rounds"], {"voxlstm": 2})
        self.assertEqual((len(self.log), chosen.repeats, chosen.disturbed), (5, 2, 1))
        self.noise, chosen.repeats = iter([True] * 3), bench.REPEATS
        self.measure(chosen, SMALL)
        self.assertEqual((len(self.log), chosen.disturbed), (8, 4))

    def test_the_peak_is_that_after_the_reference(self):
        chosen = self.bench("voxlstm", "channels_last")
        self.measure(chosen)
        self.assertEqual(chosen.peaks, {"voxlstm": 10**9, "channels_last": 10**9})
        chosen.contenders["voxlstm"].ask = None  # not asked again
        self.assertEqual(list(chosen.peaks), ["voxlstm", "channels_last"])

    def test_the_busy_machine(self):
        chosen = self.bench("voxlstm", "channels_last")
        with mock.patch.object(bench.others, "beside") as beside:
            beside.return_value.__enter__.side_effect = lambda: self.log.append("others")
            found = chosen.busy(["voxlstm", "channels_last"], 2)
        turns = ["voxlstm", "channels_last"] * (bench.SETTLING + 4)
        self.assertEqual(self.log, [*turns, "others", *turns])
        self.assertEqual(found["seconds"]["quiet"], {"voxlstm": 1.0, "channels_last": 1.25})
        self.assertEqual(found["seconds"]["beside 2 others"], found["seconds"]["quiet"])
        beside.assert_called_once_with(2)


class Program(unittest.TestCase):
    """The whole program, with contenders that have their answers ready."""

    def run_bench(self, folder, *arguments, **failing):
        def fake(command, environment):
            return Fake(names[len(started) - 1] if started.append(command) is None else "", [], **failing)

        started, names = [], list(contenders.ENTRIES)
        torch = Path(folder, "python")
        torch.touch()
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(bench, "Contender", fake))
            stack.enter_context(mock.patch.object(bench.others, "beside"))
            asking = mock.patch.object(bench.others, "ask", lambda side, case: (side.ask(**case), False))
            stack.enter_context(asking)
            stack.enter_context(mock.patch.object(bench.machine, "has_bfloat16", lambda _: True))
            printed = stack.enter_context(redirect_stdout(StringIO()))
            out = Path(folder, "bench.json")
            bench.main(["--torch", str(torch), "--out", str(out), "--rounds", "1", *arguments])
        return read_json(out), printed.getvalue()

    def test_the_result_and_its_tables(self):
        with tempfile.TemporaryDirectory() as folder:
            result, printed = self.run_bench(folder)
        self.assertEqual(len(result["cases"]), 12)
        self.assertEqual(list(result["contenders"]), list(contenders.ENTRIES))
        self.assertEqual(result["peak_bytes"].keys(), contenders.ENTRIES.keys())
        self.assertEqual(result["machine"].keys(), {"kind", "model", "cores", "load_before"})
        self.assertEqual(result["busy"]["seconds"]["quiet"], SECONDS)
        self.assertIn("Prediction in bfloat16: 1.50 to 1.50.", printed)
        self.assertIn("\n\nBeside PyTorch that keeps its memory: Training in float32: 2.00 to 2.00.", printed)
        self.assertIn("training, batch 16", printed)

    def test_without_pytorch_there_is_a_sentence(self):
        with self.assertRaisesRegex(UserError, "run 'make bench'"):
            bench.main(["--torch", "/nowhere/python"])


class Comparing(unittest.TestCase):
    """Ratios, tables and commands."""

    def test_each_precision_has_its_own_best_form(self):
        found = contenders.compared(
            {**SECONDS, "compiled": 1.1, "autocast_transposed": 0.8, "stock_theano": 0.1}
        )
        self.assertEqual([found[p]["best"] for p in found], ["compiled", "autocast_channels_last"])
        self.assertEqual([found[p]["ratio"] for p in found], [1.1, 1.5])
        self.assertEqual(list(contenders.compared({"voxlstm": 1.0, "channels_last": 2.0})), ["float32"])

    def test_pytorch_with_tuned_memory_is_compared_apart(self):
        seconds = {**SECONDS, "channels_last_keeping": 1.1, "autocast_channels_last_keeping": 0.6}
        found = contenders.compared(seconds, tuned=True)
        self.assertEqual([found[p]["ratio"] for p in found], [1.1, 1.2])
        self.assertEqual(contenders.compared(seconds), contenders.compared(SECONDS))
        self.assertEqual(contenders.compared(SECONDS, tuned=True), {})
        keeping = contenders.commands("python", "folder", 2, False)["channels_last_keeping"]
        self.assertEqual(keeping[0][-1], "channels_last")
        self.assertLessEqual(contenders.KEEPING.items(), keeping[1].items())

    def test_bfloat16_is_asked_only_of_a_cpu_that_has_it(self):
        without = contenders.commands("python", "folder", 2, False)
        with_it = contenders.commands("python", "folder", 2, True)
        self.assertEqual(list(with_it), list(contenders.ENTRIES))
        self.assertFalse([name for name in without if "bfloat16" in name or "autocast" in name])
        self.assertEqual(without["stock_theano"][1]["VOXLSTM_ONEDNN"], "0")
        self.assertEqual(without["compiled"][0][-1], "channels_last+compile")
        self.assertEqual(with_it["voxlstm_bfloat16"][0][-1], "bfloat16")
        self.assertEqual(without["voxlstm"][1]["OMP_NUM_THREADS"], "2")

    def test_what_tunes_this_machine_is_not_handed_on(self):
        tuned = {"OPENBLAS_CORETYPE": "Haswell", "GOMP_SPINCOUNT": "1", "PATH": "/bin"}
        with mock.patch.dict(contenders.os.environ, tuned, clear=True):
            found = contenders.commands("python", "folder", 2, False)["voxlstm"][1]
        self.assertEqual(found, {"PATH": "/bin", **dict.fromkeys(contenders.THREADS, "2")})

    def test_contenders_are_held_to_avx2(self):
        with tempfile.TemporaryDirectory() as folder:
            held = contenders.as_avx2(folder)
            made = subprocess.run(
                [held["CXX"], "-march=x86-64", "-dM", "-E", "-x", "c++", "/dev/null"],
                capture_output=True,
                text=True,
                check=True,
            )
            self.assertIn("__AVX2__", made.stdout)
            self.assertNotIn("__AVX512F__", made.stdout)
            found = contenders.commands("python", folder, 2, False, held)
        for name, (_, environment) in found.items():
            self.assertLessEqual(held.items(), environment.items(), name)

    def test_names_of_cases_tell_them_apart(self):
        self.assertEqual(cases.cases(quick=True), [cases.REFERENCE])
        names = [cases.label(case) for case in cases.cases(quick=False)]
        self.assertEqual(len(set(names)), 12)
        self.assertEqual(names[1], "training, 1x1x1 kernel")
        self.assertEqual(names[-2:], ["prediction, 1 view", "prediction, 5 views"])

    def test_tables_without_bfloat16(self):
        case = {**cases.REFERENCE, "seconds": {"voxlstm": 1.0, "channels_last": 1.25}}
        case.update(arithmetic=8e11, matrix_product_rate=1e12)
        heads, row = tables.rows({"cases": [case]})
        self.assertEqual(heads, ["case", "ours, s", "PyTorch, s", "ratio", "matrix"])
        self.assertEqual(row, ["training, batch 4, 3 views", "1.000", "1.250", "1.25", "0.80"])
        self.assertEqual(
            tables.as_text([["a", "bc"], ["def", "g"]], "="), "===  ==\na    bc\n===  ==\ndef  g\n===  =="
        )

    def test_tables_of_other_files_are_refused(self):
        for name in ("README.rst", "results/busy.json", "models/pretrained.npz"):
            with self.subTest(name), self.assertRaisesRegex(UserError, "no result of make bench"):
                tables.main([str(ROOT / name)])


@unittest.skipUnless((ROOT / ".venv-bench/bin/python").exists(), "no environment with PyTorch")
class Torch(unittest.TestCase):
    """PyTorch's side, in its own environment, with a network that cannot be run."""

    def ask(self, form):
        script = (
            "import torch_cpu, pathlib\n"
            f"side = torch_cpu.Side(pathlib.Path('/nowhere'), {form!r})\n"
            "print(torch_cpu.answer(side, dict(kernel=3, batch=1, views=1, train=True)))"
        )
        command = [str(ROOT / ".venv-bench/bin/python"), "-c", script]
        return subprocess.run(command, cwd=ROOT / "benchmarks", capture_output=True, text=True)

    def test_only_a_compiled_form_may_fail(self):
        self.assertIn("No such file", eval(self.ask("channels_last+autocast+compile").stdout)["error"])
        self.assertIn("FileNotFoundError", self.ask("channels_last+autocast").stderr)
