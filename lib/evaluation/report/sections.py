"""The sections of the report, from the table beside the paper's to how everything was made."""

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from ...base.files import write_text
from ...base.hints import StrPath
from .. import metrics, tables
from . import charts, figures
from .charts import count
from .gates import gates_section
from .page import assemble, chart, data_uri, details, note, swatch, table
from .viewer import viewer_data, viewer_section

PICTURE = 168
MEASURED = ("views", "categories", "thresholds", "pictures")


def write_report(
    path: StrPath,
    results: dict[str, Any],
    cases: Sequence[figures.Case],
    curves: dict[str, list[tuple[int, float]]] | None = None,
    beside: Sequence[dict[str, Any]] = (),
) -> None:
    """Write the page.

    Parameters
    ----------
    path : path
        Of the ``.html`` file.
    results : dict
        What `evaluate.summary` returned with ``data``, ``network`` and ``made_by`` added.
    cases : sequence of figures.Case
        Objects to show.
    curves : dict, optional
        Training curves: name -> list of (iteration, value); drawn where not empty.
    beside : sequence of dict
        Results of other runs, for the paper's table and the curve by number of views.
    """
    runs = [results, *beside]
    sections = [
        ("paper", "Beside the paper", _paper(runs)),
        ("views", "By number of views", _views(runs)),
        ("categories", "By category", _categories(results)),
        ("thresholds", "Threshold sweep", _sweep(results)),
        ("pictures", "Reconstructions", _pictures(cases, results)),
        ("viewer", "3-D viewer", viewer_section(results) if cases else ""),
        ("gates", "Gate activity", gates_section(cases)),
        ("training", "Training", _training(curves)),
        ("made", "How this was made", _made(results)),
    ]
    shown = [
        (name, title, (_trained(results) if name in MEASURED else "") + content)
        for name, title, content in sections
        if content
    ]
    body = _header(results) + _navigation(shown) + "<main>" + _cards(results)
    body += "".join(
        f'<section id="{name}"><h2>{title}</h2>{content}</section>' for name, title, content in shown
    )
    body += "</main><footer><p>One self-contained file; it loads nothing.</p></footer>"
    write_text(path, assemble(f"{results['network']['name']}: evaluation", body, viewer_data(results, cases)))


def _header(results):
    network, data = results["network"], results["data"]
    kind = "test object" if tables.trained_note(results) else "held-out object"
    said = tables.notes(results)
    if not data["papers_data"]:
        said = [
            f"Measured on {data['name']}, not on the paper’s data. Nothing here is a figure of "
            "the paper’s experiment.",
            *said,
        ]
    return (
        f"<header><h1>Shape from views: {escape(network['name'])}</h1>"
        f'<p class="faint">Recurrent kernel {network["kernel"]}, '
        f"{network['parameters']:,} parameters. "
        f"{_plural(results['objects'], kind, kind + 's')} of "
        f"{_plural(len(results['by_category']), 'category', 'categories')} of "
        f"{escape(data['name'])}; "
        f"voxels count as occupied above {results['threshold']:g}.</p>"
        + "".join(map(note, said))
        + "</header>"
    )


def _trained(results):
    said = tables.trained_note(results)
    return said and note(said)


def _navigation(sections):
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in sections)
    return f"<nav><div>{links}</div></nav>"


def _cards(results):
    first, last = results["by_views"][0], results["by_views"][-1]
    cards = [(f"{first['iou']:.3f}", f"mean IoU from {count(first['views'])}")]
    if last is not first:
        cards.append((f"{last['iou']:.3f}", f"mean IoU from {count(last['views'])}"))
    cards.append((f"{last['cross_entropy']:.4f}", f"cross-entropy a voxel from {count(last['views'])}"))
    for name, base in results["baseline"].items():
        cards.append((f"{base['iou']:.3f}", f"IoU of the {name}"))
    inside = "".join(
        f'<div class="card"><b>{value}</b><span>{escape(label)}</span></div>' for value, label in cards
    )
    return f'<div class="cards">{inside}</div>'


def _paper(runs):
    header = ["network", "recurrent kernel", "data", "views", "IoU", "cross-entropy"]
    lines = tables.paper_rows(runs)
    side = tables.resolution(runs[0])
    kinds = ["paper" if line[0] == "paper" else "base" if line[1] == "none" else "" for line in lines]
    return (
        f"<p>{escape(tables.comparison_note(runs))}</p>"
        + table(header, lines, kinds, numbers=(4, 5))
        + '<p class="faint">The paper does not say with how many views it tested. A run’s row '
        "is the mean over its numbers of views. Cross-entropy is the mean over voxels, "
        f"natural logarithm; the sum over a grid is that times {side**3:,}.</p>" + _r2n2(runs[0])
    )


def _r2n2(results):
    header, lines = tables.r2n2_rows(results)
    if not lines:
        return ""
    kinds = [""] * (len(lines) - 1) + ["total"]
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in tables.r2n2_notes(results))
    return (
        "<h3>Beside 3D-R2N2’s own figures, by category</h3>"
        + table(header, lines, kinds, numbers=range(1, len(header)))
        + said
    )


def _views(runs):
    results = runs[0]
    header, lines = tables.views_rows(results)
    kinds = ["", "base"]
    shown = table(
        header,
        lines,
        [kinds[k >= len(results["by_views"])] for k in range(len(lines))],
        numbers=range(1, len(header)),
    )
    return f'<div class="pair">{chart(charts.views_chart(runs))}<div>{shown}</div></div>'


