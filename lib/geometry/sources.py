"""Which model file each object of a data set was made of: two files never pass for one object in silence."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..base.errors import UserError
from ..base.files import sha256, write_text
from ..base.hints import StrPath
from ..base.inputs import regular
from ..data.layout import MODELS, model_folder
from ..data.names import folded
from .tasks import Task

NOTE = "source.txt"  # beside the mesh: a digest of the model's file and its name, as sha256sum writes them


def note(out: StrPath, task: Task) -> None:
    """Write down which file an object is made of."""
    if task.path is not None:
        write_text(_path(out, task), f"{_digest(task.path)}  {os.path.basename(task.path)}\n")


def check(out: StrPath, tasks: Iterable[Task]) -> None:
    """Refuse tasks whose objects are there, made of other files, or under names that are taken for theirs.

    An object without a note, of a set that was made before there were any, is taken for its task's.
    """
    there = _there(out)
    for task in tasks:
        known = there.get((folded(task.synset), None)), there.get((folded(task.synset), folded(task.model)))
        for name, found in zip((task.synset, f"{task.synset}/{task.model}"), known):
            if found not in (None, name):
                raise UserError(
                    f"{out} holds {found}, which file systems may take for {name}: rename one of the two,"
                    " or choose another --out"
                )
        noted = _noted(out, task) if task.path is not None else None
        if noted is not None and _digest(task.path) not in (noted, None):
            raise UserError(
                f"{out} has an object {task.synset}/{task.model} already, which was made of another file"
                f" than {task.path}: rename the model, choose another --out, or remove"
                f" {_path(out, task).parent} to make it anew"
            )


def _there(out):
    """Return the categories and objects of a data set by their folded names."""
    found = {}
    for category in _folders(Path(out) / MODELS):
        found[folded(category), None] = category
        for model in _folders(Path(out) / MODELS / category):
            found[folded(category), folded(model)] = f"{category}/{model}"
    return found


def _folders(place):
    try:
        return os.listdir(place)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _path(out, task):
    return Path(model_folder(out, MODELS, task.synset, task.model)) / NOTE


def _noted(out, task):
    try:
        return regular(_path(out, task)).read_text(encoding="utf-8", errors="replace").partition(" ")[0]
    except FileNotFoundError:
        return None


def _digest(path):
    try:
        return sha256(path)
    except OSError:
        return None  # it is reported when its turn comes
