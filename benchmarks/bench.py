"""Training steps and predictions at paper size: this project, stock Theano, PyTorch in its forms.

Every contender is a process that waits for requests; each round asks all of them in turn, so that
what else the machine does falls on all alike. Before they are timed in a case, all must find our
loss, or our mean occupancy. Medians of the rounds, what they are to each other, the rate of the
machine's float32 matrix product, peaks of memory, and a training step beside programs that want the
cores go to the result file. ``results/cpu`` has one for each kind of CPU.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from voxlstm.lib.base.cores import usable_cores
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import write_json
from voxlstm.lib.base.progress import Progress

import cpu_tables
import machine
import others
from cpu_cases import REFERENCE, arithmetic, cases, label
from cpu_contenders import ENTRIES, QUIET, TOLERANCES, as_avx2, commands, compared
from speed import Contender

HERE = Path(__file__).resolve().parent
REPEATS = 60  # turns that other programs disturbed, at most, or the measuring would not end
SETTLING = 2  # steps, after which threads wait as suits a quiet or a busy machine


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    torch = HERE.parent / ".venv-bench/bin/python"
    parser.add_argument("--torch", default=torch, help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds a case")
    parser.add_argument("--quick", action="store_true", help="only the case of the ratios")
    parser.add_argument("--avx2", action="store_true", help="hold all to AVX2, on a CPU that has more")
    parser.add_argument("--threads", type=int, help="threads of each contender; all cores if unset")
    parser.add_argument("--out", default=HERE.parent / "output/bench.json", help="result file")
    return parser.parse_args(argv)


class Bench:
    """The contenders, and what was found of them.

    Parameters
    ----------
    contenders : dict of str to Contender
    rounds : int

    Attributes
    ----------
    missing : dict of str to str
        Why a contender could not take part: PyTorch's compiler refused.
    repeats, disturbed : int
        Turns that were repeated, as other programs took the cores; and disturbed ones that count.
    peaks : dict of str to int
        Peaks of memory by contender, in bytes, of processes that did nothing but the reference.
    """

    def __init__(self, contenders, rounds):
        self.contenders, self.rounds = contenders, rounds
        self.missing, self.peaks = {}, {}
        self.repeats = self.disturbed = 0

    def turns(self, case):
        """Return how often each contender that takes part in a case is timed there."""
        entries = {name: ENTRIES[name] for name in self.contenders if ENTRIES[name].enters(case)}
        return {name: entry.turns(case, self.rounds) for name, entry in entries.items()}

    def ask(self, name, case):
        """Return a list of a contender's answer, which is empty when it is missing."""
        if name in self.missing:
            return []
        answer, disturbed = others.ask(self.contenders[name], case)
        if disturbed and self.repeats < REPEATS and "seconds" in answer:
            self.repeats += 1
            answer, disturbed = others.ask(self.contenders[name], case)
        self.disturbed += disturbed
        if "error" in answer:
            self.missing[name] = answer["error"]
        return [answer] if "seconds" in answer else []

    def measure(self, case, progress):
        """Return the medians of one case, seconds by contender, and the matrix product's rate."""
        turns, rates = self.turns(case), []
        answers = {name: [] for name in turns}
        for number in range(1 + max(turns.values())):
            for name in [name for name, times in turns.items() if number <= times]:
                answers[name] += self.ask(name, case)
                progress.update()
            if not number:
                check(case, {name: given[0]["found"] for name, given in answers.items() if given})
            product, _ = others.ask(self.contenders["voxlstm"], {"product": True})
            rates.append(product["operations"] / product["seconds"])
        answers = {name: given for name, given in answers.items() if given}
        if case == REFERENCE:  # the first, so that these are its own
            self.peaks = {name: given[-1]["peak_bytes"] for name, given in answers.items()}
        return summarise(case, answers, rates)

    def all(self, chosen):
        """Return the results of all cases, in the order of the cases."""
        total = sum(1 + times for case in chosen for times in self.turns(case).values())
        with Progress(total, "benchmark", unit="run") as progress:
            return [self.measure(case, progress) for case in chosen]

    def busy(self, names, count):
        """Return the seconds of the reference's training, by contender, quiet and beside others."""
        found = {QUIET: self.steps(names)}
        with others.beside(count):
            found[f"beside {count} others"] = self.steps(names)
        return {"others": count, "seconds": found}

    def steps(self, names):
        """Return the median seconds of the reference's training by contender, in turns."""
        answers = [
            {name: others.ask(self.contenders[name], REFERENCE)[0]["seconds"] for name in names}
            for _ in range(SETTLING + 2 * self.rounds)
        ]
        return {name: statistics.median(turn[name] for turn in answers[SETTLING:]) for name in names}


