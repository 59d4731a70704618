"""Predictions in a file, to be scored again without the network.

The file is an ``.npz`` (no pickle) with, for each object, its true voxels as bits and the
log-odds z = ln(p / (1 - p)) of each voxel for each number of views, rounded to 1/1024 and kept
within 16 of zero as 16-bit codes (all their high bytes before all their low bytes, which
compresses better). Rounding never carries a voxel over one of the thresholds
named when the file was written: the IoU and the F-score at those thresholds are therefore the same
numbers, bit for bit. The cross-entropy and the average precision, which use the probabilities
themselves, agree within `TOLERANCE`.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..base.errors import UserError, why
from ..base.files import atomic_path
from ..base.hints import StrPath
from ..base.npz import Damaged, NpzFile
from .metrics import occupied, sigmoid

STEP = 1 / 1024
LIMIT = 16.0
TOLERANCE = 1e-3
"""Largest difference of an object's cross-entropy or average precision after rounding."""

FORMAT = "voxlstm predictions 1"


@dataclass(frozen=True)
class Prediction:
    """One object: ``voxels`` bool (d, d, d) and ``log_odds`` float32 (counts, d, d, d)."""

    category: str
    model: str
    voxels: np.ndarray
    log_odds: np.ndarray


def encode(log_odds: np.ndarray, thresholds: Iterable[float]) -> np.ndarray:
    """Round log-odds to codes that stay on the same side of every threshold.

    Parameters
    ----------
    log_odds : ndarray float32
    thresholds : sequence of float
        Probabilities at least 0.02 apart.

    Returns
    -------
    ndarray uint16, same shape
    """
    codes = np.rint(np.clip(log_odds, -LIMIT, LIMIT) / STEP + LIMIT / STEP).astype(np.int32)
    occupancy, rounded = sigmoid(log_odds), sigmoid(decode(codes))
    for threshold in thresholds:
        above = occupied(occupancy, threshold)
        # Rounding moves by half a step at most, so one step back is on the right side again.
        codes += above.astype(np.int32) - occupied(rounded, threshold)
    return codes.astype(np.uint16)


def decode(codes: np.ndarray) -> np.ndarray:
    """Return the float32 log-odds of codes."""
    return np.asarray(codes, dtype=np.float32) * np.float32(STEP) - np.float32(LIMIT)


class PredictionWriter:
    """Adds one object after another to an open file; made by `open_writer`."""

    def __init__(self, archive: zipfile.ZipFile, thresholds: Iterable[float]) -> None:
        self._archive, self._thresholds = archive, tuple(thresholds)
        self._names: list[list[str]] = []

    def add(self, category: str, model: str, voxels: np.ndarray, log_odds: np.ndarray) -> None:
        """Write one object: ``voxels`` (d, d, d), ``log_odds`` (counts, d, d, d) float32."""
        number = len(self._names)
        self._names.append([category, model])
        self._put(f"{number:06d}.voxels", np.packbits(np.asarray(voxels) > 0.5))
        codes = encode(log_odds, self._thresholds)
        self._put(f"{number:06d}.log_odds", np.stack([codes >> 8, codes & 255]).astype(np.uint8))

    def finish(self, meta: dict[str, Any]) -> None:
        """Write what is said about the whole file."""
        about = {"format": FORMAT, "objects": self._names, "thresholds": self._thresholds, **meta}
        self._put("about", np.array(json.dumps(about)))

    def array(self, name: str, value: np.ndarray) -> None:
        """Write one more array under ``name``."""
        self._put(name, np.asarray(value))

    def _put(self, name, value):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, value, allow_pickle=False)
        self._archive.writestr(name + ".npy", buffer.getvalue())


@contextmanager
def open_writer(path: StrPath, thresholds: Iterable[float]) -> Iterator[PredictionWriter]:
    """Open a prediction file for writing; it appears when the block has succeeded."""
    with atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            yield PredictionWriter(archive, thresholds)


class Predictions:
    """A prediction file: ``about`` (dict), ``len()``, and `Prediction` by number or in turn.

    Raises
    ------
    UserError
        When the file is missing, damaged or something else.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path)
        try:
            self._arrays = NpzFile(self.path)
            self.about = json.loads(str(self._arrays.read("about")))
        except OSError as error:
            raise UserError(f"cannot read the predictions in {path}: {why(error)}") from error
        except (ValueError, KeyError, RecursionError, SystemError, Damaged) as error:
            raise UserError(f"{path} is not a file of saved predictions") from error
        if not isinstance(self.about, dict) or self.about.get("format") != FORMAT:
            raise UserError(f"{path} is not a file of saved predictions")
        if not _is_about(self.about):
            raise self.damaged()

    def __len__(self) -> int:
        return len(self.about["objects"])

    def __getitem__(self, number: int) -> Prediction:
        category, model = self.about["objects"][number]
        planes, packed = (self.array(f"{number:06d}.{name}") for name in ("log_odds", "voxels"))
        sides = planes.shape[2:]
        if (
            planes.dtype != np.uint8
            or packed.dtype != np.uint8
            or planes.ndim != 5
            or len(planes) != 2
            or len(set(sides)) != 1
            or packed.shape != (-(-(sides[0] ** 3) // 8),)
        ):
            raise self.damaged()
        high, low = planes.astype(np.uint16)
        bits = np.unpackbits(packed, count=sides[0] ** 3)
        return Prediction(category, model, bits.reshape(sides).astype(bool), decode((high << 8) + low))

    def __iter__(self) -> Iterator[Prediction]:
        return (self[number] for number in range(len(self)))

    def of_views(self, number: int, counts: Sequence[int]) -> Prediction:
        """Return the `Prediction` of an object for some of the numbers of views that were saved."""
        item, there = self[number], self.about["views"]
        if len(item.log_odds) != len(there):
            raise self.damaged()
        places = [there.index(count) for count in counts]
        return Prediction(item.category, item.model, item.voxels, item.log_odds[places])

    def array(self, name: str) -> np.ndarray:
        """Return a named array."""
        try:
            return self._arrays.read(name)
        except (KeyError, OSError, Damaged) as error:
            raise self.damaged() from error

    def damaged(self) -> UserError:
        """Return the error that says so."""
        return UserError(f"{self.path} is damaged; save the predictions again")


def _is_about(about):
    """Return whether what is said about a file has the kinds of values that a writer gives it."""
    objects, views, thresholds = (about.get(name) for name in ("objects", "views", "thresholds"))
    shapes = about.get("mean_shapes", {})
    return (
        isinstance(objects, list)
        and all(map(_is_name, objects))
        and len({*map(tuple, objects)}) == len(objects)
        and isinstance(shapes, dict)
        and all(map(_is_shape, shapes.values()))
        and isinstance(views, list)
        and all(type(count) is int and 0 < count < 1000 for count in views)
        and isinstance(thresholds, list)
        and all(type(t) in (int, float) and 0 < t < 1 for t in thresholds)
    )


def _is_name(pair):
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)


def _is_shape(about):
    numbers = {"threshold", "training_iou", "objects"}
    return (
        isinstance(about, dict)
        and set(about) == numbers
        and all(type(value) in (int, float) and 0 <= value < 2**53 for value in about.values())
    )
