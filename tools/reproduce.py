"""Make a procedural data set, train both small networks by SGD and set them beside the paper.

Run again, it goes on where it was stopped and reuses what is done.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import write_bytes, write_json
from voxlstm.lib.base.progress import clock
from voxlstm.lib.data.marker import VERSION
from voxlstm.lib.data.splits import ALL
from voxlstm.lib.evaluation import output, tables
from voxlstm.lib.evaluation.subject import GLOBAL
from voxlstm.lib.runs import small
from voxlstm.lib.runs.phases import Phases, Stopped, tool
from voxlstm.tools.options import add_recipe

KERNELS = ("1x1x1", "3x3x3")
OBJECTS = 50


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("output/reproduce"),
        help="folder of the data set, the runs and the results; default: %(default)s",
    )
    add(
        "--objects",
        metavar="N",
        type=int,
        default=OBJECTS,
        help="objects to make in each of the 13 categories; default: %(default)s",
    )
    add_recipe(parser)
    add(
        "--split",
        metavar="SPLIT",
        help="which objects to train, validate and test on: 'ratio' (the"
        " default) or a file or folder as tools/train_net.py takes it",
    )
    add(
        "--views",
        metavar="N",
        nargs="+",
        default=["1,2,3,4,5"],
        help="numbers of views to test with, with commas or blanks between",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do all of it; return 0, 1 when a network does not beat the mean shape, or a signal's."""
    options = parse_arguments(argv)
    if options.objects < 5:
        raise UserError(f"--objects {options.objects} leaves too few to train and to test on; take 5 or more")
    if options.split == ALL:
        raise UserError("--split all leaves nothing to train on; it is for tools/test_net.py")
    try:
        with Phases(options.out) as phases:
            results = run_phases(phases, options)
            return conclude(phases, options, results)
    except Stopped as stopped:
        print("stopped; run the same command to go on")
        return stopped.status


def run_phases(phases: Phases, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Make, train and test what is not done yet; return each kernel's results."""
    out = options.out
    data = out / f"data_{options.objects}_v{VERSION}"  # beside a set that an older version made
    make = tool(
        "make_dataset", "--procedural", options.objects, "--out", data, "--contact-sheet", out / "data.png"
    )
    phases.run("data set", make, data)
    split = ["--split", options.split] if options.split else []
    for kernel in KERNELS:
        name, folder = f"training {kernel}", out / f"train_{kernel}"
        small.train(phases, name, kernel, options.solver, data, folder, options.settings, split, ["data set"])
    results: dict[str, dict[str, Any]] = {}
    for kernel in KERNELS:
        weights, folder = out / f"train_{kernel}/best.npz", out / f"test_{kernel}"
        others = [out / f"test_{name}" / output.RESULTS for name in results]
        more = [*split, "--beside", *others] if others else split
        needs = [f"training {kernel}", *[f"test {name}" for name in results]]
        results[kernel] = small.score(
            phases, f"test {kernel}", weights, data, folder, options.views, more, needs
        )
    return results


def conclude(phases: Phases, options: argparse.Namespace, results: dict[str, dict[str, Any]]) -> int:
    """Write and print what came out; return the exit status."""
    out, last = options.out, options.out / f"test_{KERNELS[-1]}"
    # The second report was written with the first one's results beside its own.
    write_bytes(out / output.REPORT, (last / output.REPORT).read_bytes())
    shutil.copytree(last / output.FIGURES, out / output.FIGURES, dirs_exist_ok=True)
    beaten = {kernel: beats_mean_shape(found) for kernel, found in results.items()}
    summary = {"networks": results, "beats_mean_shape": beaten, "seconds": phases.seconds()}
    write_json(out / output.RESULTS, summary)
    print(f"\n{tables.paper_table(list(results.values()))}\n")
    for kernel, found in results.items():
        ious = ", ".join(f"{part['views']}: {part['iou']:.3f}" for part in found["by_views"])
        verdict = "beats" if beaten[kernel] else "DOES NOT BEAT"
        print(
            f"{kernel}: IoU by number of views {ious}; {verdict} the mean shape"
            f" ({found['baseline'][GLOBAL]['iou']:.3f}) on every number of views"
        )
    print(f"{clock(sum(phases.seconds().values()))} in all; {out / output.REPORT}, {out / output.RESULTS}")
    return 0 if all(beaten.values()) else 1


def beats_mean_shape(results: dict[str, Any]) -> bool:
    """Return whether the IoU is above the mean shape's for every number of views."""
    floor = results["baseline"][GLOBAL]["iou"]
    return all(part["iou"] > floor for part in results["by_views"])


if __name__ == "__main__":
    run_tool(main)
