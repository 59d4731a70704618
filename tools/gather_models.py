"""Gather free 3-D models of unpacked Debian packages into a tree for make_dataset --models."""

import argparse
import sys
from collections import Counter

from voxlstm.lib.geometry.gather import CREDITS, gather
from voxlstm.lib.base.errors import run_tool


def parse_arguments(argv):
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packages",
        required=True,
        metavar="DIR",
        help="folder with a folder for each package, unpacked with dpkg -x",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write the models to")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command line; models that could not be read are named and left out."""
    arguments = parse_arguments(argv)
    credits, broken = gather(arguments.packages, arguments.out)
    for problem in broken:
        print(f"left out: {problem}", file=sys.stderr)
    for category, count in sorted(Counter(credit.category for credit in credits).items()):
        print(f"{category}: {count}")
    print(f"{arguments.out}/{CREDITS} names the author and the licence of each")
    return 0


if __name__ == "__main__":
    run_tool(main)
