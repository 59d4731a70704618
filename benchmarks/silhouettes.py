"""How the voxels of data sets lie on their pictures: ShapeNet's own beside those made here.

Each occupied voxel is projected into each of the object's pictures by the published camera. Two
figures an object, means over its views: which part of the silhouette the voxels cover, and the IoU of
both. Voxels are coarse, so that they stand out beyond thin parts and the IoU stays well below 1.

    python benchmarks/silhouettes.py DATA [DATA ...] --out results/silhouettes.txt \
        --sheet results/renderings.png
"""

import argparse
import time
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np
from PIL import Image, ImageDraw

from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.base.files import atomic_path, write_text
from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.views import read_rendering
from voxlstm.lib.evaluation.tables import grid
from voxlstm.lib.geometry.camera import SIZE, project, read_viewpoints
from voxlstm.lib.geometry.visibility import surface

LABEL = 16  # pixels above each row of the sheet
STEPS = 6  # points along each side of a voxel: closer than a pixel


def parse_arguments(argv=None):
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="+", metavar="DATA")
    parser.add_argument(
        "--objects",
        type=int,
        default=20,
        metavar="N",
        help="objects of each category to measure; default: %(default)s",
    )
    parser.add_argument("--out", metavar="FILE", help="also write the table there")
    parser.add_argument("--sheet", metavar="PNG", help="show views of each category there")
    return parser.parse_args(argv)


def silhouette(voxels, scale, viewpoint):
    """Return the mask (137, 137) that occupied voxels cover in a picture."""
    line = np.linspace(0, 1, STEPS)
    cube = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    corners = np.argwhere(surface(voxels))[:, None, :] + cube
    points = (corners.reshape(-1, 3) / len(voxels) - 0.5) * scale
    column, row = np.floor(project(points, viewpoint)).astype(int).T
    inside = (column >= 0) & (column < SIZE) & (row >= 0) & (row < SIZE)
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[row[inside], column[inside]] = True
    return mask


def measure(item):
    """Return coverage and IoU of an object, each the mean over its views."""
    voxels, _, scale = binvox.load(item.voxels_path)
    viewpoints = read_viewpoints(item.metadata_path)
    found = []
    for number, viewpoint in enumerate(viewpoints):
        seen = read_rendering(item.view_path(number), SIZE)[..., 3] > 127
        covered = silhouette(voxels, scale, viewpoint)
        both = (seen & covered).sum()
        found.append((both / seen.sum(), both / (seen | covered).sum()))
    return np.mean(found, axis=0)


def sheet(rows, columns=8):
    """Return a picture with a row of views for each (text, items)."""
    picture = Image.new("RGB", (columns * SIZE, len(rows) * (SIZE + LABEL)), "white")
    draw = ImageDraw.Draw(picture)
    for row, (text, items) in enumerate(rows):
        top = row * (SIZE + LABEL)
        draw.text((4, top + 2), text, fill="black")
        for column in range(columns):
            # The objects take turns, each seen from another side when its turn comes again.
            number, turn = column % len(items), column // len(items)
            view = Image.fromarray(read_rendering(items[number].view_path(turn + number), SIZE))
            picture.paste(view, (column * SIZE, top + LABEL), view)
    return picture


def main(argv=None):
    """Measure and print; return 0."""
    options = parse_arguments(argv)
    lines, rows = [], []
    for folder in options.data:
        groups = {}
        for item in Index.open(folder, cache=False):
            groups.setdefault(item.category, []).append(item)
        for name, items in groups.items():
            chosen = items[:: -(-len(items) // options.objects)]
            rows.append((f"{Path(folder).name}: {name}", chosen))
            values = np.array([measure(item) for item in chosen])
            low, middle, high = values.min(axis=0), values.mean(axis=0), values.max(axis=0)
            lines.append(
                [
                    Path(folder).name,
                    name,
                    len(values),
                    *(part[column] for column in (0, 1) for part in (low, middle, high)),
                ]
            )
    header = ["data", "category", "objects", "coverage: least", "mean", "most", "IoU: least", "mean", "most"]
    text = f"{time.strftime('%Y-%m-%d')}\n\n{grid(header, lines)}\n"
    print(text, end="")
    if options.out:
        write_text(options.out, text)
    if options.sheet:
        with atomic_path(options.sheet) as temporary:
            sheet(rows).save(temporary, format="PNG")
    return 0


if __name__ == "__main__":
    run_tool(main)
