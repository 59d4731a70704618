"""The report: one HTML file that shows an evaluation and needs nothing else, not even a network."""
import base64
import json
from html import escape
from importlib import resources

import numpy as np

from ..base.files import write_text
from . import charts, figures, metrics, tables

PICTURE = 168
MEASURED = ("views", "categories", "thresholds", "pictures")
GATES = {
    "input": "input gate i, mean over channels",
    "forget": "forget gate f, mean over channels",
    "change": "change of the hidden state, root mean square over channels",
}


def write_report(path, results, cases, curves=None, beside=()):
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
        ("viewer", "3-D viewer", _viewer(results) if cases else ""),
        ("gates", "Gate activity", _gates(cases)),
        ("training", "Training", _training(curves)),
        ("made", "How this was made", _made(results)),
    ]
    shown = [(name, title, (_trained(results) if name in MEASURED else "") + content)
             for name, title, content in sections if content]
    body = _header(results) + _navigation(shown) + "<main>" + _cards(results)
    body += "".join(
        f'<section id="{name}"><h2>{title}</h2>{content}</section>'
        for name, title, content in shown
    )
    body += "</main><footer><p>One self-contained file; it loads nothing.</p></footer>"
    write_text(path, _page(f"{results['network']['name']}: evaluation", body,
                           viewer_data(results, cases)))


def viewer_data(results, cases):
    """Return what the page's script needs, as plain values.

    A predicted grid is kept as the level of each voxel: how many of ``thresholds`` lie below its
    probability, so that the slider can cut it at each of them exactly.
    """
    thresholds = results["thresholds"]
    return {
        "size": int(cases[0].voxels.shape[0]) if cases else 0,
        "threshold": results["threshold"],
        "thresholds": thresholds,
        "views": results["views"],
        "cases": [
            {
                "category": case.rows[-1].category,
                "model": case.rows[-1].model,
                "rank": case.rank,
                "iou": case.rows[-1].iou,
                "truth": pack(case.voxels),
                "predictions": [pack(levels(grid, thresholds)) for grid in case.occupancy],
            }
            for case in cases
        ],
    }


def levels(occupancy, thresholds):
    """Return how many of the thresholds lie below each probability, uint8."""
    return sum(metrics.occupied(occupancy, t).astype(np.uint8) for t in thresholds)


def pack(grid):
    """Return a grid of small numbers as base64 of (value, run length) pairs of bytes.

    The grid is run through with z fastest, then y, then x; runs end at 255.
    """
    flat = np.asarray(grid, dtype=np.uint8).ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    pairs = []
    for value, run in zip(flat[starts].tolist(), np.diff(np.append(starts, flat.size)).tolist()):
        pairs += [value, 255] * (run // 255) + ([value, run % 255] if run % 255 else [])
    return base64.b64encode(bytes(pairs)).decode("ascii")


def _page(title, body, data):
    parts = {
        "title": escape(title),
        "style": _asset("report.css"),
        "body": body,
        # "</" would end the element that holds the data.
        "data": json.dumps(data, allow_nan=False).replace("</", "<\\/"),
        "script": _asset("report.js"),
    }
    page = _asset("report.html")
    before, *rest = page.split("{{")
    for piece in rest:
        name, after = piece.split("}}", 1)
        before += parts[name] + after
    return before


def _asset(name):
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _header(results):
    network, data = results["network"], results["data"]
    kind = "test object" if tables.trained_note(results) else "held-out object"
    said = tables.notes(results)
    if not data["papers_data"]:
        said = [f"Measured on {data['name']}, not on the paper’s data. Nothing here is a figure of "
                "the paper’s experiment.", *said]
    notes = "".join(f'<p class="note">{escape(sentence)}</p>' for sentence in said)
    return (f"<header><h1>Shape from views: {escape(network['name'])}</h1>"
            f'<p class="faint">Recurrent kernel {network["kernel"]}, '
            f"{network['parameters']:,} parameters. "
            f"{_plural(results['objects'], kind, kind + 's')} of "
            f"{_plural(len(results['by_category']), 'category', 'categories')} of "
            f"{escape(data['name'])}; "
            f"voxels count as occupied above {results['threshold']:g}.</p>{notes}</header>")


def _trained(results):
    note = tables.trained_note(results)
    return note and f'<p class="note">{note}</p>'


def _navigation(sections):
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in sections)
    return f"<nav><div>{links}</div></nav>"


