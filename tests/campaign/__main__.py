"""Faults and damaged files for a stated time: ``python -m tests.campaign --seconds 600``.

Half of the time goes to trainings that are killed, a quarter to those that lose a worker or run out of
disk and to hostile names, the rest to the readers in turn; each part is a process of its own. The exit
status is 1 where anything but a result or one sentence came out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

from tests.tools import tiny
from voxlstm.lib.base.cores import usable_cores
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import write_text

from . import fuzz, hostile_names, kill, readers

TRAININGS = {"kill": kill.Kills, "workers": kill.Workers, "disks": kill.Disks}
PATIENCE = 900  # seconds beyond its own after which a part hangs; a cold cache is filled in them
WRONG = (
    "odd ends",
    "other numbers",
    "temporary files",
    "damaged checkpoints",
    "hangs",
    "noticed late",
    "not escaped",
    "workers left",
    "too slow",
    "unexpected",
)


def main(argv=None):
    """Run the campaign, or one part of it; return 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600, help="for all parts together")
    parser.add_argument("--seed", type=int, default=0, help="of the first try of each part")
    parser.add_argument("--out", help="text file for the figures")
    parser.add_argument("--note", default="", help="a line for that file")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk's waits are not what is tried
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        if options.part:
            print(json.dumps(run_part(options.part, Path(folder), options)))
            return 0
        names = list(readers.all_readers(Path(folder)))
    shares = {
        "kill": 0.5,
        "workers": 0.1,
        "disks": 0.1,
        "names": 0.05,
        **dict.fromkeys(names, 0.25 / len(names)),
    }
    results = {name: ask(name, share * options.seconds, options.seed) for name, share in shares.items()}
    text = report(results, options)
    print(text, end="")
    if options.out:
        write_text(options.out, text)
    return int(any(result.get(word) for result in results.values() for word in WRONG))


def run_part(name, folder, options):
    """Return the counts of one part."""
    if name == "names":
        return hostile_names.try_names(folder, options.seconds, options.seed)
    if name in TRAININGS:
        data = tiny.make_data(folder / "data")
        recipe = {"iterations": kill.ITERATIONS, "checkpoint_every": 1, "validate_every": 5}
        network, recipe = tiny.write_definitions(folder, recipe=recipe)
        first = ["--model", str(network), "--solver", str(recipe), "--data", str(data)]
        return TRAININGS[name](folder, first, options.seed).run(options.seconds)
    reader = readers.all_readers(folder)[name]
    fuzz.guard()
    return fuzz.try_reader(name, reader, folder, options.seconds, options.seed)


def ask(name, seconds, seed):
    """Run one part in a process of its own; return its counts."""
    command = [
        sys.executable,
        "-m",
        "tests.campaign",
        "--part",
        name,
        "--seconds",
        str(seconds),
        "--seed",
        str(seed),
    ]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE)
    except subprocess.TimeoutExpired:
        return {"hangs": 1, "findings": {"the part did not end": seed}}
    if ended.returncode:
        return {"unexpected": 1, "findings": {f"the part ended: {ended.stderr.strip()[-300:]}": seed}}
    return json.loads(ended.stdout.splitlines()[-1])


def report(results, options):
    """Return the figures as text."""
    lines = [
        f"{time.strftime('%Y-%m-%d')}, python -m tests.campaign --seconds {options.seconds:g} --seed {options.seed}",
        f"{usable_cores()} cores of {_processor()}, load {os.getloadavg()[0]:.1f} at the end",
        f"{sum(map(_tried, results.values())):,} damaged files read or refused",
    ]
    lines += [options.note] if options.note else []
    for name, counts in results.items():
        findings = counts.pop("findings", {})
        lines.append(f"{name:12} " + ", ".join(f"{word} {count}" for word, count in counts.items()))
        lines += [f"{'':13}try {number}: {why}" for why, number in findings.items()]
    return "\n".join(lines) + "\n"


def _tried(counts):
    return counts.get("read", 0) + counts.get("refused", 0)


def _processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return os.uname().machine


if __name__ == "__main__":
    run_tool(main)
