"""Where the files of a data set lie, and what is in its lists: the layout of the 3D-R2N2 release.

::

    ShapeNetRendering/<synset>/<model>/rendering/00.png .. 23.png,
        rendering_metadata.txt, renderings.txt
    ShapeNetVox32/<synset>/<model>/model.binvox
    ShapeNetCore.v1/<synset>/<model>/model.obj, model.mtl

The last is another release of ShapeNet's, which sets made by this project hold too.
"""

from collections.abc import Iterable
from pathlib import Path

from ..base.errors import UserError, why
from ..base.hints import StrPath
from ..base.inputs import decode, regular

RENDERINGS, VOXELS, MODELS = "ShapeNetRendering", "ShapeNetVox32", "ShapeNetCore.v1"
MARKER = "dataset.json"  # see `marker`
METADATA, NAMES = "rendering_metadata.txt", "renderings.txt"
GRID, MESH = "model.binvox", "model.obj"
GRIDS = GRID, "model.mat"  # that are read; the first is written
MOST_DEGREES = 3600  # of an angle; ten times round
VIEWS = 24  # renderings of a model in the release


def model_folder(root: StrPath, tree: str, synset: str, model: str) -> str:
    """Return the folder that one of the three trees has for a model."""
    return f"{root}/{tree}/{synset}/{model}"


def views_folder(root: StrPath, synset: str, model: str) -> str:
    """Return the folder of a model's views and their two lists."""
    return f"{model_folder(root, RENDERINGS, synset, model)}/rendering"


def voxels_path(root: StrPath, synset: str, model: str) -> str:
    """Return the path of a model's voxel grid."""
    return f"{model_folder(root, VOXELS, synset, model)}/{GRID}"


def mesh_path(root: StrPath, synset: str, model: str) -> str:
    """Return the path of a model's mesh."""
    return f"{model_folder(root, MODELS, synset, model)}/{MESH}"


def view_name(number: int) -> str:
    """Return the name of a view's file, counted from 0."""
    return f"{number:02d}.png"


def write_lists(folder: StrPath, viewpoints: Iterable[tuple[float, float, float]]) -> None:
    """Write the two lists of the views in a folder.

    Parameters
    ----------
    folder : path-like
    viewpoints : sequence of (azimuth, elevation, ratio)
        Of each view, see `geometry.camera`. Every digit is written.
    """
    metadata = [f"{angle!r} {height!r} 0 {ratio!r} 25" for angle, height, ratio in viewpoints]
    names = [view_name(number) for number in range(len(metadata))]
    for name, lines in [(METADATA, metadata), (NAMES, names)]:
        Path(folder, name).write_text("".join(line + "\n" for line in lines), encoding="ascii")


def places(root: StrPath) -> list[Path]:
    """Return the folders of a data set that hold its files, and the file at its root."""
    return [Path(root, name) for name in (RENDERINGS, VOXELS, MODELS, MARKER)]


def read_metadata(path: StrPath) -> list[tuple[float, float, float]]:
    """Read ``rendering_metadata.txt``; return (azimuth, elevation, ratio) of each view.

    Raises
    ------
    UserError
        When the file cannot be read, or a line is not five numbers that a camera can have.
    """
    try:
        lines = decode(regular(path).read_bytes()).split("\n")
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from error
    except ValueError as error:
        raise UserError(f"{path} does not list viewpoints, five numbers a line") from error
    return [_viewpoint(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _viewpoint(path, number, line):
    """Return (azimuth, elevation, ratio) of a line."""
    try:
        values = [float(word) for word in line.split()]
        azimuth, elevation, _, ratio, _ = values
    except ValueError as error:
        raise UserError(
            f"{path} does not list viewpoints, five numbers a line: line {number} is {ascii(line[:60])}"
        ) from error
    # NaN and infinity fail too.
    if not (all(abs(value) <= MOST_DEGREES for value in values) and ratio > 0):
        raise UserError(
            f"line {number} of {path} is no viewpoint: {ascii(line[:60])}; make the"
            " object again or take it from its source"
        )
    return azimuth, elevation, ratio
