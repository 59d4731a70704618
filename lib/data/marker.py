"""The file at the root of a data set that this project made; it says how."""

from pathlib import Path
from typing import Any

from ..base.errors import UserError, why
from ..base.files import read_json
from ..base.hints import StrPath
from .layout import MARKER

ADDED = "added"  # its key for what was added later: a list of what else would be markers
VERSION = 2  # raised whenever the same settings make other bytes


def read(root: StrPath) -> dict[str, Any] | None:
    """Return what the marker of a data set says, a dict; None where there is no marker.

    Raises
    ------
    UserError
        When it cannot be read, or the set was made by another version of this project. Version 1
        had grids that were not ShapeNet's: the cube [-0.5, 0.5]^3, a voxel half solid or empty.
    """
    path = Path(root) / MARKER
    if not path.exists():
        return None
    try:
        content = read_json(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON; make the data set again") from error
    if not isinstance(content, dict) or not _are_dicts(content.get(ADDED, [])):
        raise UserError(f"{path} does not say how the data set was made; make it again")
    found = content.get("version")
    if found != VERSION:
        raise UserError(
            f"{root} was made by another version of voxlstm (data format {found!r:.40}; this one makes"
            f" and reads {VERSION}), with other grids or pictures: make the set again, in another"
            " folder, with tools/make_dataset.py"
        )
    return content


def sources(content: dict[str, Any]) -> set[str]:
    """Return the set of what a data set was made from, by what `read` returned."""
    return {str(part.get("source", "generated")) for part in (content, *content.get(ADDED, []))}


def _are_dicts(values):
    return isinstance(values, list) and all(isinstance(value, dict) for value in values)
