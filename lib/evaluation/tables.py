"""Tables as text, for a terminal and for a README (the grid is valid reStructuredText)."""

from collections.abc import Sequence
from typing import Any

from . import paper

NAMES = {"iou": "IoU", "cross_entropy": "cross-entropy", "average_precision": "AP", "f_score": "F-score"}


def grid(header: Sequence[object], lines: Sequence[Sequence[object]]) -> str:
    """Return a simple reStructuredText table: columns padded, numbers to the right."""
    cells = [[_text(cell) for cell in line] for line in [header, *lines]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    rule = "  ".join("=" * width for width in widths)
    right = [_is_number(lines[0][column]) if lines else False for column in range(len(header))]
    body = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right)
        ).rstrip()
        for line in cells
    ]
    return "\n".join([rule, body[0], rule, *body[1:], rule])


def views_rows(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows by number of views, the baselines as last rows."""
    lines = [[f"{part['views']}", *[part[m] for m in NAMES]] for part in results["by_views"]]
    for name, part in results["baseline"].items():
        lines.append([f"{name} (no view)", *[part[m] for m in NAMES]])
    return ["views", *NAMES.values()], lines


def views_table(results: dict[str, Any]) -> str:
    """Table by number of views, the baselines as last lines."""
    return _marked(grid(*views_rows(results)), results)


def category_rows(results: dict[str, Any], metric: str = "iou") -> tuple[list[str], list[list[Any]]]:
    """Return header and rows by category: objects, the metric at each number of views, baselines."""
    header = ["category", "objects", *[f"{count} v." for count in results["views"]], *results["baseline"]]
    lines = []
    for name, parts in results["by_category"].items():
        base = [b["by_category"][name][metric] for b in results["baseline"].values()]
        lines.append([name, parts[0]["objects"], *[part[metric] for part in parts], *base])
    base = [b[metric] for b in results["baseline"].values()]
    every = [part[metric] for part in results["by_views"]]
    return header, [*lines, ["all objects", results["objects"], *every, *base]]


def category_table(results: dict[str, Any]) -> str:
    """Table by category: objects, the IoU at each number of views, the baselines."""
    return _marked(grid(*category_rows(results)), results)


def sweep_rows(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of the threshold sweep: mean IoU at each number of views."""
    header = ["threshold", *[f"{part['views']} v." for part in results["sweep"]]]
    return header, [
        [f"{t:g}", *[part["iou"][k] for part in results["sweep"]]]
        for k, t in enumerate(results["thresholds"])
    ]


def sweep_table(results: dict[str, Any]) -> str:
    """Table of the threshold sweep: mean IoU at each threshold and number of views."""
    return _marked(grid(*sweep_rows(results)), results)


def stored_threshold_text(results: dict[str, Any]) -> str:
    """Say how good the network is at its own threshold; empty where it has none."""
    threshold = (results.get("weights") or {}).get("threshold")
    if threshold not in results["thresholds"]:  # saved predictions may have others
        return ""
    place = results["thresholds"].index(threshold)
    ious = ", ".join(f"{part['iou'][place]:.3f} ({part['views']} v.)" for part in results["sweep"])
    return f"IoU at {threshold:g}, which was best in training and which reconstruct.py takes: {ious}"


def notes(results: dict[str, Any]) -> list[str]:
    """Return the sentences that belong to a run's figures; what was trained on comes first."""
    trained = trained_note(results)
    return [*([trained] if trained else []), *(results.get("notes") or [])]


def notes_text(results: dict[str, Any]) -> str:
    """The notes as lines to stand under the tables; empty where there are none."""
    return "\n".join(f"Note: {sentence}" for sentence in notes(results))


def trained_note(results: dict[str, Any]) -> str:
    """Say that test objects were trained on, so that no table hides it; empty where none was."""
    trained, objects = results.get("trained_objects") or 0, results["objects"]
    if not trained:
        return ""
    return (
        f"Measured {'partly ' if trained < objects else ''}on objects that the network was "
        f"trained on ({trained} of {objects}), so these are not figures of a held-out part."
    )


def trained_mark(results: dict[str, Any]) -> str:
    """The same in three words, to stand after a name."""
    trained = results.get("trained_objects") or 0
    if not trained:
        return ""
    return ", partly trained on" if trained < results["objects"] else ", trained on"


def split_text(results: dict[str, Any]) -> str:
    """Say which split a run was tested on; empty where its results do not know."""
    split = results.get("split")
    if not split:
        return ""
    form = "" if split["form"] == split["name"] else f" ({split['form']})"
    return (
        f"{split['name']}{form}, digest {split['digest'][:12]}: "
        f"{split['train']:,} training, {split['validation']:,} validation and "
        f"{split['test']:,} test objects"
    )


def paper_rows(runs: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """Set the paper's rows beside the rows of runs with the same recurrent kernel.

    Parameters
    ----------
    runs : sequence of dict
        Results; of each, the mean over its numbers of views is taken, since the paper does
        not say with how many views it tested.

    Returns
    -------
    list of list
        source, kernel, data, views, IoU, cross-entropy; the paper's row first for each kernel.
    """
    lines = []
    for kernel, row in paper.TABLE.items():
        lines.append(["paper", kernel, "ShapeNet", "not said", row["iou"], row["cross_entropy"]])
        for run in (run for run in runs if run["network"]["kernel"] == kernel):
            lines.append(_run_line(run))
    lines += [_run_line(run) for run in runs if run["network"]["kernel"] not in paper.TABLE]
    shown = []
    for run in runs:
        for name, base in run["baseline"].items():
            # What the network was trained on changes nothing about a baseline.
            line = [name, "none", run["data"]["name"], "0", base["iou"], base["cross_entropy"]]
            if line not in shown:
                shown.append(line)
    return lines + shown


def paper_table(runs: Sequence[dict[str, Any]]) -> str:
    """The paper's two rows beside those of runs, and a sentence on what may be compared."""
    header = ["network", "kernel", "data", "views", "IoU", "cross-entropy"]
    return grid(header, paper_rows(runs)) + "\n" + comparison_note(runs)


def r2n2_rows(results: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Set a run's IoU by category beside 3D-R2N2's at the numbers of views that both have.

    Returns
    -------
    header : list of str
    lines : list of list
        Category, test objects, our IoUs, 3D-R2N2's; last the means, weighted by our test objects.
        Empty where the two may not be compared or have nothing in common.
    """
    places = [k for k, count in enumerate(results["views"]) if count in paper.R2N2_VIEWS]
    names = [name for name in results["by_category"] if name in paper.R2N2]
    if not (paper.beside_r2n2(results) and places and names):
        return [], []
    counts = [results["views"][k] for k in places]
    lines = []
    for name in names:
        parts = results["by_category"][name]
        lines.append(
            [
                name,
                parts[0]["objects"],
                *[parts[k]["iou"] for k in places],
                *[paper.R2N2[name][count] for count in counts],
            ]
        )
    objects, *scores = zip(*[line[1:] for line in lines])
    means = [sum(n * score for n, score in zip(objects, column)) / sum(objects) for column in scores]
    header = [
        "category",
        "objects",
        *[f"ours, {count} v." for count in counts],
        *[f"3D-R2N2, {count} v." for count in counts],
    ]
    return header, [*lines, ["mean over our objects", sum(objects), *means]]


def r2n2_table(results: dict[str, Any]) -> str:
    """The table of `r2n2_rows` with its notes; empty where there is nothing to compare."""
    header, lines = r2n2_rows(results)
    return "\n".join([grid(header, lines), *r2n2_notes(results)]) if lines else ""


def r2n2_notes(results: dict[str, Any]) -> list[str]:
    """Return sentences on what differs between a run and 3D-R2N2's figures."""
    split, side = results["split"], resolution(results)
    said = [
        "3D-R2N2 is another network, a residual GRU (Choy et al., ECCV 2016); its mean IoUs "
        "are those reprinted for the test part of Pix2Vox's split."
    ]
    if split["form"] != paper.R2N2_SPLIT:
        said.append(f"Ours is another split ({split['name']}), so the test objects differ.")
    said.append(f"The threshold of its figures differs or is not stated; ours is {results['threshold']:g}.")
    if side != paper.RESOLUTION:
        said.append(f"Its grids have {paper.RESOLUTION} voxels a side, ours {side}.")
    return [*said, *filter(None, [trained_note(results)])]


def comparison_note(runs: Sequence[dict[str, Any]]) -> str:
    """Say whether the figures of the runs may be compared with the paper's."""
    others = sorted({run["data"]["name"] for run in runs if not run["data"]["papers_data"]})
    sizes = sorted({resolution(run) for run in runs} - {paper.RESOLUTION})
    coarse = (
        ""
        if not sizes
        else (
            f" The paper's grids have {paper.RESOLUTION} voxels a side, those here "
            f"{' and '.join(map(str, sizes))}; an IoU is not the same measure on both."
        )
    )
    if not others:
        return (
            "Same data set as the paper's; its order of models, number of test views and "
            f"threshold are not published.{coarse}"
        )
    return (
        f"The paper's rows were measured on ShapeNet; {' and '.join(others)} "
        f"{'is' if len(others) == 1 else 'are'} other data, so these figures neither confirm "
        f"nor contradict the paper's.{coarse}"
    )


def resolution(results: dict[str, Any]) -> int:
    """Voxels a side of a run's grids; runs from before this was noted had the paper's."""
    return results.get("resolution", paper.RESOLUTION)


def overall(results: dict[str, Any], metric: str) -> float:
    """Mean of a metric over objects and over the numbers of views of a run."""
    parts = results["by_views"]
    return sum(part[metric] for part in parts) / len(parts)


def _run_line(run):
    return [
        run["network"]["name"],
        run["network"]["kernel"],
        run["data"]["name"] + trained_mark(run),
        _views(run),
        overall(run, "iou"),
        overall(run, "cross_entropy"),
    ]


def _marked(table, results):
    return "\n".join(filter(None, [table, trained_note(results)]))


def _views(results):
    counts = results["views"]
    if len(counts) == 1:
        return str(counts[0])
    if counts == list(range(counts[0], counts[-1] + 1)):
        return f"mean of {counts[0]}-{counts[-1]}"
    return "mean of " + ",".join(map(str, counts))


def _text(cell):
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def _is_number(cell):
    return isinstance(cell, (int, float))
