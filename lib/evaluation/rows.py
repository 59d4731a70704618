"""Result rows: one for each object and number of views, from which everything else is derived."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TypeVar

import numpy as np

from ..base.files import write_text
from ..base.hints import StrPath

METRICS = ("iou", "cross_entropy", "average_precision", "f_score")


@dataclass(frozen=True)
class Row:
    """Scores of one object seen in its first ``views`` renderings.

    A row of a baseline has ``views = 0``: it looks at none.
    """

    category: str
    model: str
    views: int
    iou: float
    cross_entropy: float
    average_precision: float
    f_score: float


@dataclass(frozen=True)
class SweepRow:
    """IoU of one object and number of views at each threshold of a sweep."""

    category: str
    model: str
    views: int
    iou: tuple[float, ...]


AnyRow = TypeVar("AnyRow", Row, SweepRow)


def write_rows(path: StrPath, rows: Sequence[Row], method: Iterable[str] | None = None) -> None:
    """Write rows as CSV: category, model, views and one column a metric.

    Floats are written so that reading gives the same float64 again. ``method``, a name for each
    row, makes one more column at the end.
    """
    header = [field.name for field in fields(Row)] + (["method"] if method is not None else [])
    ends = [()] * len(rows) if method is None else [(name,) for name in method]
    write_text(path, _csv(header, [astuple(row) + end for row, end in zip(rows, ends)]))


def write_sweep(path: StrPath, rows: Sequence[SweepRow], thresholds: Iterable[float]) -> None:
    """Write sweep rows as CSV, a column ``iou@T`` for each threshold T."""
    header = ["category", "model", "views"] + [f"iou@{threshold:g}" for threshold in thresholds]
    write_text(path, _csv(header, [(r.category, r.model, r.views, *r.iou) for r in rows]))


def select(rows: Iterable[AnyRow], **wanted: object) -> list[AnyRow]:
    """Return the rows whose fields have these values, such as ``select(rows, views=3)``."""
    return [row for row in rows if all(getattr(row, k) == v for k, v in wanted.items())]


def mean(rows: Sequence[Row], metric: str = "iou") -> float:
    """Return the mean of a metric over rows; every row weighs the same."""
    if not rows:
        raise ValueError("there is no row to take the mean of")
    return float(np.mean([getattr(row, metric) for row in rows], dtype=np.float64))


def categories(rows: Iterable[Row]) -> list[str]:
    """Return the category names in alphabetical order."""
    return sorted({row.category for row in rows})


def view_counts(rows: Iterable[Row | SweepRow]) -> list[int]:
    """Return the numbers of views in rising order."""
    return sorted({row.views for row in rows})


def _csv(header, lines):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in line] for line in lines)
    return text.getvalue()


def _plain(cell):
    # repr of a Python float is the shortest text that reads back as the same number.
    return repr(float(cell)) if isinstance(cell, (float, np.floating)) else cell