def _cards(results):
    first, last = results["by_views"][0], results["by_views"][-1]
    cards = [(f"{first['iou']:.3f}", f"mean IoU from {_count(first['views'])}")]
    if last is not first:
        cards.append((f"{last['iou']:.3f}", f"mean IoU from {_count(last['views'])}"))
    cards.append((f"{last['cross_entropy']:.4f}",
                  f"cross-entropy a voxel from {_count(last['views'])}"))
    for name, base in results["baseline"].items():
        cards.append((f"{base['iou']:.3f}", f"IoU of the {name}"))
    inside = "".join(f'<div class="card"><b>{value}</b><span>{escape(label)}</span></div>'
                     for value, label in cards)
    return f'<div class="cards">{inside}</div>'


def _paper(runs):
    header = ["network", "recurrent kernel", "data", "views", "IoU", "cross-entropy"]
    lines = tables.paper_rows(runs)
    side = tables.resolution(runs[0])
    kinds = ["paper" if line[0] == "paper" else "base" if line[1] == "none" else ""
             for line in lines]
    return (f"<p>{escape(tables.comparison_note(runs))}</p>"
            + _table(header, lines, kinds, numbers=(4, 5))
            + '<p class="faint">The paper does not say with how many views it tested. A run’s row '
              "is the mean over its numbers of views. Cross-entropy is the mean over voxels, "
              f"natural logarithm; the sum over a grid is that times {side**3:,}.</p>"
            + _r2n2(runs[0]))


def _r2n2(results):
    header, lines = tables.r2n2_rows(results)
    if not lines:
        return ""
    kinds = [""] * (len(lines) - 1) + ["total"]
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in tables.r2n2_notes(results))
    return ("<h3>Beside 3D-R2N2’s own figures, by category</h3>"
            + _table(header, lines, kinds, numbers=range(1, len(header))) + said)


def _views(runs):
    results = runs[0]
    header = ["views", "objects", *tables.NAMES.values()]
    lines = [[part["views"], part["objects"], *[part[m] for m in tables.NAMES]]
             for part in results["by_views"]]
    kinds = [""] * len(lines)
    for name, base in results["baseline"].items():
        lines.append([f"{name}, no view", base["objects"], *[base[m] for m in tables.NAMES]])
        kinds.append("base")
    chart = views_chart(runs)
    return (f'<div class="pair"><div>{chart}</div>'
            f"<div>{_table(header, lines, kinds, numbers=range(1, 6))}</div></div>")


def views_chart(runs):
    """Chart of the mean IoU by number of views for runs, with the baselines of the first."""
    series = [{"label": run["network"]["name"], "x": run["views"],
               "y": [part["iou"] for part in run["by_views"]]} for run in runs]
    ends = [min(min(run["views"]) for run in runs), max(max(run["views"]) for run in runs)]
    for number, (name, base) in enumerate(runs[0]["baseline"].items()):
        series.append({"label": name, "x": ends, "y": [base["iou"]] * 2, "dashed": True,
                       "colour": 6 - number})
    counts = sorted({count for run in runs for count in run["views"]})
    return charts.line_chart(series, "number of views", _mean_iou(*runs),
                             counts if len(counts) <= 12 else counts[::2])


