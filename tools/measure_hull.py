"""Score the visual hulls of a data set's test objects: the classical method, by number of views."""

import argparse
from collections.abc import Sequence

import numpy as np

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import check_apart, check_writable, write_json
from voxlstm.lib.base.progress import Progress
from voxlstm.lib.data.layout import places
from voxlstm.lib.data.splits import RATIO, test_objects
from voxlstm.lib.evaluation.tables import grid
from voxlstm.lib.evaluation.visual_hull import scores

COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20)


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", metavar="DIR", required=True, help="data set; its test part is carved")
    add("--split", metavar="SPLIT", default=RATIO, help="as tools/test_net.py takes it")
    add("--out", metavar="JSON", help="where to write the means; they are printed in any case")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Carve, print and write; return 0."""
    options = parse_arguments(argv)
    check_apart({"--out": options.out}, places(options.data))
    check_writable(options.out)
    items = test_objects(options.data, options.split)
    with Progress(len(items), "visual hull", unit="objects") as progress:
        rows = []
        for item in items:
            rows.append(scores(item, COUNTS))
            progress.update()
    means = np.mean(rows, axis=0).tolist()
    by_views = [{"views": n, "iou": mean} for n, mean in zip(COUNTS, means, strict=True)]
    if options.out:
        write_json(options.out, {"objects": len(items), "by_views": by_views})
    print(grid(["views", "IoU, visual hull"], [[str(n), f"{m:.4f}"] for n, m in zip(COUNTS, means)]))
    return 0


if __name__ == "__main__":
    run_tool(main)
