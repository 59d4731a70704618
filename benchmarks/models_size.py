"""A dry run of make_dataset at ShapeNet's size: 43,784 models of which most are made already.

The models are links to a hundred meshes, and what is made already links to what was made of these, so
that nearly nothing is rendered. Printed are the seconds and the memory of a start with nothing made,
ended after some objects, and of going on where all but a few are there.
"""

import argparse
import shutil
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

from fetch_size import Run, tell
from shapenet_size import link

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data import layout
from voxlstm.lib.data.categories import CATEGORIES
from voxlstm.lib.geometry import shapes
from voxlstm.lib.geometry.mesh import write_obj

REAL = 100  # models with files of their own
TREES = layout.MODELS, layout.RENDERINGS, layout.VOXELS
TOOL = Path(__file__).resolve().parent.parent / "tools/make_dataset.py"


def parse_arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, required=True, help="folder for all of it; its meshes are kept")
    parser.add_argument(
        "--missing", type=int, default=60, help="objects still to make (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=40, help="of the start with nothing made")
    return parser.parse_args()


def make_sources(tree):
    """Make a hundred meshes, and the data set of them."""
    for number in range(REAL):
        category = CATEGORIES[number % len(CATEGORIES)]
        path = tree / "few" / category.synset / f"{number:032x}.obj"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_obj(path, *shapes.generate(category.synset, 0, number))
    return sorted((tree / "few").rglob("*.obj"))


def link_all(tree, sources, missing):
    """Link as many models as ShapeNet has, and what was made of all but the last of them."""
    places = [(category.synset, number) for category in CATEGORIES for number in range(category.count)]
    for number, (synset, own) in enumerate(places):
        source, name = sources[number % len(sources)], f"{own:032x}"
        link(tree / "models" / synset / f"{name}.obj", source)
        if number < len(places) - missing:
            for kind in TREES:
                made = layout.model_folder(tree / "few_made", kind, source.parent.name, source.stem)
                link(Path(layout.model_folder(tree / "made", kind, synset, name)), made)
    shutil.copy(tree / "few_made/dataset.json", tree / "made/dataset.json")
    return len(places)


def grids(folder):
    """Return how many objects are made in a folder."""
    return sum(1 for _ in (folder / layout.VOXELS).glob("*/*/model.binvox"))


def main():
    """Make the tree and measure."""
    arguments = parse_arguments()
    tree = arguments.tree.resolve()
    for name in ("models", "made", "new"):
        shutil.rmtree(tree / name, ignore_errors=True)
    sources = make_sources(tree)
    first = Run(TOOL, ["--models", tree / "few", "--out", tree / "few_made"])
    tell(f"make {len(sources)} objects, unless they are there", *first.wait())
    total = link_all(tree, sources, arguments.missing)
    new, watched = tree / "new", {"set": tree / "new" / layout.VOXELS}
    start = Run(TOOL, ["--models", tree / "models", "--out", new], watched)
    seconds, memory = start.wait(lambda: time.perf_counter() - start.begin > arguments.seconds)
    tell(f"{total} models, none made: until the first object was made", start.seen["set"], memory)
    made, rest = grids(new), seconds - start.seen["set"]
    print(f"{made} objects in the {rest:.0f} s after it, {made / rest:.1f} a second; killed")
    again = Run(TOOL, ["--models", tree / "models", "--out", new], {})
    before = grids(new)
    seconds, memory = again.wait(lambda: grids(new) > before)
    tell("run again: until one more was made", seconds, memory)
    seconds, memory = Run(TOOL, ["--models", tree / "models", "--out", tree / "made"]).wait()
    tell(f"all but {arguments.missing} made: run again, to the end", seconds, memory)
    seconds, memory = Run(TOOL, ["--models", tree / "models", "--out", tree / "made"]).wait()
    tell("all made: run again, nothing to do", seconds, memory)
    for name in ("models", "made", "new"):
        shutil.rmtree(tree / name)
    return 0


if __name__ == "__main__":
    run_tool(main)
