"""Measure what the first view of a hidden part changes in the recurrent cells (figure 4)."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxlstm.lib.backend import door
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, write_json
from voxlstm.lib.base.progress import Progress
from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index, Item
from voxlstm.lib.data.splits import choose
from voxlstm.lib.data.views import SIZE, load_views
from voxlstm.lib.evaluation import hidden_part
from voxlstm.lib.evaluation.metrics import sigmoid
from voxlstm.lib.geometry.camera import read_viewpoints
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.checkpoint import load_network
from voxlstm.tools.options import add_device


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", metavar="NPZ", required=True, help="checkpoint of the network")
    add("--data", metavar="DIR", required=True, help="data set; its test part is shown")
    add("--out", metavar="JSON", help="where to write the means; they are printed in any case")
    add_device(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0."""
    options = parse_arguments(argv)
    check_apart({"--out": options.out}, [options.weights])
    items = choose(Index.open(options.data), validation=0.0).test
    if not items:
        raise UserError(f"{options.data} has no test objects; take a larger data set")
    door.use_device(options.device)
    network, _ = load_network(options.weights)
    predictor = Predictor(network)
    found = []
    with Progress(len(items), "cells", unit="objects") as progress:
        for item in items:
            found.append(measure(item, predictor, network.config.image))
            progress.update()
    table = hidden_part.summarise(found)
    digest = hashlib.sha256(Path(options.weights).read_bytes()).hexdigest()
    if options.out:
        write_json(options.out, {"weights_sha256": digest, "objects": len(items), "views": table})
    print(describe(table))
    return 0


def measure(item: Item, predictor: Predictor, size: int = SIZE) -> list[hidden_part.Change]:
    """Show an object in three views of ``size`` pixels; return its `hidden_part.Change`s."""
    viewpoints = read_viewpoints(item.metadata_path)
    if not 3 <= item.views <= len(viewpoints):
        raise UserError(
            f"{item.renderings_path} has {item.views} pictures and {len(viewpoints)}"
            " viewpoints; 3 pictures with their viewpoints are needed"
        )
    order = hidden_part.choose_views(viewpoints[: item.views])
    paths = [item.view_path(number) for number in order]
    views = load_views(paths, size=size)[:, None]
    gates = {name: values[:, 0] for name, values in predictor.gates(views).items()}
    occupancy = sigmoid(predictor.log_odds(views, [1, 2, 3])[:, 0])
    voxels, _, scale = binvox.load(item.voxels_path)
    shown = [viewpoints[k] for k in order]
    return hidden_part.changes(voxels, scale, shown, gates, occupancy)


def describe(table: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the means as text."""
    lines = ["view  blocks   number  change of h  input gate  forget gate  change of occupancy"]
    for view, entries in table.items():
        for name, row in entries.items():
            lines.append(
                f"{view:4}  {name:6} {row['blocks']:8}  {row['state']:11.4f} {row['input_gate']:11.4f}"
                f" {row['forget_gate']:12.4f} {row['occupancy']:20.5f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    run_tool(main)
