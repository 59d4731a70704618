"""Measure the paper's claims on a data set, with several seeds each, and write the spread down.

Both small networks are trained and tested once a seed. Run again, it goes on where it was stopped
and reuses what is done; with more seeds it adds them.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import atomic_path, write_json
from voxlstm.lib.evaluation import claims
from voxlstm.lib.runs import small
from voxlstm.lib.runs.phases import Phases, Stopped, tool
from voxlstm.tools.options import add_recipe


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add(
        "--data",
        metavar="DIR",
        type=Path,
        required=True,
        help="data set, such as the one that tools/make_dataset.py --procedural makes",
    )
    add(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("output/claims"),
        help="folder of the runs; default: %(default)s",
    )
    add(
        "--results",
        metavar="JSON",
        type=Path,
        help="where to write what came out, a figure .png beside it; default: claims.json in --out",
    )
    add("--seeds", metavar="N", type=int, default=3, help="number of seeds; default: %(default)s")
    add_recipe(parser)
    add(
        "--views",
        metavar="N",
        nargs="+",
        default=["1,2,3,4,5,6,7,8,9,10"],
        help="numbers of views to test with; default: %(default)s",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Do all of it; return 0, or a signal's status."""
    options = parse_arguments(argv)
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds} must be at least 1")
    if any(setting.split("=")[0].strip() == "seed" for setting in options.settings):
        raise UserError("--set seed is chosen for each run; use --seeds for their number")
    try:
        with Phases(options.out) as phases:
            hull = run_hull(phases, options)
            found = [run_seed(phases, options, seed) for seed in range(options.seeds)]
    except Stopped as stopped:
        print("stopped; run the same command to go on")
        return stopped.status
    results, cells = (
        {name: [one[name][part] for one in found] for name in claims.KERNELS} for part in (0, 1)
    )
    summary = claims.summarise(results, cells, hull)
    summary["data"].pop("folder")
    summary["seeds"] = list(range(options.seeds))
    summary["recipe"] = {"file": Path(options.solver).name, "set": options.settings}
    written = options.results or options.out / "claims.json"
    write_json(written, summary)
    with atomic_path(written.with_suffix(".png")) as temporary:
        claims.draw(summary, temporary)
    print(claims.describe(summary))
    print(f"\nwritten: {written}, {written.with_suffix('.png')}")
    return 0


def run_hull(phases: Phases, options: argparse.Namespace) -> dict[str, Any]:
    """Carve the test objects' visual hulls; return their scores."""
    path = options.out / "hull.json"
    phases.run("visual hull", tool("measure_hull", "--data", options.data, "--out", path), path)
    return json.loads(path.read_text(encoding="utf-8"))


def run_seed(
    phases: Phases, options: argparse.Namespace, seed: int
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Train, test and measure both kernels with a seed; return (results, cells) of each."""
    found, out, data = {}, options.out, options.data
    for kernel in claims.KERNELS:
        name, place = f"{kernel} seed {seed}", f"{kernel}_{seed}"
        training, weights = f"training {name}", out / f"train_{place}/best.npz"
        settings = [*options.settings, f"seed={seed}"]
        small.train(phases, training, kernel, options.solver, data, weights.parent, settings)
        results = small.score(
            phases, f"test {name}", weights, data, out / f"test_{place}", options.views, needs=[training]
        )
        cells = out / f"cells_{place}.json"
        command = tool("measure_cells", "--weights", weights, "--data", data, "--out", cells)
        phases.run(f"cells {name}", command, cells, [training])
        found[kernel] = results, json.loads(cells.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    run_tool(main)
