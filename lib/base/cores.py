"""How many cores this process may use."""

import os
from pathlib import Path, PurePosixPath

from .hints import StrPath
from .launcher import sharers


def usable_cores(root: StrPath = "/") -> int:
    """Return the cores of the affinity mask, or fewer where the control groups' quota is smaller.

    A container started with ``docker run --cpus 2`` sees every core and gets the time of two. A
    part of a core counts as one. Processes that mpirun started on a machine without binding them to
    cores share them. ``root`` is the folder that holds ``proc`` and ``sys``.
    """
    return max(1, min([affinity(), *_quotas(Path(root))]) // sharers())


def affinity() -> int:
    """Return the cores that the scheduler may put this process on."""
    return len(os.sched_getaffinity(0))


def _quotas(root):
    """Yield the cores that each control group above this process allows; most allow all."""
    for folder in _groups(root):
        # Version 2 of control groups, and version 1.
        for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
            try:
                quota, period = " ".join((folder / name).read_text() for name in names).split()
                if int(quota) > 0:  # version 1 says -1 for no limit
                    yield -(-int(quota) // int(period))
            except (OSError, ValueError, ZeroDivisionError):
                continue  # there is no such file, or it says "max"


def _groups(root):
    """Yield the folders of the groups that this process is in, and of those that hold them."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mounts = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # A container may see the path outside of it, where inside the mount is its own group.
        inside = PurePosixPath(path.lstrip("/"))
        for group in (inside, *inside.parents):
            yield mounts / controllers / group