def _categories(results):
    header = ["category", "objects", *[_count(count) for count in results["views"]],
              *results["baseline"]]
    lines, kinds = [], []
    for name, parts in results["by_category"].items():
        base = [b["by_category"][name]["iou"] for b in results["baseline"].values()]
        lines.append([name, parts[0]["objects"], *[part["iou"] for part in parts], *base])
        kinds.append("")
    lines.append(["all objects", results["objects"], *[p["iou"] for p in results["by_views"]],
                  *[b["iou"] for b in results["baseline"].values()]])
    return (categories_chart(results) + "<h3>Mean IoU</h3>"
            + _table(header, lines, [*kinds, "total"], numbers=range(1, len(header)))
            + "<details><summary>Cross-entropy, average precision and F-score by category"
              f"</summary>{_category_details(results)}</details>")


def _category_details(results):
    parts = []
    for metric in ("cross_entropy", "average_precision", "f_score"):
        header = ["category", *[_count(count) for count in results["views"]]]
        lines = [[name, *[part[metric] for part in by_views]]
                 for name, by_views in results["by_category"].items()]
        parts.append(f"<h3>{tables.NAMES[metric]}</h3>"
                     + _table(header, lines, [""] * len(lines), numbers=range(1, len(header))))
    return "".join(parts)


def categories_chart(results):
    """Chart of the mean IoU of each category: first and last number of views, and baselines."""
    order = sorted(results["by_category"],
                   key=lambda name: -results["by_category"][name][-1]["iou"])
    series = [{"label": _count(results["views"][-1]), "colour": 0,
               "x": [results["by_category"][name][-1]["iou"] for name in order]}]
    if len(results["views"]) > 1:
        series.append({"label": _count(results["views"][0]), "colour": 0, "hollow": True,
                       "x": [results["by_category"][name][0]["iou"] for name in order]})
    for number, (name, base) in enumerate(results["baseline"].items()):
        series.append({"label": name, "colour": 6 - number,
                       "x": [base["by_category"][category]["iou"] for category in order]})
    return charts.dot_chart(order, series, _mean_iou(results))


def _sweep(results):
    last = results["sweep"][-1]["iou"]
    best = int(np.argmax(last))
    chart = sweep_chart(results)
    said = (f"<p>Mean IoU had the predictions been cut at another threshold. The scores above use "
            f"{results['threshold']:g}; with {_count(results['views'][-1])} the best of these is "
            f"{results['thresholds'][best]:g} ({last[best]:.3f}). It is chosen on the test part "
            "and replaces nothing.</p>")
    header = ["threshold", *[_count(part["views"]) for part in results["sweep"]]]
    lines = [[f"{t:g}", *[part["iou"][k] for part in results["sweep"]]]
             for k, t in enumerate(results["thresholds"])]
    kinds = ["total" if t == results["threshold"] else "" for t in results["thresholds"]]
    table = _table(header, lines, kinds, numbers=range(1, len(header)))
    return f"{said}{chart}<details><summary>The figures</summary>{table}</details>"


