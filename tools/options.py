"""Options that several tools have."""

from argparse import ArgumentParser

from voxlstm.lib.base.program import ROOT
from voxlstm.lib.runs.run_folder import SHIPPED


def add_device(parser: ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument(
        "--device", help="cpu, cuda, cuda0, ... or opencl0:0; default: THEANO_FLAGS', else cpu"
    )


def add_weights(parser: ArgumentParser) -> None:
    """Add ``--weights`` of a command that does without."""
    parser.add_argument(
        "--weights",
        metavar="NPZ",
        default=str(SHIPPED),
        help="checkpoint of a trained network; default: the one that comes with voxlstm",
    )


def add_categories(parser: ArgumentParser) -> None:
    """Add ``--categories``; `names.listed` reads it."""
    parser.add_argument(
        "--categories",
        metavar="NAME",
        nargs="+",
        help="only these, by name or synset, with commas or blanks between",
    )


def add_reading(parser: ArgumentParser) -> None:
    """Add ``--skip-damaged`` and ``--workers``."""
    parser.add_argument(
        "--skip-damaged",
        action="store_true",
        help="read every file first and leave out, count and"
        " list the objects with one that is damaged; default: stop at the first",
    )
    parser.add_argument(
        "--workers", metavar="N", type=int, help="processes that read pictures; default: the cores"
    )


def add_recipe(parser: ArgumentParser) -> None:
    """Add ``--solver`` and ``--set`` of a training of the small networks."""
    parser.add_argument(
        "--solver",
        metavar="YAML",
        default=str(ROOT / "solvers/small.yaml"),
        help="training recipe; default: solvers/small.yaml",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="change a value of the recipe; repeatable",
    )
