"""Score a trained network on the held-out part of a data set, or score saved predictions again."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from voxlstm.lib.backend.precision import FLOAT32, HELP, PRECISIONS
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable
from voxlstm.lib.base.progress import Progress, printable
from voxlstm.lib.data.layout import VIEWS
from voxlstm.lib.data.names import listed
from voxlstm.lib.evaluation import output
from voxlstm.lib.evaluation.evaluate import Evaluation, evaluate, joined, thresholds_with
from voxlstm.lib.evaluation.metrics import THRESHOLD
from voxlstm.lib.evaluation.predictions import open_writer
from voxlstm.lib.evaluation.subject import make_cases, saving, shape_choosers
from voxlstm.lib.parallel.group import Alone, join
from voxlstm.lib.runs.alike import check_alike, check_data
from voxlstm.lib.runs.curves import series_beside
from voxlstm.lib.runs.scoring import (
    Asked,
    MeanShapes,
    Prepared,
    made_by,
    of_network,
    of_predictions,
    results_of,
)
from voxlstm.tools.options import add_categories, add_device, add_reading

FILES_ALIKE = "give every machine the same files under the same paths"


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", metavar="NPZ", help="checkpoint or weights of the network")
    add("--data", metavar="DIR", help="folder with ShapeNetRendering and ShapeNetVox32")
    add(
        "--out",
        metavar="DIR",
        help="folder for rows, results.json, figures and report.html; without it the tables are printed only",
    )
    add("--overwrite", action="store_true", help="replace results that are in --out")
    add(
        "--views",
        metavar="N",
        nargs="+",
        default=None,
        help="numbers of views to test with, with commas or blanks between, the first n renderings each, up to "
        f"{VIEWS}; default: 1,2,3,4,5",
    )
    add(
        "--split",
        metavar="SPLIT",
        help="which objects to test on: 'ratio' (the last 20 %% of each"
        " category; the default), 'all', or the test part of a file of voxlstm (such as a run's"
        " split.txt), Pix2Vox or pytorch3d, or of a folder of occupancy_networks' .lst files",
    )
    add(
        "--allow-trained",
        action="store_true",
        help="test on objects that the network was trained on too; the results say so",
    )
    add(
        "--threshold",
        metavar="T",
        type=float,
        default=THRESHOLD,
        help="probability above which a voxel counts as occupied; default: %(default)s",
    )
    add_categories(parser)
    add(
        "--beside",
        metavar="JSON",
        nargs="+",
        default=[],
        help="results.json of other runs, to set beside this one in the tables and the report",
    )
    add("--save-predictions", metavar="FILE", help="keep the predictions in this .npz")
    add(
        "--predictions",
        metavar="FILE",
        help="score these saved predictions again, without the "
        "network; --data is then needed for the pictures of the report only",
    )
    add(
        "--batch",
        metavar="N",
        type=int,
        default=8,
        help="objects to look at together; the scores do not depend on it; default: %(default)s",
    )
    add_reading(parser)
    add_device(parser)
    add("--precision", choices=PRECISIONS, default=FLOAT32, help=HELP)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Score, print the tables and write the results; return 0."""
    options = parse_arguments(argv)
    command = ["tools/test_net.py", *(sys.argv[1:] if argv is None else argv)]
    with join() as group:
        check_alike(group, options)
        return run(options, command, group)


