"""Other programs that want the cores, for measuring on a busy machine."""

import subprocess
import sys
from contextlib import contextmanager


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
