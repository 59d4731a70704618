"""Measure what the first view of a hidden part changes in the recurrent cells (figure 4)."""

import argparse
from collections.abc import Sequence

from voxlstm.lib.backend import door
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import check_apart, check_writable, sha256, write_json
from voxlstm.lib.base.progress import Progress
from voxlstm.lib.data.layout import places
from voxlstm.lib.data.splits import test_objects
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
    check_apart({"--out": options.out}, [options.weights, *places(options.data)])
    check_writable(options.out)
    items = test_objects(options.data)
    door.use_device(options.device)
    network, _ = load_network(options.weights)
    predictor = Predictor(network)
    found = []
    with Progress(len(items), "cells", unit="objects") as progress:
        for item in items:
            found.append(hidden_part.measure(item, predictor, network.config.image))
            progress.update()
    table = hidden_part.summarise(found)
    digest = sha256(options.weights)
    if options.out:
        write_json(options.out, {"weights_sha256": digest, "objects": len(items), "views": table})
    print(hidden_part.describe(table))
    return 0


if __name__ == "__main__":
    run_tool(main)
