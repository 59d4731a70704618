"""The curves of a training run: CSV always, a PNG and TensorBoard events where installed.

``curves.csv`` has a row an iteration::

    iteration,loss,rate,validation_iou,validation_cross_entropy

The last two are filled where the network was validated after that iteration. Times are not in it,
so that an interrupted and resumed run leaves the same bytes as one that ran through.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from ..base.errors import UserError, need, why
from ..base.files import atomic_path, named
from ..base.hints import StrPath
from ..base.inputs import decode, regular
from ..evaluation import style
from ..evaluation.report import figures
from .events import Events

SMOOTHED = 50
"""Iterations over which the loss is averaged for the eye."""
FIELDS = ("iteration", "loss", "rate", "validation_iou", "validation_cross_entropy")


@dataclass(frozen=True)
class Row:
    """What is known after one iteration.

    Attributes
    ----------
    iteration : int
        Counted from 1.
    loss : float
        Mean cross-entropy a voxel of the batch, before the step.
    rate : float
        The learning rate of the step.
    validation_iou, validation_cross_entropy : float or None
        Means over the validation objects, after the step.
    """

    iteration: int
    loss: float
    rate: float
    validation_iou: float | None = None
    validation_cross_entropy: float | None = None


class Curves:
    """The curves of a run, growing in a folder.

    Parameters
    ----------
    folder : path-like
        Gets ``curves.csv``, ``curves.png`` and ``events/``.
    iteration : int
        Rows of an earlier part of the run are kept up to this iteration, later ones dropped.

    Attributes
    ----------
    missing : list of str
        What cannot be written since a package is missing, a sentence each.
    """

    def __init__(self, folder: StrPath, iteration: int = 0) -> None:
        self.folder = Path(folder)
        self.missing: list[str] = []
        self.path = self.folder / "curves.csv"
        self.rows = [r for r in read(self.path) if r.iteration <= iteration]
        if [row.iteration for row in self.rows] != list(range(1, iteration + 1)):
            raise UserError(f"{self.path} does not reach iteration {iteration}; it was changed")
        _write(self.path, self.rows)
        self._file = open(self.path, "a", encoding="utf-8", newline="")
        self._events = self._open_events(iteration)
        self._can_draw = self._have("matplotlib", "curves.png")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._events:
            self._events.close()

    def add(self, row: Row, examples: Iterable[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = ()) -> None:
        """Append a `Row`, and to the events pictures of validation objects.

        Parameters
        ----------
        row : Row
        examples : iterable of tuple
            Names, and what `figures.strip` takes of each.
        """
        self.rows.append(row)
        with named(self.path):
            csv.writer(self._file, lineterminator="\n").writerow(_cells(row))
        if not self._events:
            return
        self._events.number("train/loss", row.loss, row.iteration)
        self._events.number("train/rate", row.rate, row.iteration)
        if row.validation_iou is not None:
            loss = row.validation_cross_entropy
            self._events.number("validation/iou", row.validation_iou, row.iteration)
            self._events.number("validation/cross_entropy", loss, row.iteration)
        for name, *example in examples:
            self._events.picture(f"validation/{name}", figures.strip(*example), row.iteration)

    def flush(self) -> None:
        """Bring every row to the disk; a checkpoint written afterwards never runs ahead of it."""
        with named(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
        if self._events:
            self._events.flush()

    def draw(self) -> None:
        """Draw ``curves.png`` anew, where matplotlib is installed."""
        if self._can_draw and self.rows:
            with atomic_path(self.folder / "curves.png") as temporary:
                draw(self.rows, temporary)

    def _open_events(self, iteration):
        if not self._have("tensorboardX", "events"):
            return None
        return Events(self.folder / "events", iteration)

    def _have(self, module, what):
        try:
            need(module, "report")
        except UserError as error:
            self.missing.append(f"{what} will not be written: {error}")
            return False
        return True


def read(path: StrPath) -> list[Row]:
    """Read the rows of a ``curves.csv``; none when there is no file; a torn last line is left out.

    Returns
    -------
    list of Row

    Raises
    ------
    UserError
        When the file is not a ``curves.csv``.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        lines = decode(regular(path).read_bytes()).splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        if whole and whole[0].rstrip("\n") != ",".join(FIELDS):
            raise UserError(f"{path} is not a file of training curves; move it away")
        return [_row(cells) for cells in csv.reader(whole[1:])]
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except (ValueError, TypeError, csv.Error) as error:
        raise UserError(f"{path} is damaged: {error}; move it away") from error


def draw(rows: Sequence[Row], path: StrPath) -> None:
    """Draw loss, validation scores and rate over the iterations into a PNG file."""
    steps = [row.iteration for row in rows]
    losses = np.array([row.loss for row in rows])
    validated = [row for row in rows if row.validation_iou is not None]
    points = [row.iteration for row in validated]
    crosses = [row.validation_cross_entropy for row in validated]
    with style.figure(800, 800) as figure:
        loss, iou, rate = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 1])
        loss.plot(steps, losses, color=style.FAINT, alpha=0.4, linewidth=0.8, label="a batch")
        loss.plot(steps, smooth(losses), color="C0", label="running mean")
        loss.plot(points, crosses, "C1o-", label="validation")
        loss.set(ylabel="cross-entropy (mean over voxels)", ylim=(0, None))
        loss.legend()
        iou.plot(points, [row.validation_iou for row in validated], "C1o-")
        iou.set(ylabel="validation IoU", ylim=(0, 1))
        rate.plot(steps, [row.rate for row in rows], "C2")
        rate.set(ylabel="rate", xlabel="iteration", yscale="log")
        figure.savefig(path, format="png")


def series(rows: Sequence[Row]) -> dict[str, list[tuple[int, float]]]:
    """Turn the rows of a training run into curves for the report.

    Parameters
    ----------
    rows : sequence of Row

    Returns
    -------
    dict
        Name -> list of (iteration, value).
    """
    means = smooth([row.loss for row in rows]).tolist()
    crosses = [(r.iteration, r.validation_cross_entropy) for r in rows]
    ious = [(r.iteration, r.validation_iou) for r in rows]
    return {
        f"training loss (mean of {SMOOTHED} iterations)": [(r.iteration, v) for r, v in zip(rows, means)],
        "validation cross-entropy": [(k, value) for k, value in crosses if value is not None],
        "validation IoU": [(k, value) for k, value in ious if value is not None],
    }


def series_beside(weights: StrPath) -> dict[str, list[tuple[int, float]]] | None:
    """Return the `series` of the run that wrote the weights; None where no curves are beside them."""
    path = Path(weights).parent / "curves.csv"
    return series(read(path)) if path.exists() else None


def smooth(values: Sequence[float] | np.ndarray, width: int = SMOOTHED) -> np.ndarray:
    """Return the mean of up to ``width`` values ending at each one."""
    totals = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - width)
    return (totals[ends] - totals[starts]) / (ends - starts)


def _write(path, rows):
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(map(_cells, rows))


def _cells(row):
    # repr keeps every digit, so that reading and writing a row again changes nothing.
    values = (getattr(row, name) for name in FIELDS)
    return ["" if value is None else repr(value) for value in values]


def _row(cells):
    iteration, *values = cells
    return Row(int(iteration), *[float(text) if text else None for text in values])
