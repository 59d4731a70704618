"""Make a checkpoint of a file that export wrote, .onnx or .safetensors."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import check_apart, check_writable
from voxlstm.lib.exchange import files
from voxlstm.solvers import checkpoint


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", metavar="FILE", help="what to read")
    parser.add_argument("--out", metavar="NPZ", required=True, help="checkpoint to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Import; return 0."""
    options = parse_arguments(argv)
    check_apart({"--out": options.out}, [options.file])
    check_writable(options.out)
    saved = files.read(options.file)
    # A network refuses what does not fit, and has its weights in their order.
    network = checkpoint.network_of(saved, options.file)
    checkpoint.save(options.out, replace(saved, weights=network.get_weights()), weights_only=True)
    print(f"{options.out}: {Path(options.out).stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    run_tool(main)
