"""Download the 3D-R2N2 release of ShapeNet (renderings and voxels), unpack it and check it."""

import argparse
import re
from collections.abc import Sequence

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.progress import printable
from voxlstm.lib.data.check import check_tree
from voxlstm.lib.data.fetch import ARCHIVES, MIRRORS, fetch


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=(
            "An interrupted run continues where it stopped when it is started again. Exit status: 0 "
            "all is there, 1 the check found something missing or unreadable, 2 an error."
        ),
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", metavar="DIR", help="folder to make the data set in")
    where.add_argument(
        "--check-only", metavar="DIR", help="download nothing, check the data set in this folder"
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        action="append",
        help="address of a folder with the archives, instead of the published "
        f"ones ({', '.join(MIRRORS)}); may be given several times",
    )
    parser.add_argument(
        "--keep-archives", action="store_true", help="leave the archives there when they are unpacked"
    )
    parser.add_argument(
        "--sha256",
        metavar="NAME=HEX",
        action="append",
        default=[],
        help="digest that an archive must have, such as ShapeNetVox32.tgz=...; its publisher"
        " gives none, so that the one of an earlier download is printed to compare with",
    )
    parser.add_argument(
        "--quick", action="store_true", help="check only that the files are there, do not read them"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that check (default: one for each core)"
    )
    return parser.parse_args(argv)


def read_digests(texts: Sequence[str]) -> dict[str, str]:
    """Return the digests of the command line by the archives' names."""
    known, digests = [archive.name for archive in ARCHIVES], {}
    for text in texts:
        name, _, digest = text.partition("=")
        if name not in known or not re.fullmatch("[0-9a-fA-F]{64}", digest):
            raise UserError(
                f"--sha256 {text!r:.200} is not NAME=HEX, with {' or '.join(known)} and 64 digits"
            )
        digests[name] = digest
    return digests


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch if asked to, check, print what was found; return 1 if something is missing."""
    arguments = parse_arguments(argv)
    root = arguments.check_only or arguments.out
    if not arguments.check_only:
        for member in fetch(
            root,
            arguments.mirror or MIRRORS,
            keep=arguments.keep_archives,
            digests=read_digests(arguments.sha256),
        ):
            print(printable(f"left out, neither a file nor a folder: {member}"))
    tree = check_tree(root, read=not arguments.quick, workers=arguments.workers)
    print(printable("\n".join(tree.table())))
    print(printable("\n".join(tree.problems or ["no file is missing or unreadable"])))
    print("complete" if tree.complete() else "not complete")
    return 0 if tree.complete() else 1


if __name__ == "__main__":
    run_tool(main)
