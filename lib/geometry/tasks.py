"""What a data set is made of: procedural objects, or a user's tree of models, each with its id."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import UserError
from ..base.hints import StrPath
from ..data.categories import CATEGORIES, find_synsets
from ..data.names import check_shown, folded, is_leftover
from .reading import SUFFIXES
from .voxels import RESOLUTION

# Names that say nothing of the model; its folder does (ShapeNetCore.v1 and v2).
PLAIN_NAMES = ("model", "models", "model_normalized")
LONGEST = 150  # bytes of an id; file systems take 255 with what is put around it


@dataclass(frozen=True)
class Task:
    """One object to make: from a file, or, where ``path`` is None, procedural."""

    synset: str
    model: str
    seed: int
    index: int = 0
    path: str | None = None
    up: str = "y"
    resolution: int = RESOLUTION

    def __str__(self) -> str:
        return self.path or f"{self.synset}/{self.model}"


def procedural_tasks(
    count: int, seed: int, synsets: Sequence[str] | None = None, resolution: int = RESOLUTION
) -> list[Task]:
    """Return the tasks of ``count`` procedural objects in each category.

    An id depends on the seed, the category and the object's number alone: a larger set begins
    with the same objects.
    """
    if count < 1:
        raise UserError(f"--procedural {count} asks for no objects; give a number of at least 1")
    chosen = synsets or [category.synset for category in CATEGORIES]
    return [
        Task(synset, digest("procedural", seed, synset, index)[:32], seed, index, resolution=resolution)
        for index in range(count)  # so that a set that is still being made has all categories
        for synset in chosen
    ]


def file_tasks(
    root: StrPath,
    seed: int,
    up: str = "y",
    synsets: Sequence[str] | None = None,
    resolution: int = RESOLUTION,
) -> list[Task]:
    """Return a task for each model file under ``root``, sorted; the first folder is the category.

    A category folder with the name of one of ShapeNet's gets its synset. Links are followed. No two
    ids are the same, nor differ in letter case or the composition of letters alone.

    Raises
    ------
    UserError
        When there is no such folder, it holds no such files or not the categories asked for, a
        folder is a link to nothing, or a name cannot be shown.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; give --models the folder with the categories")
    found = [_place(parts) for parts in sorted(_files(root, root, ()))]
    if not found:
        raise UserError(
            f"{root} holds no {', '.join(SUFFIXES)} files below its category folders; "
            "put the models there as <category>/<model>.obj"
        )
    spelled: dict[str, str] = {}  # categories that a file system may take for one are one
    for synset, _, _ in found:
        spelled.setdefault(folded(synset), synset)
    rows = [(spelled[folded(synset)], *rest) for synset, *rest in found]
    if synsets:
        chosen = set(find_synsets(synsets, spelled.values()))
        rows = [row for row in rows if row[0] in chosen]
    return [
        Task(synset, model, seed, path=str(root.joinpath(*parts)), up=up, resolution=resolution)
        for synset, model, parts in sorted(_distinct(rows))
    ]


def digest(*values: object) -> str:
    """Return a hexadecimal digest of values."""
    return hashlib.sha256("/".join(map(str, values)).encode("utf-8", "surrogateescape")).hexdigest()


def _files(folder, root, above):
    """Yield the paths of model files below a folder, as tuples of names from the root."""
    above = (*above, os.path.realpath(folder))
    for entry in os.scandir(folder):
        if is_leftover(entry.name):
            continue
        path, gone = Path(entry.path), entry.is_symlink() and not os.path.exists(entry.path)
        if os.path.isdir(path):
            if os.path.realpath(path) not in above:  # a link to where we come from
                yield from _files(path, root, above)
        elif path.suffix.lower() in SUFFIXES and (gone or path.is_file()):
            yield path.relative_to(root).parts  # one that is gone is reported when its turn comes
        elif gone and not path.suffix:
            raise UserError(f"{path} is a link to a folder that is not there: mend or remove it")


def _place(parts):
    """Return the category and id of a file's path from the root, and that path."""
    for part in parts:
        check_shown(part, "--models")
    folder, *names = parts[:-1] + (Path(parts[-1]).stem,)
    if not names:  # a file in the root itself
        folder, names = "objects", [folder]
    known = {category.name: category.synset for category in CATEGORIES}
    meaningful = [name for name in names if name not in PLAIN_NAMES] or names
    return known.get(folder.lower(), folder), "_".join(meaningful), parts


def _distinct(rows):
    """Return (category, id, path) rows with ids that no file system takes for one."""
    # Two files of one name in two formats are two models.
    rows = _renamed(rows, lambda model, path: f"{model}_{path.stem}{path.suffix.replace('.', '_')}")
    rows = _renamed(rows, lambda model, path: f"{model}_{digest(*path.parts)[:12]}")
    return [(synset, _shortened(model, parts), parts) for synset, model, parts in rows]


def _renamed(rows, rename):
    """Give rows whose ids are taken for one another new ids."""
    counts = {}
    for synset, model, _ in rows:
        counts[synset, folded(model)] = counts.get((synset, folded(model)), 0) + 1
    return [
        (synset, model if counts[synset, folded(model)] == 1 else rename(model, Path(*parts)), parts)
        for synset, model, parts in rows
    ]


def _shortened(model, parts):
    """Return an id that is short enough for a folder's name."""
    data = model.encode()
    return (
        model
        if len(data) <= LONGEST
        else (f"{data[: LONGEST - 13].decode(errors='ignore')}_{digest(*parts)[:12]}")
    )
