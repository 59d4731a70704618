"""Say what this machine has, and whether training can run on it."""

import argparse
import sys
from collections.abc import Sequence

try:
    from voxlstm.lib.base.errors import program, run_tool
    from voxlstm.lib.runs.setup_check import check_everything
except ModuleNotFoundError as missing:
    sys.exit(
        f"check_setup: error: {missing.name} is missing from {sys.executable}; "
        "run 'make venv' and use .venv/bin/python"
    )


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--device",
        help="cpu, cuda, cuda0, ... or opencl0:0; a GPU is proved with a convolution that is"
        " compared with the CPU's (default: what THEANO_FLAGS names, else cpu)",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for every finding; return 1 when training could not run."""
    findings = check_everything(parse_arguments(argv).device)
    for finding in findings:
        print(f"{finding.name:17} {finding.value}")
        if finding.warning:
            print(f"{'':17} warning: {finding.warning}")
    problems = [finding.problem for finding in findings if finding.problem]
    for problem in problems:
        print(f"{program()}: error: {problem}", file=sys.stderr)
    if not problems:
        print("Training can run here.")
    return 1 if problems else 0


if __name__ == "__main__":
    run_tool(main, together=True)
