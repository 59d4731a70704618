"""Run Python in a process of its own, as a user would."""
import os
import subprocess
import sys
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
