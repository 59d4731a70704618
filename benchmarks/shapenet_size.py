"""A dry run at ShapeNet's size: 43,784 models that are links to a few hundred real files.

It makes such a tree below ``--tree``, which is kept for the next time, and prints what opening it, the
order of an epoch, reading its batches by one or more processes and listing its models for
``make_dataset`` cost. Nothing is learnt.
"""

import argparse
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

from batches import make_data

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.launcher import one_of_several
from voxlstm.lib.data import layout
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.data.plan import Plan
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import RATIO, choose
from voxlstm.lib.geometry.tasks import file_tasks
from voxlstm.lib.parallel.group import join

REAL = 300  # objects with files of their own
BATCH, VIEWS = 36, (1, 5)  # of the paper's training
CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1)) + "f 1 2 4 3\n"


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", required=True, help="folder for the tree of links")
    parser.add_argument("--ranks", type=int, default=2, help="processes that divide the batches")
    parser.add_argument("--workers", type=int, default=16, help="readers of all of them together")
    parser.add_argument("--batches", type=int, default=40, help="batches that are timed")
    return parser.parse_args()


def make_tree(root):
    """Make the tree, unless it is there: ShapeNet's categories and numbers of models."""
    if (root / "made").exists():
        return
    make_data(root / "real", REAL)
    folders = sorted((root / "real" / "ShapeNetRendering/03001627").iterdir())
    (root / "real" / "cube.obj").write_text(CUBE)
    number = 0
    for category in CATEGORIES:
        for _ in range(category.count):
            source = folders[number % REAL].name
            place = root / "links", category.synset, f"{number:032x}"
            link(
                layout.views_folder(*place),
                root / "real" / "ShapeNetRendering/03001627" / source / "rendering",
            )
            link(
                layout.voxels_path(*place), root / "real" / "ShapeNetVox32/03001627" / source / "model.binvox"
            )
            link(root / "models" / category.synset / f"{number:032x}.obj", root / "real/cube.obj")
            number += 1
    (root / "made").touch()


def link(path, target):
    """Make a link and the folders above it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, path)


def memory(number="self", field="VmHWM", default=None):
    """Return MiB of a process: the most that it had, or another field of its status.

    Where it has none, as a process at its end, return the default.
    """
    for line in Path(f"/proc/{number}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    if default is None:
        raise KeyError(field)
    return default


def timed(what, call):
    """Print how long a call took, and return its result."""
    begin = time.perf_counter()
    result = call()
    print(f"{what:58} {time.perf_counter() - begin:8.2f} s", flush=True)
    return result


def first_process(root):
    """Open the data set and print what it costs; return the objects to train on."""
    index = timed(
        "open the index, all folders looked through", lambda: Index.open(root / "links", cache=False)
    )
    Index.open(root / "links")
    index = timed("open the index, as it was kept", lambda: Index.open(root / "links"))
    parts = timed("split it", lambda: choose(index, RATIO, 0.1))
    plan = Plan(tuple(parts.train), BATCH, VIEWS)
    timed("order an epoch", lambda: plan.members(0))
    epoch = -(-len(parts.train) // BATCH)
    timed(f"order of all {epoch} batches of an epoch", lambda: [plan.members(k) for k in range(epoch)])
    sent = timed("pack the objects for the other processes", lambda: pickle.dumps(parts))
    print(f"{len(index)} objects, {len(parts.train)} to train on; {len(sent) / 2**20:.0f} MiB packed")
    tasks = timed(
        "list the models for make_dataset", lambda: file_tasks(str(root / "models"), 0, "y", None, 32)
    )
    print(
        f"{len(tasks)} models; the first process has {memory():.0f} MiB at most, without Theano", flush=True
    )
    return parts.train


def read(arguments, group):
    """Read batches as the processes of a training do, and print how fast."""
    items = group.share(first_process(Path(arguments.tree)) if group.first else None)
    workers = max(1, arguments.workers // group.size)
    begin = time.perf_counter()
    with Batches(items, BATCH, VIEWS, workers=workers, part=(group.rank, group.size)) as batches:
        next(batches)
        first = time.perf_counter() - begin
        for _ in range(2 * workers + 2):
            next(batches)
        group.meet()
        begin, views = time.perf_counter(), 0
        for _ in range(arguments.batches):
            batch = next(batches)
            views += len(batch.views) * len(batch.objects)
        seconds = time.perf_counter() - begin
        readers = [memory(worker.process.pid, "RssAnon") for worker in batches._pool.workers]
        shared = batches._pool.memory.size() / 2**20
    told = group.gather((first, views / seconds, memory(), sum(readers) / len(readers), shared))
    if group.first:
        print(f"{group.size} process(es) with {workers} readers each, {os.cpu_count()} cores")
        for rank, (first, rate, own, reader, shared) in enumerate(told):
            print(
                f"rank {rank}: first batch after {first:.1f} s, {rate:.0f} views/s; {own:.0f} MiB at most,"
                f" {reader:.0f} MiB of each reader's own, {shared:.0f} MiB of batches shared with them"
            )
        print(f"together {sum(rate for _, rate, *_ in told):.0f} views/s")


def main():
    """Make the tree, then measure, in as many processes as asked for."""
    arguments = parse_arguments()
    if not one_of_several():
        timed("make the tree", lambda: make_tree(Path(arguments.tree).resolve()))
        if arguments.ranks > 1:
            return subprocess.run(
                ["mpirun", "-n", str(arguments.ranks), sys.executable, *sys.argv]
            ).returncode
    with join() as group:
        read(arguments, group)
    return 0


if __name__ == "__main__":
    run_tool(main, together=True)
