"""Several processes under mpirun, where there is one."""

import functools
import importlib
import os
import shutil
import subprocess
import sys
import unittest

from tests.process import ROOT

ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # more than that for each would only compete


@functools.cache
def missing():
    """Return why no program can be started over MPI here; empty where it can."""
    if not shutil.which("mpirun"):
        return "there is no mpirun; install openmpi-bin"
    try:
        importlib.import_module("mpi4py")
    except ImportError as error:
        return f"there is no mpi4py: {error}"
    return ""


needs_mpi = unittest.skipIf(missing(), missing())


def command(ranks, script, *arguments):
    """Return the command that runs a script below the repository's root as so many processes."""
    # The tests may run as root, as in a container, and on fewer cores than processes.
    start = ["mpirun", "--oversubscribe", "--allow-run-as-root", "-n", str(ranks)]
    return [*start, sys.executable, str(ROOT / script), *map(str, arguments)]


def run_two(script, first, second, timeout=900):
    """Run a script as two processes with arguments of their own; return the completed mpirun."""
    start = [*command(1, script, *first), ":", *command(1, script, *second)[3:]]
    return _run(start, timeout)


def run(ranks, script, *arguments, timeout=900, **environment):
    """Run a script as so many processes; return the completed mpirun."""
    return _run(command(ranks, script, *arguments), timeout, **environment)


def _run(start, timeout, **environment):
    return subprocess.run(
        start,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": str(ROOT), **ONE_THREAD, **environment},
    )
