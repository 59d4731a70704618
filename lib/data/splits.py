"""Which objects are trained, validated and tested on: a rule, or a file that somebody published."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..base.errors import UserError
from ..base.hints import StrPath
from .categories import synset_of
from .check import leave_out_damaged
from .shapenet import Index, Item
from .split_files import ENCODING, read

RATIO, ALL = "ratio", "all"
PARTS = ("train", "validation", "test")


class Split(NamedTuple):
    """The parts of a data set.

    Attributes
    ----------
    train, validation, test : list of Item
        In the order of the index.
    form : str
        ``"ratio"``, ``"all"`` or one of the forms of `split_files`.
    name : str
        ``"ratio"``, ``"all"`` or the name of the file.
    notes : list of str
        Sentences on what the split and the disk do not have in common.
    """

    train: list[Item]
    validation: list[Item]
    test: list[Item]
    form: str
    name: str
    notes: list[str]

    def text(self) -> str:
        """Return it in this project's own form."""
        return f"# {self.form} {self.name}\n" + self._lines()

    def digest(self) -> str:
        """Return a digest of which objects are in which part, whatever form said so."""
        return hashlib.sha256(self._lines().encode(*ENCODING)).hexdigest()

    def _lines(self):
        return "".join(
            f"{part}\t{item.synset}\t{item.model}\n" for part in PARTS for item in sorted(getattr(self, part))
        )


def open_split(
    root: StrPath,
    name: str | None = None,
    validation: float = 0.1,
    categories: Iterable[str] | None = None,
    skip_damaged: bool = False,
    workers: int | None = None,
) -> tuple[Index, Split]:
    """Open a data set and split it.

    Parameters
    ----------
    root : path-like
    name, validation
        As `choose` takes them; `RATIO` where no name is given.
    categories : iterable of str, optional
        Only these, by name or synset.
    skip_damaged : bool
        Read every file with so many ``workers``, and leave damaged objects out.
    """
    index = Index.open(root, categories)
    if skip_damaged:
        index = leave_out_damaged(index, workers)
    return index, choose(index, name or RATIO, validation, categories)


def test_objects(root: StrPath, name: str = RATIO) -> list[Item]:
    """Return the test part of a data set; UserError where it has none."""
    items = choose(Index.open(root), name, validation=0.0).test
    if not items:
        raise UserError(f"{root} has no test objects; take a larger data set")
    return items


def choose(
    index: Index, name: str = RATIO, validation: float = 0.1, wanted: Iterable[str] | None = None
) -> Split:
    """Split a data set.

    Parameters
    ----------
    index : Index
    name : str
        ``"ratio"``: in each category the ids are sorted and the first int(0.8 n) are for training,
        the rest for the test (the paper gives 80 % and 20 %). Incomplete objects count as ids,
        so that a lost file moves no other object. ``"all"``: every object is for the test. Else a
        file or folder in one of the four forms.
    validation : float
        Share of each category's training part that is held back, evenly spread over its ids, in
        [0, 1); of a set so small that this is none, one object, unless it is 0.
        A file's own validation part takes its place.
    wanted : iterable of str, optional
        The categories that the index was restricted to; ids of others are not missed.

    Returns
    -------
    Split

    Raises
    ------
    UserError
        When the file is in none of the forms, has an id in two parts, or names nothing that is
        there.
    """
    if not 0 <= validation < 1:
        raise UserError(f"the validation share must be in [0, 1), not {validation}")
    notes, form = [], name
    if name == RATIO:
        part_of = _by_ratio(index)
    elif name == ALL:
        part_of = {item.name: "test" for item in index}
    else:
        form, rows = read(name)
        part_of = _by_file(name, rows, {synset for synset, _ in _ids(index)})
        notes = _compare(name, part_of, index, wanted)
        if form == "pytorch3d":
            notes.append(f"The numbers of views in {name} are not used.")
        name = Path(name).name
    if not _has_validation(part_of, index):
        _hold_back(part_of, validation)
    if validation and not _has_validation(part_of, index):
        _hold_one(part_of, index)  # a set of a few objects
    parts: dict[str, list[Item]] = {part: [] for part in PARTS}
    for item in index:
        if item.name in part_of:
            parts[part_of[item.name]].append(item)
    return Split(**parts, form=form, name=name, notes=notes)


def _ids(index):
    """Return (synset, model) of every object, incomplete ones too."""
    return [(entry.synset, entry.model) for entry in (*index.items, *index.incomplete)]


def _by_ratio(index):
    ids = {}
    for synset, model in _ids(index):
        ids.setdefault(synset, []).append(model)
    part_of = {}
    for synset, models in ids.items():
        training = len(models) * 4 // 5
        for place, model in enumerate(sorted(models)):
            part_of[f"{synset}/{model}"] = "train" if place < training else "test"
    return part_of


def _by_file(name, rows, synsets):
    """Return ``{"<synset>/<id>": part}``; categories are called as their folders are."""
    part_of, twice = {}, []
    for part, synset, model in rows:
        synset = synset if synset in synsets else synset_of(synset)
        item = f"{synset}/{model}"
        if part_of.setdefault(item, part) != part:
            twice.append((item, part_of[item], part))
    if twice:
        item, first, second = twice[0]
        more = f"; so are {len(twice) - 1:,} more" if len(twice) > 1 else ""
        raise UserError(
            f"the split {name} has {item} in its {first} part and in its {second} part"
            f"{more}: correct it, an object belongs to one part"
        )
    return part_of


def _hold_back(part_of, share):
    """Move a share of each category's training part to the validation part."""
    training = {}
    for name, part in sorted(part_of.items()):
        if part == "train":
            training.setdefault(name.partition("/")[0], []).append(name)
    for names in training.values():
        for place in _spread(len(names), share):
            part_of[names[place]] = "validation"


def _has_validation(part_of, index):
    return any(part_of.get(item.name) == "validation" for item in index)


def _hold_one(part_of, index):
    """Move one training object of the largest category to the validation part, if there are two."""
    training = {}
    for item in sorted(index):
        if part_of.get(item.name) == "train":
            training.setdefault(item.synset, []).append(item.name)
    if sum(map(len, training.values())) > 1:
        names = max(training.values(), key=len)
        part_of[names[len(names) // 2]] = "validation"


def _spread(total, share):
    """Return places evenly spread over ``range(total)``: ``share`` of them, never all."""
    count = min(round(total * share), total - 1)
    return {(2 * k + 1) * total // (2 * count) for k in range(count)}


def _compare(name, part_of, index, wanted):
    """Return sentences on the ids that only the split or only the disk has."""
    there = {item.name for item in index}
    restricted = None if wanted is None else {item.synset for item in index}
    missing = sorted(
        other
        for other in part_of
        if other not in there and (not restricted or other.partition("/")[0] in restricted)
    )
    unnamed = sorted(there - set(part_of))
    if len(unnamed) == len(there):
        raise UserError(
            f"none of the objects in {index.root} is named by the split {name}; check"
            " that it is the split of this data set"
        )
    notes = []
    if missing:
        notes.append(
            f"{_count(missing)} of the split {name} {_are(missing)} not in {index.root},"
            f" or incomplete there (first: {missing[0]})"
        )
    if unnamed:
        notes.append(
            f"{_count(unnamed)} in {index.root} {_are(unnamed)} in no part of the split"
            f" {name} and {_are(unnamed)} left out (first: {unnamed[0]})"
        )
    return notes


def _count(names):
    return f"{len(names):,} object{'s' if len(names) > 1 else ''}"


def _are(names):
    return "are" if len(names) > 1 else "is"
