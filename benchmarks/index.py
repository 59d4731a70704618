"""Seconds to list a data set as large as ShapeNet's (43,784 models) from a warm disk.

Goal: under 5 s without a cache.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from voxlstm.lib.data import layout
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose


def make_data(root, share):
    """Write empty files in the layout of the release."""
    for category in CATEGORIES:
        for number in range(int(category.count * share)):
            model = f"{number:032x}"
            views = Path(layout.views_folder(root, category.synset, model))
            grid = Path(layout.voxels_path(root, category.synset, model))
            views.mkdir(parents=True)
            grid.parent.mkdir(parents=True)
            names = map(layout.view_name, range(layout.VIEWS))
            for path in [*(views / name for name in names), grid]:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            before = time.time() - 60  # at rest for a while, so that the cache trusts it
            os.utime(views, (before, before))
            os.utime(grid.parent, (before, before))


def timed(what, function):
    """Call a function, print how long it took, return its result."""
    start, used = time.perf_counter(), time.process_time()
    result = function()
    elapsed, used = time.perf_counter() - start, time.process_time() - used
    print(f"{what}: {elapsed:.2f} s, {used:.2f} s of processor time", flush=True)
    return result


def main():
    """Make the folders, list them without and with the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="part of the models to make")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VOXLSTM_CACHE"] = os.path.join(folder, "cache")
        root = os.path.join(folder, "data")
        timed("making the folders", lambda: make_data(root, arguments.share))
        Index.open(root, cache=False)  # warms the disk's cache
        index = timed("without a cache", lambda: Index.open(root, cache=False))
        timed("writing the cache", lambda: Index.open(root))
        timed("with the cache", lambda: Index.open(root))
        timed("split", lambda: choose(index))
        print(f"{len(index)} models")


if __name__ == "__main__":
    main()
