"""Views a second that worker processes deliver, against a plain loop over the same files.

Goals: at least 600 views a second and core, and at least 90 % of linear in the number of workers
up to the cores. On a busy machine look at the views per second of processor time instead: it does
not count what other programs take.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np
from PIL import Image

from voxlstm.lib.base.cores import usable_cores
from voxlstm.lib.data import binvox, layout
from voxlstm.lib.data.batches import Batches
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.views import SIZE, load_views


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="a data set; by default one like ShapeNet's is made up")
    parser.add_argument("--batch", type=int, default=36, help="objects in a batch")
    parser.add_argument("--views", type=int, default=3, help="views of an object")
    parser.add_argument("--batches", type=int, default=20, help="batches in a measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements; the best counts")
    return parser.parse_args()


def make_data(root, objects=100, views=24):
    """Write objects whose pictures and grids cost about as much to read as ShapeNet's."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:137j, -1:1:137j]
    for number in range(objects):
        place = root, "03001627", f"m{number:03d}"
        folder = Path(layout.views_folder(*place))
        folder.mkdir(parents=True)
        for view in range(views):
            a, b, turn = rng.uniform(0.4, 0.8), rng.uniform(0.2, 0.6), rng.uniform(0, np.pi)
            u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
            inside = (u / a) ** 2 + (v / b) ** 2 < 1
            shade = 130 + 60 * np.sin(9 * u) + 40 * v + rng.integers(-3, 4, u.shape)
            picture = np.where(inside, [shade, shade / 2, shade / 3, 255 + 0 * shade], 0)
            picture = Image.fromarray(picture.transpose(1, 2, 0).astype(np.uint8))
            picture.save(folder / layout.view_name(view))
        low, high = np.sort(rng.integers(2, 30, (2, 3)), axis=0)
        grid = np.zeros((32, 32, 32), bool)
        grid[tuple(slice(start, stop + 1) for start, stop in zip(low, high))] = True
        binvox.write(layout.voxels_path(*place), grid)


def plain_loop(items, arguments):
    """Return views per second and per second of processor time of a loop that makes batches."""
    rng = np.random.default_rng(0)
    start, used = time.perf_counter(), time.process_time()
    for number in range(arguments.batches):
        views = np.empty((arguments.views, arguments.batch, 3, SIZE, SIZE), np.uint8)
        voxels = np.empty((arguments.batch, 32, 32, 32), np.uint8)
        for row in range(arguments.batch):
            item = items[(number * arguments.batch + row) % len(items)]
            chosen = rng.permutation(item.views)[: arguments.views]
            load_views([item.view_path(view) for view in chosen], rng, views[:, row])
            voxels[row] = binvox.read(item.voxels_path)
    return rates(arguments, time.perf_counter() - start, time.process_time() - used)


def with_workers(items, arguments, workers):
    """Return the same for `Batches`; the first batches, while the workers start, do not count."""
    with Batches(items, arguments.batch, arguments.views, workers=workers) as batches:
        for _ in range(2 * workers + 2):
            next(batches)
        processes = [worker.process.pid for worker in batches._pool.workers]
        start, used = time.perf_counter(), sum(map(processor_time, [os.getpid(), *processes]))
        for _ in range(arguments.batches * workers):
            next(batches)
        elapsed = time.perf_counter() - start
        used = sum(map(processor_time, [os.getpid(), *processes])) - used
    return rates(arguments, elapsed / workers, used / workers)


def processor_time(process):
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rates(arguments, elapsed, used):
    """Return views per second and per second of processor time."""
    views = arguments.batches * arguments.batch * arguments.views
    return np.array([views / elapsed, views / used])


def main():
    """Print a line for the plain loop and for each number of workers."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.data:
            make_data(folder)
        items = Index.open(arguments.data or folder, cache=False).items
        plain_loop(items, arguments)  # warms the disk's cache
        counts = range(1, usable_cores() + 1)
        plain, best = np.zeros(2), {count: np.zeros(2) for count in counts}
        for _ in range(arguments.rounds):  # in turns, so that all see the same machine
            plain = np.maximum(plain, plain_loop(items, arguments))
            for count in counts:
                best[count] = np.maximum(best[count], with_workers(items, arguments, count))
    print(f"plain loop: {plain[0]:.0f} views/s, {plain[1]:.0f} per second of processor time")
    for count, (wall, processor) in best.items():
        print(
            f"{count} worker(s): {wall:.0f} views/s ({wall / count:.0f} a worker, "
            f"{wall / count / plain[0]:.0%} of linear), "
            f"{processor:.0f} per second of processor time "
            f"({processor / plain[1]:.0%})"
        )


if __name__ == "__main__":
    main()
