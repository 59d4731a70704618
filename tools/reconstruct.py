"""Reconstruct an object in 3-D from one or more of your own pictures of it.

The pictures may be of any size and mode and show the object alone, before a plain background or
with transparency. Any number of them, in any order, makes one reconstruction.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from voxlstm.lib.api import NothingFound, load
from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable
from voxlstm.lib.base.hints import StrPath
from voxlstm.lib.base.progress import printable
from voxlstm.lib.evaluation.metrics import THRESHOLD
from voxlstm.lib.geometry import export
from voxlstm.solvers.checkpoint import Checkpoint
from voxlstm.tools.options import add_device, add_weights


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="pictures of one object")
    add(
        "--out",
        metavar="FILE",
        required=True,
        help="what to write: .obj, .glb, .ply, .stl or .binvox, centred, its longest side 1 and y up; or"
        " .npy or .mat (the probabilities)",
    )
    add("--surface", choices=export.SURFACES, default="smooth", help="kind of mesh; default: %(default)s")
    add_weights(parser)
    add(
        "--threshold",
        metavar="T",
        type=float,
        help="probability above which a voxel counts as"
        f" occupied; default: what was best in training, as the weights say, or {THRESHOLD:g}",
    )
    add(
        "--preview",
        metavar="PNG",
        help="where to draw the pictures, as the network sees them, and"
        " the reconstruction; default: FILE with the ending .preview.png",
    )
    add_device(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Reconstruct; return 0, or 1 when nothing is above the threshold."""
    options = parse_arguments(argv)
    export.check_name(options.out, options.surface)
    sheet = Path(options.preview or Path(options.out).with_suffix(".preview.png"))
    check_apart({"--out": options.out, "--preview": sheet}, [*options.pictures, options.weights])
    check_writable(options.out, sheet)
    if options.threshold is not None and not 0 < options.threshold < 1:
        raise UserError(f"--threshold {options.threshold:g} must lie between 0 and 1")
    network = load(options.weights, options.device)
    pictures = network.read(options.pictures)
    said = [f"{picture.name}: {picture.cut}" for picture in pictures]
    said.append(trained_on(options.weights, network.checkpoint))
    threshold = options.threshold or network.threshold
    found = True
    try:
        occupancy = network.reconstruct(pictures, options.out, threshold, options.surface, sheet)
        filled = int((occupancy > threshold).sum())
        said.append(f"{options.out}: {filled} of {occupancy.size} voxels are occupied; preview: {sheet}")
    except NothingFound as error:
        said.append(str(error))
        found = False
    print(printable("\n".join(said)))  # when all is written, since the reader of this may have gone
    return 0 if found else 1


def trained_on(path: StrPath, saved: Checkpoint) -> str:
    """Return a sentence that says what the network was trained on."""
    size = f"kernel {saved.network['kernel']}, {saved.iteration} iterations"
    return f"network {Path(path).name} ({size}), trained on {saved.trained_on}"


if __name__ == "__main__":
    run_tool(main)
