"""Training steps and predictions at paper size: this project, stock Theano, PyTorch in three forms.

Every contender is a process that waits for requests; each round asks all of them in turn, so that
what else the machine does falls on all alike. Medians of the rounds, their ratios and the rate of
the machine's float32 matrix product go to ``output/bench.json``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from voxlstm.lib.base.cores import usable_cores
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import write_json
from voxlstm.lib.base.progress import Progress

from speed import Contender

HERE = Path(__file__).resolve().parent
FORMS = ("zero_insertion", "transposed", "channels_last")
LONGER = 3  # times the rounds for the reference, whose ratios stand for all
REFERENCE = {"kernel": 3, "batch": 4, "views": 3, "train": True}


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    torch = HERE.parent / ".venv-bench/bin/python"
    parser.add_argument("--torch", default=torch, help="a Python that has PyTorch")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds a case")
    parser.add_argument("--quick", action="store_true", help="only the case of the ratios")
    parser.add_argument("--threads", type=int, help="threads of each contender; all cores if unset")
    parser.add_argument("--out", default=HERE.parent / "output/bench.json", help="result file")
    return parser.parse_args(argv)


def cases(quick):
    """Return the settings measured: the reference, and each of its settings varied alone."""
    chosen = [REFERENCE]
    if not quick:
        varied = {"kernel": [1], "batch": [1, 16], "views": [1, 5]}
        chosen += [{**REFERENCE, k: v} for k, values in varied.items() for v in values]
        chosen += [{**case, "train": False} for case in chosen]
    return chosen


def arithmetic(kernel, batch, views, train):
    """Return the floating-point operations that the mathematics needs, two for each product.

    The gradient of a layer costs twice the layer; the views need none.
    """
    sizes = (127, 64, 33, 17, 9, 5)
    widths = (3, 96, 128, 256, 256, 256, 256)
    layers = [s * s * i * o * (49 if s == 127 else 9) for s, i, o in zip(sizes, widths, widths[1:])]
    first = views * layers[0]
    encoder = views * (sum(layers) + 2304 * 1024 + 1024 * 3 * 128 * 64)
    # The first state is zero, so the recurrent kernel first acts at the second view.
    recurrence = (views - 1) * 64 * 128 * 384 * kernel**3
    enlarging = 27 * (4**3 * 128 * 128 + 8**3 * 128 * 128 + 16**3 * 128 * 64)
    decoder = enlarging + 27 * 32**3 * (64 * 32 + 32 * 2)
    forward = encoder + recurrence + decoder
    return 2 * batch * (3 * forward - first if train else forward)


def start(options, folder, running):
    """Return the contenders by name, each started in a process that ends with an ExitStack.

    Ours come first, as they leave the weights in the folder that PyTorch's take.
    """
    if not Path(options.torch).exists():
        raise UserError(f"there is no {options.torch}; run 'make bench', which installs PyTorch")
    threads = str(options.threads or usable_cores())
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    base = {**os.environ, **dict.fromkeys(names, threads)}
    ours = [sys.executable, str(HERE / "voxlstm_side.py"), folder]
    theirs = [str(options.torch), str(HERE / "torch_cpu.py"), folder, threads]
    commands = {
        "voxlstm": (ours, base),
        "stock_theano": (ours, {**base, "VOXLSTM_ONEDNN": "0"}),
        **dict.fromkeys(FORMS, (theirs, base)),
    }
    return {name: running.enter_context(Contender(*command)) for name, command in commands.items()}


def measure(contenders, case, rounds, progress):
    """Return the medians of one case, seconds by contender, and the matrix product's rate."""
    seconds, rates, peaks = {name: [] for name in contenders}, [], {}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            form = {"form": name} if name in FORMS else {}
            answer = contender.ask(**case, **form)
            if number:  # the first compiles and warms up
                seconds[name].append(answer["seconds"])
            peaks[name] = answer["peak_bytes"]
            progress.update()
        answer = contenders["voxlstm"].ask(product=True)
        rates.append(answer["operations"] / answer["seconds"])
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    rate = statistics.median(rates[1:])
    return {
        **case,
        "rounds": rounds,
        "seconds": middle,
        "best_seconds": {name: min(values) for name, values in seconds.items()},
        "peak_bytes_so_far": peaks,
        "matrix_product_rate": rate,
        "arithmetic": arithmetic(**case),
        "ratios": ratios(middle, arithmetic(**case), rate),
    }


def ratios(seconds, operations, rate):
    """Return our speed over others': samples a second, and useful arithmetic over the rate."""
    ours = seconds["voxlstm"]
    return {
        "zero_insertion": seconds["zero_insertion"] / ours,
        "best_pytorch": min(seconds[form] for form in FORMS) / ours,
        "stock_theano": seconds["stock_theano"] / ours,
        "matrix_product": operations / ours / rate,
    }


def compete(contenders, chosen, rounds):
    """Return the results of all cases, in the order of the cases."""
    about = {name: contender.about for name, contender in contenders.items()}
    if not about["voxlstm"]["onednn"]:
        print("bench: oneDNN is not in use; install the extra 'fast'", file=sys.stderr)
    measured = []
    rounds = [rounds * (LONGER if case == REFERENCE else 1) for case in chosen]
    total = sum(n + 1 for n in rounds) * len(contenders)
    with Progress(total, "benchmark", unit="run") as progress:
        for case, number in zip(chosen, rounds):
            measured.append(measure(contenders, case, number, progress))
    reference = measured[0]["ratios"]
    return {
        "ratios": {k: reference[k] for k in ("zero_insertion", "best_pytorch", "matrix_product")},
        "reference": REFERENCE,
        # The reference comes first, so that these are its own.
        "peak_bytes": measured[0]["peak_bytes_so_far"],
        "contenders": about,
        "cores": usable_cores(),
        "cases": measured,
    }


def main(argv=None):
    """Measure and write the results."""
    options = parse_arguments(argv)
    try:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
            result = compete(start(options, folder, running), cases(options.quick), options.rounds)
    except subprocess.CalledProcessError as error:
        raise UserError(
            f"{Path(error.cmd[1]).name} ended with status {error.returncode}; see above"
        ) from error
    write_json(options.out, result)
    print(json.dumps(result["ratios"]))


if __name__ == "__main__":
    run_tool(main)
