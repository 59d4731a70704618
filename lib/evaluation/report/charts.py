"""The report's charts, each as the text of an SVG file."""

from collections.abc import Sequence
from typing import Any

from ...base.progress import cells
from .. import style, tables

WIDTH = 480  # not much wider than a telephone, where the words must stay legible
LETTER = 7  # pixels, about
LINE = 16  # pixels of a line of a legend
LONGEST_TICK, LONGEST = 26, 48  # letters of a name beside an axis, and in a legend
STEPS = 5  # between the numbers of an axis, so that six digits have room


def views_chart(runs: Sequence[dict[str, Any]]) -> str:
    """Chart of the mean IoU by number of views for runs, with the baselines of the first."""
    with style.figure(WIDTH, 330) as figure:
        axes = figure.subplots()
        for run in runs:
            scores = [part["iou"] for part in run["by_views"]]
            axes.plot(run["views"], scores, "o-", label=run["network"]["name"])
        for colour, (name, base) in zip(style.COLOURS[6::-1], runs[0]["baseline"].items()):
            axes.axhline(base["iou"], color=colour, linestyle="--", label=name)
        axes.locator_params(axis="x", integer=True)
        return _finished(figure, xlabel="number of views", ylabel=_mean_iou(*runs))


def categories_chart(results: dict[str, Any]) -> str:
    """Chart of the mean IoU of each category: first and last number of views, and baselines."""
    found = results["by_category"]
    order = sorted(found, key=lambda name: found[name][-1]["iou"])
    first, last = results["views"][0], results["views"][-1]
    series = [(count(last), "o", style.COLOURS[0], [found[name][-1]["iou"] for name in order])]
    if first != last:
        series.append((count(first), "o", style.PAPER, [found[name][0]["iou"] for name in order]))
    for colour, (name, base) in zip(style.COLOURS[6::-1], results["baseline"].items()):
        shown = [base["by_category"][category]["iou"] for category in order]
        series.append((name, "D", colour, shown))
    with style.figure(WIDTH, 110 + 24 * len(order)) as figure:
        axes = figure.subplots()
        each = list(zip(*(values for *_, values in series)))
        axes.hlines(range(len(order)), list(map(min, each)), list(map(max, each)), style.RULE, linewidth=4)
        for label, marker, fill, values in series:
            edge = style.COLOURS[0] if fill == style.PAPER else fill
            axes.plot(
                values, range(len(order)), marker, color=edge, label=label, markerfacecolor=fill, markersize=6
            )
        axes.set_yticks(range(len(order)), [plain(style.shortened(name, LONGEST_TICK)) for name in order])
        axes.set(ylim=(-0.6, len(order) - 0.4))
        axes.grid(False, axis="y")
        return _finished(figure, xlabel=_mean_iou(results))


def sweep_chart(results: dict[str, Any]) -> str:
    """Chart of the mean IoU by threshold, a line for some of the numbers of views."""
    parts = results["sweep"]
    with style.figure(WIDTH, 330) as figure:
        axes = figure.subplots()
        for k in sorted({0, len(parts) // 2, len(parts) - 1}):
            axes.plot(results["thresholds"], parts[k]["iou"], "o-", label=count(parts[k]["views"]))
        axes.axvline(results["threshold"], color=style.FAINT, linestyle=":", linewidth=1)
        return _finished(figure, xlabel="threshold", ylabel=_mean_iou(results))


def training_chart(name: str, points: list[tuple[int, float]]) -> str:
    """Chart of a training curve: (iteration, value) pairs, thinned to what can be seen."""
    step = max(1, len(points) // 500)
    kept = points[::step] + ([points[-1]] if (len(points) - 1) % step else [])
    with style.figure(WIDTH, 260) as figure:
        axes = figure.subplots()
        axes.plot(*zip(*kept), "o-" if len(kept) <= 40 else "-")
        axes.set_title(f"{name}: {kept[-1][1]:.4g} in the end", loc="left")
        axes.locator_params(axis="x", nbins=STEPS, integer=True)
        return _finished(figure, xlabel="iteration")


def count(views: int) -> str:
    """Return a number of views as words."""
    return f"{views} {'view' if views == 1 else 'views'}"


def plain(name: str) -> str:
    """Return a name that matplotlib takes as it is: a dollar sign would begin mathematics."""
    return name.replace("$", r"\$")


def _finished(figure, **labels):
    (axes,) = figure.axes
    axes.set(**labels)
    handles, names = axes.get_legend_handles_labels()
    if handles:
        names = [style.shortened(name, LONGEST) for name in names]
        # Beside one another as far as they fit.
        columns = max(1, (WIDTH - 60) // (LETTER * max(map(cells, names)) + 50))
        lines = -(-len(names) // columns)
        figure.set_figheight(figure.get_figheight() + max(0, lines - 4) * LINE / style.DPI)
        figure.legend(handles, map(plain, names), loc="outside upper left", ncols=min(columns, len(names)))
    return style.svg(figure)


def _mean_iou(*runs):
    # The charts are files of their own too, where no note stands near.
    return "mean IoU" + next(filter(None, map(tables.trained_mark, runs)), "")
