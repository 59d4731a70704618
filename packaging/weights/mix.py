"""Join data sets by links into the one that the shipped weights are trained on, and split it.

``python packaging/weights/mix.py --out DIR --test-on SET --repeat SET [SET ...]`` takes each object of
``--repeat`` four times, because there are few of them. One fifth of each category of ``--test-on`` is
tested on, so the trainings before have not seen it; one object in 27 of the rest validates.
"""

import argparse
from pathlib import Path

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import write_json, write_text
from voxlstm.lib.data import layout, marker
from voxlstm.lib.data.shapenet import Index

REPEATS, VALIDATION = 4, 27
TREES = (layout.RENDERINGS, layout.VOXELS)


def main(argv=None):
    """Make the links and OUT.split.txt; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sets", nargs="*", metavar="SET", type=Path, help="only trained on")
    for name in ("--out", "--test-on", "--repeat"):
        parser.add_argument(name, metavar="DIR", type=Path, required=True)
    options = parser.parse_args(argv)
    trained = [link(item, root, options.out) for root in options.sets for item in Index.open(root)]
    tested = [link(item, options.test_on, options.out) for item in Index.open(options.test_on)]
    repeated = [
        link(item, options.repeat, options.out, f"_{copy}")
        for item in Index.open(options.repeat)
        for copy in range(REPEATS)
    ]
    made, *added = (marker.read(root) for root in (*options.sets, options.test_on, options.repeat))
    write_json(options.out / marker.MARKER, {**made, marker.ADDED: added})
    lines = [*split(trained, tested), *(f"train\t{synset}\t{model}" for synset, model in repeated)]
    write_text(f"{options.out}.split.txt", "".join(line + "\n" for line in lines))
    return 0


def link(item, root, out, ending=""):
    """Link an object's folders into ``out``; return its synset and its id there."""
    for tree in TREES:
        source = Path(layout.model_folder(root, tree, item.synset, item.model))
        place = Path(layout.model_folder(out, tree, item.synset, item.model + ending))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source.resolve())
    return item.synset, item.model + ending


def split(trained, tested):
    """Return a line for each object: the last fifth of each category of ``tested`` is tested on."""
    for synset in sorted({synset for synset, _ in tested}):
        last = sorted(name for name in tested if name[0] == synset)
        last, first = last[len(last) * 4 // 5 :], last[: len(last) * 4 // 5]
        rest = sorted([*first, *(name for name in trained if name[0] == synset)])
        held = set(rest[VALIDATION // 2 :: VALIDATION])
        yield from ("\t".join(("test", *name)) for name in last)
        yield from ("\t".join(("validation" if name in held else "train", *name)) for name in rest)


if __name__ == "__main__":
    run_tool(main)
