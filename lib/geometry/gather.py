"""Gathering free models of unpacked Debian packages into a tree that a data set is made of.

``gather.yaml`` is the table of packages; this module knows only the forms in which they hold models.
"""

import csv
import gzip
import re
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from ..base.errors import UserError
from ..base.files import atomic_path
from ..base.hints import StrPath
from .mesh import write_obj
from .reading import read

TABLE = Path(__file__).with_suffix(".yaml")
CREDITS = "CREDITS.csv"


class Model(NamedTuple):
    """A model of a package."""

    category: str
    id: str
    name: str
    path: Path
    turn: np.ndarray
    author: str


class Credit(NamedTuple):
    """A line of the credits."""

    category: str
    model: str
    package: str
    version: str
    name: str
    author: str
    licence: str


def gather(packages: StrPath, out: StrPath, table: StrPath = TABLE) -> tuple[list[Credit], list[str]]:
    """Write every model of the table as ``<category>/<model>.obj``, and the list of credits.

    Parameters
    ----------
    packages : path
        Folder that holds one folder for each package, as ``dpkg -x`` unpacked it.
    out : path
    table : path, optional

    Returns
    -------
    tuple of (list of Credit, list of str)
        The models that were written, and what is wrong with those that could not be read.

    Raises
    ------
    UserError
        When ``packages`` holds none of the table's packages.
    """
    packages, out = Path(packages), Path(out)
    settings = yaml.safe_load(Path(table).read_text(encoding="utf-8"))
    sources = [source for source in settings["sources"] if (packages / source["package"]).is_dir()]
    if not sources:
        names = ", ".join(sorted({source["package"] for source in settings["sources"]}))
        raise UserError(
            f"{packages} holds no unpacked package; put some there with "
            f"'apt-get download NAME' and 'dpkg -x NAME_*.deb {packages}/NAME': {names}"
        )
    credits: list[Credit] = []
    broken: list[str] = []
    for source in sources:
        if source["licence"] not in settings["licences"]:
            raise UserError(f"{table}: {source['licence']} is not one of the licences to take")
        _gather_source(packages / source["package"], source, out, credits, broken)
    with atomic_path(out / CREDITS) as temporary, open(temporary, "w", newline="") as file:
        csv.writer(file).writerows([Credit._fields, *credits])
    return credits, broken


def _gather_source(folder, source, out, credits, broken):
    version = _version(folder)
    with _unpacked(folder, source.get("archive")) as root:
        models = _catalogue(root, source) if "catalogue" in source else _files(root, source)
        for model in models:
            stem = re.sub(r"\W+", "_", model.id)
            target = out / model.category / f"{stem}.obj"
            try:
                mesh = read(model.path)
            except (UserError, ValueError, IndexError, KeyError) as error:
                broken.append(f"{source['package']}: {model.path.name}: {error}")
                continue
            mesh.vertices = mesh.vertices @ model.turn.T
            target.parent.mkdir(parents=True, exist_ok=True)
            write_obj(target, mesh, textures=True)
            credits.append(
                Credit(
                    model.category,
                    stem,
                    source["package"],
                    version,
                    model.name,
                    model.author,
                    source["licence"],
                )
            )


@contextmanager
def _unpacked(folder, archive):
    """Give the folder that holds a source's files, an archive's in a temporary place."""
    if archive is None:
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        with zipfile.ZipFile(folder / archive) as file:
            file.extractall(temporary)
        yield Path(temporary)


def _files(root, source):
    """Return the models that are files, the largest file of each."""
    below = root / source["below"]
    found = {}
    for path in sorted(below.glob(source["files"])):
        name = Path(path.relative_to(below).parts[0]).stem
        if name not in source.get("leave_out", ()):
            found.setdefault(name, []).append(path)
    return [
        Model(
            source["category"],
            f"{source['package']}_{name}",
            name,
            max(paths, key=lambda path: path.stat().st_size),
            _turn(source["turn"]),
            source["author"],
        )
        for name, paths in found.items()
    ]


def _catalogue(root, source):
    """Return the models that a furniture catalogue of Sweet Home 3D has under the table's names."""
    text = (root / source["catalogue"]).read_text(encoding="latin-1")
    pieces = {}
    for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*)$", text, re.MULTILINE):
        pieces.setdefault(number, {})[key] = value.strip()
    categories = {name: category for category, names in source["categories"].items() for name in names}
    models = []
    for piece in pieces.values():
        path = root / piece["model"].lstrip("/")
        if piece["name"] in categories and path.stem not in source.get("leave_out", ()):
            own = np.array(piece.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), dtype=np.float64)
            turn = _turn(source["turn"]) @ own.reshape(3, 3)
            author = piece.get("creator", source["author"])
            category = categories[piece["name"]]
            models.append(Model(category, piece["id"], piece["name"], path, turn, author))
    return models


def _turn(degrees):
    """Return the rotation about y by an angle that takes z towards x."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def _version(folder):
    """Return the package's version, from the first line of its changelog."""
    for path in sorted(folder.glob("usr/share/doc/*/changelog.Debian.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return file.readline().split("(")[1].split(")")[0]
    return "unknown"