def sweep_chart(results):
    """Chart of the mean IoU by threshold, a line for some of the numbers of views."""
    parts = results["sweep"]
    chosen = sorted({0, len(parts) // 2, len(parts) - 1})
    series = [{"label": _count(parts[k]["views"]), "x": results["thresholds"],
               "y": parts[k]["iou"]} for k in chosen]
    return charts.line_chart(series, "threshold", _mean_iou(results),
                             [0.1 * k for k in range(1, 10)])


def _pictures(cases, results):
    if not cases:
        return ""
    most = max((len(case.pictures) for case in cases if case.pictures is not None), default=0)
    shown = min(most, 5)
    columns = [f"view {k + 1}" for k in range(shown)]
    head = "".join(f"<span>{name}</span>" for name in columns)
    head += '<span class="gap"></span><span>ground truth</span><span>prediction</span>'
    head += "<span>difference</span>"
    lines = "".join(_case(case, k, shown, results) for k, case in enumerate(cases))
    return (
        f"<p>Of every category the best, the median and the worst object by IoU with "
        f"{_count(results['views'][-1])}, in the manner of the paper’s figure 6. In the last "
        f"column {_swatch(figures.TRUTH)}agreed, {_swatch(figures.FALSE)}predicted but empty, "
        f"{_swatch(figures.MISSED)}occupied but missed.</p>"
        f'<div class="cases"><div class="head"><span class="said"></span>{head}</div>{lines}</div>'
    )


def _case(case, number, shown, results):
    last = case.rows[-1]
    said = (f'<div class="said"><b>{escape(last.category)}</b>{case.rank}<br>'
            f"IoU {last.iou:.3f}<br>"
            f'<button data-show="{number}" title="{escape(last.model)}">turn in 3-D</button></div>')
    views = ""
    for k, picture in enumerate([] if case.pictures is None else case.pictures):
        # Views beyond those shown here are there for the viewer's strip.
        hidden = "" if k < shown else " hidden"
        views += (f'<figure{hidden}><img data-view="{k}" alt="view {k + 1} of the '
                  f'{escape(last.category)}" src="{figures.data_uri(picture, "JPEG")}"></figure>')
    predicted = metrics.occupied(case.occupancy[-1], results["threshold"])
    union, paint = figures.difference_paint(predicted, case.voxels)
    zoom = figures.fitting_zoom(union)
    drawings = [
        ("ground truth", figures.draw_voxels(case.voxels, PICTURE, figures.TRUTH, zoom=zoom)),
        ("prediction", figures.draw_voxels(predicted, PICTURE, zoom=zoom)),
        ("difference", figures.draw_voxels(union, PICTURE, paint=paint, zoom=zoom)),
    ]
    grids = "".join(f'<figure><img alt="{name}" src="{figures.data_uri(drawing)}"></figure>'
                    for name, drawing in drawings)
    return (f'<div class="case" data-case="{number}">{said}{views}<span class="gap"></span>'
            f"{grids}</div>")


def _viewer(results):
    buttons = "".join(f'<button data-views="{k}" aria-pressed="false">{count}</button>'
                      for k, count in enumerate(results["views"]))
    panes = "".join(
        f'<figure class="pane"><canvas tabindex="0" aria-label="{name}, turn by dragging or with '
        f'the arrow keys"></canvas><figcaption>{caption}</figcaption></figure>'
        for name, caption in [
            ("ground truth", "ground truth"),
            ("prediction", "prediction"),
            ("difference", f"difference: {_swatch(figures.TRUTH)}agreed "
                           f"{_swatch(figures.FALSE)}false {_swatch(figures.MISSED)}missed"),
        ])
    return (
        '<div class="viewer"><p class="faint">Drag to turn; arrow keys turn and + and − zoom once '
        "a picture has the focus.</p>"
        '<div class="tool"><label>object <select data-role="object"></select></label>'
        f'<span class="group"><label>views</label>{buttons}</span>'
        '<label>threshold <input type="range" min="0" step="1" data-role="threshold">'
        '<span data-role="level"></span></label>'
        '<button data-role="reset">reset the view</button></div>'
        '<div class="strip" data-role="pictures"></div>'
        f'<div class="panes">{panes}</div>'
        '<p class="read">IoU <b data-role="iou"></b> <span class="faint">(<span data-role="counts">'
        "</span> voxels)</span></p></div>"
    )


def _gates(cases):
    chosen = [case for case in cases if case.gates]
    if not chosen:
        return ""
    cells = "×".join(3 * [str(chosen[0].gates["hidden"].shape[-1])])
    said = (f"<p>What the {cells} recurrent cells do as views arrive, after the paper’s figure 4: "
            "each square is a cell, the layers of a map are those of the object from top to "
            "bottom, seen from the side from which the voxels above are drawn. A view that shows "
            "something new should open the input gate and change the state where it is, and leave "
            "the other cells alone.</p>")
    return said + "".join(_gate_figure(case) for case in chosen)


def gate_maps(gates):
    """Reduce what the cells did to one value a cell and view.

    Parameters
    ----------
    gates : dict
        ``input``, ``forget`` and ``hidden``, each (V, channels, g, g, g).

    Returns
    -------
    dict
        ``input`` and ``forget``: mean over the channels; ``change``: root mean square over the
        channels of h_t - h_{t-1}, with h_0 = 0; each (V, g, g, g).
    """
    hidden = np.asarray(gates["hidden"], dtype=np.float64)
    step = np.diff(hidden, axis=0, prepend=np.zeros_like(hidden[:1]))
    return {
        "input": np.mean(gates["input"], axis=1),
        "forget": np.mean(gates["forget"], axis=1),
        "change": np.sqrt(np.mean(step**2, axis=1)),
    }


def _gate_figure(case):
    last, maps = case.rows[-1], gate_maps(case.gates)
    count = len(maps["input"])
    cells = ['<span class="name"></span>']
    for k in range(count):
        picture = "" if case.pictures is None or k >= len(case.pictures) else (
            f'<img alt="view {k + 1}" src="{figures.data_uri(case.pictures[k], "JPEG")}">')
        cells.append(f'<figure>{picture}<span class="faint">view {k + 1}</span></figure>')
    for name, title in GATES.items():
        low, high = float(maps[name].min()), float(maps[name].max())
        cells.append(f'<span class="name">{title}<br><span class="faint">{low:.2f}'
                     f'<span class="ramp" style="background:{_ramp()}"></span>{high:.2f}'
                     "</span></span>")
        cells += [charts.cell_map(values, low, high) for values in maps[name]]
    return (f"<h3>{escape(last.category)} ({case.rank}, IoU {last.iou:.3f})</h3>"
            f'<div class="gates" style="grid-template-columns: 190px repeat({count}, auto)">'
            + "".join(cells) + "</div>")


def _ramp():
    return f"linear-gradient(90deg,{','.join(charts.heat(k / 6) for k in range(7))})"


def _training(curves):
    shown = {name: points for name, points in (curves or {}).items() if points}
    return "".join(f"<h3>{escape(name)}</h3>" + training_chart(name, points)
                   for name, points in shown.items())


def training_chart(name, points):
    """Chart of a training curve: (iteration, value) pairs, thinned to what can be seen."""
    step = max(1, len(points) // 500)
    kept = points[::step] + ([points[-1]] if (len(points) - 1) % step else [])
    xs, ys = zip(*kept)
    return charts.line_chart([{"label": f"{ys[-1]:.4g}", "x": xs, "y": ys}], "iteration", name,
                             marks=len(kept) <= 40)


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
        items[name] = (f"cut at {base['threshold']:.3f}, the best threshold on the "
                       f"training part (IoU {base['training_iou']:.3f} there)"
                       if "threshold" in base else base["about"])
    pairs = "".join(f"<dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd>"
                    for key, value in items.items() if value != "")
    return f"<dl>{pairs}</dl>"


def _table(header, lines, kinds, numbers=()):
    numbers = set(numbers)
    head = "".join(f"<th{_right(k in numbers)}>{escape(str(name))}</th>"
                   for k, name in enumerate(header))
    body = ""
    for line, kind in zip(lines, kinds):
        cells = "".join(f"<td{_right(k in numbers)}>{_cell(value)}</td>"
                        for k, value in enumerate(line))
        body += f'<tr class="{kind}">{cells}</tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _right(yes):
    return ' class="n"' if yes else ""


def _cell(value):
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def _mean_iou(*runs):
    # The charts are files of their own too, where no note stands near.
    return "mean IoU" + next(filter(None, map(tables.trained_mark, runs)), "")


def _count(views):
    return _plural(views, "view", "views")


def _plural(number, one, many):
    return f"{number} {one if number == 1 else many}"


def _swatch(colour):
    return f'<span class="swatch" style="background:rgb{colour}"></span>'
