"""Train a network on a data set, to be stopped and gone on with at any moment."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from voxlstm.lib.backend.precision import HELP, PRECISIONS
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import check_apart
from voxlstm.lib.base.progress import say
from voxlstm.lib.data.names import listed
from voxlstm.lib.parallel.group import Alone, join
from voxlstm.lib.runs.alike import check_alike
from voxlstm.lib.runs.run_folder import CONTENT, RunFolder
from voxlstm.lib.runs.start import Asked, begin, resume
from voxlstm.lib.runs.train import follow, train
from voxlstm.solvers.training import LAST
from voxlstm.tools.options import add_categories, add_device, add_reading

STOPPED = 143  # the status where another process was told to stop


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", metavar="YAML", help="network definition, such as models/lstm_3x3x3.yaml")
    add("--solver", metavar="YAML", help="training recipe, such as solvers/sgd.yaml")
    add("--data", metavar="DIR", help="folder with ShapeNetRendering and ShapeNetVox32")
    add(
        "--out",
        metavar="DIR",
        required=True,
        help="folder of the run: checkpoints, curves, TensorBoard events",
    )
    add_device(parser)
    add("--precision", choices=PRECISIONS, help=HELP)
    add(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="change a value of the recipe, or with network.KEY=VALUE of the network; repeatable",
    )
    add_categories(parser)
    add(
        "--split",
        metavar="SPLIT",
        help="which objects to train, validate and test on: 'ratio' (the"
        " first 80 %% of each category are trained on; the default) or a file of voxlstm, Pix2Vox or"
        " pytorch3d, or a folder of occupancy_networks' .lst files",
    )
    add("--weights", metavar="NPZ", help="start from the weights of this checkpoint")
    add_reading(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --out exactly where it stopped; --model, --solver"
        " and --data are then known and may be left out",
    )
    group.add_argument("--overwrite", action="store_true", help="replace the run in --out")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Train; return 0, or the usual status of the signal that stopped it."""
    options = parse_arguments(argv)
    options.categories = listed(options.categories)
    with join() as group:
        check_alike(group, options)
        options.device, options.processes = group.device(options.device), group.size
        if group.first:
            return run(options, group)
        training, stop = follow(group, options.device)
        return 0 if training.done else stop.status or STOPPED


def run(options: argparse.Namespace, group: Alone) -> int:
    """Train in the folder of the command line, and say where the run stands; return the status."""
    asked = Asked(**{field.name: getattr(options, field.name) for field in fields(Asked)})
    # Everything that can be wrong with the command is found before the folder is touched.
    if not options.resume:
        written = {f"--out's {name}": Path(options.out, name) for name in CONTENT}
        check_apart(written, [options.model, options.solver, options.weights, options.split])
    start = None if options.resume else begin(asked)
    with RunFolder(options.out, options.resume, options.overwrite) as folder:
        training, stop = train(folder, start or resume(folder, asked), group)
    best, iteration = training.best, training.solver.iteration
    if best:
        print(
            f"best validation IoU {best['iou']:.4f}, cross-entropy {best['cross_entropy']:.4f}"
            f" at iteration {best['iteration']}: {folder / 'best.npz'}"
        )
    if not training.done:
        say(f"stopped at iteration {iteration}; go on with --resume")
        return stop.status or STOPPED
    print(f"trained {iteration} iterations: {folder / LAST}")
    return 0


if __name__ == "__main__":
    run_tool(main, together=True)
