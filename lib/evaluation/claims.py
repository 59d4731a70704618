"""The paper's claims, measured with several seeds: means, spreads, and what they say."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..base.hints import StrPath
from . import style
from .hidden_part import GROUPS, MEASURES
from .subject import GLOBAL
from .tables import grid, overall

KERNELS = ("1x1x1", "3x3x3")


def spread(values: Iterable[float]) -> dict[str, Any]:
    """Return the mean, the sample standard deviation and the values themselves."""
    values = [float(value) for value in values]
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "deviation": deviation, "values": values}


def summarise(
    results: dict[str, list[dict[str, Any]]], cells: dict[str, list[dict[str, Any]]], hull: dict[str, Any]
) -> dict[str, Any]:
    """Put the measurements of several seeds together.

    Parameters
    ----------
    results : dict
        Kernel -> list of ``results.json`` contents, one a seed, in the same order of seeds.
    cells : dict
        Kernel -> list of what ``tools/measure_cells.py`` wrote, likewise.
    hull : dict
        What ``tools/measure_hull.py`` wrote.

    Returns
    -------
    dict
        ``kernels`` (scores over all numbers of views, by number of views, and the cells' changes),
        ``difference`` (3x3x3 less 1x1x1, seed by seed), ``mean_shape`` (None where the
        results have no baselines) and ``hull``, the classical method by number of views.
    """
    first = results[KERNELS[0]][0]
    return {
        "data": first["data"],
        "test_objects": first["objects"],
        "kernels": {name: _kernel(results[name], cells[name]) for name in results},
        "difference": {
            metric: spread(
                overall(wide, metric) - overall(narrow, metric)
                for narrow, wide in zip(*(results[name] for name in KERNELS))
            )
            for metric in ("iou", "cross_entropy")
        },
        "mean_shape": _mean_shape(first["baseline"]),
        "hull": hull["by_views"],
    }


def describe(claims: dict[str, Any]) -> str:
    """Return the claims beside the measurements as text."""
    sections = [_kernel_text(claims), _views_text(claims), _hull_text(claims), _cells_text(claims)]
    return "\n\n".join(sections)


def draw(claims: dict[str, Any], path: StrPath) -> None:
    """Draw IoU by number of views, and the cells' changes, with their spread, into a PNG file."""
    with style.figure(1100, 420) as figure:
        left, right = figure.subplots(1, 2)
        _draw_scores(claims, left)
        _draw_cells(claims, right)
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
        figure.savefig(path, format="png")


def _draw_scores(claims, axes):
    for colour, (name, kernel) in zip(("C0", "C1"), claims["kernels"].items()):
        counts = [entry["views"] for entry in kernel["by_views"]]
        for values in zip(*(entry["iou"]["values"] for entry in kernel["by_views"])):
            axes.plot(counts, values, color=colour, alpha=0.3, linewidth=0.8)
        means = [entry["iou"]["mean"] for entry in kernel["by_views"]]
        axes.plot(counts, means, colour + "o-", label=f"kernel {name}")
    hull = claims["hull"]
    axes.plot(
        [entry["views"] for entry in hull], [entry["iou"] for entry in hull], "C2s--", label="visual hull"
    )
    if claims["mean_shape"]:
        axes.axhline(claims["mean_shape"]["iou"], color=style.FAINT, linestyle=":", label="mean shape")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel="number of views", ylabel="IoU", title="IoU of the test objects, each seed thin")


def _draw_cells(claims, axes):
    places = [(view, group) for view in ("2", "3") for group in GROUPS]
    for offset, (name, kernel) in zip((-0.2, 0.2), claims["kernels"].items()):
        entries = [kernel["cells"].get(view, {}).get(group) for view, group in places]
        shown = [(k + offset, e["state"]) for k, e in enumerate(entries) if e]
        axes.bar(
            [x for x, _ in shown],
            [e["mean"] for _, e in shown],
            0.38,
            yerr=[e["deviation"] for _, e in shown],
            ecolor=style.INK,
            label=f"kernel {name}",
        )
    names = {"2": "near", "3": "opposite"}
    axes.set_xticks(range(len(places)), [f"{group}\n{names[view]}" for view, group in places])
    axes.grid(False, axis="x")
    axes.set(
        ylabel="change of h (RMS)",
        xlabel="cells, and the view that changes them",
        title="Cells by what the view first shows of their part",
    )


