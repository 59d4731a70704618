"""What is measured on the CPU: the settings, their arithmetic and their random data. Needs NumPy alone."""

import numpy as np

REFERENCE = {"kernel": 3, "batch": 4, "views": 3, "train": True}
# Of steps that shall leave the weights alone, so that every contender finds the same loss at any time.
STILL = 1e-12


def cases(quick):
    """Return the settings measured: the reference, and each of its settings varied alone."""
    chosen = [REFERENCE]
    if not quick:
        varied = {"kernel": [1], "batch": [1, 16], "views": [1, 5]}
        chosen += [{**REFERENCE, k: v} for k, values in varied.items() for v in values]
        chosen += [{**case, "train": False} for case in chosen]
    return chosen


def is_reference(case):
    """Return whether a case is the reference but for being a training or a prediction."""
    return REFERENCE.items() <= {**case, "train": True}.items()


def label(case):
    """Return a case's name in the tables."""
    named = "training" if case["train"] else "prediction"
    if is_reference(case):
        return f"{named}, batch 4, 3 views"
    (name,) = (name for name, value in REFERENCE.items() if name != "train" and case[name] != value)
    value = case[name]
    other = {
        "kernel": "1x1x1 kernel",
        "batch": f"batch {value}",
        "views": f"{value} view" + "s" * (value > 1),
    }
    return f"{named}, {other[name]}"


def arithmetic(kernel, batch, views, train):
    """Return the floating-point operations that the mathematics needs, two for each product.

    The gradient of a layer costs twice the layer; the views need none.
    """
    sizes = (127, 64, 33, 17, 9, 5)
    widths = (3, 96, 128, 256, 256, 256, 256)
    layers = [s * s * i * o * (49 if s == 127 else 9) for s, i, o in zip(sizes, widths, widths[1:])]
    first = views * layers[0]
    encoder = views * (sum(layers) + 2304 * 1024 + 1024 * 3 * 128 * 64)
    # The first state is zero, so the recurrent kernel first acts at the second view.
    recurrence = (views - 1) * 64 * 128 * 384 * kernel**3
    enlarging = 27 * (4**3 * 128 * 128 + 8**3 * 128 * 128 + 16**3 * 128 * 64)
    decoder = enlarging + 27 * 32**3 * (64 * 32 + 32 * 2)
    forward = encoder + recurrence + decoder
    return 2 * batch * (3 * forward - first if train else forward)


def data(batch, views):
    """Return random views and voxels of uint8, the same in every process."""
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (views, batch, 3, 127, 127), "uint8")
    return x, (random.random((batch, 32, 32, 32)) > 0.8).astype("uint8")
