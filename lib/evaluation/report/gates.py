"""What the recurrent cells do as views arrive, after the paper's figure 4."""

from collections.abc import Iterable, Mapping
from html import escape

import numpy as np

from .. import style
from .figures import Case, camera
from .page import data_uri

GATES = {
    "input": "input gate i, mean over channels",
    "forget": "forget gate f, mean over channels",
    "change": "change of the hidden state, root mean square over channels",
}
WIDTH = 118  # pixels of a cell map
HEAT = np.array([[245, 247, 250], [253, 219, 150], [240, 130, 60], [150, 25, 60]], float)


def gates_section(cases: Iterable[Case]) -> str:
    """Return the part of the page about the gates; nothing when no case has them."""
    chosen = [(case, case.gates) for case in cases if case.gates]
    if not chosen:
        return ""
    _, first = chosen[0]
    cells = "×".join(3 * [str(first["hidden"].shape[-1])])
    said = (
        f"<p>What the {cells} recurrent cells do as views arrive, after the paper’s figure 4: "
        "each square is a cell, the layers of a map are those of the object from top to "
        "bottom, seen from the side from which the voxels above are drawn. A view that shows "
        "something new should open the input gate and change the state where it is, and leave "
        "the other cells alone.</p>"
    )
    return said + "".join(_figure(case, gates) for case, gates in chosen)


def gate_maps(gates: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
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


def cell_map(values: np.ndarray, low: float, high: float) -> str:
    """Draw the recurrent cells as layers one above the other, coloured by a value.

    Parameters
    ----------
    values : ndarray (g, g, g)
        A value a cell, (x, y, z); the layers are those of y, the highest on top, seen from the
        same side as the voxel drawings.
    low, high : float
        Values of the palest and of the strongest colour.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    values = np.asarray(values)
    cells = values.shape[0]
    right, up, _ = camera(elevation=30.0)
    unit = WIDTH / (cells * (abs(right[0]) + abs(right[2])))
    tall = unit * cells * (abs(up[0]) + abs(up[2]))
    gap = tall * 0.82
    height = tall + gap * (cells - 1) + 4
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    parts = []
    for layer, i, k in np.ndindex(values.shape):
        x, z = (square + [i, k] - np.array(cells / 2)).T
        across = WIDTH / 2 + unit * 0.98 * (right[0] * x + right[2] * z)
        base = tall / 2 + 2 + gap * (cells - 1 - layer)
        down = base - unit * 0.98 * (up[0] * x + up[2] * z)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down))
        share = (values[i, layer, k] - low) / (high - low) if high > low else 0.0
        parts.append(f'<polygon points="{points}" fill="{heat(share)}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img"><g stroke="{style.RULE}" stroke-width=".5">'
        + "".join(parts)
        + "</g></svg>"
    )


def heat(share: float) -> str:
    """Return the colour of a share from 0 to 1, pale to strong, as ``#rrggbb``."""
    place = float(np.clip(share, 0, 1)) * (len(HEAT) - 1)
    first = min(int(place), len(HEAT) - 2)
    mixed = HEAT[first] + (place - first) * (HEAT[first + 1] - HEAT[first])
    return "#" + "".join(f"{int(round(part)):02x}" for part in mixed)


def _figure(case, gates):
    last, maps = case.rows[-1], gate_maps(gates)
    count = len(maps["input"])
    cells = ['<span class="name"></span>']
    for k in range(count):
        picture = (
            ""
            if case.pictures is None or k >= len(case.pictures)
            else (f'<img alt="view {k + 1}" src="{data_uri(case.pictures[k], "JPEG")}">')
        )
        cells.append(f'<figure>{picture}<span class="faint">view {k + 1}</span></figure>')
    ramp = f"linear-gradient(90deg,{','.join(heat(k / 6) for k in range(7))})"
    for name, title in GATES.items():
        low, high = float(maps[name].min()), float(maps[name].max())
        cells.append(
            f'<span class="name">{title}<br><span class="faint">{low:.2f}'
            f'<span class="ramp" style="background:{ramp}"></span>{high:.2f}'
            "</span></span>"
        )
        cells += [cell_map(values, low, high) for values in maps[name]]
    return (
        f"<h3>{escape(last.category)} ({case.rank}, IoU {last.iou:.3f})</h3>"
        f'<div class="wide"><div class="gates" style="--views:{count}">' + "".join(cells) + "</div></div>"
    )