def _categories(results):
    more = "".join(
        f"<h3>{tables.NAMES[metric]}</h3>" + _by_category(results, metric)
        for metric in ("cross_entropy", "average_precision", "f_score")
    )
    return (
        f'<div class="pair">{chart(charts.categories_chart(results))}'
        f"<div>{_by_category(results, 'iou')}</div></div>"
        + details("Cross-entropy, average precision and F-score by category", more)
    )


def _by_category(results, metric):
    header, lines = tables.category_rows(results, metric)
    kinds = [""] * (len(lines) - 1) + ["total"]
    return table(header, lines, kinds, numbers=range(1, len(header)))


def _sweep(results):
    last = results["sweep"][-1]["iou"]
    best = int(np.argmax(last))
    said = (
        f"<p>Mean IoU had the predictions been cut at another threshold. The scores above use "
        f"{results['threshold']:g}; with {count(results['views'][-1])} the best of these is "
        f"{results['thresholds'][best]:g} ({last[best]:.3f}). It is chosen on the test part "
        "and replaces nothing.</p>"
    )
    header, lines = tables.sweep_rows(results)
    kinds = ["total" if t == results["threshold"] else "" for t in results["thresholds"]]
    shown = table(header, lines, kinds, numbers=range(1, len(header)))
    return said + chart(charts.sweep_chart(results)) + details("The figures", shown)


def _pictures(cases, results):
    if not cases:
        return ""
    return (
        f"<p>Of every category the best, the median and the worst object by IoU with "
        f"{count(results['views'][-1])}, in the manner of the paper’s figure 6.</p>"
        + cases_table(cases, results)
    )


def cases_table(cases: Sequence[figures.Case], results: dict[str, Any]) -> str:
    """Return a line an object: its views, the true grid, the predicted one, the difference."""
    most = max((len(case.pictures) for case in cases if case.pictures is not None), default=0)
    shown = min(most, 5)
    columns = [f"view {k + 1}" for k in range(shown)]
    head = "".join(f"<span>{name}</span>" for name in columns)
    head += '<span class="gap"></span><span>ground truth</span><span>prediction</span>'
    head += "<span>difference</span>"
    lines = "".join(_case(case, k, shown, results) for k, case in enumerate(cases))
    return (
        f"<p>In the last column {swatch(figures.TRUTH)}agreed, {swatch(figures.FALSE)}predicted but empty, "
        f"{swatch(figures.MISSED)}occupied but missed.</p>"
        f'<div class="cases"><div class="head"><span class="said"></span>{head}</div>{lines}</div>'
    )


def _case(case, number, shown, results):
    last = case.rows[-1]
    said = (
        f'<div class="said"><b>{escape(last.category)}</b>{case.rank}<br>'
        f"IoU {last.iou:.3f}<br>"
        f'<button data-show="{number}" title="{escape(last.model)}">turn in 3-D</button></div>'
    )
    views = ""
    for k, picture in enumerate([] if case.pictures is None else case.pictures):
        # Views beyond those shown here are there for the viewer's strip.
        hidden = "" if k < shown else " hidden"
        views += (
            f'<figure data-name="view {k + 1}"{hidden}><img data-view="{k}" alt="view {k + 1} of the '
            f'{escape(last.category)}" src="{data_uri(picture, "JPEG")}"></figure>'
        )
    predicted = metrics.occupied(case.occupancy[-1], results["threshold"])
    union, paint = figures.difference_paint(predicted, case.voxels)
    zoom = figures.fitting_zoom(union)
    drawings = [
        ("ground truth", figures.draw_voxels(case.voxels, PICTURE, figures.TRUTH, zoom=zoom)),
        ("prediction", figures.draw_voxels(predicted, PICTURE, zoom=zoom)),
        ("difference", figures.draw_voxels(union, PICTURE, paint=paint, zoom=zoom)),
    ]
    grids = "".join(
        f'<figure data-name="{name}"><img alt="{name}" src="{data_uri(drawing)}"></figure>'
        for name, drawing in drawings
    )
    return f'<div class="case" data-case="{number}">{said}{views}<span class="gap"></span>{grids}</div>'


def _training(curves):
    shown = {name: points for name, points in (curves or {}).items() if points}
    drawn = "".join(chart(charts.training_chart(name, points)) for name, points in shown.items())
    return drawn and f'<div class="pair">{drawn}</div>'


def _made(results):
    items = {
        "weights": results["weights"]["file"],
        "SHA-256 of the weights": results["weights"]["sha256"],
        "iterations trained": results["weights"]["iteration"],
        # Not in results of earlier versions, nor of predictions without a network.
        **({"trained in": results["weights"]["precision"]} if "precision" in results["weights"] else {}),
        "data": results["data"]["name"],
        "split": tables.split_text(results),
        "threshold": results["threshold"],
        "metrics": "IoU, cross-entropy, average precision and F-score of each object, then the "
        "mean over objects; every object weighs the same",
        **results["made_by"],
    }
    for name, base in results["baseline"].items():
        items[name] = (
            f"cut at {base['threshold']:.3f}, the best threshold on the "
            f"training part (IoU {base['training_iou']:.3f} there)"
            if "threshold" in base
            else base["about"]
        )
    pairs = "".join(
        f"<dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd>"
        for key, value in items.items()
        if value != ""
    )
    return f"<dl>{pairs}</dl>"


def _plural(number, one, many):
    return f"{number} {one if number == 1 else many}"
