"""The 3-D viewer: its part of the page, and the voxels that the page's script draws.

The script draws the faces that `figures.draw_voxels` would draw, in
its colours and with its light, from any side. Where a browser has no WebGL, the page's static pictures remain.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..metrics import occupied
from . import figures
from .page import swatch

PANES = {
    "truth": "ground truth",
    "prediction": "prediction",
    "difference": f"difference: {swatch(figures.TRUTH)}agreed {swatch(figures.FALSE)}false "
    f"{swatch(figures.MISSED)}missed",
}


def viewer_section(results: dict[str, Any]) -> str:
    """Return the viewer's part of the page; the page's script fills it."""
    buttons = "".join(
        f'<button data-views="{k}" aria-pressed="false">{count}</button>'
        for k, count in enumerate(results["views"])
    )
    panes = "".join(
        f'<figure class="pane"><canvas tabindex="0" aria-label="{name}, turn by dragging or with '
        f'the arrow keys"></canvas><figcaption>{caption}</figcaption></figure>'
        for name, caption in PANES.items()
    )
    return (
        '<div class="viewer"><p class="faint">Drag to turn; arrow keys turn and + and − zoom once '
        "a picture has the focus.</p>"
        '<div class="tool"><label>object <select data-role="object"></select></label>'
        f'<span class="group"><label>views</label>{buttons}</span>'
        '<label>threshold <input type="range" min="0" step="1" data-role="threshold">'
        '<span data-role="level"></span></label>'
        '<button data-role="reset">reset the view</button>'
        '<span class="group"><label title="the voxels, centred, the longest side 1 and y up">download '
        '<select data-role="grid"><option value="prediction">the prediction</option>'
        f'<option value="truth">the ground truth</option></select></label>{save_buttons()}</span></div>'
        '<div class="strip" data-role="pictures"></div>'
        '<p class="note" data-role="still" hidden>This browser has no WebGL, so that the objects '
        "cannot be turned. The pictures above show them.</p>"
        f'<div class="panes">{panes}</div>'
        '<p class="read">IoU <b data-role="iou"></b> <span class="faint">(<span data-role="counts">'
        "</span> voxels)</span></p></div>"
    )


def save_buttons() -> str:
    """Return the buttons that save a mesh, one for each kind of file that the script writes."""
    return "".join(f'<button data-mesh="{ending}">.{ending}</button>' for ending in ("obj", "glb", "stl"))


def viewer_data(results: dict[str, Any], cases: Sequence[figures.Case]) -> dict[str, Any]:
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
        "look": look(),
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


def look() -> dict[str, Any]:
    """Return the colours, the light and the camera that the page's script draws with."""
    return {
        "azimuth": figures.AZIMUTH,
        "elevation": figures.ELEVATION,
        "light": figures.LIGHT,
        "fold": figures.FOLD,
        "truth": figures.TRUTH,
        "prediction": figures.PREDICTION,
        "missed": figures.MISSED,
        "extra": figures.FALSE,
    }


def levels(occupancy: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Return how many of the thresholds lie below each probability, uint8."""
    return np.sum([occupied(occupancy, t) for t in thresholds], axis=0, dtype=np.uint8)


def pack(grid: np.ndarray) -> str:
    """Return a grid of small numbers as base64 of (value, run length) pairs of bytes.

    The grid is run through with z fastest, then y, then x; runs end at 255.
    """
    flat = np.asarray(grid, dtype=np.uint8).ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    pairs = []
    for value, run in zip(flat[starts].tolist(), np.diff(np.append(starts, flat.size)).tolist()):
        pairs += [value, 255] * (run // 255) + ([value, run % 255] if run % 255 else [])
    return base64.b64encode(bytes(pairs)).decode("ascii")
