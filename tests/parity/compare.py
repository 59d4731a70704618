"""Two devices' results of one network compared (`on_device.run_parity` writes them).

A gradient jumps where two values of a pooling window, or a value at a leaky ReLU and zero, are
equal. Where they are within a rounding of each other, two devices may choose differently, both
rightly, and the gradients of that layer and of those before it then differ by a thousandth and
more. So each device's choices are compared first, and a gradient is held to the tolerance in the
batches in which all choices from its layer on are the same.

``python -m tests.parity.compare EXPECTED FOUND`` prints the comparison of two folders as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np

# Of the largest value of each array: sums of up to a million float32 products in another order.
TOLERANCES = {"losses": 1e-5, "occupancy": 1e-3, "after": 1e-3, "gradient": 5e-5}
NEAR_TIE = 1e-5  # of the layer's largest value: the most that two devices may disagree about


def compare(expected, found):
    """Compare two folders of results.

    Parameters
    ----------
    expected, found : Path
        What `run_parity` wrote on the CPU and on the other device.

    Returns
    -------
    dict
        The worst differences relative to each array's largest value; ``gradient`` is that of the
        batches with the same choices, ``gradient_any`` of all. ``turned`` counts the choices that
        differ, ``widest_tie`` is the most that two such values lie apart. ``tested_in`` is the least
        number of batches that a parameter was tested in, ``untested`` names those with none.
        ``agrees`` says whether all is within the tolerances.
    """
    worst = compare_training(expected / "training.npz", found / "training.npz")
    worst.update(gradient=0.0, gradient_any=0.0, turned=0, widest_tie=0.0, tested={})
    batches = sorted(expected.glob("[0-9]*.npz"), key=lambda path: int(path.stem))
    for path in batches:
        with np.load(path) as one, np.load(found / path.name) as other:
            add_batch(worst, one, other)
    tested = worst.pop("tested")
    worst["untested"] = [name for name, count in tested.items() if not count]
    worst["batches"] = len(batches)
    worst["tested_in"] = min(tested.values(), default=0)
    worst["agrees"] = (
        bool(batches)
        and not worst["untested"]
        and worst["widest_tie"] <= NEAR_TIE
        and all(worst[kind] <= limit for kind, limit in TOLERANCES.items())
    )
    return worst


def compare_training(expected, found):
    """Return the worst difference of the losses, the prediction and the parameters after training."""
    worst = {}
    with np.load(expected) as one, np.load(found) as other:
        for name in one.files:
            kind = name.partition("/")[0]
            worst[kind] = max(worst.get(kind, 0.0), relative(one[name], other[name]))
    return worst


def add_batch(worst, one, other):
    """Take one batch's choices and gradients into the worst differences."""
    layer_of = dict(zip(parts(one, "gradient"), one["layers"].tolist()))
    layers = list(dict.fromkeys(layer_of.values()))
    last_turned = -1
    for kind, turned_in in (("pooled", turned_maxima), ("signed", turned_signs)):
        for name in parts(one, kind):
            turned, distance = turned_in(one[name], other[name])
            worst["turned"] += turned
            worst["widest_tie"] = max(worst["widest_tie"], distance)
            if turned:
                last_turned = max(last_turned, layers.index(name.partition("/")[2]))
    for name in layer_of:
        expected, parameter = one[name], name.partition("/")[2]
        difference = relative(expected, other[name])
        same = layers.index(layer_of[name]) > last_turned
        worst["gradient_any"] = max(worst["gradient_any"], difference)
        if same:
            worst["gradient"] = max(worst["gradient"], difference)
        # A gradient of nothing but zeros, as of U with one view, tests little.
        counted = same and bool(expected.any())
        worst["tested"][parameter] = worst["tested"].get(parameter, 0) + counted


def parts(archive, kind):
    """Return the names of a batch's arrays of one kind, in the order of the network."""
    return [name for name in archive.files if name.partition("/")[0] == kind]


def relative(expected, found):
    """Return the largest difference as a part of the largest value; NaN never passes."""
    largest = np.abs(expected).max() or 1.0
    difference = float(np.abs(found - expected).max() / largest)
    return difference if np.isfinite(difference) else float("inf")


def turned_maxima(one, other):
    """Return how many windows have another maximum, or two, and how close these are."""
    windows = [in_windows(maps) for maps in (one, other)]
    are_largest = [w == w.max(axis=-1, keepdims=True) for w in windows]
    turned = (are_largest[0] != are_largest[1]).any(axis=-1) | (are_largest[0].sum(axis=-1) > 1)
    # How much less than its own the first device has where the other found its maximum.
    values, chosen = windows[0][turned], are_largest[1][turned]
    gaps = values.max(axis=-1) - np.where(chosen, values, np.inf).min(axis=-1)
    return int(turned.sum()), float(gaps.max(initial=0.0) / np.abs(one).max())


def in_windows(maps):
    """Return maps ``(n, channels, rows, columns)`` as windows of four values in the last axis."""
    n, channels, rows, columns = maps.shape
    across, down = columns // 2 + 1, rows // 2 + 1
    padded = np.full((n, channels, 2 * down, 2 * across), -np.inf, maps.dtype)
    padded[:, :, 1 : rows + 1, 1 : columns + 1] = maps[:, :, : 2 * down - 1, : 2 * across - 1]
    split = padded.reshape(n, channels, down, 2, across, 2)
    return split.transpose(0, 1, 2, 4, 3, 5).reshape(n, channels, down, across, 4)


def turned_signs(one, other):
    """Return how many signs differ, and how far from zero these values are."""
    turned = (one > 0) != (other > 0)
    return int(turned.sum()), float(np.abs(one[turned]).max(initial=0.0) / np.abs(one).max())


if __name__ == "__main__":
    print(json.dumps(compare(*map(Path, sys.argv[1:]))))
