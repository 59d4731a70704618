"""The folder of an evaluation: rows, results, figures and the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..base.errors import UserError, need, why
from ..base.files import check_writable, read_json, write_bytes, write_json, write_text
from ..base.hints import StrPath
from . import tables
from .evaluate import FORMAT, Evaluation
from .report import charts, figures
from .report.sections import write_report
from .rows import write_rows, write_sweep

ROWS, BASELINE_ROWS, SWEEP_ROWS = "rows.csv", "baseline_rows.csv", "sweep_rows.csv"
RESULTS, REPORT = "results.json", "report.html"
FIGURES = "figures"
FILES = ROWS, BASELINE_ROWS, SWEEP_ROWS, RESULTS, REPORT


def reserve(folder: StrPath, overwrite: bool = False) -> None:
    """Make sure that a folder can take the results, before any work is done.

    Raises
    ------
    UserError
        When it holds results already and ``overwrite`` is false, when it is no folder, when
        nothing can be written there, or when matplotlib is missing.
    """
    need("matplotlib", "report")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give --out another name")
    if not overwrite and any((folder / name).exists() for name in (RESULTS, ROWS, REPORT)):
        raise UserError(f"{folder} holds results already; give --overwrite to replace them, or another --out")
    check_writable(folder / RESULTS)


def write(
    folder: StrPath,
    evaluation: Evaluation,
    results: dict[str, Any],
    cases: Sequence[figures.Case],
    curves: dict[str, list[tuple[int, float]]] | None = None,
    beside: Sequence[dict[str, Any]] = (),
) -> None:
    """Write everything about an evaluation into a folder; ``results.json`` comes last.

    Parameters
    ----------
    folder : path
    evaluation : evaluate.Evaluation
    results : dict
        Its summary with ``data``, ``network``, ``weights`` and ``made_by``.
    cases : sequence of figures.Case
    curves : dict, optional
        As for `write_report`.
    beside : sequence of dict
        Results of other runs.
    """
    folder = Path(folder)
    write_rows(folder / ROWS, evaluation.rows)
    write_rows(
        folder / BASELINE_ROWS,
        sum(evaluation.baselines.values(), []),
        method=[name for name, rows in evaluation.baselines.items() for _ in rows],
    )
    write_sweep(folder / SWEEP_ROWS, evaluation.sweep, evaluation.thresholds)
    drawings = {
        "iou_by_views.svg": charts.views_chart([results, *beside]),
        "iou_by_category.svg": charts.categories_chart(results),
        "iou_by_threshold.svg": charts.sweep_chart(results),
    }
    for name, drawing in drawings.items():
        write_text(folder / FIGURES / name, drawing)
    medians = [case for case in cases if case.rank == "median"]
    for name, shown in (("reconstructions.png", cases), ("medians.png", medians)):
        # An earlier run's picture must not stay beside these results.
        (folder / FIGURES / name).unlink(missing_ok=True)
        if shown:
            sheet = figures.result_sheet(shown, results["threshold"])
            write_bytes(folder / FIGURES / name, figures.png(sheet))
    write_report(folder / REPORT, results, cases, curves, beside)
    write_json(folder / RESULTS, results)


def describe(results: dict[str, Any], runs: Sequence[dict[str, Any]]) -> str:
    """Return the tables of some results, and of these beside other ``runs``, as text."""
    network, data, split = results["network"], results["data"], tables.split_text(results)
    head = (
        f"{network['name']} ({network['parameters']:,} parameters), {results['objects']} test "
        f"objects of {data['name']}, threshold {results['threshold']:g}"
    )
    beside, notes = tables.r2n2_table(results), tables.notes_text(results)
    stored = tables.stored_threshold_text(results)
    return "\n\n".join(
        [
            "",
            head,
            *([f"Split: {split}"] if split else []),
            "By number of views (means over objects):",
            tables.views_table(results),
            "IoU by category:",
            tables.category_table(results),
            "IoU by threshold:",
            tables.sweep_table(results),
            *([stored] if stored else []),
            "Beside the paper:",
            tables.paper_table(runs),
            *(["Beside 3D-R2N2 (mean IoU by category):", beside] if beside else []),
            *([notes] if notes else []),
        ]
    )


def read_results(path: StrPath) -> dict[str, Any]:
    """Read a ``results.json``.

    Raises
    ------
    UserError
        When it cannot be read or is something else.
    """
    try:
        results = read_json(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except ValueError as error:
        raise UserError(f"cannot read the results in {path}; it must be a results.json") from error
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        raise UserError(f"{path} is not a results.json of this project")
    return results