def check(case, found):
    """Raise UserError where a contender does not find what ours finds, within its precision."""
    for name, value in found.items():
        if not abs(value - found["voxlstm"]) <= TOLERANCES[ENTRIES[name].precision]:  # NaN too
            raise UserError(
                f"{label(case)}: {name} finds {value:.6f} and voxlstm {found['voxlstm']:.6f}, so that"
                " they do not compute the same; compare benchmarks/torch_twin.py with the network"
            )


def summarise(case, answers, rates):
    """Return what is kept of one case; the first answers, which warm up, are not timed."""
    timed = {name: [answer["seconds"] for answer in given[1:]] for name, given in answers.items()}
    seconds = {name: statistics.median(values) for name, values in timed.items()}
    return {
        **case,
        "rounds": {name: len(values) for name, values in timed.items()},
        "seconds": seconds,
        "least_seconds": {name: min(values) for name, values in timed.items()},
        "found": {name: given[0]["found"] for name, given in answers.items()},
        "matrix_product_rate": statistics.median(rates[1:]),
        "arithmetic": arithmetic(**case),
        "compared": compared(seconds),
    }


def start(options, folder, running):
    """Return the contenders by name, each started in a process that ends with an ExitStack."""
    if not Path(options.torch).exists():
        raise UserError(f"there is no {options.torch}; run 'make bench', which installs PyTorch")
    bfloat16 = machine.has_bfloat16(Path("/proc/cpuinfo").read_text(encoding="utf-8")) and not options.avx2
    held = as_avx2(folder) if options.avx2 else {}
    chosen = commands(options.torch, folder, options.threads or usable_cores(), bfloat16, held)
    contenders = {name: running.enter_context(Contender(*command)) for name, command in chosen.items()}
    if not contenders["voxlstm"].about["onednn"]:
        print("bench: oneDNN is not in use; install the extra 'fast'", file=sys.stderr)
    return contenders


def compete(contenders, options):
    """Return all that is measured."""
    about = {"machine": machine.describe(held=options.avx2), "date": time.strftime("%Y-%m-%d")}
    bench = Bench(contenders, options.rounds)
    measured = bench.all(cases(options.quick))
    rivals = [name for pair in measured[0]["compared"].values() for name in (pair["name"], pair["best"])]
    return {
        **about,
        "contenders": {name: contender.about for name, contender in contenders.items()},
        "missing": bench.missing,
        "repeated_turns": bench.repeats,
        "disturbed_turns": bench.disturbed,
        "agreed_within": TOLERANCES,
        "reference": REFERENCE,
        "peak_bytes": bench.peaks,
        "cases": measured,
        "busy": bench.busy(rivals, usable_cores()),
    }


def main(argv=None):
    """Measure, print the tables and write the result."""
    options = parse_arguments(argv)
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            result = compete(start(options, folder, running), options)
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"{Path(error.cmd[1]).name} ended with status {error.returncode}; see above"
        ) from error
    write_json(options.out, result)
    print(cpu_tables.section(result))


if __name__ == "__main__":
    run_tool(main)
