"""What reconstruct.py's own framing of pictures costs, against the crop that tests use.

``python benchmarks/framing.py --weights NPZ --data DIR [--split SPLIT] [--every N]`` scores the same
renderings in three ways: cropped as in a test; cut out by their alpha and framed, as a user's cut-outs
are; and pasted on white, then found on it and framed, as a user's photographs are.
"""

import argparse
import tempfile
from pathlib import Path

import voxlstm  # noqa: F401 - before NumPy: it chooses the BLAS's kernels

import numpy as np
from PIL import Image

from voxlstm.lib.backend.door import use_device
from voxlstm.lib.base.errors import run_tool
from voxlstm.lib.data import binvox
from voxlstm.lib.data.pictures import load_pictures
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import RATIO, choose
from voxlstm.lib.data.views import as_float, load_views
from voxlstm.lib.evaluation.metrics import THRESHOLD, iou, sigmoid
from voxlstm.models.predictor import Predictor
from voxlstm.solvers.checkpoint import load_network

COUNTS = (1, 5)
WAYS = ("crop", "cut-out", "on white")


def main(argv=None):
    """Print the mean IoU of each way, at 0.4 and at the weights' own threshold; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--weights", metavar="NPZ", required=True)
    add("--data", metavar="DIR", required=True)
    add("--split", metavar="SPLIT", default=RATIO)
    add("--every", metavar="N", type=int, default=1, help="take each N-th test object")
    options = parser.parse_args(argv)
    use_device("cpu")
    network, saved = load_network(options.weights)
    predictor = Predictor(network)
    thresholds = sorted({THRESHOLD, saved.threshold or THRESHOLD})
    items = choose(Index.open(options.data), options.split, 0.0).test[:: options.every]
    with tempfile.TemporaryDirectory() as folder:
        rows = [score(item, predictor, thresholds, Path(folder)) for item in items]
    print(f"{len(items)} objects; mean IoU at each threshold, with {COUNTS} views")
    for way, table in zip(WAYS, np.mean(rows, axis=0)):
        for threshold, ious in zip(thresholds, table):
            print(f"{way:9} {threshold:.2f}  " + "  ".join(f"{value:.3f}" for value in ious))
    return 0


def score(item, predictor, thresholds, folder):
    """Return the IoU of an object, (way, threshold, number of views)."""
    size = predictor.network.config.image
    paths = [item.view_path(number) for number in range(max(COUNTS))]
    ways = (
        as_float(load_views(paths, size=size)),
        load_pictures(paths, size)[1],
        load_pictures([on_white(path, folder) for path in paths], size)[1],
    )
    voxels = binvox.read(item.voxels_path)
    grids = np.broadcast_to(voxels, (len(COUNTS), *voxels.shape))
    chances = [sigmoid(predictor.log_odds(views[:, None], COUNTS)[:, 0]) for views in ways]
    return [[iou(found, grids, threshold) for threshold in thresholds] for found in chances]


def on_white(path, folder):
    """Write a rendering as an opaque picture on white; return its path."""
    picture = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    out = folder / Path(path).name
    ground.convert("RGB").save(out)
    return out


if __name__ == "__main__":
    run_tool(main)
