"""Other programs that want the cores: made for measuring beside them, or noticed."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds, in which the system counts
SHARE = 0.1  # of a core, from which on others disturb
REST = 0.25  # seconds; OpenBLAS's threads spin for a tenth of a second after a product


@contextmanager
def beside(count):
    """Keep so many cores busy with processes of their own as long as the context lasts."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield others
    finally:
        for other in others:
            other.kill()
            other.wait()


def used():
    """Return the seconds of all cores that were used so far, by whatever program."""
    user, nice, system, _, _, interrupts, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + interrupts + soft) * TICK


def used_by(pid):
    """Return the seconds of all cores that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def ask(contender, request):
    """Return a contender's answer, and whether other programs disturbed it meanwhile.

    The threads of those asked before have come to rest when this one begins.
    """
    pid = contender.process.pid
    time.sleep(REST)
    before = used() - used_by(pid)
    answer = contender.ask(**request)
    others = used() - used_by(pid) - before
    return answer, others > SHARE * answer.get("seconds", 0) + 2 * TICK
