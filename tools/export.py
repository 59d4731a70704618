"""Write a trained network for other programs: ONNX, safetensors, or PyTorch's form of the weights."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable
from voxlstm.lib.data.layout import VIEWS
from voxlstm.lib.exchange import files
from voxlstm.solvers.checkpoint import load_network


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("weights", metavar="NPZ", help="checkpoint of a trained network")
    add("--out", metavar="FILE", required=True, help="what to write: .onnx or .safetensors")
    add(
        "--format",
        choices=files.ENDINGS,
        help="onnx: the network; safetensors: its weights; torch: the weights in a .safetensors file, as"
        " PyTorch's functions take them; default: by FILE's ending",
    )
    add(
        "--views",
        metavar="N",
        type=int,
        help="write the loop over the views out for N of them, for programs that know no Scan; default:"
        " any number of views",
    )
    add("--half", action="store_true", help="round the weights to float16: half the size")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Export; return 0."""
    options = parse_arguments(argv)
    form = files.format_of(options.out, options.format)
    check_apart({"--out": options.out}, [options.weights])
    check_writable(options.out)
    if options.views is not None and form != "onnx":
        raise UserError("--views is of ONNX; leave it out")
    if options.views is not None and not 1 <= options.views <= VIEWS:
        raise UserError(f"--views must lie between 1 and {VIEWS}, not {options.views}")
    _, saved = load_network(options.weights)
    files.write(options.out, saved, options.weights, form, options.views, options.half)
    print(f"{options.out}: {Path(options.out).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    run_tool(main)
