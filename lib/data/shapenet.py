"""A data set on disk: its index.

`layout` says where its files lie. A category outside ShapeNet's table is a folder like the others.
A folder counts as a model when it holds a view or a voxel grid: what file servers, systems and
editors leave behind (``@eaDir``, ``__MACOSX``, ``lost+found``) does not.
"""

import errno
import logging
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, Self

from ..base.errors import UserError
from ..base.hints import StrPath
from ..base.inputs import regular
from . import layout, marker
from .categories import CATEGORIES, Category, category_name, find_synsets
from .index_cache import IndexCache
from .layout import RENDERINGS, VOXELS
from .names import check_shown, is_leftover

__all__ = ["CATEGORIES", "Category", "Index", "Item", "Problem"]
VIEW = re.compile(r"([0-9]+)\.(png|jpg|jpeg)", re.IGNORECASE)
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # no folder, or a link in a circle
REMEDY = (
    "make one with 'tools/make_dataset.py --procedural 50 --out {0}' or download ShapeNet's with "
    "'tools/fetch_shapenet.py --out {0}'"
)
_log = logging.getLogger(__name__)


class Item(NamedTuple):
    """An object that is complete: the files of its views, in their order, and a voxel grid."""

    root: str
    synset: str
    model: str
    files: tuple[str, ...]

    @property
    def category(self) -> str:
        """Name of the category, such as ``"chair"``."""
        return category_name(self.synset)

    @property
    def name(self) -> str:
        """``<synset>/<model>``: what the object is called in messages and results."""
        return f"{self.synset}/{self.model}"

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.files)

    @property
    def voxels_path(self) -> str:
        """Path of the voxel grid."""
        folder = layout.model_folder(self.root, VOXELS, self.synset, self.model)
        paths = [f"{folder}/{name}" for name in layout.GRIDS]
        return next(filter(os.path.exists, paths), paths[0])

    @property
    def renderings_path(self) -> str:
        """Folder of the views."""
        return layout.views_folder(self.root, self.synset, self.model)

    @property
    def metadata_path(self) -> str:
        """Path of the viewpoints of the views."""
        return f"{self.renderings_path}/{layout.METADATA}"

    def view_path(self, number: int) -> str:
        """Path of a view, counted from 0."""
        return f"{self.renderings_path}/{self.files[number]}"


class Problem(NamedTuple):
    """An object that cannot be used, and why."""

    synset: str
    model: str
    reason: str

    def __str__(self) -> str:
        return f"{self.synset}/{self.model}: {self.reason}"


class Index:
    """The objects of a data set.

    Attributes
    ----------
    root : str
        Folder of the data set.
    items : list of Item
        The complete objects, sorted by synset and model.
    incomplete : list of Problem
        The objects that lack their views or their voxels, in the same order; they are left out
        of ``items`` and named in a logged warning.
    """

    def __init__(self, root: StrPath, items: Iterable[Item], incomplete: Iterable[Problem] = ()) -> None:
        self.root, self.items, self.incomplete = str(root), list(items), list(incomplete)

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @classmethod
    def open(cls, root: StrPath, categories: Iterable[str] | None = None, cache: bool = True) -> Self:
        """List a data set.

        Parameters
        ----------
        root : path-like
            Folder that holds ``ShapeNetRendering`` and ``ShapeNetVox32``.
        categories : iterable of str, optional
            Synsets, names or aliases of the categories wanted; all that are there when None.
        cache : bool
            Keep the listing in the user's cache folder, so that the next call lists again only
            the folders that have changed. A cache that cannot be written is done without.

        Raises
        ------
        UserError
            When there is no data set in ``root``, nothing in it is complete, or a category is
            unknown or absent.
        """
        root = os.path.abspath(os.fspath(root))
        marker.read(root)  # refuses a set with grids of another kind
        found = _inspect(root, IndexCache(root) if cache else None)
        if categories is not None:
            chosen = set(find_synsets(categories, {synset for synset, _ in found}))
            found = {name: entry for name, entry in found.items() if name[0] in chosen}
        items, incomplete = [], []
        for (synset, model), (files, reason) in found.items():
            if reason:
                incomplete.append(Problem(synset, model, reason))
            else:
                items.append(Item(root, synset, model, files))
        if not items:
            first = f" (first: {incomplete[0]})" if incomplete else ""
            raise UserError(f"{root} holds no complete object{first}; " + REMEDY.format(root))
        index = cls(root, items, incomplete)
        if incomplete:
            _log.warning("%s", index.complaint())
        return index

    def complaint(self, most: int = 5) -> str:
        """Return a sentence that counts the incomplete objects and names the first ``most``."""
        named = "; ".join(str(problem) for problem in self.incomplete[:most])
        more = len(self.incomplete) - most
        total = len(self.items) + len(self.incomplete)
        text = f"{len(self.incomplete)} of {total} objects in {self.root} are incomplete"
        return f"{text} and left out: {named}" + (f"; and {more} more" if more > 0 else "")


