"""The objects that come with the package, reconstructed: a page on which they turn."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ..base.files import write_text
from ..base.hints import StrPath
from ..data import binvox
from ..data.demo_objects import VIEWS, demo_objects
from ..data.pictures import load_pictures
from . import metrics
from .evaluate import evaluate, thresholds_with
from .predictions import Prediction
from .report.figures import Case, pictures_of
from .report.page import assemble
from .report.sections import cases_table
from .report.viewer import viewer_data, viewer_section
from .subject import Looker

COUNTS = tuple(range(1, VIEWS + 1))


def demo_cases(network: Looker, size: int, threshold: float) -> list[Case]:
    """Show a network the objects' pictures, framed as a user's own ones are.

    Parameters
    ----------
    network : Looker
    size : int
        Pixels a side of its views.
    threshold : float

    Returns
    -------
    list of Case
        One an object, from 1, 2, ... `VIEWS` views, the best first.
    """
    cases = []
    for item in demo_objects():
        _, views = load_pictures([item.view_path(number) for number in range(VIEWS)], size)
        log_odds = network.log_odds(views[:, None], COUNTS)[:, 0]
        voxels = binvox.read(item.voxels_path) > 0
        rows = evaluate([Prediction(item.category, item.model, voxels, log_odds)], COUNTS, threshold).rows
        cases.append(Case(f"{VIEWS} views", rows, voxels, metrics.sigmoid(log_odds), pictures_of(views)))
    return sorted(cases, key=lambda case: -case.rows[-1].iou)


def write_demo(path: StrPath, cases: Sequence[Case], threshold: float, about: str) -> None:
    """Write the page.

    Parameters
    ----------
    path : path-like
    cases : sequence of Case
        As `demo_cases` makes them.
    threshold : float
    about : str
        A sentence about the network.
    """
    results: dict[str, Any] = {
        "views": list(COUNTS),
        "threshold": threshold,
        "thresholds": list(thresholds_with(threshold)),
    }
    body = (
        "<header><h1>Shapes from pictures</h1>"
        f'<p class="faint">What a network makes of {VIEWS} pictures of each of {len(cases)} objects that were made '
        f"for this page. It is {escape(about)}.</p></header><main>"
        f'<section id="viewer"><h2>Turn them</h2>{viewer_section(results)}</section>'
        f"<section><h2>All of them</h2>{cases_table(cases, results)}</section></main>"
    )
    write_text(path, assemble("Shapes from pictures", body, viewer_data(results, cases)))