def run(options: argparse.Namespace, command: Sequence[str], group: Alone) -> int:
    """Score as one of the processes of a group; the first one prints and writes the results of all."""
    check_options(options)
    if options.save_predictions and group.size > 1:
        raise UserError("--save-predictions is for one process; start it without mpirun, or leave it out")
    options.device = group.device(options.device)
    beside = [output.read_results(path) for path in options.beside]
    if options.predictions:
        prepared = of_predictions(options.predictions, options.data, options.views, options.threshold)
    else:
        prepared = of_network(Asked(**{field.name: getattr(options, field.name) for field in fields(Asked)}))
    group.check_same(prepared.known_by(), FILES_ALIKE)
    check_data(group, prepared.subject.items)
    if options.out and group.first:
        output.reserve(options.out, options.overwrite)
    shapes = group.share(prepared.shapes() if group.first else None)
    evaluation = score(prepared, shapes, options, group)
    if not group.first:
        return 0
    results = results_of(evaluation, shapes, {**prepared.about, "made_by": made_by(command)})
    try:
        if options.out:
            cases = make_cases(evaluation, prepared.subject)
            curves = series_beside(options.weights) if options.weights else None
            output.write(options.out, evaluation, results, cases, curves, beside)
    finally:  # a full disk does not keep the scores from being told, nor a closed pipe from being written
        print(printable(output.describe(results, [results, *beside])))
    if options.out:
        print(f"written to {options.out}: {output.REPORT}, {output.RESULTS}, {output.ROWS}")
    return 0


def score(prepared: Prepared, shapes: MeanShapes, options: argparse.Namespace, group: Alone) -> Evaluation:
    """Return the scores of all objects, of which each process of a group looks at its part."""
    counts, subject = prepared.counts, prepared.subject
    with contextlib.ExitStack() as stack:
        predictions = subject.predictions(counts, group)
        if options.save_predictions:
            thresholds = thresholds_with(options.threshold)
            writer = stack.enter_context(open_writer(options.save_predictions, thresholds))
            predictions = saving(predictions, writer, *shapes, {**prepared.about, "views": counts})
        own = len(group.part(range(len(subject))))
        progress = stack.enter_context(Progress(own, "test", unit="objects", stream=group.stream()))
        evaluation = evaluate(predictions, counts, options.threshold, shape_choosers(*shapes), progress)
    return joined(group.gather(evaluation))


def check_options(options: argparse.Namespace) -> None:
    """Refuse what does not go together, in one sentence; read the lists."""
    check_source(options)
    if not 0 < options.threshold < 1:
        raise UserError(f"--threshold must lie between 0 and 1, not {options.threshold:g}")
    if options.batch < 1:
        raise UserError(f"--batch must be 1 or more, not {options.batch}")
    options.views, options.categories = read_counts(options.views), listed(options.categories)
    if options.save_predictions:
        if Path(options.save_predictions).suffix != ".npz":
            raise UserError(
                f"the name of saved predictions ends in .npz; {options.save_predictions} does not"
            )
        check_writable(options.save_predictions)
    written = [Path(options.out, name) for name in output.FILES] if options.out else []
    check_apart(
        {
            "--save-predictions": options.save_predictions,
            **{f"--out's {path.name}": path for path in written},
        },
        [options.weights, options.predictions, *options.beside],
    )


def check_source(options: argparse.Namespace) -> None:
    """Refuse options of a network with saved predictions, and a network without what it needs."""
    if not options.predictions:
        for name in ("weights", "data"):
            if getattr(options, name) is None:
                raise UserError(f"--{name} is missing; only --predictions does without it")
        return
    if options.weights:
        raise UserError("--predictions scores without a network; leave --weights out")
    if options.save_predictions:
        raise UserError("--predictions are saved already; leave --save-predictions out")
    for name in ("categories", "split", "allow_trained"):
        if getattr(options, name):
            raise UserError(f"--predictions scores all that was saved; leave --{name.replace('_', '-')} out")


def read_counts(values: str | Sequence[str] | None) -> list[int] | None:
    """Return the numbers of views of ``--views`` in rising order; None where it is not given."""
    if values is None:
        return None
    text = " ".join([values] if isinstance(values, str) else values)
    try:
        counts = sorted({int(part) for part in listed(values) or ("",)})
    except ValueError as error:
        raise UserError(f"--views {text!r} must be numbers separated by commas") from error
    if counts[0] < 1 or counts[-1] > VIEWS:
        raise UserError(f"--views must lie between 1 and {VIEWS}, not {text}")
    return counts


if __name__ == "__main__":
    run_tool(main, together=True)
