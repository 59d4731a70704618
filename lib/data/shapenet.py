"""A data set on disk in the layout of the 3D-R2N2 release: its index and its split.

``ShapeNetRendering/<synset>/<model>/rendering/00.png ..`` holds the views and
``ShapeNetVox32/<synset>/<model>/model.binvox`` the voxels. A category outside ShapeNet's table is
a folder like the others.
"""
import logging
import os
from functools import lru_cache
from typing import NamedTuple

from ..runtime.errors import UserError
from . import marker
from .index_cache import IndexCache
from .categories import CATEGORIES, Category, category_name, find_synsets

__all__ = ["CATEGORIES", "Category", "Index", "Item", "Problem", "Split", "split"]
RENDERINGS, VOXELS = "ShapeNetRendering", "ShapeNetVox32"
REMEDY = (
    "make one with 'tools/make_dataset.py --procedural 50 --out {0}' or download ShapeNet's with "
    "'tools/fetch_shapenet.py --out {0}'"
)
_log = logging.getLogger(__name__)


class Item(NamedTuple):
    """An object of the data set: ``views`` pictures of it and a voxel grid are there."""

    root: str
    synset: str
    model: str
    views: int

    @property
    def category(self):
        """Name of the category, such as ``"chair"``."""
        return category_name(self.synset)

    @property
    def name(self):
        """``<synset>/<model>``: what the object is called in messages and results."""
        return f"{self.synset}/{self.model}"

    @property
    def voxels_path(self):
        """Path of the voxel grid."""
        return f"{self.root}/{VOXELS}/{self.synset}/{self.model}/model.binvox"

    @property
    def renderings_path(self):
        """Folder of the views."""
        return f"{self.root}/{RENDERINGS}/{self.synset}/{self.model}/rendering"

    def view_path(self, number):
        """Path of a view, counted from 0."""
        return f"{self.renderings_path}/{number:02d}.png"


class Problem(NamedTuple):
    """An object that cannot be used, and why."""

    synset: str
    model: str
    reason: str

    def __str__(self):
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

    def __init__(self, root, items, incomplete=()):
        self.root, self.items, self.incomplete = str(root), list(items), list(incomplete)

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    @classmethod
    def open(cls, root, categories=None, cache=True):
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
        models = list_models(root)
        if categories is not None:
            chosen = find_synsets(categories, models)
            models = {synset: models[synset] for synset in chosen}
        found = _inspect(root, models, IndexCache(root) if cache else None)
        items, incomplete = [], []
        for (synset, model), (views, reason) in found.items():
            if reason:
                incomplete.append(Problem(synset, model, reason))
            else:
                items.append(Item(root, synset, model, views))
        if not items:
            first = f" (first: {incomplete[0]})" if incomplete else ""
            raise UserError(f"{root} holds no complete object{first}; " + REMEDY.format(root))
        index = cls(root, items, incomplete)
        if incomplete:
            _log.warning("%s", index.complaint())
        return index

    def complaint(self, most=5):
        """Return a sentence that counts the incomplete objects and names the first ``most``."""
        named = "; ".join(str(problem) for problem in self.incomplete[:most])
        more = len(self.incomplete) - most
        total = len(self.items) + len(self.incomplete)
        text = f"{len(self.incomplete)} of {total} objects in {self.root} are incomplete"
        return f"{text} and left out: {named}" + (f"; and {more} more" if more > 0 else "")


class Split(NamedTuple):
    """The parts of a data set, each a list of `Item` in the order of the index."""

    train: list
    validation: list
    test: list


def split(index, validation=0.1):
    """Split a data set into training, validation and test part.

    In each category the ids are sorted and the first int(0.8 n) are for training, the rest for
    the test (the paper gives 80 % and 20 %). The validation part is then held back from the
    training part alone, evenly spread over its ids. Incomplete objects count as ids, so that a
    lost file does not move other objects from one part to another.

    Parameters
    ----------
    index : Index
    validation : float
        Share of each category's training part that is held back, in [0, 1).

    Returns
    -------
    Split
    """
    if not 0 <= validation < 1:
        raise UserError(f"the validation share must be in [0, 1), not {validation}")
    part_of = {}
    for synset, models in _ids(index).items():
        training = len(models) * 4 // 5
        held_back = _spread(training, validation)
        for place, model in enumerate(sorted(models)):
            part = "test" if place >= training else "train"
            part_of[synset, model] = "validation" if place in held_back else part
    parts = Split([], [], [])
    for item in index.items:
        getattr(parts, part_of[item.synset, item.model]).append(item)
    return parts


def _ids(index):
    """Return ``{synset: [model, ...]}`` of all the objects, complete or not."""
    ids = {}
    for entry in (*index.items, *index.incomplete):
        ids.setdefault(entry.synset, []).append(entry.model)
    return ids


def _spread(total, share):
    """Return places evenly spread over ``range(total)``: ``share`` of them, never all."""
    count = min(round(total * share), total - 1)
    return {(2 * k + 1) * total // (2 * count) for k in range(count)}


def list_models(root):
    """Return ``{synset: sorted models}``: what either of the two trees has, sorted by synset.

    Raises
    ------
    UserError
        When there is no data set in ``root``; the message says how to get one.
    """
    if not os.path.isdir(root):
        raise UserError(f"there is no folder {root}; " + REMEDY.format(root))
    found = {}
    for tree in (RENDERINGS, VOXELS):
        folder = os.path.join(root, tree)
        if not os.path.isdir(folder):
            raise UserError(f"{root} holds no {tree} folder, so no data set; "
                            + REMEDY.format(root))
        for synset in _folders(folder):
            found.setdefault(synset, set()).update(_folders(os.path.join(folder, synset)))
    models = {synset: sorted(found[synset]) for synset in sorted(found) if found[synset]}
    if not models:
        raise UserError(f"{root} holds an empty data set; " + REMEDY.format(root))
    return models


def _folders(path):
    with os.scandir(path) as entries:
        return [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]


def _inspect(root, models, cache):
    """Return ``{(synset, model): (number of views, what is missing or "")}``."""
    known = cache.load() if cache else {}
    found, changed = {}, False
    for synset, names in models.items():
        for model in names:
            views_folder = f"{root}/{RENDERINGS}/{synset}/{model}/rendering"
            voxels_folder = f"{root}/{VOXELS}/{synset}/{model}"
            stamp = (_stamp(views_folder), _stamp(voxels_folder))
            entry = known.get(f"{synset}/{model}")
            if entry is None or entry[:2] != stamp:
                entry = (*stamp, *_look(views_folder, voxels_folder))
                known[f"{synset}/{model}"] = entry
                changed = True
            found[synset, model] = entry[2:]
    if cache and changed:
        cache.save(known)
    return found


def _stamp(folder):
    """Return the time at which the folder's list of files last changed; -1 for no folder."""
    try:
        return os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return -1


def _look(views_folder, voxels_folder):
    """Return the number of views, and what is missing or an empty string."""
    try:
        files = os.listdir(views_folder)
    except (FileNotFoundError, NotADirectoryError):
        files = []
    pictures = {name for name in files if name.endswith(".png") and name[:-4].isdigit()}
    views = len(pictures)
    expected = _view_names(views)
    if not pictures or pictures != expected:
        return views, f"{RENDERINGS} lacks its view {min(expected - pictures, default='00.png')}"
    if not os.path.isfile(os.path.join(voxels_folder, "model.binvox")):
        return views, f"{VOXELS} lacks its model.binvox"
    return views, ""


@lru_cache
def _view_names(count):
    return {f"{number:02d}.png" for number in range(count)}
