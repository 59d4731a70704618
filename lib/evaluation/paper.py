"""What the paper reports, and whether a data set may be set beside it."""
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..runtime.errors import UserError

TABLE = {
    "1x1x1": {"iou": 0.499, "cross_entropy": 0.116},
    "3x3x3": {"iou": 0.539, "cross_entropy": 0.106},
}
"""The paper's table: recurrent kernel -> mean IoU and mean voxelwise cross-entropy, on ShapeNet."""

RESOLUTION = 32
"""Voxels a side of its grids."""

MARKER = "dataset.json"
"""A file at the root of a data set that this project made; says by what it was made."""


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
    counts: dict

    @property
    def papers(self):
        """Whether it is the paper's data set, so that figures may stand beside the paper's."""
        return self.kind == "shapenet"

    def to_dict(self):
        """Return it as plain values for JSON."""
        return {**asdict(self), "papers_data": self.papers}


def describe(folder, counts, published):
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
    source = _source(folder / MARKER)
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


def _source(marker):
    """Return what a marker says the data set was made from; empty where there is no marker."""
    if not marker.exists():
        return ""
    try:
        content = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{marker} cannot be read as JSON; make the data set again") from error
    source = content.get("source") if isinstance(content, dict) else None
    return source if isinstance(source, str) and source else "generated"
