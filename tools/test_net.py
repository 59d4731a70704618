"""Score a trained network on the held-out part of a data set, or score saved predictions again."""

import argparse
import contextlib
import hashlib
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from voxlstm.lib.base.hints import StrPath
from voxlstm.lib.data import binvox
from voxlstm.lib.data.layout import VIEWS
from voxlstm.lib.data.check import leave_out_damaged
from voxlstm.lib.data.names import listed
from voxlstm.lib.data.shapenet import CATEGORIES, Index, Item
from voxlstm.lib.data.sizes import check_resolution
from voxlstm.lib.data.split_files import parts_of
from voxlstm.lib.data.splits import ALL, RATIO, Split, choose
from voxlstm.lib.evaluation import output, paper, tables
from voxlstm.lib.evaluation.baseline import MeanShape, mean_shapes
from voxlstm.lib.evaluation.evaluate import evaluate, summary, thresholds_with
from voxlstm.lib.evaluation.metrics import THRESHOLD, sigmoid
from voxlstm.lib.evaluation.predictions import Predictions, open_writer
from voxlstm.lib.evaluation.subject import (
    NetworkSubject,
    SavedSubject,
    describe_shapes,
    load_shapes,
    make_cases,
    saving,
    shape_choosers,
)
from voxlstm.lib.backend import door
from voxlstm.lib.backend.gpu import PRECISIONS
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart
from voxlstm.lib.base.progress import Progress, printable
from voxlstm.lib.runs import curves
from voxlstm.lib.runs.run_folder import ROOT, SPLIT, git_revision, versions
from voxlstm.models.network import Network, NetworkConfig
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.checkpoint import Checkpoint, load_network
import numpy as np

