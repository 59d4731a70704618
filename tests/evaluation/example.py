"""A small data set in ShapeNet's layout, made of boxes and balls, for the tests of this folder."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from voxlstm.lib.data import binvox
from voxlstm.lib.data.shapenet import Index
from voxlstm.lib.data.splits import choose
from voxlstm.lib.data.views import load_views
from voxlstm.lib.evaluation.baseline import mean_shapes
from voxlstm.lib.evaluation.evaluate import evaluate, summary
from voxlstm.lib.evaluation.report.figures import draw_voxels, pictures_of
from voxlstm.lib.evaluation.paper import describe
from voxlstm.lib.evaluation.predictions import Prediction
from voxlstm.lib.evaluation.subject import describe_shapes, make_cases, shape_choosers

CHAIR, TABLE, LAMP = "03001627", "04379243", "03636649"


def shape(synset, random):
    """Return a grid (32, 32, 32) that looks a little like its category."""
    grid = np.zeros((32, 32, 32), bool)
    wide, deep, high = random.integers(8, 13), random.integers(8, 13), random.integers(8, 18)
    x, y, z = np.mgrid[:32, :32, :32]
    if synset == LAMP:
        grid |= np.hypot(x - 15.5, z - 15.5) < 2
        grid[:, high + 12 :] = False
        grid |= np.hypot(np.hypot(x - 15.5, y - high - 8), z - 15.5) < wide / 1.6
        return grid
    grid[16 - wide : 16 + wide, high : high + 3, 16 - deep : 16 + deep] = True
    for left in (16 - wide, 14 + wide):
        for front in (16 - deep, 14 + deep):
            grid[left : left + 2, 3:high, front : front + 2] = True
    if synset == CHAIR:
        grid[16 - wide : 16 + wide, high:31, 16 - deep : 18 - deep] = True
    return grid


def resized(grid, size):
    """Return a grid of 32 voxels a side with ``size``, half or a multiple of that."""
    if size < len(grid):
        step = len(grid) // size
        return grid[::step, ::step, ::step]
    return np.kron(grid, np.ones(3 * (size // len(grid),), bool))


def make_data(root, counts, views=3, seed=0, size=32):
    """Write ``{synset: number of objects}`` with so many renderings each; return the folder."""
    random = np.random.default_rng(seed)
    for synset, count in counts.items():
        for number in range(count):
            grid = resized(shape(synset, random), size)
            model = f"model{number:03d}"
            voxels = Path(root) / "ShapeNetVox32" / synset / model
            pictures = Path(root) / "ShapeNetRendering" / synset / model / "rendering"
            voxels.mkdir(parents=True)
            pictures.mkdir(parents=True)
            binvox.write(voxels / "model.binvox", grid)
            for view in range(views):
                drawn = draw_voxels(
                    grid,
                    137,
                    (190, 120, 70),
                    azimuth=random.uniform(0, 360),
                    elevation=random.uniform(20, 35),
                )
                alpha = np.where((drawn == 255).all(axis=2), 0, 255).astype(np.uint8)
                Image.fromarray(np.dstack([drawn, alpha])).save(pictures / f"{view:02d}.png")
    return Path(root)


class BlurredSubject:
    """Stands for a network: it predicts the truth blurred, the less so the more views there are."""

    def __init__(self, items, seed=0):
        self.items, self.seed = list(items), seed

    def __len__(self):
        return len(self.items)

    def predictions(self, counts):
        """Yield a prediction of each object."""
        return (self._predict(item, counts) for item in self.items)

    def show(self, names, counts):
        """Yield (prediction, pictures, gates) of the objects with these names."""
        places = {(item.category, item.model): item for item in self.items}
        for item in (places[name] for name in names):
            views = load_views([item.view_path(k) for k in range(max(counts))])
            yield self._predict(item, counts), pictures_of(views), self._gates(item, max(counts))

    def _predict(self, item, counts):
        voxels = binvox.read(item.voxels_path)
        random = np.random.default_rng([self.seed, int(voxels.sum())])
        noise = gaussian_filter(random.standard_normal(voxels.shape), 2) * 25
        blurred = [gaussian_filter(2.0 * voxels - 1, 2.0 / count) * 5 + noise for count in counts]
        log_odds = np.stack(blurred).astype(np.float32)
        return Prediction(item.category, item.model, voxels > 0, log_odds)

    def _gates(self, item, count):
        random = np.random.default_rng(self.seed)
        return {
            name: random.random((count, 6, 4, 4, 4)).astype(np.float32)
            for name in ("input", "forget", "hidden")
        }


def evaluate_example(root, counts=(1, 2, 3), threshold=0.4, kernel="3x3x3"):
    """Evaluate a `BlurredSubject` on a data set; return evaluation, results and cases."""
    index = Index.open(root, cache=False)
    parts = choose(index, validation=0.0)
    subject = BlurredSubject(parts.test)
    shapes = (None, {})
    if parts.train:
        shapes = mean_shapes(
            [item.category for item in parts.train], [binvox.read(item.voxels_path) for item in parts.train]
        )
    evaluation = evaluate(subject.predictions(counts), counts, threshold, shape_choosers(*shapes))
    found = {name: sum(item.category == name for item in index) for name in {item.category for item in index}}
    results = {
        **summary(evaluation),
        "data": {
            **describe(root, found, {"chair": 6778}).to_dict(),
            "training_objects": len(parts.train),
            "test_objects": len(parts.test),
        },
        "network": {"name": f"blurred_{kernel}", "kernel": kernel, "parameters": 1234567, "definition": {}},
        "weights": {"file": "blurred.npz", "sha256": "0" * 64, "iteration": 100},
        "made_by": {"command": "tools/test_net.py"},
    }
    for name, more in describe_shapes(*shapes).items():
        results["baseline"][name].update(more)
    return evaluation, results, make_cases(evaluation, subject)
