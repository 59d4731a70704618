"""What the paper reports, and whether a data set may be set beside it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..base.hints import StrPath
from ..data import marker
from ..data.shapenet import CATEGORIES, Item

TABLE = {"1x1x1": {"iou": 0.499, "cross_entropy": 0.116}, "3x3x3": {"iou": 0.539, "cross_entropy": 0.106}}
"""The paper's table: recurrent kernel -> mean IoU and mean voxelwise cross-entropy, on ShapeNet."""

RESOLUTION = 32
"""Voxels a side of its grids."""

R2N2 = {
    "airplane": {1: 0.513, 5: 0.561},
    "bench": {1: 0.421, 5: 0.527},
    "cabinet": {1: 0.716, 5: 0.772},
    "car": {1: 0.798, 5: 0.836},
    "chair": {1: 0.466, 5: 0.550},
    "display": {1: 0.468, 5: 0.565},
    "lamp": {1: 0.381, 5: 0.421},
    "loudspeaker": {1: 0.662, 5: 0.717},
    "rifle": {1: 0.544, 5: 0.600},
    "sofa": {1: 0.628, 5: 0.706},
    "table": {1: 0.513, 5: 0.580},
    "telephone": {1: 0.661, 5: 0.754},
    "watercraft": {1: 0.513, 5: 0.610},
}
"""3D-R2N2's residual GRU network (Choy et al., ECCV 2016): category -> views -> mean IoU.

As later papers reprint them for the test part of Pix2Vox's split.
"""
R2N2_VIEWS = (1, 5)
R2N2_SPLIT = "pix2vox"

PUBLISHED_SPLITS = (R2N2_SPLIT, "occupancy_networks", "pytorch3d")
"""Forms of the splits of ShapeNet that others published."""


@dataclass(frozen=True)
class DataSet:
    """A data set by name.

    Attributes
    ----------
    name : str
        What to call it in a table.
    kind : str
        ``"shapenet"`` (all 13 categories, complete), ``"shapenet part"`` (some complete
        categories), ``"procedural"`` or ``"unknown"``.
    folder : str
    counts : dict
        Category -> number of objects.
    """

    name: str
    kind: str
    folder: str
    counts: dict[str, int]

    @property
    def papers(self) -> bool:
        """Whether it is the paper's data set, so that figures may stand beside the paper's."""
        return self.kind == "shapenet"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {**asdict(self), "papers_data": self.papers}


def describe(folder: StrPath, counts: dict[str, int], published: dict[str, int]) -> DataSet:
    """Say what a data set is.

    Parameters
    ----------
    folder : path
        Its root.
    counts : dict
        Category name -> number of objects found on disk.
    published : dict
        Category name -> number of objects of the 3D-R2N2 release of ShapeNet.

    ShapeNet is recognised by its counts, whether it is the published release or was rendered
    from its models by this project, and never where a marker file says that the shapes are
    procedural. Anything else stays unknown.
    """
    folder, total = Path(folder), sum(counts.values())
    source = _source(folder)
    if counts == published and source in ("", "models"):
        by = ", rendered by this project" if source else ""
        name = f"ShapeNet ({total:,} models{by})"
        return DataSet(name, "shapenet", str(folder), dict(counts))
    if source:
        kind = "procedural" if source == "procedural" else "unknown"
        name = f"{source} set '{folder.resolve().name}' ({total} objects)"
        return DataSet(name, kind, str(folder), dict(counts))
    if counts and all(published.get(name) == number for name, number in counts.items()):
        some = f"{len(counts)} of {len(published)} categories, {total:,} models"
        return DataSet(f"ShapeNet, {some}", "shapenet part", str(folder), dict(counts))
    name = f"'{folder.resolve().name}' ({total} objects, not recognised)"
    return DataSet(name, "unknown", str(folder), dict(counts))


def describe_items(folder: StrPath, items: Iterable[Item]) -> DataSet:
    """Say what the data set is that has these objects."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item.category] = counts.get(item.category, 0) + 1
    return describe(folder, counts, {category.name: category.count for category in CATEGORIES})


def beside_r2n2(results: dict[str, Any]) -> bool:
    """Return whether a run's figures may stand beside 3D-R2N2's: ShapeNet and a published split."""
    split = results.get("split") or {}
    return (
        results["data"].get("kind") in ("shapenet", "shapenet part") and split.get("form") in PUBLISHED_SPLITS
    )


def _source(folder):
    """Return what a data set was made from by its marker; empty where there is no marker."""
    content = marker.read(folder)
    if content is None:
        return ""
    sources = marker.sources(content)
    return "mixed" if len(sources) > 1 else sources.pop()
