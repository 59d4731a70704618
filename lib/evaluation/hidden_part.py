"""What the first view of a hidden part changes in the recurrent cells (the paper's figure 4).

Each object is shown in three views: its first rendering, the one nearest to it in azimuth, which
shows hardly anything new, and the one nearest to the opposite side, which shows what was hidden.
A cell of the recurrent grid stands for a block of voxels; before each view after the first the
blocks fall into three groups by what the view shows for the first time:

``new``
    at least a quarter of the block's surface voxels;
``old``
    none of them, though there are some: they were seen before or are hidden still;
``empty``
    the block has no surface voxels.

Blocks with a little new surface belong to no group.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.errors import UserError
from ..data import binvox
from ..data.shapenet import Item
from ..data.views import SIZE, load_views
from ..geometry.camera import Viewpoint, read_viewpoints
from ..geometry.visibility import surface, visible
from .metrics import sigmoid
from .subject import Looker

GROUPS = ("new", "old", "empty")
MEASURES = ("state", "input_gate", "forget_gate", "occupancy")
NEW_SHARE = 0.25
# In sides of a block, 4 voxels of one of 8 a side; a block with less surface is on the object's
# edge and in no group.
LEAST_SURFACE = 1 / 16


@dataclass(frozen=True)
class Change:
    """Mean over a group's blocks of an object at one view.

    Attributes
    ----------
    view : int
        2 for the near view, 3 for the opposite one.
    group : str
    blocks : int
        Number of blocks in the group.
    state : float
        Root mean square over the channels of the change of the hidden state h.
    input_gate, forget_gate : float
        Mean activity of the gates over the channels.
    occupancy : float
        Mean absolute change of the block's predicted occupancies.
    """

    view: int
    group: str
    blocks: int
    state: float
    input_gate: float
    forget_gate: float
    occupancy: float


def choose_views(viewpoints: Sequence[Viewpoint]) -> list[int]:
    """Return the numbers of the three views: first, nearest in azimuth, nearest to opposite."""
    azimuths = np.array([viewpoint.azimuth for viewpoint in viewpoints])
    apart = np.abs((azimuths - azimuths[0] + 180) % 360 - 180)
    others = np.arange(1, len(azimuths))
    near = others[np.argmin(apart[1:])]
    far = others[np.argmax(apart[1:])]
    return [0, int(near), int(far)]


def groups(
    voxels: np.ndarray, scale: float, viewpoints: Sequence[Viewpoint], cells: int = 4
) -> list[dict[str, np.ndarray]]:
    """Return for each view after the first the group of each block.

    Parameters
    ----------
    voxels : bool (d, d, d)
        The true shape.
    scale : float
        The grid's side in the model's frame.
    viewpoints : sequence of Viewpoint
        In the order in which they are shown.
    cells : int
        Blocks along each side.

    Returns
    -------
    list of dict
        Group name -> bool (cells, cells, cells).
    """
    shell = _count(surface(voxels), cells)
    enough = shell >= LEAST_SURFACE * (len(voxels) // cells) ** 2
    seen = visible(voxels, viewpoints[0], scale)
    found = []
    for viewpoint in viewpoints[1:]:
        now = visible(voxels, viewpoint, scale)
        fresh = _count(now & ~seen, cells)
        seen |= now
        found.append(
            {"new": enough & (fresh >= NEW_SHARE * shell), "old": enough & (fresh == 0), "empty": shell == 0}
        )
    return found


def changes(
    voxels: np.ndarray,
    scale: float,
    viewpoints: Sequence[Viewpoint],
    gates: Mapping[str, np.ndarray],
    occupancy: np.ndarray,
) -> list[Change]:
    """Measure one object.

    Parameters
    ----------
    voxels : bool (d, d, d)
    scale : float
        The grid's side in the model's frame.
    viewpoints : sequence of Viewpoint
        As shown.
    gates : dict
        ``hidden``, ``input`` and ``forget``, each (views, channels, cells, cells, cells).
    occupancy : ndarray (views, d, d, d)
        Predictions after each view.

    Returns
    -------
    list of Change
        One for each view after the first and each group that has blocks.
    """
    hidden = gates["hidden"]
    cells = hidden.shape[-1]
    found = []
    for step, masks in enumerate(groups(voxels, scale, viewpoints, cells), start=1):
        moved = np.sqrt(np.mean((hidden[step] - hidden[step - 1]) ** 2, axis=0))
        shape = np.abs(occupancy[step] - occupancy[step - 1])
        per_block = shape.size / cells**3
        values = (
            moved,
            gates["input"][step].mean(axis=0),
            gates["forget"][step].mean(axis=0),
            _count(shape, cells) / per_block,
        )
        for name, mask in masks.items():
            if mask.any():
                means = [float(value[mask].mean()) for value in values]
                found.append(Change(step + 1, name, int(mask.sum()), *means))
    return found


def measure(item: Item, predictor: Looker, size: int = SIZE) -> list[Change]:
    """Show an object in three views of ``size`` pixels; return its `Change`s."""
    viewpoints = read_viewpoints(item.metadata_path)
    if not 3 <= item.views <= len(viewpoints):
        raise UserError(
            f"{item.renderings_path} has {item.views} pictures and {len(viewpoints)}"
            " viewpoints; 3 pictures with their viewpoints are needed"
        )
    order = choose_views(viewpoints[: item.views])
    paths = [item.view_path(number) for number in order]
    views = load_views(paths, size=size)[:, None]
    gates = {name: values[:, 0] for name, values in predictor.gates(views).items()}
    occupancy = sigmoid(predictor.log_odds(views, [1, 2, 3])[:, 0])
    voxels, _, scale = binvox.load(item.voxels_path)
    shown = [viewpoints[k] for k in order]
    return changes(voxels, scale, shown, gates, occupancy)


def summarise(objects: Iterable[Iterable[Change]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return means over objects: ``{view: {group: {measure: mean, "objects": n, "blocks": n}}}``.

    Parameters
    ----------
    objects : sequence of list of Change
    """
    every = [change for found in objects for change in found]
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for view in sorted({change.view for change in every}):
        for name in GROUPS:
            rows = [c for c in every if c.view == view and c.group == name]
            if rows:
                means = {m: float(np.mean([getattr(c, m) for c in rows])) for m in MEASURES}
                blocks = sum(c.blocks for c in rows)
                entry = {"objects": len(rows), "blocks": blocks, **means}
                table.setdefault(str(view), {})[name] = entry
    return table


def describe(table: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the means as text."""
    lines = ["view  blocks   number  change of h  input gate  forget gate  change of occupancy"]
    for view, entries in table.items():
        for name, row in entries.items():
            lines.append(
                f"{view:4}  {name:6} {row['blocks']:8}  {row['state']:11.4f} {row['input_gate']:11.4f}"
                f" {row['forget_gate']:12.4f} {row['occupancy']:20.5f}"
            )
    return "\n".join(lines)


def _count(values, cells):
    """Return the sum of the values (d, d, d) in each block."""
    side = len(values) // cells
    blocks = values.reshape(cells, side, cells, side, cells, side)
    return blocks.sum(axis=(1, 3, 5))