def _mean_shape(baselines):
    if GLOBAL not in baselines:
        return None
    return {metric: baselines[GLOBAL][metric] for metric in ("iou", "cross_entropy")}


def _kernel(results, cells):
    counts = results[0]["views"]
    by_views = [
        {
            "views": count,
            **{
                metric: spread(found["by_views"][k][metric] for found in results)
                for metric in ("iou", "cross_entropy")
            },
        }
        for k, count in enumerate(counts)
    ]
    return {
        "parameters": results[0]["network"]["parameters"],
        "iou": spread(overall(found, "iou") for found in results),
        "cross_entropy": spread(overall(found, "cross_entropy") for found in results),
        "by_views": by_views,
        "cells": _cells([found["views"] for found in cells]),
    }


def _cells(tables):
    return {
        view: {
            group: {m: spread(table[view][group][m] for table in tables) for m in MEASURES}
            for group in groups
        }
        for view, groups in tables[0].items()
    }


def _kernel_text(claims):
    lines = [
        [f"kernel {name}", _value(kernel["iou"]), _value(kernel["cross_entropy"])]
        for name, kernel in claims["kernels"].items()
    ]
    difference = claims["difference"]
    lines.append(["difference", _value(difference["iou"]), _value(difference["cross_entropy"])])
    shape = claims["mean_shape"]
    if shape:
        lines.append(["mean shape", f"{shape['iou']:.4f}", f"{shape['cross_entropy']:.4f}"])
    better = sum(value > 0 for value in difference["iou"]["values"])
    total = len(difference["iou"]["values"])
    return (
        "Claim: the 3x3x3 kernel is better than 1x1x1.\n"
        + grid(["network", "IoU", "cross-entropy"], lines)
        + f"\n3x3x3 had the higher IoU with {better} of {total} seeds."
    )


def _views_text(claims):
    lines = []
    for k, entry in enumerate(claims["kernels"][KERNELS[0]]["by_views"]):
        row = [claims["kernels"][name]["by_views"][k]["iou"] for name in KERNELS]
        lines.append([str(entry["views"]), *map(_value, row)])
    return "Claim: quality grows with the number of views, but slowly.\n" + grid(
        ["views", *(f"IoU, {name}" for name in KERNELS)], lines
    )


def _hull_text(claims):
    lines = []
    networks = {
        name: {entry["views"]: entry["iou"] for entry in kernel["by_views"]}
        for name, kernel in claims["kernels"].items()
    }
    for entry in claims["hull"]:
        found = [networks[name].get(entry["views"]) for name in KERNELS]
        lines.append(
            [str(entry["views"]), f"{entry['iou']:.4f}", *(_value(value) if value else "" for value in found)]
        )
    return (
        "Claim: a few views are enough where classical methods need at least ten.\n"
        + grid(["views", "IoU, visual hull", *(f"IoU, {name}" for name in KERNELS)], lines)
        + "\nThe hull is told the cameras and the size of the grid, which the networks are not."
    )


def _cells_text(claims):
    lines = []
    for name, kernel in claims["kernels"].items():
        for view, groups in kernel["cells"].items():
            for group, values in groups.items():
                shown = [_value(values[m]) for m in MEASURES]
                lines.append([name, {"2": "near", "3": "opposite"}[view], group, *shown])
    header = ["kernel", "view", "cells", "change of h", "input gate", "forget gate", "change of occupancy"]
    return (
        "Claim: a view that shows a hidden part changes the cells of that part and leaves the"
        " others.\n" + grid(header, lines)
    )


def _value(entry):
    return f"{entry['mean']:.4f} +- {entry['deviation']:.4f}"