def list_models(root: StrPath) -> dict[str, list[str]]:
    """Return ``{synset: sorted models}``: what either of the two trees has, sorted by synset.

    Raises
    ------
    UserError
        When there is no data set in ``root``; the message says how to get one.
    """
    models: dict[str, list[str]] = {}
    for synset, model in _inspect(root, None):
        models.setdefault(synset, []).append(model)
    return models


def _inspect(root, cache):
    """Return ``{(synset, model): (files of the views, what is missing or "")}``, sorted."""
    known = cache.load() if cache else {}
    entries = {}
    for synset, names in _candidates(root).items():
        for model in names:
            views_folder = layout.views_folder(root, synset, model)
            voxels_folder = layout.model_folder(root, VOXELS, synset, model)
            stamp = (_stamp(views_folder), _stamp(voxels_folder))
            if max(stamp) < 0:
                continue
            entry = known.get(f"{synset}/{model}")
            if entry is None or entry[:2] != stamp:
                entry = (*stamp, *_look(views_folder, voxels_folder))
            entries[synset, model] = entry
    if cache:
        kept = {f"{synset}/{model}": entry for (synset, model), entry in entries.items()}
        if kept != known:
            cache.save(kept)
    found = {name: entry[2:] for name, entry in entries.items() if entry[2:] != NOTHING}
    if not found:
        raise UserError(f"{root} holds an empty data set; " + REMEDY.format(root))
    _check_names(found)
    return found


def _candidates(root):
    """Return ``{synset: sorted folders}`` of both trees, whatever the folders hold."""
    if not os.path.isdir(root):
        raise UserError(f"there is no folder {root}; " + REMEDY.format(root))
    found = {}
    for tree in (RENDERINGS, VOXELS):
        folder = os.path.join(root, tree)
        if not os.path.isdir(folder):
            raise UserError(f"{root} holds no {tree} folder, so no data set; " + REMEDY.format(root))
        for synset in _folders(folder):
            found.setdefault(synset, set()).update(_folders(os.path.join(folder, synset)))
    return {synset: sorted(found[synset]) for synset in sorted(found)}


def _folders(path):
    return [name for name in _names(path, os.path.isdir) if not is_leftover(name)]


def _check_names(found):
    """Refuse categories that cannot be shown, and ids that would break a list's lines."""
    for synset, model in found:
        check_shown(synset, "the data set")
        if any(letter in model for letter in "\t\n\r\x1b"):
            check_shown(model, f"the category {synset}")


def _names(path, kind):
    """Return what is in a folder, ``os.path.isdir`` or ``os.path.isfile``; nothing of no folder."""

    def fits(entry):
        # A link that leads in a circle raises when the entry is asked; others cost no call.
        return kind(entry.path) if entry.is_symlink() else entry.is_dir() == (kind is os.path.isdir)

    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if fits(entry)]
    except OSError as error:
        if error.errno in NOT_THERE:
            return []
        raise


def _stamp(folder):
    """Return the time at which the folder's list of files last changed; -1 for no folder."""
    try:
        return os.stat(folder).st_mtime_ns
    except OSError as error:
        if error.errno in NOT_THERE:
            return -1
        raise


NOTHING = ((), "no view and no voxels")  # what a folder that is no model is found to hold


def _look(views_folder, voxels_folder):
    """Return the files of the views, and what is missing or an empty string."""
    names = _names(views_folder, os.path.isfile)
    views = [(int(match[1]), name) for name in names if (match := VIEW.fullmatch(name))]
    solid = any(os.path.isfile(os.path.join(voxels_folder, name)) for name in layout.GRIDS)
    if not views and not solid:
        return NOTHING
    files, problem = _in_order(views, views_folder)
    if not problem and not solid:
        problem = f"{VOXELS} lacks its {layout.GRID}"
    return files, problem


def _in_order(views, folder):
    """Return the files of (number, name) in order, and what makes their order doubtful or ""."""
    views.sort()
    numbers = [number for number, _ in views]
    files = _shared(tuple(name for _, name in views))
    count = len(views)
    if numbers == list(range(count)) and views:
        return files, ""
    for (first, name), (second, other) in zip(views, views[1:]):
        if first == second:
            return files, f"{RENDERINGS} has two of its view {first}: {name} and {other}"
    # Views counted from 1, unless the list of viewpoints says that view 0 was lost.
    if views and numbers == list(range(1, count + 1)) and _lines(folder) in (None, count):
        return files, ""
    lost = min(set(range(count + 1)) - set(numbers))
    return files, f"{RENDERINGS} lacks its view {layout.view_name(lost)}"


def _lines(folder):
    """Return how many viewpoints a folder's list holds; None where there is no list."""
    try:
        with open(regular(os.path.join(folder, layout.METADATA)), "rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError:
        return None


@lru_cache(1024)
def _shared(files):
    """Return equal tuples as one object: a data set has few kinds and many models."""
    return files
