"""PyTorch's network in its fastest forms, timed on one GPU; needs nothing of this project.

``python3 torch_gpu.py WEIGHTS.npz NETWORK.json BATCH.npz RESULT.json`` takes the weights and the
batch that `check_gpu` used, and writes for each form the loss, the seconds of each step and the memory.
With ``--serve`` it answers requests on standard input instead, one JSON object a line.
"""

import argparse
import gc
import json
import os
import signal
import sys
import time
from contextlib import contextmanager

import numpy as np
import torch

from torch_forms import PASSES, UNSEARCHED, WARM_UP, Feed, Form
from torch_twin import LAYOUTS, ZEROS, prepare

EXTRAS = ("graph", "compile", "compile+graph", "autotune+graph")  # tried with the fastest layout


class Bench:
    """Times forms of one network with one batch on one device.

    Parameters
    ----------
    weights : dict of str to array
    config : dict
        The definition of the network.
    views, voxels : array
        ``(views, batch, 3, rows, columns)``, bytes or numbers in [0, 1], and
        ``(batch, x, y, z)``; a case takes the first views and objects of them.
    deadline : float
        Of `time.monotonic`; past it nothing is started, and what runs is stopped.
    """

    def __init__(self, weights, config, views, voxels, deadline):
        self.weights, self.config = weights, config
        self.views, self.voxels = views, voxels
        self.deadline = deadline
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if hasattr(torch._dynamo.config, "recompile_limit"):  # each case is a compilation of one function
            torch._dynamo.config.recompile_limit = 64

    def about(self):
        """Return what is measured with."""
        gpu = self.device == "cuda"
        return {
            "version": torch.__version__,
            "device": torch.cuda.get_device_name() if gpu else self.device,
            "cudnn": torch.backends.cudnn.version() if gpu else None,
        }

    def survey(self, case, steps, extras):
        """Return each form's measurement; the extras are tried with the fastest layout.

        Parameters
        ----------
        case : dict
            ``views``, ``batch``, ``pass`` (step or forward) and ``precision`` (float32 or tf32).
        steps : int
        extras : list of str
            Such as ``compile+graph``.

        Returns
        -------
        dict
            ``forms``, a dict of what `time_form` returned by name, and ``best``, a name or None.
        """
        # The search among cuDNN's algorithms can outlast the limit, so that what needs none comes first.
        names = [name for name in LAYOUTS if name != ZEROS]
        if self.device == "cuda":
            names.insert(0, f"{names[0]}+{UNSEARCHED}")
        forms = {name: self.time_form(name, case, steps) for name in names}
        layout = best_of(forms)
        for extra in extras if layout else ():
            name = f"{layout}+{extra}"
            forms[name] = self.time_form(name, case, steps)
        return {**case, "forms": forms, "best": best_of(forms)}

    def time_form(self, name, case, steps):
        """Return the measurement of one form, or why there is none.

        Returns
        -------
        dict
            ``first`` (the first loss, or the mean probability), ``seconds`` of each step after some
            to warm up, ``samples_per_second``, ``memory`` at its highest, with what the
            allocator keeps ``reserved``, and ``prepare_seconds``; or ``error``, in one line.
        """
        try:
            with time_limit(self.deadline - time.monotonic()):
                return self._time(Form(name), case, steps)
        except Exception as error:  # whatever keeps a form from running, the others can
            return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:200]}
        finally:
            gc.collect()
            if self.device == "cuda":
                torch.cuda.empty_cache()

    def _time(self, form, case, steps):
        set_precision(case["precision"])
        torch.backends.cudnn.benchmark = UNSEARCHED not in form.extras
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        batch = self.views[: case["views"], : case["batch"]], self.voxels[: case["batch"]]
        feed = Feed(batch if case["pass"] == "step" else batch[:1], self.device)
        w = prepare(self.weights, self.config, form.layout, self.device)
        first, run = PASSES[case["pass"]](form, self.config, w, feed)
        for _ in range(WARM_UP):
            run()
        prepared = time.perf_counter() - start
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return {
            "first": first,
            "seconds": seconds,
            "samples_per_second": case["batch"] / float(np.median(seconds)),
            "memory": torch.cuda.max_memory_allocated() if self.device == "cuda" else None,
            "reserved": torch.cuda.max_memory_reserved() if self.device == "cuda" else None,
            "prepare_seconds": prepared,
        }


def best_of(forms):
    """Return the name of the fastest form, or None where none ran."""
    rates = {name: form["samples_per_second"] for name, form in forms.items() if "error" not in form}
    return max(rates, key=rates.get, default=None)


def set_precision(name):
    """Take TF32 products in convolutions and matrix products, or float32 ones only."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"


@contextmanager
def time_limit(seconds):
    """Raise TimeoutError in the body after some seconds, before it where none are left."""

    def stop(*_):
        raise TimeoutError("the time limit")

    if seconds <= 0:
        stop()
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def serve(bench):
    """Answer requests until standard input ends.

    A request holds a case, ``steps``, ``limit`` in seconds, and ``form``, which is timed, or
    ``extras`` for a survey.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    print(json.dumps(bench.about()), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        limit, steps, form, extras = (request.pop(k, None) for k in ("limit", "steps", "form", "extras"))
        bench.deadline = time.monotonic() + limit
        if form:
            answer = bench.time_form(form, request, steps)
        else:
            answer = bench.survey(request, steps, extras)
        print(json.dumps(answer), file=answers)


def measure(bench, options):
    """Survey all cases and write what was found after each."""
    results = {**bench.about(), "cases": []}
    precisions = options.precisions.split(",") if bench.device == "cuda" else ["float32"]
    for what in options.passes.split(","):
        for views in options.views or [len(bench.views)]:
            for precision in precisions:
                case = {
                    "views": views,
                    "batch": options.batch or len(bench.voxels),
                    "pass": what,
                    "precision": precision,
                }
                found = bench.survey(case, options.steps, list(filter(None, options.extras.split(","))))
                results["cases"].append(found)
                best = found["forms"].get(found["best"], {})
                print(
                    precision,
                    what,
                    views,
                    "views:",
                    found["best"],
                    best.get("samples_per_second"),
                    flush=True,
                )
                with open(options.result, "w", encoding="utf-8") as file:
                    json.dump(results, file)


def parse_arguments(argv):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    for name in ("weights", "network", "batch_file", "result"):
        add(name)
    add("--steps", type=int, default=20, help="timed steps")
    add("--batch", type=int, help="objects; default: all of the file")
    add(
        "--views",
        type=int,
        action="append",
        help="views, may be given more than once; default: all of the file",
    )
    add("--passes", default="step", help="some of step,forward")
    add("--precisions", default="float32,tf32", help="some of float32,tf32")
    add("--extras", default="graph,compile,compile+graph", help=f"some of {','.join(EXTRAS)}")
    add("--limit", type=float, default=300, help="seconds after which no form is measured")
    add("--serve", action="store_true", help="answer requests instead; RESULT is not written")
    return parser.parse_args(argv)


def main(argv=None):
    """Read the files and measure."""
    deadline = time.monotonic()
    options = parse_arguments(argv)
    deadline += options.limit
    with np.load(options.weights) as archive:
        weights = dict(archive)
    with np.load(options.batch_file) as archive:
        views, voxels = archive["views"], archive["voxels"]
    with open(options.network, encoding="utf-8") as file:
        config = json.load(file)
    bench = Bench(weights, config, views, voxels, deadline)
    if options.serve:
        serve(bench)
    else:
        measure(bench, options)


if __name__ == "__main__":
    main()
