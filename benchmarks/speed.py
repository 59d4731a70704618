"""This project beside PyTorch on one GPU: two processes that take turns at the same work."""

import json
import shutil
import subprocess
from contextlib import suppress

import numpy as np

RATIO_CASE = {"network": "lstm_3x3x3", "views": 5, "batch": 36, "pass": "step"}
TOLERANCES = {"float32": 1e-4, "tf32": 1e-2}  # of the first loss, or of the mean probability


class Contender:
    """A process that reads requests and answers each, both as one JSON object a line.

    Parameters
    ----------
    command : list of str
    environment : dict of str to str

    Attributes
    ----------
    about : dict
        What the process says of itself when it is ready.
    """

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about = self._read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def ask(self, **request):
        """Return the answer to a request; CalledProcessError when the process has ended."""
        with suppress(BrokenPipeError):  # the answer that is not there says it
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        return self._read()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise subprocess.CalledProcessError(self.process.wait() or 1, self.process.args)
        return json.loads(line)


def cases(options):
    """Return what is measured of a network, the case of the ratios first."""
    return [
        {"views": int(views), "batch": options.batch, "pass": name}
        for name in options.passes.split(",")
        for views in options.views.split(",")
    ]


def compare(ours, torch, case, options):
    """Measure one case: PyTorch's forms once, then ours and the best of them in turn.

    Parameters
    ----------
    ours : Contender
    torch : Contender or None
        Where there is no PyTorch.
    case : dict
        A case of `cases` with ``network`` and ``precision``.
    options : argparse.Namespace
        ``steps`` a turn, ``rounds``, ``torch_extras`` and ``torch_seconds``.

    Returns
    -------
    dict
        The case, ``ours``, ``pytorch`` with each form, ``best``, the name of its fastest form, and
        ``ratio``, our samples a second over those of that form.
    """
    turns, against = [], []
    first = ours.ask(**case, steps=1)  # compiles, before any turn is timed
    row = {**case, "pytorch": {}, "best": None}
    if torch:
        extras = options.torch_extras if is_ratio_case(case) else "graph"
        request = {**case, "steps": options.steps, "limit": options.torch_seconds}
        survey = torch.ask(**request, extras=list(filter(None, extras.split(","))))
        row.update(pytorch=survey["forms"], best=survey["best"])
    for _ in range(options.rounds):
        turns.append(ours.ask(**case, steps=options.steps))
        if row["best"]:
            against.append(torch.ask(**request, form=row["best"]))
    row["ours"] = {**first, **summarise(turns, case["batch"])}
    against = [turn for turn in against if "error" not in turn]
    if against:
        row["against"] = summarise(against, case["batch"])
        row["ratio"] = row["ours"]["samples_per_second"] / row["against"]["samples_per_second"]
    row["agrees"] = agrees(row)
    return row


def is_ratio_case(case):
    """Return whether the ratios are those of a case."""
    return RATIO_CASE.items() <= case.items()


def summarise(turns, batch):
    """Return the seconds of all turns and the samples a second of their median."""
    seconds = [value for turn in turns for value in turn["seconds"]]
    return {"seconds": seconds, "samples_per_second": batch / float(np.median(seconds))}


def agrees(row):
    """Return whether all forms of PyTorch found what ours found first."""
    found = [form["first"] for form in row["pytorch"].values() if "error" not in form]
    limit = TOLERANCES[row["precision"]]
    return all(abs(value - row["ours"]["first"]) <= limit for value in found)  # false for NaN


def ratios(rows):
    """Return ours over PyTorch's best form, in samples a second, by precision."""
    return {row["precision"]: row.get("ratio") for row in rows if is_ratio_case(row)}


def ask_nvidia(what):
    """Return what nvidia-smi says of the first GPU, or None."""
    if not shutil.which("nvidia-smi"):
        return None
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.stdout.splitlines()[0].strip() if answer.returncode == 0 else None
