"""A small process beside each one of several, which ends it where it is stopped.

The others would wait for it for ever. It is another process, for compiled code keeps every thread
of Python's from running, sometimes for seconds.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ..base.processes import die_with_parent
from ..base.progress import say
from ..base.signals import STOPPING

LOOK, PATIENCE = 0.5, 5.0  # seconds between looks, and of standing still that are not waited out


def start(rank: int) -> subprocess.Popen:
    """Start the process that watches this one."""
    program = f"from {__package__}.watch import main; main()"
    # In this one's group of processes: who stops the whole group, as a cluster may, stops both.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(os.getpid()), str(rank)], stdin=subprocess.DEVNULL
    )


def main() -> None:
    """Watch the process whose number and rank are the arguments."""
    watched, rank = map(int, sys.argv[1:])
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(watched)
    looks = 0
    while looks * LOOK < PATIENCE:
        time.sleep(LOOK)
        looks = looks + 1 if _is_stopped(watched) else 0
    say(
        f"error: rank {rank} (process {watched} on {socket.gethostname()}) has been stopped for"
        f" {PATIENCE:.0f} seconds while the others wait for it, and is ended with them; go on from the last"
        " checkpoint"
    )
    os.kill(watched, signal.SIGKILL)


def _is_stopped(number):
    stat = Path(f"/proc/{number}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"
