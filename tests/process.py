"""Run Python in a process of its own, as a user would."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
NO_PYGPU = {"PYTHONPATH": str(ROOT / "tests/bare")}  # a machine without it


def run_python(code, *arguments, without=(), timeout=600, **environment):
    """Run Python code and return the completed process, with text output.

    Parameters
    ----------
    code : str or Path
        Source text, or the path of a script below the repository's root.
    without : sequence of str
        Environment variables to leave out.
    **environment : str
        Environment variables to set.
    """
    variables = {key: value for key, value in os.environ.items() if key not in without}
    variables.update(environment)
    start = [str(ROOT / code)] if isinstance(code, Path) else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=variables,
        timeout=timeout,
    )


def alive(number):
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_workers(case, program):
    """Return the numbers of the two processes that a program prints once they run."""
    case.addCleanup(program.communicate)
    case.addCleanup(program.kill)
    workers = [int(word) for word in program.stdout.readline().split()]
    case.assertEqual(len(workers), 2)
    case.assertTrue(all(map(alive, workers)))
    return workers


def assert_none_left(case, program, workers):
    """Assert that a program ends, and its processes with it."""
    program.wait(60)
    deadline = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    case.assertFalse(any(map(alive, workers)))