MeanShapes = tuple[MeanShape | None, dict[str, MeanShape]]
Prepared = tuple[list[int], NetworkSubject | SavedSubject, MeanShapes, dict[str, Any]]


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
    add(
        "--categories",
        metavar="NAME",
        nargs="+",
        help="only these, by name or synset, with commas or blanks between",
    )
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
    add(
        "--skip-damaged",
        action="store_true",
        help="read every file first and leave out, count and"
        " list the objects with one that is damaged; default: stop at the first",
    )
    add("--workers", metavar="N", type=int, help="processes that read pictures; default: the cores")
    add("--device", help="cpu, cuda, cuda0, ... or opencl0:0; default: THEANO_FLAGS', else cpu")
    add(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="of products on a CUDA device (default: float32)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Score, print the tables and write the results; return 0."""
    options = parse_arguments(argv)
    check_options(options)
    beside = [output.read_results(path) for path in options.beside]
    prepare = prepare_saved if options.predictions else prepare_network
    counts, subject, shapes, about = prepare(options)
    shown = len(subject)
    with contextlib.ExitStack() as stack:
        predictions = subject.predictions(counts)
        if options.save_predictions:
            thresholds = thresholds_with(options.threshold)
            writer = stack.enter_context(open_writer(options.save_predictions, thresholds))
            predictions = saving(predictions, writer, *shapes, {**about, "views": counts})
        progress = stack.enter_context(Progress(shown, "test", unit="objects"))
        evaluation = evaluate(predictions, counts, options.threshold, shape_choosers(*shapes), progress)
    results = {**summary(evaluation), **about, "made_by": made_by(argv)}
    for name, more in describe_shapes(*shapes).items():
        results["baseline"][name].update(more)
    print(printable(describe(results, [results, *beside])))
    if options.out:
        cases = make_cases(evaluation, subject, sigmoid)
        output.write(options.out, evaluation, results, cases, training_curves(options), beside)
        print(f"written to {options.out}: {output.REPORT}, {output.RESULTS}, {output.ROWS}")
    return 0


def check_options(options: argparse.Namespace) -> None:
    """Refuse what does not go together, in one sentence."""
    if options.predictions and options.weights:
        raise UserError("--predictions scores without a network; leave --weights out")
    if options.predictions and options.save_predictions:
        raise UserError("--predictions are saved already; leave --save-predictions out")
    for name in ("categories", "split", "allow_trained"):
        if options.predictions and getattr(options, name):
            raise UserError(f"--predictions scores all that was saved; leave --{name.replace('_', '-')} out")
    if not options.predictions:
        for name in ("weights", "data"):
            if getattr(options, name) is None:
                raise UserError(f"--{name} is missing; only --predictions does without it")
    if not 0 < options.threshold < 1:
        raise UserError(f"--threshold must lie between 0 and 1, not {options.threshold:g}")
    if options.batch < 1:
        raise UserError(f"--batch must be 1 or more, not {options.batch}")
    options.views = read_counts(options.views)
    if options.save_predictions:
        if Path(options.save_predictions).suffix != ".npz":
            raise UserError(
                f"the name of saved predictions ends in .npz; {options.save_predictions} does not"
            )
        output.check_writable(options.save_predictions)
    written = [Path(options.out, name) for name in output.FILES] if options.out else []
    check_apart(
        {
            "--save-predictions": options.save_predictions,
            **{f"--out's {path.name}": path for path in written},
        },
        [options.weights, options.predictions, *options.beside],
    )


def read_counts(values: str | None) -> list[int] | None:
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


def prepare_network(options: argparse.Namespace) -> Prepared:
    """Return numbers of views, subject, mean shapes and facts of a network and a data set."""
    counts = options.views or [1, 2, 3, 4, 5]
    index, parts = open_data(options)
    fewest = min(parts.test, key=lambda item: item.views)
    if fewest.views < counts[-1]:
        raise UserError(
            f"{fewest.name} has {fewest.views} renderings, fewer than the {counts[-1]} that --views asks for"
        )
    door.use_device(options.device, options.precision)
    network, saved = load_network(options.weights)
    check_resolution(parts.train + parts.test, network.config.resolution)
    trained = count_trained(options, parts, saved)
    known, notes = training_objects(options, parts, saved)
    if not saved.split:
        notes.append(
            "An older version wrote the weights: they do not say which objects they were"
            " trained on, and the data that it made had other grids than ShapeNet's."
        )
    reserve(options)
    about = {
        "data": data_facts(options.data, index, parts),
        "split": {
            "name": parts.name,
            "form": parts.form,
            "digest": parts.digest(),
            **{name: len(getattr(parts, name)) for name in ("train", "validation", "test")},
        },
        "trained_objects": trained,
        "notes": [*parts.notes, *notes],
        "network": network_facts(network),
        "weights": {
            "file": str(options.weights),
            "iteration": saved.iteration,
            "precision": saved.extra.get("precision", PRECISIONS[0]),
            "threshold": saved.threshold,
            "sha256": hashlib.sha256(Path(options.weights).read_bytes()).hexdigest(),
        },
    }
    subject = NetworkSubject(
        parts.test,
        Predictor(network),
        options.batch,
        options.workers,
        network.config.image,
        network.config.resolution,
    )
    return counts, subject, make_shapes(known), about


def reserve(options: argparse.Namespace) -> None:
    """Make sure that the results can be written: when the command is right, before the work."""
    if options.out:
        output.reserve(options.out, options.overwrite)


def make_shapes(items: Sequence[Item]) -> MeanShapes:
    """Return the mean shapes of all objects and of each category; (None, {}) of no objects."""
    if not items:
        return None, {}
    with Progress(len(items), "mean shape", unit="objects") as progress:
        return mean_shapes([item.category for item in items], read_voxels(items, progress))


def count_trained(options: argparse.Namespace, parts: Split, saved: Checkpoint) -> int:
    """Return how many test objects the network was trained or validated on.

    Raises
    ------
    UserError
        When there are any and they are not allowed.
    """
    part_of = parts_of(saved.split)
    seen = [item for item in parts.test if part_of.get(item.name, "test") != "test"]
    if seen and not options.allow_trained:
        raise UserError(
            f"{options.weights} was trained on {len(seen)} of the {len(parts.test)} test objects"
            f" (first: {seen[0].name}); give --split the split of its training, such as the"
            f" {SPLIT} of its run folder, or --allow-trained to score them all the same"
        )
    return len(seen)


def training_objects(
    options: argparse.Namespace, parts: Split, saved: Checkpoint
) -> tuple[list[Item], list[str]]:
    """Return the objects to make the mean shapes of, and notes on them.

    They are those of the split's training part, or, where it has none, those that the checkpoint
    says the network was trained on, as far as they are still there.
    """
    if parts.train:
        return parts.train + parts.validation, []
    part_of, folder = parts_of(saved.split), saved.extra.get("data")
    left_out = "The mean shapes, which training objects make, are left out: "
    if not part_of or not folder:
        return [], [left_out + "the weights do not say where what they were trained on is"]
    try:
        there = Index.open(folder)
        known = [item for item in there if part_of.get(item.name, "test") != "test"]
        check_resolution(known, binvox.edge(parts.test[0].voxels_path))
    except UserError as error:
        return [], [f"{left_out}{error}"]
    if not known:
        return [], [f"{left_out}none of the objects trained on is in {folder}"]
    return known, [
        f"The mean shapes are those of the {len(known)} objects that the network was trained on, in {folder}"
    ]


def prepare_saved(options: argparse.Namespace) -> Prepared:
    """Return numbers of views, subject, mean shapes and facts of saved predictions."""
    saved = Predictions(options.predictions)
    reserve(options)
    kept = ("data", "network", "weights", "split", "trained_objects", "notes")
    about = {name: saved.about[name] for name in kept if name in saved.about}
    exact = [float(value) for value in saved.about["thresholds"]]
    if options.threshold not in exact:
        print(
            f"note: the predictions are rounded; their IoU is exact at {exact} and "
            f"approximate at {options.threshold:g}",
            file=sys.stderr,
        )
    items = Index.open(options.data) if options.data else ()
    counts = options.views or saved.about["views"]
    return counts, SavedSubject(saved, items), load_shapes(saved), about


def open_data(options: argparse.Namespace) -> tuple[Index, Split]:
    """Return the index of the data set and its split, with something to test on."""
    wanted = listed(options.categories)
    index = Index.open(options.data, wanted)
    if options.skip_damaged:
        index = leave_out_damaged(index, options.workers)
    parts = choose(index, options.split or RATIO, 0.0, wanted)
    if not parts.test:
        raise UserError(
            f"{options.data} has no test objects by this split; test on every object"
            f" with --split {ALL}, or take another split or a larger data set"
        )
    return index, parts


def read_voxels(items: Iterable[Item], progress: Progress) -> Iterator[np.ndarray]:
    """Yield the voxels of objects, telling the progress."""
    for item in items:
        yield binvox.read(item.voxels_path)
        progress.update()


def data_facts(folder: StrPath, index: Index, parts: Split) -> dict[str, Any]:
    """Return what the results say of the data set."""
    found: dict[str, int] = {}
    for item in index:
        found[item.category] = found.get(item.category, 0) + 1
    published = {category.name: category.count for category in CATEGORIES}
    facts = paper.describe(folder, found, published).to_dict()
    training = len(parts.train) + len(parts.validation)
    return {**facts, "training_objects": training, "test_objects": len(parts.test)}


def network_facts(network: Network) -> dict[str, Any]:
    """Return what the results say of a network: name of its definition, kernel, size."""
    files = sorted((ROOT / "models").glob("*.yaml"))
    names = [path.stem for path in files if NetworkConfig.from_file(path) == network.config]
    kernel = "x".join(3 * [str(network.config.kernel)])
    return {
        "name": names[0] if names else f"custom network, {kernel}",
        "kernel": kernel,
        "parameters": network.count(),
        "definition": network.config.to_dict(),
    }


def training_curves(options: argparse.Namespace) -> dict[str, list[tuple[int, float]]] | None:
    """Return the curves of the run that wrote the weights; None where they are not beside them."""
    path = Path(options.weights).parent / "curves.csv" if options.weights else None
    return curves.series(curves.read(path)) if path and path.exists() else None


def made_by(argv: Sequence[str] | None) -> dict[str, Any]:
    """Return how these results came about."""
    arguments = sys.argv[1:] if argv is None else argv
    return {
        "command": shlex.join(["tools/test_net.py", *map(str, arguments)]),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "device": door.device(),
        "precision": door.precision(),
        "git revision": git_revision(ROOT),
        **versions(),
    }


def describe(results: dict[str, Any], runs: Sequence[dict[str, Any]]) -> str:
    """Return the tables as text."""
    network, data, split = results["network"], results["data"], tables.split_text(results)
    head = (
        f"{network['name']} ({network['parameters']:,} parameters), {results['objects']} test "
        f"objects of {data['name']}, threshold {results['threshold']:g}"
    )
    beside, notes = tables.r2n2_table(results), tables.notes_text(results)
    stored = tables.stored_threshold_text(results)
    return "\n\n".join(
        [
            "",
            head,
            *([f"Split: {split}"] if split else []),
            "By number of views (means over objects):",
            tables.views_table(results),
            "IoU by category:",
            tables.category_table(results),
            "IoU by threshold:",
            tables.sweep_table(results),
            *([stored] if stored else []),
            "Beside the paper:",
            tables.paper_table(runs),
            *(["Beside 3D-R2N2 (mean IoU by category):", beside] if beside else []),
            *([notes] if notes else []),
        ]
    )


if __name__ == "__main__":
    run_tool(main)
