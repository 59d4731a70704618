"""Measure what the first view of a hidden part changes in the recurrent cells (figure 4)."""

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from voxlstm.lib.backend import door
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable, write_json
from voxlstm.lib.base.progress import Progress
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose
from voxlstm.lib.evaluation import hidden_part
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
    check_writable(options.out)
    items = choose(Index.open(options.data), validation=0.0).test
    if not items:
        raise UserError(f"{options.data} has no test objects; take a larger data set")
    door.use_device(options.device)
    network, _ = load_network(options.weights)
    predictor = Predictor(network)
    found = []
    with Progress(len(items), "cells", unit="objects") as progress:
        for item in items:
            found.append(hidden_part.measure(item, predictor, network.config.image))
            progress.update()
    table = hidden_part.summarise(found)
    digest = hashlib.sha256(Path(options.weights).read_bytes()).hexdigest()
    if options.out:
        write_json(options.out, {"weights_sha256": digest, "objects": len(items), "views": table})
    print(hidden_part.describe(table))
    return 0


if __name__ == "__main__":
    run_tool(main)
