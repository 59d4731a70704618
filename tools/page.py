"""Make a page that reconstructs in the browser: a folder of static files for any web server.

The page needs no server code and no network but the place it comes from. Pictures stay with who
looks at it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from voxlstm.lib.base.errors import need, run_tool
from voxlstm.lib.base.progress import printable
from voxlstm.lib.browser import folder, runtime
from voxlstm.lib.evaluation.metrics import THRESHOLD
from voxlstm.lib.exchange import files
from voxlstm.solvers.checkpoint import load_network
from voxlstm.tools.options import add_weights
from voxlstm.tools.reconstruct import trained_on


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--out", metavar="DIR", required=True, help="folder to make; an earlier page in it is replaced")
    add_weights(parser)
    add(
        "--onnxruntime",
        metavar="TGZ",
        help=f"archive of {runtime.NAME} {runtime.pinned().version}, as npm pack brings it, where there is no"
        " network; default: it is downloaded once from npm_config_registry or npm's own registry",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the page; return 0."""
    options = parse_arguments(argv)
    need("onnx", "export")  # before a download
    folder.check_folder(options.out)
    network, saved = load_network(options.weights)
    machinery = runtime.runtime_files(options.onnxruntime)
    files.write(Path(options.out) / folder.NETWORK, saved, options.weights)
    about = {
        "size": network.config.resolution,
        "image": network.config.image,
        "threshold": saved.threshold or THRESHOLD,
    }
    facts = {
        "network": printable(trained_on(options.weights, saved)).removeprefix("network "),
        "threshold": f"{about['threshold']:g}, changed by the slider",
        "run by": f"{runtime.NAME} {runtime.pinned().version}",
    }
    folder.write_page(options.out, machinery, facts, about)
    print(
        f"{options.out}: put it on any web server, or see it here with:"
        f" python3 -m http.server --directory {options.out}"
    )
    return 0


if __name__ == "__main__":
    run_tool(main)
