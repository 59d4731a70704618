"""Make a data set in ShapeNet's layout from procedural shapes or from a folder of 3-D models."""

import argparse
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from voxlstm.lib.base.errors import UserError, run_tool
from voxlstm.lib.base.files import check_apart, check_writable
from voxlstm.lib.base.progress import say
from voxlstm.lib.data.categories import CATEGORIES, find_synsets
from voxlstm.lib.data.layout import places
from voxlstm.lib.data.names import listed
from voxlstm.lib.geometry.contact_sheet import write_contact_sheet
from voxlstm.lib.geometry.dataset import make
from voxlstm.lib.geometry.tasks import digest, file_tasks, procedural_tasks
from voxlstm.lib.geometry.voxels import RESOLUTION
from voxlstm.lib.parallel.group import Alone, join
from voxlstm.lib.runs.alike import check_alike

MAX_RESOLUTION = 256  # voxels a side; a grid is held in memory several times over
MODELS_ALIKE = "give every machine the same --models under the same path"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out",
        required=True,
        metavar="DIR",
        help="folder to make; run again to go on with one that is not finished",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--procedural",
        type=int,
        metavar="N",
        help="make N procedural objects in each of ShapeNet's 13 categories",
    )
    source.add_argument(
        "--models",
        metavar="DIR",
        help="use the OBJ, PLY, STL, OFF, GLB, glTF and AC3D files of this tree, its folders "
        "being the categories; ShapeNetCore.v1 is one such tree",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="add to the data set in --out, which may have been made in another way",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="decides shapes and viewpoints; same seed, same bytes (default: 0)",
    )
    parser.add_argument(
        "--categories",
        nargs="+",
        metavar="NAME",
        help="only these categories, by name or synset, with commas or blanks between (default: all)",
    )
    parser.add_argument(
        "--up", choices="xyz", default="y", help="axis that points up in the files of --models (default: y)"
    )
    parser.add_argument(
        "--resolution",
        type=int,
        default=RESOLUTION,
        metavar="N",
        help="voxels a side of the grids, as the network to train has them (default: %(default)s)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes to use (default: one for each core)"
    )
    parser.add_argument(
        "--contact-sheet",
        metavar="FILE",
        help="also write a picture (.png) of the first objects of each category",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the status is 1 when some models could not be used."""
    arguments = parse_arguments(argv)
    with join() as group:
        check_alike(group, arguments)
        return run(arguments, group)


def run(arguments: argparse.Namespace, group: Alone) -> int:
    """Make the data set, as one of the processes of a group; return the status."""
    wanted, resolution = listed(arguments.categories), arguments.resolution
    if not 1 <= resolution <= MAX_RESOLUTION:
        raise UserError(f"--resolution {resolution} must lie between 1 and {MAX_RESOLUTION}")
    settings = {"seed": arguments.seed, "resolution": resolution}
    if arguments.models:
        tasks = file_tasks(arguments.models, arguments.seed, arguments.up, wanted, resolution)
        settings.update(source="models", up=arguments.up)
    else:
        synsets = [category.synset for category in CATEGORIES]
        chosen = find_synsets(wanted, synsets) if wanted else synsets
        tasks = procedural_tasks(arguments.procedural, arguments.seed, chosen, resolution)
        settings.update(source="procedural")
    sheet = arguments.contact_sheet
    if sheet and Path(sheet).suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"--contact-sheet {sheet} must end in .png or .jpg")
    read = [task.path for task in tasks]
    check_apart({"--contact-sheet": sheet}, [*read, arguments.models, *places(arguments.out)])
    check_writable(sheet)
    if group.size > 1:
        group.check_same({"the digest of the models' list": digest(*map(astuple, tasks))}, MODELS_ALIKE)
    broken = make(arguments.out, tasks, settings, arguments.workers, arguments.add, group)
    if not group.first:
        return 0
    if sheet:
        write_contact_sheet(sheet, arguments.out, tasks)
    print(f"{arguments.out}: {len(tasks) - len(broken)} of {len(tasks)} objects are there")
    for _, problem in broken:
        say(f"broken: {problem}")
    if broken:
        say(f"{len(broken)} models could not be used")
    return 1 if broken else 0


if __name__ == "__main__":
    run_tool(main, together=True)
