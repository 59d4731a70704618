"""Checking a ShapeNet tree: how many models there are, and every file missing or unreadable."""

import logging
import os
from functools import partial
from typing import NamedTuple

from ..base.cores import usable_cores
from ..base.errors import UserError
from ..base.hints import StrPath
from ..base.processes import pool
from ..base.progress import Progress
from . import binvox, layout
from .categories import CATEGORIES
from .layout import VIEWS
from .shapenet import Index, Item, Problem, list_models
from .views import RENDERED, read_rendering

_log = logging.getLogger(__name__)


class Tree(NamedTuple):
    """What a check has found.

    Attributes
    ----------
    counts : dict
        ``{synset: models found}``, for the release's categories and any other folder.
    problems : list of str
        A sentence for each file that is missing or unreadable.
    """

    counts: dict[str, int]
    problems: list[str]

    def table(self) -> list[str]:
        """Return lines with the models found and published in each category."""
        published = {category.synset: category for category in CATEGORIES}
        lines = [f"{'synset':10}{'category':14}{'found':>7}{'published':>11}"]
        for synset, found in self.counts.items():
            name = published[synset].name if synset in published else ""
            count = published[synset].count if synset in published else "-"
            lines.append(f"{synset:10}{name:14}{found:7}{count:>11}")
        total = sum(category.count for category in CATEGORIES)
        lines.append(f"{'all':24}{sum(self.counts.values()):7}{total:11}")
        return lines

    def complete(self) -> bool:
        """Return whether every published model is there and no file is missing or unreadable."""
        found = [self.counts.get(category.synset, 0) >= category.count for category in CATEGORIES]
        return all(found) and not self.problems


def check_tree(root: StrPath, read: bool = True, workers: int | None = None) -> Tree:
    """Check a data set in the layout of the 3D-R2N2 release.

    Parameters
    ----------
    root : path-like
        Folder that holds ``ShapeNetRendering`` and ``ShapeNetVox32``.
    read : bool
        Read every file to the end; else look only whether it is there.
    workers : int, optional
        Processes that read; by default one for each core.

    Returns
    -------
    Tree

    Raises
    ------
    UserError
        When there is no data set in ``root``.
    """
    if workers is not None and workers < 1:
        raise UserError(f"the number of workers must be 1 or more, not {workers}")
    root = os.path.abspath(os.fspath(root))
    models = list_models(root)
    counts = {category.synset: 0 for category in CATEGORIES}
    counts.update({synset: len(names) for synset, names in models.items()})
    files = tuple(map(layout.view_name, range(VIEWS)))
    items = [Item(root, synset, name, files) for synset in models for name in models[synset]]
    problems = []
    look = partial(check_item, read=read)
    with pool(workers or usable_cores()) as processes, Progress(len(items), "checking", "model") as progress:
        for found in processes.map(look, items, chunksize=16):
            problems += found
            progress.update()
    return Tree(counts, problems)


def leave_out_damaged(index: Index, workers: int | None = None) -> Index:
    """Read every file of an index; return one whose damaged objects are among the incomplete.

    A logged warning counts and names them. They count as ids, so that their loss moves no other
    object to another part of a split.

    Raises
    ------
    UserError
        When no object is whole.
    """
    with pool(workers or usable_cores()) as processes, Progress(len(index), "checking", "object") as progress:
        problems = []
        for item, reason in zip(index, processes.map(_damage, index.items, chunksize=16)):
            problems += [Problem(item.synset, item.model, reason)] if reason else []
            progress.update()
    damaged = {(problem.synset, problem.model) for problem in problems}
    whole = [item for item in index if (item.synset, item.model) not in damaged]
    if not whole:
        raise UserError(f"every object in {index.root} is damaged (first: {problems[0]}); get the data again")
    rest = Index(index.root, whole, sorted([*index.incomplete, *problems]))
    if problems:
        _log.warning("%s", rest.complaint(most=len(rest.incomplete)))
    return rest


def _damage(item):
    """Return what is wrong with the first damaged file of an object, or an empty string."""
    try:
        for number in range(item.views):
            read_rendering(item.view_path(number))
        binvox.read(item.voxels_path)
    except UserError as error:
        return str(error)
    return ""


def check_item(item: Item, read: bool = True) -> list[str]:
    """Return a sentence for each of a model's files that is missing or unreadable."""
    views = [(item.view_path(number), _read_view) for number in range(VIEWS)]
    others = [(item.metadata_path, _read_metadata), (item.voxels_path, _read_voxels)]
    problems = []
    for path, reader in (*views, *others):
        try:
            if not os.path.isfile(path):
                problems.append(f"{path} is missing")
            elif read:
                reader(path)
        except UserError as error:
            problems.append(str(error))
    return problems


def _read_view(path):
    height, width = read_rendering(path).shape[:2]
    if (width, height) != (RENDERED, RENDERED):
        raise UserError(f"{path} is {width}x{height}, not {RENDERED}x{RENDERED} pixels")


def _read_voxels(path):
    grid = binvox.read(path)
    if len(grid) != 32:
        raise UserError(f"{path} holds {len(grid)}^3 voxels, not 32^3")


def _read_metadata(path):
    found = len(layout.read_metadata(path))
    if found != VIEWS:
        raise UserError(f"{path} lists {found} viewpoints, not {VIEWS}")
