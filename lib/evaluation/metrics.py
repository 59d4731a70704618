"""How good a predicted grid is, one number an object.

Every function takes a batch of grids, occupancy probabilities ``(B, ...)`` and true occupancies
``(B, ...)`` of the same shape (0/1 or bool), and returns one float64 value an object, ``(B,)``.
Means over objects are taken later, from rows, so that a partial batch never weighs more or less.
"""

from collections.abc import Sequence

import numpy as np

THRESHOLD = 0.4
"""Probability above which a voxel counts as occupied (3D-R2N2's; the paper gives none)."""

SWEEP = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds of the sweep: 0.05, 0.10 ... 0.95."""


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return the probabilities of log-odds ln(p / (1 - p)), in the same type, with no overflow."""
    log_odds = np.asarray(log_odds)
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1, small) / (1 + small)


def occupied(occupancy: np.ndarray, threshold: float) -> np.ndarray:
    """Return which voxels count as occupied: strictly above the threshold.

    The threshold is rounded to the type of ``occupancy`` first, so that a float32 probability
    equal to 0.4 is not above 0.4.
    """
    occupancy = np.asarray(occupancy)
    return occupancy > np.asarray(threshold, dtype=occupancy.dtype)


def iou(occupancy: np.ndarray, voxels: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Intersection over union of each object (the paper's first metric).

    IoU = |{p > t} and {y = 1}| / |{p > t} or {y = 1}|; 1 where the union is empty.

    Parameters
    ----------
    occupancy : ndarray (B, ...)
        Occupancy probabilities.
    voxels : ndarray (B, ...)
        True occupancies, 0/1 or bool.
    threshold : float
        t.

    Returns
    -------
    ndarray (B,)
    """
    hit, false, missed = _counts(occupancy, voxels, threshold)
    return _ratio(hit, hit + false + missed)


def f_score(occupancy: np.ndarray, voxels: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """F-score (F1) of the occupied voxels of each object; 1 where both grids are empty.

    The harmonic mean of precision and recall over voxels: 2 TP / (2 TP + FP + FN).
    """
    hit, false, missed = _counts(occupancy, voxels, threshold)
    return _ratio(2 * hit, 2 * hit + false + missed)


def sweep(occupancy: np.ndarray, voxels: np.ndarray, thresholds: Sequence[float] = SWEEP) -> np.ndarray:
    """Return the IoU of each object at each threshold, ``(B, len(thresholds))``.

    The thresholds rise. Each object's voxels are sorted into the spaces between them once.
    """
    occupancy, voxels = _flat(occupancy, voxels)
    levels = np.asarray(thresholds, occupancy.dtype)
    table = np.empty((len(voxels), len(levels)))
    for line, chances, filled in zip(table, occupancy, voxels, strict=True):
        space = np.searchsorted(levels, chances)  # how many thresholds a voxel is above
        above, hit = (
            np.bincount(values, minlength=len(levels) + 1)[::-1].cumsum()[-2::-1]
            for values in (space, space[filled])
        )
        line[:] = _ratio(hit, above + np.count_nonzero(filled) - hit)
    return table


def best_threshold(table: np.ndarray, thresholds: Sequence[float] = SWEEP) -> tuple[float, float]:
    """Return the threshold with the highest mean IoU in a table of `sweep`, and that IoU."""
    means = np.mean(table, axis=0)
    best = int(np.argmax(means))
    return float(thresholds[best]), float(means[best])


def cross_entropy(occupancy: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Mean voxelwise cross-entropy of each object, natural logarithm, from probabilities.

    Probabilities are held ``2**-23`` away from 0 and 1 (a step of float32 below 1), so that one
    voxel costs at most 15.9. `cross_entropy_of_log_odds` needs no such bound.
    """
    occupancy, voxels = _flat(occupancy, voxels)
    chance = np.where(voxels, occupancy, 1.0 - occupancy.astype(np.float64))
    return -np.log(np.clip(chance, 2.0**-23, 1.0)).mean(axis=1)


def cross_entropy_of_log_odds(log_odds: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Mean voxelwise cross-entropy of each object from log-odds z, exact at any z.

    -ln p = ln(1 + exp(-z)) where the voxel is occupied and -ln(1 - p) = ln(1 + exp(z)) where it
    is empty: the softmax cross-entropy of the two logits whose difference is z.
    """
    log_odds, voxels = _flat(log_odds, voxels)
    against = np.where(voxels, -log_odds, log_odds)
    softplus = np.maximum(against, 0) + np.log1p(np.exp(-np.abs(against)))
    return softplus.mean(axis=1, dtype=np.float64)


def average_precision(occupancy: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Average precision of each object: the area below its precision-recall steps.

    AP = sum over k of (R_k - R_{k-1}) P_k, the thresholds k falling through the distinct
    probabilities, so that the order among equal probabilities does not matter. 1 for an object
    with no occupied voxel, where nothing can be missed.
    """
    occupancy, voxels = _flat(occupancy, voxels)
    return np.array([_average_precision(p, y) for p, y in zip(occupancy, voxels)])


def _average_precision(occupancy, voxels):
    positives = np.count_nonzero(voxels)
    if positives == 0:
        return 1.0
    order = np.argsort(-occupancy, kind="stable")
    ranked = occupancy[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
    hits = np.cumsum(voxels[order])[last]
    precision = hits / (last + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / positives)


def _counts(occupancy, voxels, threshold):
    """Return true positives, false positives and false negatives of each object."""
    occupancy, voxels = _flat(occupancy, voxels)
    predicted = occupied(occupancy, threshold)
    hit = np.count_nonzero(predicted & voxels, axis=1)
    false = np.count_nonzero(predicted, axis=1) - hit
    return hit, false, np.count_nonzero(voxels, axis=1) - hit


def _flat(values, voxels):
    values, voxels = np.asarray(values), np.asarray(voxels)
    if values.shape != voxels.shape:
        raise ValueError(f"predictions {values.shape} and voxels {voxels.shape} differ in shape")
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"predictions must be floating-point numbers, not {values.dtype}")
    return values.reshape(len(values), -1), voxels.reshape(len(voxels), -1) > 0.5


def _ratio(part, whole):
    return np.where(whole == 0, 1.0, part / np.maximum(whole, 1))
